"""The recorder relies on these shapes of asgiref and asyncio; a new version may change them."""

from __future__ import annotations

import asyncio
import copy
import inspect
import threading

from asgiref.sync import AsyncToSync, SyncToAsync

ADVICE = "the hop recorder relies on this: adapt django_asynckit/trace/replacements.py"


def answer() -> int:
    return 42


async def aanswer() -> int:
    return 42


def test_sync_to_async_is_an_object_that_is_called() -> None:
    call = inspect.unwrap(vars(SyncToAsync)["__call__"])
    assert inspect.iscoroutinefunction(call), f"SyncToAsync.__call__ changed; {ADVICE}"


async def test_sync_to_async_calls_the_function_in_its_attribute_func() -> None:
    other = copy.copy(SyncToAsync(len))
    assert vars(other).get("func") is len, f"SyncToAsync.func is gone; {ADVICE}"
    other.func = answer
    assert await other() == 42, f"SyncToAsync no longer calls self.func; {ADVICE}"


def test_sync_to_async_runs_its_bound_thread_handler_in_an_executor() -> None:
    given = []

    class Loop(asyncio.SelectorEventLoop):
        def run_in_executor(self, executor, func, *args):
            given.append(func)
            return super().run_in_executor(executor, func, *args)

    wrapped = SyncToAsync(answer)
    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(wrapped()) == 42
    [func] = given
    found = getattr(getattr(func, "func", None), "__self__", None)
    assert found is wrapped, f"SyncToAsync hands over something else; {ADVICE}"


def test_async_to_sync_calls_the_function_in_its_attribute_awaitable() -> None:
    call = inspect.unwrap(vars(AsyncToSync)["__call__"])
    assert inspect.isfunction(call), f"AsyncToSync.__call__ changed; {ADVICE}"
    other = copy.copy(AsyncToSync(asyncio.sleep))
    found = vars(other).get("awaitable")
    assert found is asyncio.sleep, f"AsyncToSync.awaitable is gone; {ADVICE}"
    other.awaitable = aanswer
    assert other() == 42, f"AsyncToSync no longer calls self.awaitable; {ADVICE}"


def test_asyncio_and_threading_have_what_is_patched() -> None:
    run = list(inspect.signature(asyncio.BaseEventLoop.run_in_executor).parameters)
    assert run == ["self", "executor", "func", "args"], ADVICE
    assert list(inspect.signature(threading.Thread.start).parameters) == ["self"], ADVICE
    assert inspect.iscoroutinefunction(inspect.unwrap(asyncio.to_thread)), ADVICE
    assert asyncio.BaseEventLoop in asyncio.AbstractEventLoop.__subclasses__(), ADVICE
