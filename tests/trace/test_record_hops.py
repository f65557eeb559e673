"""What ``record_hops`` sees, in which words, and what it leaves as it was."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from django_asynckit.trace import Hop, record_hops

COLOUR: contextvars.ContextVar[str] = contextvars.ContextVar("colour", default="grey")


def here() -> str:
    """Return ``"file:line"`` of the caller, as a hop made on that line would name it."""
    frame = sys._getframe(1)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def double(number: int) -> int:
    return 2 * number


def fail() -> None:
    raise LookupError("lost")


async def some_time() -> float:
    """Let the other tasks begin, and then wait; return how many seconds."""
    await asyncio.sleep(0)
    began = time.perf_counter()
    await asyncio.sleep(0.02)
    return time.perf_counter() - began


class Shop:
    def price(self) -> int:
        return 5

    def __call__(self) -> int:
        return 6


def targets(hops: list[Hop]) -> list[str]:
    return [hop.target.rpartition(".")[2] for hop in hops]


async def test_a_hop_says_what_ran_where_and_who_asked() -> None:
    with record_hops() as trace:
        line, result = here(), await sync_to_async(double, thread_sensitive=False)(4)
    assert result == 8
    [hop] = trace.hops
    assert hop.target == f"{__name__}.double"
    assert hop.direction == "to_thread"
    assert hop.caller == line
    assert hop.thread.startswith("asyncio_")
    assert trace.threads_started == 1
    assert trace.unfinished == 0


@pytest.mark.parametrize(
    ("func", "target"),
    [
        (Shop().price, f"{__name__}.Shop.price"),
        (Shop(), f"{__name__}.Shop"),
        (functools.partial(functools.partial(double, 2)), f"{__name__}.double"),
        (functools.partial(len, "four"), "builtins.len"),
        ([].copy, "list.copy"),
        (dict, "builtins.dict"),
    ],
)
async def test_every_kind_of_callable_has_a_name(func, target) -> None:
    expected = func()
    with record_hops() as trace:
        assert await sync_to_async(func)() == expected
        assert await asyncio.to_thread(func) == expected
    assert [hop.target for hop in trace.hops] == [target, target]


async def test_the_caller_of_a_task_is_who_made_its_coroutine() -> None:
    with record_hops() as trace:
        line = here(); task = asyncio.create_task(sync_to_async(double)(1))  # noqa: E702  # fmt: skip
        await task
    assert trace.hops[0].caller == line


def test_a_hop_that_no_python_code_asked_for_has_no_caller() -> None:
    import _thread

    async def answer() -> None:
        done.set()

    done = threading.Event()
    with record_hops() as trace:
        context = contextvars.copy_context()
        _thread.start_new_thread(context.run, (async_to_sync(answer),))
        assert done.wait(5)
        wait_until(lambda: trace.hops)
    assert trace.hops[0].caller == ""


async def test_waited_and_ran_add_up_to_the_time_of_the_call() -> None:
    with record_hops() as trace:
        began = time.perf_counter()
        await sync_to_async(time.sleep)(0.05)
        total = time.perf_counter() - began
    [hop] = trace.hops
    assert 0.05 <= hop.ran < total
    assert 0 < hop.waited < total
    assert hop.waited + hop.ran <= total


async def test_waiting_for_a_busy_thread_is_waiting() -> None:
    release = threading.Event()
    with record_hops() as trace:
        busy = asyncio.create_task(sync_to_async(release.wait)(5))
        queued = asyncio.create_task(sync_to_async(double)(1))
        elapsed = await some_time()
        release.set()
        await asyncio.gather(busy, queued)
    assert targets(trace.hops) == ["wait", "double"]
    assert trace.hops[1].waited >= elapsed


async def test_child_tasks_are_seen() -> None:
    async def child(number: int) -> int:
        return await sync_to_async(double)(number)

    with record_hops() as trace:
        assert await asyncio.gather(child(1), child(2), child(3)) == [2, 4, 6]
        assert await asyncio.create_task(child(4)) == 8
    assert targets(trace.hops) == ["double"] * 4


async def test_concurrent_recorders_do_not_see_each_other() -> None:
    async def branch(hops: int) -> int:
        with record_hops() as trace:
            for _ in range(hops):
                await sync_to_async(double)(1)
                await asyncio.sleep(0)
        return len(trace.hops)

    assert await asyncio.gather(branch(1), branch(5), branch(3)) == [1, 5, 3]


async def test_nested_recorders_each_see_the_hops() -> None:
    with record_hops() as outer:
        await sync_to_async(double)(1)
        with record_hops() as inner:
            await sync_to_async(double)(2)
            await sync_to_async(double)(3)
        await sync_to_async(double)(1)
    assert len(outer.hops) == 4
    assert outer.hops[1:3] == inner.hops


async def test_exceptions_are_recorded_and_pass_through_as_they_are() -> None:
    error = LookupError("lost")

    def fail_with_it() -> None:
        raise error

    with record_hops() as trace, pytest.raises(LookupError) as caught:
        await sync_to_async(fail_with_it)()
    assert caught.value is error
    assert error.__context__ is None
    assert targets(trace.hops) == ["fail_with_it"]


async def test_a_call_that_was_refused_is_no_hop() -> None:
    with record_hops() as trace:
        with pytest.raises(RuntimeError, match="same thread as an async event loop"):
            async_to_sync(asyncio.sleep)(0)
        with pytest.raises(TypeError, match="missing 1 required"):
            await sync_to_async(lambda: async_to_sync(asyncio.sleep)())()
    assert targets(trace.hops) == ["<lambda>"]
    assert trace.unfinished == 0


async def test_a_call_cancelled_in_the_queue_never_ran() -> None:
    release = threading.Event()
    with record_hops() as trace:
        busy = asyncio.create_task(sync_to_async(release.wait)(5))
        queued = asyncio.create_task(sync_to_async(double)(1))
        elapsed = await some_time()
        queued.cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued
        [hop] = trace.hops
        release.set()
        await busy
    assert hop.target.endswith("double")
    assert (hop.thread, hop.ran) == ("", 0.0)
    assert hop.waited >= elapsed


async def test_a_call_cancelled_while_it_runs_ends_for_its_caller() -> None:
    started, release = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        release.wait(5)

    with record_hops() as trace:
        task = asyncio.create_task(sync_to_async(work, thread_sensitive=False)())
        while not started.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        [hop] = trace.hops
        release.set()
    assert hop.thread
    assert hop.ran > 0


async def test_a_hop_that_outlives_the_block_is_counted_as_unfinished() -> None:
    release = threading.Event()
    with record_hops() as trace:
        task = asyncio.create_task(sync_to_async(release.wait)(5))
        await asyncio.sleep(0.01)
        await asyncio.to_thread(double, 1)
    assert targets(trace.hops) == ["double"]
    threads = trace.threads_started
    release.set()
    await task
    assert targets(trace.hops) == ["double"]
    assert trace.unfinished == 1
    assert trace.threads_started == threads


async def test_nothing_is_recorded_after_the_block_even_by_its_tasks() -> None:
    go = asyncio.Event()

    async def late() -> None:
        await go.wait()
        await sync_to_async(double)(1)
        threading.Thread(target=double, args=(1,)).start()

    with record_hops() as trace:
        task = asyncio.create_task(late())
        await asyncio.sleep(0)
    with record_hops() as other:
        go.set()
        await task
    assert (trace.hops, trace.threads_started, trace.unfinished) == ([], 0, 0)
    assert other.hops == []


async def test_a_coroutine_made_before_the_block_is_seen_inside_it() -> None:
    coroutine = sync_to_async(double)(1)
    bound = asyncio.threads.to_thread(double, 2)
    with record_hops() as trace:
        assert await coroutine == 2
        assert await bound == 4
    assert targets(trace.hops) == ["double", "double"]
    assert trace.hops[1].caller.startswith(__file__)


async def test_code_that_hops_back_and_forth() -> None:
    async def innermost() -> str:
        return await sync_to_async(threading.current_thread)()

    def view():
        return threading.current_thread(), async_to_sync(innermost)()

    with record_hops() as trace:
        thread, same_thread = await sync_to_async(view)()
    # The innermost hop goes to the thread that waits in async_to_sync.
    assert thread is same_thread
    assert [hop.direction for hop in trace.hops] == [
        "to_thread",
        "to_loop",
        "to_thread",
    ]
    assert targets(trace.hops) == ["current_thread", "innermost", "view"]
    inner, back, outer = trace.hops
    assert inner.thread == outer.thread == thread.name
    assert back.thread == threading.current_thread().name
    assert inner.ran < back.ran < outer.ran


def test_sync_code_that_starts_a_loop_of_its_own() -> None:
    async def answer() -> int:
        return await sync_to_async(double)(21)

    with record_hops() as trace:
        assert async_to_sync(answer)() == 42
    inner, outer = trace.hops
    assert (inner.direction, outer.direction) == ("to_thread", "to_loop")
    assert inner.thread == threading.current_thread().name
    assert outer.thread.startswith("ThreadPoolExecutor")
    assert outer.caller.startswith(__file__)
    assert trace.threads_started == 1


def test_a_plain_thread_is_counted_but_its_hops_are_not() -> None:
    with record_hops() as trace:
        thread = threading.Thread(target=async_to_sync(asyncio.sleep), args=(0,))
        thread.start()
        thread.join()
    assert trace.threads_started == 1
    assert trace.hops == []


def test_a_thread_that_does_not_start_is_not_counted() -> None:
    thread = threading.Thread(target=double, args=(1,))
    with record_hops() as trace:
        thread.start()
        with pytest.raises(RuntimeError, match="only be started once"):
            thread.start()
    thread.join()
    assert trace.threads_started == 1


async def test_context_variables_travel_as_without_it() -> None:
    def paint() -> str:
        before = COLOUR.get()
        COLOUR.set("green")
        return before

    async def repaint() -> None:
        COLOUR.set(COLOUR.get() + "er")

    with record_hops():
        COLOUR.set("red")
        assert await sync_to_async(paint)() == "red"
        assert COLOUR.get() == "green"
        await sync_to_async(async_to_sync(repaint))()
        assert COLOUR.get() == "greener"


async def test_hops_made_in_a_given_context_are_seen_and_leave_no_trace_in_it() -> None:
    context = contextvars.Context()

    def work() -> None:
        async_to_sync(asyncio.sleep)(0)

    with record_hops() as trace:
        await sync_to_async(work, context=context)()
    assert targets(trace.hops) == ["sleep", "work"]
    assert not [var for var in context if var.name == "django_asynckit.trace"]


async def test_sys_exc_info_is_the_same_on_the_other_side() -> None:
    async def current() -> BaseException | None:
        return sys.exc_info()[1]

    with record_hops():
        try:
            fail()
        except LookupError as error:
            expected = error
            in_thread = (await sync_to_async(sys.exc_info)())[1]
            back_on_loop = await sync_to_async(async_to_sync(current))()
        assert in_thread is back_on_loop is expected
        assert await sync_to_async(sys.exc_info)() == (None, None, None)


async def test_arguments_of_any_name_arrive() -> None:
    def keywords(**given: int) -> dict[str, int]:
        return given

    with record_hops():
        assert await sync_to_async(keywords)(call=1, func=2) == {"call": 1, "func": 2}
        assert await asyncio.to_thread(keywords, self=1, func=2) == {
            "self": 1,
            "func": 2,
        }


async def test_decorated_methods_are_seen() -> None:
    class Till:
        @sync_to_async
        def open(self) -> Till:
            return self

        @sync_to_async
        @async_to_sync
        async def close(self) -> Till:
            return self

    till = Till()
    with record_hops() as trace:
        assert await till.open() is till
        assert await till.close() is till
    assert targets(trace.hops) == ["open", "close", "close"]


async def test_threads_may_record_at_the_same_time() -> None:
    def work(_: int) -> list[int]:
        seen = []
        for number in range(20):
            with record_hops() as trace:
                for _ in range(number % 3):
                    async_to_sync(asyncio.sleep)(0)
            seen.append(len(trace.hops))
        return seen

    jobs = [asyncio.to_thread(work, number) for number in range(4)]
    assert await asyncio.gather(*jobs) == [[0, 1, 2] * 6 + [0, 1]] * 4


@pytest.fixture
def hops_from_outside() -> Iterator[list[Hop]]:
    with record_hops() as trace:
        yield trace.hops


def test_a_block_may_be_left_in_another_context(hops_from_outside) -> None:
    block = record_hops()
    trace = contextvars.copy_context().run(block.__enter__)
    block.__exit__(None, None, None)
    async_to_sync(asyncio.sleep)(0)
    assert trace.hops == []
    assert targets(hops_from_outside) == ["sleep"]


def wait_until(condition) -> None:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
