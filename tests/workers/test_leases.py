"""What a request has of its worker, from its first blocking call to its end."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import threading

import pytest
import uvloop
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from django.contrib.contenttypes.models import ContentType
from django.core.signals import request_finished
from django.db import close_old_connections, connection, connections, transaction
from django.test import override_settings
from django.utils.functional import SimpleLazyObject

from django_asynckit import _asgiref
from django_asynckit.workers import release_worker, statistics, worker_lease
from django_asynckit.workers.context import POOL, RequestLease, stream
from django_asynckit.workers.job import Job
from django_asynckit.workers.lease import Lease
from django_asynckit.workers.register import RECENT
from django_asynckit.workers.routes import (
    Route,
    begin,
    current_lease,
    current_route,
    end,
    hold,
    home,
    release,
)
from tests.db.cancelling import Left
from tests.workers.tools import Gate, alive, clean_thread, driver, hop, thread, until, until_idle


def fill(count=3):
    ContentType.objects.bulk_create(
        ContentType(app_label="app", model=f"model{number}") for number in range(count)
    )


async def test_a_worker_is_taken_at_the_first_call():
    async with worker_lease():
        assert statistics().workers == 0
        names = [await hop() for _ in range(3)]
        assert statistics().workers == 1
    assert len(set(names)) == 1
    assert names[0].startswith("asynckit-worker-")


async def test_tasks_of_a_request_share_its_worker_one_at_a_time():
    running = []

    def work():
        running.append(len(running))
        assert running == [0]
        running.pop()
        return thread()

    async with worker_lease():
        assert len(set(await asyncio.gather(*(hop(work) for _ in range(20))))) == 1


async def test_results_and_errors_come_back():
    def fail():
        raise ValueError("wrong")

    async with worker_lease():
        assert await hop(divmod, 7, 2) == (3, 1)
        with pytest.raises(ValueError, match="wrong"):
            await hop(fail)
        with pytest.raises(RuntimeError, match="raised StopIteration") as error:
            await hop(next, iter(()))
        assert isinstance(error.value.__cause__, StopIteration)


@override_settings(ASYNCKIT_WORKERS=1)
async def test_a_worker_is_not_lent_before_the_code_of_an_aborted_request_has_ended():
    async def request():
        async with worker_lease():
            await hop(gate)

    with Gate() as gate:
        task = asyncio.create_task(request())
        await gate.wait_entered()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert statistics().running == 1
        async with worker_lease():
            following = asyncio.create_task(hop())
            await until(lambda: statistics().waiting == 1)
            await asyncio.sleep(0.05)
            assert not following.done()
            gate.open()
            await following


async def test_a_call_that_is_cancelled_before_it_runs_does_not_run():
    ran = []
    async with worker_lease():
        with Gate() as gate:
            first = asyncio.create_task(hop(gate))
            await gate.wait_entered()
            second = asyncio.create_task(hop(ran.append, 1))
            await asyncio.sleep(0.02)
            second.cancel()
            await asyncio.wait([second])
        await first
    await until_idle()
    assert ran == []


async def test_a_task_that_outlives_its_request_goes_on(kept):
    async def outlive():
        await ended.wait()
        for _ in range(3):
            assert await ContentType.objects.acount() == 0
            await until_idle()
        return await hop()

    ended = asyncio.Event()
    async with worker_lease():
        task = asyncio.create_task(outlive())
        await hop()
    ended.set()
    assert (await task).startswith("asynckit-worker-")
    await until_idle()


async def test_a_request_that_ends_while_its_first_call_waits():
    with override_settings(ASYNCKIT_WORKERS=1), Gate() as gate:
        async with worker_lease():
            holder = asyncio.create_task(hop(gate))
            await gate.wait_entered()
            async with worker_lease():
                waiting = asyncio.create_task(hop())
                await until(lambda: statistics().waiting == 1)
            gate.open()
            await waiting
            await holder
    await until_idle()


async def test_a_lease_that_is_dropped_gives_its_worker_back():
    async def forget():
        begin()
        _asgiref.route_to_workers()
        await hop()

    context = contextvars.copy_context()
    await asyncio.create_task(forget(), context=context)
    assert statistics().resting == 1
    del context
    gc.collect()
    await until_idle()


async def test_a_lease_that_is_dropped_in_a_transaction_is_rolled_back(kept, caplog):
    def leave_open():
        transaction.atomic().__enter__()
        fill()

    async def forget():
        begin()
        _asgiref.route_to_workers()
        await hop(leave_open)

    context = contextvars.copy_context()
    await asyncio.create_task(forget(), context=context)
    del context
    gc.collect()
    await until_idle()
    async with worker_lease():
        assert await ContentType.objects.acount() == 0
    assert "ended inside a transaction" in caplog.text


def begin_in_atomic():
    transaction.atomic().__enter__()


def begin_without_autocommit():
    transaction.set_autocommit(False)


def begin_in_sql():
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")


@pytest.mark.parametrize(
    "begins",
    [begin_in_atomic, begin_without_autocommit, begin_in_sql],
    ids=lambda one: one.__name__,
)
async def test_a_transaction_that_is_left_open_is_rolled_back_and_reported(kept, caplog, begins):
    async with worker_lease():
        await hop(begins)
        await ContentType.objects.acreate(app_label="app", model="never")
    await until_idle()
    (record,) = caplog.records
    assert "ended inside a transaction" in record.getMessage()
    async with worker_lease():
        assert await ContentType.objects.acount() == 0
        assert not await hop(lambda: connection.in_atomic_block or not connection.get_autocommit())


async def test_what_is_wanted_while_its_thread_has_the_lock_is_done_later():
    """The garbage collector closes abandoned code at any time."""
    async with worker_lease():
        lease = current_lease.get()
        await hop()
        with POOL.lock:
            POOL.pin(lease, 1)
            POOL.let_go(lease)
            assert (lease.pins, lease.must_close) == (0, False)
        await hop()
        assert (lease.pins, lease.must_close) == (1, True)
        assert statistics().resting == 1
        POOL.pin(lease, -1)
        await until_idle()


async def test_a_lease_that_is_collected_elsewhere_changes_nothing_there():
    """The garbage collector closes what was abandoned in the context of any code."""
    waits = asyncio.Event()

    async def wait():
        async with worker_lease():
            await hop()
            waits.set()
            await asyncio.get_running_loop().create_future()

    async with worker_lease():
        name = await hop()
        lease = current_lease.get()
        coroutine = wait()
        task = asyncio.ensure_future(Left(coroutine))
        # Its worker rests a moment before the result of its call has arrived.
        await waits.wait()
        assert statistics().resting == 2
        task.cancel()
        await task
        coroutine.close()
        assert current_lease.get() is lease
        assert await hop() == name
    await until_idle()


async def test_a_worker_goes_on_although_its_end_of_a_request_raises(kept, monkeypatch):
    def fail(record):
        raise ValueError("cannot be logged")

    logger = logging.getLogger("django_asynckit.workers")
    with monkeypatch.context() as patch:
        async with worker_lease():
            await hop(begin_in_atomic)
            name = await hop()
            patch.setattr(logger, "filters", [fail])
        await until_idle()
    async with worker_lease():
        assert await hop() == name
        assert not await hop(lambda: connection.in_atomic_block)


async def test_what_was_dropped_late_is_no_business_of_the_next(kept):
    """The worker has gone on to another request, or to nobody, when the news arrives."""
    async with worker_lease():
        await hop()
        (worker,) = POOL.workers()
        worker.inbox.put(POOL.look_again)
        await hop()
        worker.inbox.put(POOL.look_again)
        await until(worker.inbox.empty)
        assert statistics().resting == 1
    worker.inbox.put(POOL.look_again)
    await until_idle()
    assert await leased() == worker.name


async def leased(func=thread):
    async with worker_lease():
        return await hop(func)


@pytest.mark.parametrize("hold", ["auto", "call"])
@override_settings(ASYNCKIT_WORKERS=1)
async def test_an_iterator_keeps_the_worker(kept, hold):
    with override_settings(ASYNCKIT_WORKER_HOLD=hold):
        async with worker_lease():
            await hop(fill)
            release_worker()
            seen = []
            async for one in ContentType.objects.order_by("pk").aiterator(chunk_size=1):
                seen.append(one.model)
                await asyncio.sleep(RECENT * 1.2)
                assert statistics().resting == 1
                await leased()
                with pytest.raises(RuntimeError, match="cannot be released"):
                    release_worker()
            assert seen == ["model0", "model1", "model2"]
            if hold == "call":
                await until_idle()
            else:
                release_worker()


# Django leaves it to whoever drops an iterator to close its cursor, in whatever thread that is.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_HOLD="call")
async def test_an_iterator_that_is_dropped_keeps_nothing(kept):
    async with worker_lease():
        await hop(fill)
        iterator = ContentType.objects.aiterator(chunk_size=1)
        await anext(iterator)
        assert statistics().resting == 1
        await iterator.aclose()
        del iterator
        gc.collect()
        await until_idle()


@override_settings(ASYNCKIT_WORKERS=1, ASYNCKIT_WORKER_HOLD="call")
async def test_a_generator_that_a_function_returns_keeps_the_worker(kept):
    def generate():
        yield 1

    def begun():
        generator = generate()
        next(generator)
        return generator

    async with worker_lease():
        generator = await hop(begun)
        assert statistics().resting == 1
        await hop(next, generator, None)
        await until_idle()


# Django leaves it to whoever drops an iterator to close its cursor, in whatever thread that is.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@override_settings(ASYNCKIT_WORKERS=1)
async def test_an_iterator_is_noted_once(kept):
    def numbers():
        yield from range(10)

    async with worker_lease():
        iterator = numbers()
        for number in range(10):
            assert await hop(next, iterator) == number
        assert len(current_lease.get()._generators) == 1
        assert await hop(next, iterator, None) is None


async def test_what_comes_while_an_iterator_begins_goes_where_it_does():
    """Such as its close, although a block has taken the place meanwhile."""

    def numbers():
        gate()
        yield thread()

    async with worker_lease():
        with Gate() as gate:
            iterator = numbers()
            first = asyncio.create_task(hop(next, iterator))
            await gate.wait_entered()
            seat = hold(home())
            try:
                close = asyncio.create_task(hop(lambda one: (one.close(), thread()), iterator))
                elsewhere = await hop()
                gate.open()
                assert await first == (await close)[1] != elsewhere
            finally:
                release(seat)
    await until_idle()


async def test_a_request_ends_before_its_iterator(kept):
    """Which a task reads that outlives the request."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def read():
        iterator = ContentType.objects.order_by("pk").aiterator(chunk_size=1)
        found = [(await anext(iterator)).model]
        began.set()
        await ended.wait()
        return [*found, *[one.model async for one in iterator]]

    async with worker_lease():
        await hop(fill)
        task = asyncio.create_task(read())
        await began.wait()
    assert statistics().resting == 1
    ended.set()
    assert await task == ["model0", "model1", "model2"]
    del task
    gc.collect()
    await until_idle()


