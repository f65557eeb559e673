"""Tools that put something around what asgiref hands to an executor."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading

import pytest
import uvloop
import wrapt
from django.contrib.contenttypes.models import ContentType
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings

from django_asynckit._asgiref import called_by, called_with, wrap_call
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from django_asynckit.workers import statistics, worker_lease
from django_asynckit.workers.context import POOL
from django_asynckit.workers.routes import ROUTER
from tests.driver import drive
from tests.workers.tools import clean_thread, hop, thread, until, until_idle

RUNNERS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


def opaque(call):
    return lambda *args: call(*args)


def in_partial(call):
    return functools.partial(contextvars.copy_context().run, call)


def in_wraps(call):
    @functools.wraps(call)
    def traced(*args):
        return call(*args)

    return traced


def in_both(call):
    return in_partial(in_wraps(in_partial(call)))


def in_proxy(call):
    return wrapt.FunctionWrapper(call, lambda wrapped, instance, args, kwargs: wrapped(*args))


SEEN_THROUGH = pytest.mark.parametrize("around", [in_partial, in_wraps, in_both, in_proxy])
ANY = pytest.mark.parametrize("around", [opaque, in_partial, in_wraps, in_both, in_proxy])


@pytest.fixture(params=["submit", "run_in_executor"])
def tool(request, monkeypatch):
    """Have a tool put something around each call that goes to a worker."""
    if request.param == "submit":

        def install(around):
            submit = type(ROUTER).submit
            monkeypatch.setattr(
                type(ROUTER), "submit", lambda self, call, *args: submit(self, around(call), *args)
            )

    else:

        def install(around):
            for loop in (asyncio.BaseEventLoop, uvloop.Loop):
                original = loop.run_in_executor

                def run_in_executor(self, executor, call, *args, original=original):
                    return original(self, executor, around(call), *args)

                monkeypatch.setattr(loop, "run_in_executor", run_in_executor)

    return install


def sync_only(get_response):
    return lambda request: get_response(request)


@RUNNERS
@ANY
def test_sync_only_middleware_does_not_count_against_the_limit(run, around, tool):
    async def waits(request):
        entered.append(1)
        await until(lambda: len(entered) == 5, 10)
        return HttpResponse()

    async def main():
        handler = ASGIHandler()
        replies = await asyncio.gather(*(drive(handler) for _ in range(5)))
        await until_idle()
        return [one.status for one in replies]

    tool(around)
    entered = []
    from django.urls import path

    with override_settings(
        ROOT_URLCONF=(path("", waits),),
        MIDDLEWARE=[f"{__name__}.sync_only"],
        ASYNCKIT_WORKERS=1,
    ):
        assert run(main()) == [200] * 5


@ANY
async def test_nor_does_a_stream_of_a_sync_iterator(around, tool):
    def stream(request):
        def parts():
            for number in range(3):
                entered.release()
                # Each waits for all others at each step.
                assert entered_all.wait(10)
                yield b"%d" % number

        return StreamingHttpResponse(parts())

    from django.urls import path

    tool(around)
    entered, entered_all = threading.Semaphore(0), threading.Event()

    async def open_all():
        for _ in range(4):
            while not entered.acquire(blocking=False):
                await asyncio.sleep(0.005)
        entered_all.set()

    with override_settings(ROOT_URLCONF=(path("", stream),), ASYNCKIT_WORKERS=1, MIDDLEWARE=[]):
        handler = ASGIHandler()
        replies = await asyncio.gather(*(drive(handler) for _ in range(4)), open_all())
    assert [one.body for one in replies[:-1]] == [b"012"] * 4
    await until_idle()


@SEEN_THROUGH
async def test_what_can_be_seen_through_is_recognised(around, tool, kept):
    tool(around)
    async with worker_lease():
        await ContentType.objects.acount()
        await hop(clean_thread)
        assert len(POOL._register.lendable) == 1
        await hop(thread)
        assert len(POOL._register.lendable) == 0
    assert statistics().unrecognised == 0
    await until_idle()


async def test_what_cannot_is_counted_and_logged_once(tool, kept, caplog):
    tool(opaque)
    async with worker_lease():
        for _ in range(3):
            await ContentType.objects.acount()
        assert len(POOL._register.lendable) == 0
    await until(lambda: caplog.records)
    await until_idle()
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("django_asynckit.workers", "WARNING")
    assert "it came as tests.workers.test_unrecognised.opaque.<locals>.<lambda>" in record.message
    assert "tracing tool" in record.message
    assert statistics().unrecognised == 3


async def test_an_iterator_that_cannot_be_seen_keeps_its_worker(tool):
    def numbers():
        while True:
            yield thread()

    tool(opaque)
    with override_settings(ASYNCKIT_WORKER_HOLD="call"):
        async with worker_lease():
            generator = numbers()
            names = {await hop(next, generator) for _ in range(3)}
        assert len(names) == 1
    del generator
    await until_idle()


async def test_recording_hops_keeps_no_worker_from_being_lent(kept):
    async with worker_lease():
        with record_hops() as trace:
            await ContentType.objects.acount()
            await hop(clean_thread)
            assert len(POOL._register.lendable) == 1
        assert len(trace.hops) == 2
    assert statistics().unrecognised == 0
    await until_idle()


def test_arguments_are_not_asked_what_they_wrap():
    class Lazy:
        def __getattr__(self, name):
            raise AssertionError("it was loaded")

    job = functools.partial(thread, Lazy(), key=Lazy())
    assert called_by(job) is None
    assert called_with(job) == ()
    assert wrap_call(functools.partial(int, "1"), lambda call: [call()])() == [1]


def test_what_wraps_itself_without_end():
    def endless():
        """A function that says that it wraps itself."""

    endless.__wrapped__ = endless
    assert called_by(endless) is None
