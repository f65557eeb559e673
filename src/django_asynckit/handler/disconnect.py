"""Cancels a request when its client goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from django.core.exceptions import RequestAborted

from django_asynckit.types import Receive

_ENDINGS = (asyncio.CancelledError, RequestAborted)


class CancelOnDisconnect:
    """``async with``: its block is cancelled, and left without an error, when ``listen(receive)`` raises RequestAborted.

    The listener starts one turn of the event loop later, so that it costs nothing for a block
    that never waits. Any other error of ``listen()`` cancels the block too, and is raised.
    """

    def __init__(self, listen: Callable[[Receive], Awaitable[None]], receive: Receive) -> None:
        self._listen = listen
        self._receive = receive
        self._listener: asyncio.Future[None] | None = None
        self._error: BaseException | None = None
        self._is_over = False

    async def __aenter__(self) -> None:
        self._task = _current_task()
        self._cancelling = self._task.cancelling()
        self._start = asyncio.get_running_loop().call_soon(self._start_listener)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._start.cancel()
        self._is_over = True
        if self._listener is not None:
            await self._stop(self._listener)
        if self._error is None:
            # Django's handler from 6.1 on takes it for a disconnect, wherever it is raised.
            return kind is not None and issubclass(kind, RequestAborted)
        cancelled_by_others = self._task.uncancel() > self._cancelling
        if cancelled_by_others or not (kind is None or issubclass(kind, _ENDINGS)):
            return False
        if not isinstance(self._error, RequestAborted):
            raise self._error
        return True

    def _start_listener(self) -> None:
        self._listener = asyncio.ensure_future(self._listen(self._receive))
        self._listener.add_done_callback(self._listener_ended)

    def _listener_ended(self, listener: asyncio.Future[None]) -> None:
        # A callback that is due already runs, though it was removed.
        if not self._is_over and not listener.cancelled():
            self._error = listener.exception()
            if self._error is not None:
                self._task.cancel()

    async def _stop(self, listener: asyncio.Future[None]) -> None:
        listener.remove_done_callback(self._listener_ended)
        if not listener.done():
            listener.cancel()
            await asyncio.wait([listener])
        if not listener.cancelled():
            listener.exception()  # Seen, so that asyncio does not report it.


def _current_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("Requests must be handled in an asyncio task.")
    return task
