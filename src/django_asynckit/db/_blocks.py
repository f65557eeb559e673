"""One ``async with aatomic()`` that runs: Django's ``Atomic``, on the seat that it takes."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys

from django.db import transaction

from django_asynckit._bridge import run_in_worker, uninterrupted
from django_asynckit._sync_frames import is_run_for_thread, leave_ended_thread
from django_asynckit.conf import worker_settings
from django_asynckit.db import _messages as messages
from django_asynckit.db._callers import Caller
from django_asynckit.db._entered import Entered
from django_asynckit.db._homes import find_home
from django_asynckit.workers.routes import (
    Route,
    current_route,
    frame_around,
    hold,
    innermost,
    release,
    take_place,
)
from django_asynckit.workers.seat import Seat
from django_asynckit.workers.threads import ThreadSeat


class Block(Route):
    """Enters and leaves a transaction or savepoint; nested blocks on a connection end in order."""

    def __init__(self, using: str, savepoint: bool, durable: bool) -> None:
        self.seat: Seat
        self.outer: Route | None = None
        self.is_open = False
        #: Why others ended it while its code was still inside, if they did.
        self.ended_because: str | None = None
        self._using = using
        self._entered = Entered(transaction.atomic(using, savepoint, durable))
        self._holds = False
        #: The sync frame in whose thread it was entered.
        self._frame: ThreadSeat | None = None
        self._abandoned_with: BaseException | None = None
        #: Whether other code had something done meanwhile, in its transaction: tasks of the block around
        #: it, and all code of a thread that has one connection.
        self._has_others = False
        #: In the right thread: whether entering began, and whether the block's own end has come.
        self._is_begun = False
        self._is_exited = False

    def __str__(self) -> str:
        return f"aatomic(using={self._using!r}) at {self._caller}"

    def has_caller(self) -> bool:
        return self._caller.belongs()

    def check(self) -> None:
        is_begun = self.is_open and self._is_begun and not self.ended_because
        if is_begun and self._frame is not None and self._frame.waits_no_more():
            # Its thread ends it in a moment, before it takes from a frame further out what comes now.
            self.ended_because = messages.ended_with_frame(self, is_kept=self._has_others)
        if self.ended_because and (not self._caller.is_iterated or self._caller.is_running()):
            raise self._ended()

    def is_innermost(self) -> bool:
        """Whether the running code is in this block and in none inside of it."""
        return current_route.get() is self

    async def enter(self) -> None:
        """Wait for the place, and begin there; a cancellation leaves nothing begun."""
        self._caller = Caller(sys._getframe(2))
        self._loop = asyncio.get_running_loop()
        self._is_run_for_thread = is_run_for_thread(self._loop)
        while not self._entered.is_entered:
            await self._take_seat()
            await self._begin()
        if not self.is_open:
            current_route.set(self.outer)
            raise self._ended()

    async def exit(self, error: BaseException | None) -> None:
        """Commit or roll back, with all that Django does at that; then raise a cancellation."""
        if not self.is_open or self.ended_because:
            if current_route.get() is self:
                current_route.set(self.outer)
            self._caller.forget()
            if error is None:
                raise self._ended()
        elif isinstance(error, GeneratorExit) and not self._caller.may_await:
            self._abandon(error)
        else:
            await self._leave(error)

    async def _take_seat(self) -> None:
        """Find out where the block belongs; wait while one is open there that is not around it."""
        waits_for, until = None, 0.0
        while True:
            leave_ended_thread()
            self.outer, self._frame = innermost(), frame_around()
            if self.outer is not None and self._runs_at(self.outer.seat):
                self.seat = self.outer.seat
            else:
                self.seat = await find_home()
                if not self.seat.is_shared:
                    self.seat, self._holds = hold(self.seat), True
            if self._frame is not None and not self._frame.is_same_thread(self.seat):
                self._frame = None  # It has a worker of its own, beside the thread that waits.
            holder = self._take_turn()
            if holder is None:
                return
            self._release()
            if holder is not waits_for:
                waits_for, until = holder, self._loop.time() + worker_settings().wait_seconds
            await self._wait_for(holder, until)

    def _runs_at(self, seat: Seat) -> bool:
        """Whether calls of the running code come to the thread of ``seat``."""
        # Not in a thread of its own that waits, to which thread_sensitive=False leads.
        frame = self._frame
        return frame is None or not frame.is_shared or frame.thread() is seat.thread()

    def _take_turn(self) -> Block | None:
        """Be the innermost block of the seat, or return the one that must end first."""
        self.seat.rescue_blocks()
        with self.seat.lock:
            blocks = self.seat.blocks.setdefault(self._using, [])
            if not blocks or blocks[-1] in _with_outer(self.outer):
                blocks.append(self)
                return None
            holder: Block = blocks[-1]
            return holder

    async def _wait_for(self, holder: Block, until: float) -> None:
        """Wait until some block has ended; ``RuntimeError`` if ``holder`` cannot, or has not ``until`` then."""
        frame = self._frame
        if frame is not None and frame is not holder._frame and frame.is_above(holder._frame):
            raise RuntimeError(messages.would_deadlock(self, holder))
        with self.seat.lock:
            if holder not in self.seat.blocks[self._using]:
                return
            turn = self.seat.next_turn()
        try:
            async with asyncio.timeout_at(until):
                await turn
        except TimeoutError:
            seconds = worker_settings().wait_seconds
            raise RuntimeError(messages.waited_too_long(self, holder, seconds)) from None

    async def _begin(self) -> None:
        """Enter Django's block; where the thread went on meanwhile, give the seat back."""
        self.is_open = True
        current_route.set(self)
        if self._frame is not None:
            self._frame.take_over()  # Before entering is in its queue, so that no call behind that is missed.
        self._context = contextvars.copy_context()
        try:
            await uninterrupted(run_in_worker(self._enter), may_stop=lambda: not self._is_begun)
        except BaseException as error:
            if self._entered.is_entered and not isinstance(error, GeneratorExit):
                await self._leave(error)
            else:
                current_route.set(self.outer)
                if isinstance(error, GeneratorExit):
                    self._abandon(error)
                elif not self._withdraw():
                    # At once, so that it comes before what is written next.
                    self.is_open, self._abandoned_with = False, error
                    self._post()
            raise
        if not self._is_begun:
            current_route.set(self.outer)
            self.is_open = False
            self._give_back()

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
            block._end_with(self)  # Now, since calls may come before the exit is done.
        # What callbacks of the commit call still belongs to the thread.
        way_out = Route(self.seat, self)
        current_route.set(way_out)
        try:
            await run_in_worker(self._exit, error, inside)
        except RuntimeError:
            if self._is_exited or self._frame is None:
                raise
        finally:
            way_out.is_open = False
            current_route.set(self.outer)
            for block in (*inside, self):
                block._end()
        if self._entered.is_entered and not self._is_exited:
            # Its thread takes no more work: it goes on, and ends the block.
            self._end_with_frame()
        if self.ended_because and error is None:
            raise self._ended()

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
        """Have the block rolled back if its loop was closed, so that nobody will see to that."""
        if self._loop.is_closed():
            self._end_by_others(messages.ended_with_loop(self))
            self._abandoned_with = self._abandoned_with or GeneratorExit()
            self._post()

    def _end_with(self, outer: Block) -> None:
        if self.is_open and not self.ended_because:
            self.ended_because = messages.ended_with_outer(self, outer)

    def _end_with_frame(self) -> None:
        self._end_by_others(messages.ended_with_frame(self, is_kept=self._has_others))

    def _end_by_others(self, reason: str) -> None:
        self.is_open, self.ended_because = False, self.ended_because or reason

    def _ended(self) -> RuntimeError:
        return RuntimeError(self.ended_because or messages.left_already(self))

    def _post(self) -> None:
        error, self._abandoned_with = self._abandoned_with, None
        # By way of the frame: its thread takes nothing from anywhere else, and has ended the block if
        # it has gone on.
        place = self._frame or self.seat
        if error is not None and not place.post(lambda: self._roll_back(error)):
            self._end()

    # In the right thread.

    def _enter(self) -> None:
        take_place()  # Here, since a cancellation may come as long as nothing has begun.
        with self.seat.lock:
            if not self.is_open:
                raise self._ended()
            # Where that is not so the thread goes on, and the block would be open behind its back.
            self._is_begun = self._frame is None or self._frame.add_guest(self)
        if not self._is_begun:
            return
        self._entered.enter(self.seat if self._holds else None)

    def _exit(self, error: BaseException | None, inside: list[Block]) -> None:
        """End all that is still open inside, the last one first, and then this."""
        # Another thread may do this when its own takes no more work: that goes on, and ends it there.
        if self._is_exited or not self._entered.is_here():
            return
        self._is_exited = True
        is_kept = self._is_left_behind(error) and self._when_left() is None
        failure = None if is_kept else error
        for block in inside:
            if block.is_open and failure is None and not is_kept:
                failure = RuntimeError(messages.ended_too_early(self, block))
            block._end_with(self)
            block.is_open = False
        if failure is not None:
            self._entered.close_iterators()
        for block in inside:
            with contextlib.suppress(Exception):
                block._exit_django(failure or block._when_left())
        self._exit_django(failure)
        if failure is not None and failure is not error:
            raise failure

    def _is_left_behind(self, error: BaseException | None) -> bool:
        """Whether its code was closed, or cancelled since what the thread waited for has ended before it."""
        is_over = self._is_run_for_thread and not is_run_for_thread(self._loop)
        return isinstance(error, GeneratorExit) or (
            is_over and isinstance(error, asyncio.CancelledError)
        )

    def _when_left(self) -> GeneratorExit | None:
        """Return the error with which to end it if nobody hears of that: none, if others lost their work."""
        return None if self._has_others else GeneratorExit()

    def _exit_django(self, error: BaseException | None) -> None:
        if self._frame is not None:
            self._frame.remove_guest(self)
        self._entered.leave(error)

    def note_call(self) -> None:
        is_own = self in _with_outer(current_route.get()) and self._caller.belongs()
        self._has_others = self._has_others or not is_own

    def end_here(self) -> None:
        """End it with the sync frame that it was entered in; its own end has not come before."""
        self._end_with_frame()
        self._undo(GeneratorExit())

    def _roll_back(self, error: BaseException) -> None:
        self._undo(error)
        self._end()

    def _undo(self, error: BaseException) -> None:
        with contextlib.suppress(Exception):
            self._exit(error, self._inside())
        self.seat.look_at_connections()
        self._give_back()
        self._context = contextvars.Context()

    def _inside(self) -> list[Block]:
        """Return the blocks that were entered in this one, the last one first."""
        return [
            block
            for blocks in list(self.seat.blocks.values())
            for block in reversed(blocks)
            if block is not self and self in _with_outer(block)
        ]

    # In any thread.

    def _give_back(self) -> None:
        """Let others have the place."""
        with self.seat.lock:
            blocks = self.seat.blocks.get(self._using, [])
            if self in blocks:
                blocks.remove(self)
        self._release()
        with self.seat.lock:
            self.seat.end_turn()

    def _release(self) -> None:
        """Hold the seat no longer; nobody's turn comes by that, so those who wait are not woken."""
        with self.seat.lock:
            holds, self._holds = self._holds, False
        if holds:
            release(self.seat)

    def _end(self) -> None:
        """Let others have the place for good, when its code is behind it; what is kept for the exit goes."""
        self._give_back()
        self._context = contextvars.Context()
        self._caller.forget()


def _with_outer(route: Route | None) -> list[Route]:
    found = []
    while route is not None:
        found.append(route)
        route = route.outer
    return found