async def test_a_transaction_left_open_is_rolled_back_and_reported(kept, caplog):
    def leave_open():
        transaction.atomic().__enter__()
        fill()

    async with worker_lease():
        await hop(leave_open)
        with pytest.raises(RuntimeError, match="cannot be released"):
            release_worker()
    await until_idle()
    async with worker_lease():
        assert not await hop(lambda: connection.in_atomic_block)
        assert await ContentType.objects.acount() == 0
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "'default'" in record.getMessage()


@pytest.mark.parametrize("closes", [True, False], ids=["django closes", "disconnected"])
async def test_autocommit_that_was_left_off(kept, caplog, closes):
    def leave_off():
        transaction.set_autocommit(False)
        fill()

    if not closes:
        request_finished.disconnect(close_old_connections)
    try:
        async with worker_lease():
            await hop(leave_off)
        await until_idle()
    finally:
        request_finished.connect(close_old_connections)
    async with worker_lease():
        assert await hop(transaction.get_autocommit)
        assert await ContentType.objects.acount() == 0
    (record,) = [one for one in caplog.records if one.name != "asyncio"]
    assert "ended inside a transaction" in record.getMessage()


async def test_autocommit_that_was_left_off_after_a_commit_is_not_reported(kept, caplog):
    def leave_off():
        transaction.set_autocommit(False)
        fill()
        transaction.commit()

    async with worker_lease():
        await hop(leave_off)
    await until_idle()
    async with worker_lease():
        assert await hop(transaction.get_autocommit)
        assert await ContentType.objects.acount() == 3
    assert [one for one in caplog.records if one.name != "asyncio"] == []


