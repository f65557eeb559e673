"""A place where calls run one at a time, with one connection for each database."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from types import GeneratorType
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


class Seat(abc.ABC):
    """What a lease and a thread that is no worker have in common.

    A block of code may hold it: then calls that do not belong to the block go to the seat beside.
    """

    #: Whether it cannot be held, since all that may come there must run there.
    is_shared = False
    #: How many blocks hold it.
    holds = 0
    beside: Seat | None = None
    #: Who waits for a block to end.
    _turns: Sequence[asyncio.Future[None]] = ()

    # Each request has a seat, and most have no block: these are made when they are needed.

    @property
    def blocks(self) -> dict[str, list[Any]]:
        """The blocks that have a transaction or savepoint open, outermost first, by database."""
        blocks: dict[str, list[Any]] = self.__dict__.setdefault("_blocks", {})
        return blocks

    @property
    def lock(self) -> threading._RLock:
        """Guards the blocks; one that the garbage collector closes may come in between."""
        lock: threading._RLock = self.__dict__.setdefault("_lock", threading.RLock())
        return lock

    @abc.abstractmethod
    def submit(self, call: Callable[..., Any], /, *args: Any) -> Any:
        """Have ``call`` run here, behind all others; return a future of its result."""

    @abc.abstractmethod
    def post(self, function: Callable[[], None]) -> bool:
        """Have ``function`` run here, behind all others; no event loop is needed. Say if it will."""

    def hold(self, count: int) -> None:
        """Note that ``count`` more blocks hold it."""
        self.holds += count

    @abc.abstractmethod
    def thread(self) -> threading.Thread | None:
        """Return the thread in which code runs here, as far as that is known and will not change."""

    @abc.abstractmethod
    def connections(self) -> dict[str, BaseDatabaseWrapper]:
        """Return the connection wrappers that code here uses, to be looked at only."""

    @abc.abstractmethod
    def may_be_copied(self) -> bool:
        """Whether a request may have a second connection beside those here.

        Not if code of the user's has set something on them that a second one would not have.
        """

    @abc.abstractmethod
    def look_at_connections(self) -> None:
        """Do what is needed here, in the right thread, for :meth:`connections`."""

    def iterators(self) -> list[GeneratorType[Any, Any, Any]]:
        """Return the sync generators that were begun here and have not ended, as far as known."""
        return []

    def seats(self) -> Iterator[Seat]:
        """Return it and all beside it."""
        seat: Seat | None = self
        while seat is not None:
            yield seat
            seat = seat.beside

    def next_turn(self) -> asyncio.Future[None]:
        """Return a future that is done when a block here has ended; with the lock held."""
        turn = asyncio.get_running_loop().create_future()
        self._turns = [*self._turns, turn]
        return turn

    def note_call(self) -> None:
        """Tell the blocks here that the running code has a call run here, perhaps not part of them."""
        for block in self._open_blocks():
            block.note_call()

    def _open_blocks(self) -> list[Any]:
        blocks = self.__dict__.get("_blocks")
        return (
            [] if blocks is None else [one for several in list(blocks.values()) for one in several]
        )

    def rescue_blocks(self) -> None:
        """Have blocks rolled back that were abandoned on an event loop that is closed now."""
        for block in self._open_blocks():
            block.post_if_loop_is_closed()

    def end_turn(self) -> None:
        """Let those look again who wait for a block to end; with the lock held, from any thread."""
        turns, self._turns = self._turns, ()
        for turn in turns:
            with contextlib.suppress(RuntimeError):  # Its loop is closed.
                turn.get_loop().call_soon_threadsafe(_settle, turn)


def _settle(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
