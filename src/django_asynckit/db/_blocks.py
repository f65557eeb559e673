"""One ``async with aatomic()`` that runs: Django's ``Atomic``, on the seat that it takes."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
import weakref
from typing import Any

from django.db import transaction

from django_asynckit._bridge import run_in_worker, uninterrupted
from django_asynckit.db._callers import Caller
from django_asynckit.db._homes import find_home
from django_asynckit.workers.routes import Route, current_route, hold, innermost, release
from django_asynckit.workers.seat import Seat


class Block(Route):
    """Enters and leaves a transaction or savepoint; nested blocks on a connection end in order."""

    def __init__(self, using: str, savepoint: bool, durable: bool) -> None:
        self.seat: Seat
        self.outer: Route | None = None
        self.is_open = False
        self.was_ended = False
        self._using = using
        self._atomic = transaction.atomic(using, savepoint, durable)
        self._holds = False
        self._abandoned_with: BaseException | None = None
        #: In the right thread: whether entering began, Django's block was entered, and was left.
        self._is_begun = False
        self._is_entered = False
        self._is_left = False
        self._iterators_before: list[weakref.ref[Any]] = []

    def has_caller(self) -> bool:
        return self._caller.belongs()

    def check(self) -> None:
        if self.was_ended and not self._caller.is_iterated:
            raise _ended()

    def is_innermost(self) -> bool:
        """Whether the running code is in this block and in none inside of it."""
        return current_route.get() is self

    async def enter(self) -> None:
        """Wait for the place, and begin there; a cancellation leaves nothing begun."""
        self._caller = Caller(sys._getframe(2))
        self._loop = asyncio.get_running_loop()
        await self._take_seat()
        self.is_open = True
        current_route.set(self)
        self._context = contextvars.copy_context()
        try:
            await uninterrupted(run_in_worker(self._enter), may_stop=lambda: not self._is_begun)
        except BaseException as error:
            if self._is_entered and not isinstance(error, GeneratorExit):
                await self._leave(error)
            else:
                current_route.set(self.outer)
                if isinstance(error, GeneratorExit) or not self._withdraw():
                    self._abandon(error)
            raise
        if not self.is_open:
            current_route.set(self.outer)
            raise _ended()

    async def exit(self, error: BaseException | None) -> None:
        """Commit or roll back, with all that Django does at that; then raise a cancellation."""
        if not self.is_open or self.was_ended:
            if current_route.get() is self:
                current_route.set(self.outer)
            if error is None:
                raise _ended()
        elif isinstance(error, GeneratorExit) and not self._caller.may_await:
            self._abandon(error)
        else:
            await self._leave(error)

    async def _take_seat(self) -> None:
        """Find out where the block belongs; wait while one is open there that is not around it."""
        while True:
            self.outer = innermost()
            self.seat = await find_home() if self.outer is None else self.outer.seat
            if self.outer is None and not self.seat.is_shared:
                self.seat, self._holds = hold(self.seat), True
            turn = self._take_turn()
            if turn is None:
                return
            await turn

    def _take_turn(self) -> asyncio.Future[None] | None:
        """Be the innermost block of the seat, or return what to wait for."""
        self.seat.rescue_blocks()
        with self.seat.lock:
            blocks = self.seat.blocks.setdefault(self._using, [])
            if not blocks or blocks[-1] in _with_outer(self.outer):
                blocks.append(self)
                return None
            return self.seat.next_turn()

    async def _leave(self, error: BaseException | None) -> None:
        is_own_context = current_route.get() is self
        self.is_open = False
        await uninterrupted(
            self._leave_to_the_end(error),
            context=None if is_own_context else self._context.copy(),
        )

    async def _leave_to_the_end(self, error: BaseException | None) -> None:
        inside = self._inside()
        for block in inside:
            block.was_ended = block.is_open  # Now, since calls may come before the exit is done.
        # What callbacks of the commit call still belongs to the thread.
        way_out = Route(self.seat, self)
        current_route.set(way_out)
        try:
            await run_in_worker(self._exit, error, inside)
        finally:
            way_out.is_open = False
            current_route.set(self.outer)
            for block in (*inside, self):
                block._end()

    def _withdraw(self) -> bool:
        """Give up, unless entering has begun; say whether that was so."""
        with self.seat.lock:
            if self._is_begun:
                return False
            self.is_open = False
        self._end()
        return True

    def _abandon(self, error: BaseException) -> None:
        """Have the block rolled back, without awaiting it: it never began, or is being closed."""
        self.is_open = False
        self._abandoned_with = error
        try:
            # Not at once: the garbage collector comes at any time, also while locks are held.
            self._loop.call_soon_threadsafe(self._post)
        except RuntimeError:  # The loop is closed.
            self._post()

    def post_if_loop_is_closed(self) -> None:
        """Have the block rolled back if it was abandoned, and its loop closed before it saw to that."""
        if self._abandoned_with is not None and self._loop.is_closed():
            self._post()

    def _post(self) -> None:
        error, self._abandoned_with = self._abandoned_with, None
        if error is not None and not self.seat.post(lambda: self._roll_back(error)):
            self._end()

    # In the right thread.

    def _enter(self) -> None:
        with self.seat.lock:
            if not self.is_open:
                raise _ended()
            self._is_begun = True
        if self._holds:
            self.seat.look_at_connections()
            self._iterators_before = [weakref.ref(one) for one in self.seat.iterators()]
        self._atomic.__enter__()
        self._is_entered = True

    def _exit(self, error: BaseException | None, inside: list[Block]) -> None:
        """End all that is still open inside, the last one first, and then this."""
        failure = error
        for block in inside:
            if block.is_open and failure is None:
                failure = _ended_too_early()
            block.was_ended = block.was_ended or block.is_open
            block.is_open = False
        if self._holds and failure is not None:
            self._close_iterators()
        for block in inside:
            with contextlib.suppress(Exception):
                block._exit_django(failure or GeneratorExit())
        self._exit_django(failure)
        if failure is not None and failure is not error:
            raise failure

    def _exit_django(self, error: BaseException | None) -> None:
        if self._is_entered and not self._is_left:
            self._is_left = True
            self._atomic.__exit__(type(error) if error is not None else None, error, None)

    def _close_iterators(self) -> None:
        """Close what reads from cursors of the transaction: Python would do it in any thread."""
        before = [one() for one in self._iterators_before]
        for iterator in self.seat.iterators():
            if iterator not in before:
                with contextlib.suppress(Exception):
                    iterator.close()

    def _roll_back(self, error: BaseException) -> None:
        with contextlib.suppress(Exception):
            self._exit(error, self._inside())
        self.seat.look_at_connections()
        self._end()

    def _inside(self) -> list[Block]:
        """Return the blocks that were entered in this one, the last one first."""
        return [
            block
            for blocks in list(self.seat.blocks.values())
            for block in reversed(blocks)
            if block is not self and self in _with_outer(block)
        ]

    # In any thread.

    def _end(self) -> None:
        """Let others have the place; also what is kept for the exit goes."""
        with self.seat.lock:
            blocks = self.seat.blocks.get(self._using, [])
            if self in blocks:
                blocks.remove(self)
            holds, self._holds = self._holds, False
        if holds:
            release(self.seat)
        with self.seat.lock:
            self.seat.end_turn()
        self._context = contextvars.Context()
        self._caller.forget()


def _with_outer(route: Route | None) -> list[Route]:
    found = []
    while route is not None:
        found.append(route)
        route = route.outer
    return found


def _ended() -> RuntimeError:
    return RuntimeError(
        "This aatomic block was ended, and rolled back, with the block around it: await the task "
        "that it is in before the outer block ends."
    )


def _ended_too_early() -> RuntimeError:
    return RuntimeError(
        "An aatomic block ended while a task that was started inside is still in an aatomic block of "
        "its own. All is rolled back: await the task before the block ends."
    )
