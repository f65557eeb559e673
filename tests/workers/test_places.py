"""Who may have a database connection, and when: ``ASYNCKIT_WORKERS``. Others wait in their threads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from time import monotonic, sleep

import pytest
from asgiref.sync import async_to_sync
from django.contrib.contenttypes.models import ContentType
from django.core.signals import request_finished
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from django_asynckit.db import aatomic, agather
from django_asynckit.exceptions import WorkerTimeout
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.workers import register, statistics, worker_lease
from django_asynckit.workers.context import POOL, current_lease
from django_asynckit.workers.job import LAG, Lag, spends_its_time_waiting
from django_asynckit.workers.register import RECENT
from tests import settings as project
from tests.driver import drive, plain_root_logger
from tests.workers.tools import Gate, clean_thread, connected, hop, query, thread, until, until_idle

pytestmark = pytest.mark.usefixtures("kept")


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """Here a call counts as a short one as it does in life, since most of these wait."""
    monkeypatch.setattr(register, "SHORT", 0.1)


async def leased(func, *args):
    async with worker_lease():
        return await hop(func, *args)


@override_settings(ASYNCKIT_WORKERS=1)
async def test_slow_calls_have_as_many_threads_as_they_need():
    """Only for the first moment do they count."""
    gates = [Gate() for _ in range(12)]
    tasks = [asyncio.create_task(leased(gate)) for gate in gates]
    for gate in gates:
        await gate.wait_entered()
    assert statistics().running == statistics().workers == 12
    assert await asyncio.wait_for(leased(thread), 5)
    for gate in gates:
        gate.open()
    await asyncio.gather(*tasks)


@override_settings(ASYNCKIT_WORKERS=3)
async def test_a_call_counts_as_a_short_one_anew_when_the_one_before_has_ended(monkeypatch):
    monkeypatch.setattr(register, "SHORT", 0.4)
    async with worker_lease():
        lease = current_lease.get()
        begun = monotonic()
        first = asyncio.create_task(hop(sleep, 0.2))
        second = asyncio.create_task(hop(sleep, 1))
        await first
        assert POOL._register.running[lease] - begun >= 0.2
        await second


@override_settings(ASYNCKIT_WORKERS=1)
async def test_it_counts_for_longer_where_the_processors_are_busy(monkeypatch):
    monkeypatch.setattr(register, "LAG", Lag())
    register.LAG.seconds = 0.2
    since = monotonic()
    first, second = (asyncio.create_task(leased(sleep, 1)) for _ in range(2))
    await until(lambda: statistics().running == 2)
    assert monotonic() - since >= 0.6
    await asyncio.gather(first, second)


@override_settings(ASYNCKIT_WORKERS=3)
async def test_no_more_have_a_connection_than_the_limit():
    most, lock = 0, threading.Lock()

    def work():
        nonlocal most
        query()
        with lock:
            most = max(most, statistics().connected)
        sleep(0.15)

    await asyncio.gather(*(leased(work) for _ in range(12)))
    assert most == statistics().limit == 3
    assert statistics().waited


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_asks_no_database_does_not_wait():
    async with connected():
        assert await asyncio.wait_for(leased(thread), 5)
        assert statistics().connected == 1


@override_settings(ASYNCKIT_WORKERS=1)
async def test_first_come_first_served():
    order = []

    def note(number):
        query()
        order.append(number)

    async with connected():
        tasks = []
        for number in range(4):
            tasks.append(asyncio.create_task(leased(note, number)))
            await until(lambda count=number + 1: len(POOL._places) == count)
        assert statistics().waiting == 4
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3]


@override_settings(ASYNCKIT_WORKERS=1)
async def test_the_connection_of_a_worker_without_a_request_goes_to_who_waits():
    with Gate() as gate:

        def late():
            gate()
            return query()

        waits = asyncio.create_task(leased(late))
        await gate.wait_entered()
        await leased(query)  # In another worker, which is idle then, with its connection.
        assert statistics().connected == 1
        gate.open()
        await asyncio.wait_for(waits, 5)
    assert statistics().connected == 1
    await until_idle()


@override_settings(ASYNCKIT_WORKERS=1)
async def test_so_is_that_of_a_request_that_could_lend_its_worker():
    with Gate() as gate:

        def late():
            gate()
            return query()

        waits = asyncio.create_task(leased(late))
        await gate.wait_entered()
        async with worker_lease():
            await ContentType.objects.acount()
            gate.open()
            await asyncio.wait_for(waits, 5)
            assert await ContentType.objects.acount() == 0


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_keeps_a_connection_and_runs_nothing_counts_for_a_tenth_of_a_second():
    async with worker_lease():
        await hop(query)
        since = monotonic()
        await asyncio.wait_for(leased(query), 5)
        assert monotonic() - since >= RECENT * 0.9
        assert statistics().connected == 2
    await until_idle()


@override_settings(ASYNCKIT_WORKERS=1)
async def test_it_counts_for_longer_where_the_loop_has_not_come_to_it(monkeypatch):
    """Its request may have ended, which the loop has yet to see."""
    async with worker_lease():
        await hop(query)
        monkeypatch.setattr(type(LAG), "seconds", property(lambda _: 0.3, lambda *_: None), False)
        since = monotonic()
        await asyncio.wait_for(leased(query), 5)
        assert monotonic() - since >= 0.8


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=0.2)
async def test_who_waits_too_long_gets_an_error(caplog):
    since = monotonic()
    async with connected():
        with pytest.raises(WorkerTimeout, match=r"within 0\.2 s .* ASYNCKIT_WORKERS = 1"):
            await leased(query)
        assert monotonic() - since >= 0.2
        assert statistics().waiting == 0
        assert statistics().timed_out == 1
        assert statistics().longest_wait >= 0.2
    await leased(query)
    (record,) = caplog.records
    assert "s in vain for a database connection" in record.getMessage()
    assert record.levelno == logging.WARNING


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=1)
async def test_who_has_waited_in_vain_does_not_wait_again_until_there_is_one():
    async with worker_lease():
        async with connected():
            for longest in (30, 0.9):
                since = monotonic()
                with pytest.raises(WorkerTimeout):
                    await hop(query)
                assert monotonic() - since < longest
        await hop(query)


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_long_wait_is_logged(caplog):
    async with connected():
        tasks = [asyncio.create_task(leased(query)) for _ in range(3)]
        await asyncio.sleep(1.2)
    await asyncio.gather(*tasks)
    (record,) = caplog.records
    assert "waited 1." in record.getMessage()
    assert "and 2 more wait" in record.getMessage()


def fails_without_connection(request):
    query()
    return HttpResponse(b"not reached")


@pytest.mark.parametrize("middleware", [[], project.MIDDLEWARE], ids=["bare", "seven"])
@pytest.mark.parametrize("sync_chain", [False, True], ids=["one chain", "sync chain"])
@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=1.5, DEBUG=True)
async def test_a_request_waits_in_vain_once_also_where_its_error_page_needs_a_thread(
    middleware, sync_chain
):
    urls = type("Urls", (), {"urlpatterns": [path("", fails_without_connection)]})
    settings = {
        "ROOT_URLCONF": urls,
        "MIDDLEWARE": middleware,
        "ASYNCKIT_SYNC_CHAIN": sync_chain,
    }
    with override_settings(**settings), plain_root_logger():
        handler = ASGIHandler()
        async with connected():
            since = monotonic()
            reply = await drive(handler)
            assert 1.5 <= monotonic() - since < 2.9
    assert reply.status == 500
    assert b"WorkerTimeout" in reply.body
    await until_idle()


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_WAIT_SECONDS=0.2, MIDDLEWARE=[])
async def test_the_end_of_a_request_waits_for_a_connection_however_long_that_takes():
    async def view(request):
        return HttpResponse(b"done")

    def finished(**_):
        called.append(query())

    called = []
    urls = type("Urls", (), {"urlpatterns": [path("", view)]})
    request_finished.connect(finished)
    try:
        with override_settings(ROOT_URLCONF=urls):
            async with connected() as gate:
                request = asyncio.create_task(drive(ASGIHandler()))
                await until(lambda: len(POOL._places) == 1)
                with pytest.raises(WorkerTimeout):
                    await leased(query)
                gate.open()
                assert (await request).body == b"done"
    finally:
        request_finished.disconnect(finished)
    assert len(called) == 1


@override_settings(ASYNCKIT_WORKERS=1)
async def test_what_is_beside_a_block_does_not_wait_for_it():
    async with worker_lease(), aatomic():
        await ContentType.objects.acount()
        # It runs on a worker of its own, above the limit: the block waits for it.
        assert await asyncio.wait_for(agather(ContentType.objects.acount()), 5) == (0,)


@override_settings(ASYNCKIT_WORKERS=1)
async def test_branches_share_what_there_is():
    async with worker_lease():
        await hop(query)
        counts = [ContentType.objects.acount() for _ in range(5)]
        assert await asyncio.wait_for(agather(*counts), 5) == (0,) * 5
        assert statistics().connected <= 2


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_branch_does_not_overtake():
    order = []

    async def request(name, count):
        async with worker_lease():
            await count
        order.append(name)

    async with connected():
        tasks = []
        for number, name in enumerate(("first", "branch"), 1):
            count = ContentType.objects.acount()
            count = agather(count) if name == "branch" else count
            tasks.append(asyncio.create_task(request(name, count)))
            await until(lambda count=number: len(POOL._places) == count)
    await asyncio.gather(*tasks)
    assert order == ["first", "branch"]


@override_settings(ASYNCKIT_WORKERS=1)
async def test_branches_that_ask_no_database_keep_no_place_for_long():
    with Gate() as gate:
        async with worker_lease():
            branches = asyncio.create_task(agather(hop(gate)))
            await gate.wait_entered()
            assert statistics().connected == 0
            await asyncio.wait_for(leased(query), 5)
            gate.open()
            await branches


def waits_inside():
    query()
    return async_to_sync(count)()


async def count():
    return await ContentType.objects.acount()


spends_its_time_waiting(waits_inside.__code__)


@override_settings(ASYNCKIT_WORKERS=1)
async def test_frames_do_not_count():
    async with connected():
        assert await asyncio.wait_for(leased(waits_inside), 5) == 0


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_connection_that_cannot_be_opened_takes_no_place(kept, monkeypatch):
    monkeypatch.setitem(kept, "NAME", "/is/no/folder/db.sqlite3")
    with pytest.raises(OperationalError):
        await leased(query)
    assert statistics().connected == 0


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_connection_that_is_closed_gives_its_place_back():
    with Gate() as gate:

        def closes():
            query()
            connection.close()
            gate()

        first = asyncio.create_task(leased(closes))
        await gate.wait_entered()
        assert statistics().connected == 0
        await asyncio.wait_for(leased(query), 5)
        gate.open()
        await first


@override_settings(ASYNCKIT_WORKERS=1)
async def test_so_does_one_that_is_closed_inside_of_a_transaction():
    def closes():
        with contextlib.suppress(Exception), transaction.atomic():
            query()
            connection.close()
            counts.append(statistics().connected)

    counts = []
    await leased(closes)
    assert counts == [0]


@override_settings(ASYNCKIT_WORKERS=2)
async def test_a_worker_that_is_connected_is_used_first():
    async with worker_lease():
        await hop(clean_thread)
        async with worker_lease():
            (_, name) = await hop(query)
    await until_idle()
    assert await leased(clean_thread) == name


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_is_cancelled_holds_nothing_up():
    async with connected():
        waits = asyncio.create_task(leased(query))
        await until(lambda: len(POOL._places) == 1)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waits, 5)
    await asyncio.wait_for(leased(query), 5)
    await until_idle()


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_block_that_waits_can_be_cancelled():
    async def block():
        async with aatomic():
            raise AssertionError("it must not be entered")

    async with connected(), worker_lease():
        waits = asyncio.create_task(block())
        await until(lambda: len(POOL._places) == 1)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waits, 5)
    async with worker_lease(), aatomic():
        assert await ContentType.objects.acount() == 0
    await until_idle()