async def test_a_worker_is_released_before_the_end():
    release_worker()  # There is no lease.
    async with worker_lease():
        release_worker()  # There is no worker.
        first = await hop()
        release_worker()
        await until_idle()
        assert await hop() == first


async def test_a_worker_in_use_is_not_released():
    async with worker_lease():
        with Gate() as gate:
            task = asyncio.create_task(hop(gate))
            await gate.wait_entered()
            with pytest.raises(RuntimeError, match="a call, a transaction or an iterator"):
                release_worker()
        await task
        with pytest.raises(RuntimeError, match="a call, a transaction or an iterator"):
            await hop(release_worker)


async def test_a_stream_keeps_no_worker_without_a_reason():
    stream()  # There is no lease.
    async with worker_lease():
        await hop(clean_thread)
        assert statistics().resting == 1
        stream()
        await until_idle()
        await hop(clean_thread)
        await until_idle()
        await hop(thread)
        assert statistics().resting == 1


@pytest.mark.parametrize("hold", ["request", "auto"])
async def test_a_stream_keeps_what_may_have_state(hold):
    with override_settings(ASYNCKIT_WORKER_HOLD=hold):
        async with worker_lease():
            await hop(thread if hold == "auto" else clean_thread)
            stream()
            assert statistics().resting == 1


