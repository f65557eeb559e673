"""The crossings between the event loop and threads."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from django_asynckit import _bridge


class TestUninterrupted:
    async def test_a_result(self):
        assert await _bridge.uninterrupted(asyncio.sleep(0, "result")) == "result"

    async def test_an_error(self):
        async def fail():
            raise ValueError("wrong")

        with pytest.raises(ValueError, match="wrong"):
            await _bridge.uninterrupted(fail())

    @pytest.mark.parametrize("fails", [False, True])
    async def test_cancelled_twice_it_still_ends(self, fails):
        ended = []

        async def work():
            await asyncio.sleep(0.05)
            ended.append(True)
            if fails:
                raise ValueError("wrong")

        task = asyncio.create_task(_bridge.uninterrupted(work()))
        for _ in range(2):
            await asyncio.sleep(0.01)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == [True]

    async def test_work_that_cancels_itself(self):
        async def work():
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await _bridge.uninterrupted(work())

    async def test_context_variables_come_back(self):
        variable = contextvars.ContextVar("variable", default="old")

        async def work():
            variable.set("new")

        await _bridge.uninterrupted(work())
        assert variable.get() == "new"


async def test_functions_may_have_arguments_of_any_name():
    def view(func, context):
        return func, context

    assert await _bridge.run_in_worker(view, func=1, context=2) == (1, 2)
    assert await _bridge.run_in_pool(view, func=1, context=2) == (1, 2)
