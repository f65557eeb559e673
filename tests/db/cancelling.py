"""Cancels a coroutine at each of its awaits in turn."""

from __future__ import annotations

import asyncio


class CancelledAt:
    """Awaits ``coroutine``, and cancels it ``ticks`` turns of the loop after its await of this ``number``."""

    def __init__(self, coroutine, number, ticks, times=1):
        self.coroutine, self.number, self.ticks, self.times = coroutine, number, ticks, times
        self.awaits = 0

    def __await__(self):
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        step, value = self.coroutine.send, None
        while True:
            try:
                future = step(value)
            except StopIteration as end:
                return end.value
            if self.awaits == self.number:
                for time in range(self.times):
                    self._after(loop, self.ticks * (time + 1), task.cancel)
            self.awaits += 1
            try:
                step, value = self.coroutine.send, (yield future)
            except BaseException as error:
                step, value = self.coroutine.throw, error

    def _after(self, loop, ticks, call):
        if ticks:
            loop.call_soon(self._after, loop, ticks - 1, call)
        else:
            call()


async def run_and_cancel(coroutine, *args):
    """Return whether it was cancelled, and how often it has awaited something."""
    cancelled = CancelledAt(coroutine, *args)

    async def run():
        await cancelled

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return task.cancelled(), cancelled.awaits


class Left:
    """Awaits a coroutine without closing it when it is cancelled."""

    def __init__(self, coroutine):
        self.coroutine = coroutine

    def __await__(self):
        value = None
        while True:
            future = self.coroutine.send(value)
            try:
                value = yield future
            except asyncio.CancelledError:
                return