@contextlib.contextmanager
def block():
    """Code that needs the worker that it has, as in a transaction."""
    seat = hold(home())
    before = current_route.set(Route(seat, None))
    yield
    current_route.reset(before)
    release(seat)


@override_settings(ASYNCKIT_WORKER_HOLD="call")
async def test_a_worker_is_kept_for_a_block():
    async with worker_lease():
        with block():
            await hop()
            assert statistics().resting == 1
            with pytest.raises(RuntimeError, match="cannot be released"):
                release_worker()
        await until_idle()


@override_settings(ASYNCKIT_WORKERS=1)
async def test_who_waits_is_served_when_a_block_ends():
    """And not a tenth of a second later."""
    async with worker_lease():
        with block():
            await hop(clean_thread)
            task = asyncio.create_task(leased())
            await until(lambda: statistics().waiting == 1)
        assert statistics().waiting == 0
        await task


async def test_leases_may_be_nested():
    async with worker_lease():
        outer = await hop()
        async with worker_lease():
            inner = await hop()
            assert await hop() == inner
        assert inner != outer
        assert await hop() == outer


@override_settings(ASYNCKIT_WORKERS=1)
async def test_nested_leases_with_one_worker_do_not_wait_for_each_other():
    async with worker_lease():
        outer = await hop()
        async with worker_lease():
            assert await hop() != outer
            async with worker_lease():
                await hop()


def test_a_lease_without_a_worker_has_no_transaction():
    lease = Lease(POOL)
    lease.look_at_connections()
    assert not lease.is_in_transaction


async def test_outside_a_lease_nothing_changes():
    async with worker_lease():
        pass
    assert not (await hop()).startswith("asynckit-worker-")


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_in_a_script(kept, run):
    async def main():
        async with worker_lease():
            await hop(fill)
            names = {await hop() for _ in range(3)}
            assert await ContentType.objects.acount() == 3
        await until_idle()
        return names

    (name,) = run(main())
    assert name.startswith("asynckit-worker-")


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@override_settings(ASYNCKIT_WORKERS=1)
def test_waiting_and_failing_in_a_script(run):
    async def main():
        async with worker_lease():
            await hop()
            names = await asyncio.gather(*(leased() for _ in range(5)))
            with pytest.raises(RuntimeError, match="StopIteration"):
                await hop(next, iter(()))
        return names

    assert len(run(main())) == 5


def test_inside_async_to_sync_all_runs_in_the_thread_that_waits():
    async def main():
        async with worker_lease():
            lease = begin()
            names = {await hop(), await hop()}
            end(lease)
        return names

    # What it sets in the context comes back to the caller.
    context = contextvars.copy_context()
    assert context.run(async_to_sync(main)) == {threading.current_thread().name}
    assert statistics().workers == 0


async def test_async_to_sync_inside_a_worker_stays_there():
    async def inner():
        return await hop()

    async with worker_lease():
        assert await hop(async_to_sync(inner)) == await hop()


async def test_a_thread_that_an_outer_application_began_goes_on():
    async with ThreadSensitiveContext():
        before = await hop()
        with RequestLease():
            assert await hop() == before


async def test_an_outer_application_that_has_no_thread_yet():
    async with ThreadSensitiveContext():
        with RequestLease():
            assert (await hop()).startswith("asynckit-worker-")


async def test_a_context_without_a_lease_gets_one():
    async def strange():
        _asgiref.route_to_workers()
        return await hop(), await hop()

    first, second = await asyncio.create_task(strange())
    assert first == second
    assert first.startswith("asynckit-worker-")


async def test_a_loop_of_its_own_in_a_worker_is_an_error_not_a_hang():
    async def inner():
        await hop()

    def sync_view():
        asyncio.run(inner())

    async with worker_lease():
        with pytest.raises(RuntimeError, match=r"A worker cannot wait for itself: asyncio\.run"):
            await hop(sync_view)
        assert await hop()


def test_a_result_for_a_loop_that_is_closed_is_dropped():
    gate = Gate()

    async def main():
        begin()
        task = asyncio.create_task(hop(gate))
        await gate.wait_entered()
        task.cancel()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    gate.open()
    gc.collect()

    async def after():
        await until_idle()
        return await leased()

    assert asyncio.run(after())


async def test_what_asgiref_did_not_make_runs_too():
    """Nobody else calls the executor today; it does not rely on that."""
    from django_asynckit.workers.routes import _Router

    async with worker_lease():
        assert await _Router().submit(divmod, 7, 2) == (3, 1)
        assert (await _Router().submit(thread)).startswith("asynckit-worker-")


async def test_a_connection_stays_in_its_worker(kept):
    async with worker_lease():
        assert await hop(driver) is None
        await ContentType.objects.acount()
        first = await hop(driver)
    await until_idle()
    async with worker_lease():
        assert await hop(driver) is first
        assert await sync_to_async(driver)() is first


async def test_without_conn_max_age_a_connection_is_closed_at_the_end(database):
    async with worker_lease():
        await ContentType.objects.acount()
        assert await hop(driver) is not None
    await until_idle()
    async with worker_lease():
        assert await hop(driver) is None


@pytest.fixture
def persistent(in_process_database, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", None)


@pytest.mark.usefixtures("persistent")
async def test_a_worker_that_has_nothing_to_close_is_idle_at_once():
    async with worker_lease():
        first = await ContentType.objects.afirst()
    assert (statistics().idle, statistics().workers) == (1, 1)
    async with worker_lease():
        assert await ContentType.objects.afirst() == first
        # What the beginning of a request does was done all the same.
        assert await hop(lambda: len(connection.queries_log)) == 0


@pytest.mark.usefixtures("persistent")
@override_settings(ASYNCKIT_WORKER_REUSE=False)
async def test_a_worker_that_is_not_reused_ends_though_it_has_nothing_to_close():
    async with worker_lease():
        await ContentType.objects.afirst()
    assert statistics().workers == 0
    await until(lambda: not alive())


@pytest.mark.usefixtures("persistent")
async def test_who_waits_gets_the_worker_that_has_nothing_to_close():
    with override_settings(ASYNCKIT_WORKERS=1):
        async with worker_lease():
            await ContentType.objects.afirst()
            atomic = transaction.atomic()
            await hop(atomic.__enter__)
            other = asyncio.create_task(in_lease(ContentType.objects.afirst))
            await until(lambda: statistics().waiting == 1)
            await hop(atomic.__exit__, None, None, None)
        assert await other is not None


async def in_lease(function):
    async with worker_lease():
        return await function()


async def test_lazy_objects_are_not_loaded_on_the_way():
    """Neither as an argument, which would be on the event loop, nor as a result."""
    loaded = []
    lazy = SimpleLazyObject(lambda: loaded.append(thread()))
    async with worker_lease():
        assert await hop(id, lazy) == id(lazy)
        await hop(lambda: lazy)
    assert loaded == []


async def test_a_request_inside_a_request_leaves_it_its_worker():
    async with worker_lease():
        name = await hop()
        with RequestLease():
            assert await hop() != name
        assert await hop() == name


async def test_a_transaction_that_django_s_functions_left_open_is_rolled_back(kept, caplog):
    """Which leave nothing else on the connection, so that it need not be closed."""
    async with worker_lease():
        await ContentType.objects.acount()
        await hop(transaction.Atomic("default", True, False).__enter__)
        await ContentType.objects.acreate(app_label="app", model="left")
    await until_idle()
    assert "inside a transaction" in caplog.text
    async with worker_lease():
        assert await ContentType.objects.acount() == 0


class Remote:
    """A proxy of something remote: what is asked of it is another one, and is called over there."""

    def __getattr__(self, name):
        return Remote()

    def __call__(self, *args):
        if args:
            raise ConnectionError
        return 1


async def test_a_callable_that_answers_to_any_attribute_is_only_called():
    async with worker_lease():
        assert await hop(Remote()) == 1
        assert await hop(Remote()) == 1


async def test_who_calls_gets_an_answer_whatever_goes_wrong_behind_the_call(monkeypatch):
    def fail(_):
        raise ConnectionError

    async with worker_lease():
        with monkeypatch.context() as patch:
            patch.setattr(Job, "keeps_no_connection_state", fail)
            with pytest.raises(ConnectionError):
                await hop(clean_thread)
        assert await hop() == await hop()


async def test_an_abandoned_request_may_be_collected_while_the_pool_is_at_work(monkeypatch):
    """The garbage collector closes it at any time, in a thread that may have the pool's lock."""

    async def forgotten():
        async with worker_lease():
            await hop()
            waits.append(True)
            await asyncio.get_running_loop().create_future()  # Which nobody refers to.

    def begin(*args):
        gc.collect()
        return original(*args)

    waits, original = [], POOL._register.begin
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # It says that the task is still pending.
    gc.disable()  # Not before.
    try:
        asyncio.create_task(forgotten())  # noqa: RUF006
        await until(lambda: waits)
        with monkeypatch.context() as patch:
            patch.setattr(POOL._register, "begin", begin)
            async with worker_lease():
                await hop()
    finally:
        gc.enable()
    await until_idle()
