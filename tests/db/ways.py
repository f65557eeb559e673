"""Each way out of a block of ``aatomic``, and what must then be in the database."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection

from django_asynckit.db import aatomic
from tests.db.cancelling import Left
from tests.db.tools import Row, add, add_sync, names
from tests.workers.tools import until_idle

#: What is in the block that is left: the first row, and the last one before its end.
FIRST, LAST = "first", "last"


@dataclass
class Cell:
    """One way out of a block at one place: runs there, and keeps what must outlive the code."""

    way: Way
    place: Any
    #: Whether a second connection can write while a first one has written.
    two_may_write: bool
    #: What refers to the code that was left in the block.
    kept: list[Any] = field(default_factory=list)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    #: What the place has found wrong.
    faults: list[str] = field(default_factory=list)
    #: What is in the database, if the place itself had to look.
    rows: set[str] | None = None
    release: asyncio.Event | None = None
    is_closed: asyncio.Event = field(default_factory=asyncio.Event)

    def run(self) -> None:
        """Run it in a thread of its own, and check what is then in the database and in the process."""
        with ThreadPoolExecutor(1) as executor:
            try:
                executor.submit(self.place.run, self).result(8)
            finally:
                self.let_go()
        asyncio.run(self._check())
        assert self.faults == [], self.faults

    async def _check(self) -> None:
        if self.rows is None:
            self.rows = await names()
        assert self.rows == self.expected(), (self.rows, self.expected())
        await until_idle()

    # What the places run.

    def note_rows(self) -> None:
        self.rows = set(Row.objects.filter(app_label="app").values_list("model", flat=True))

    def sync_body(self) -> None:
        """Leave the block in a sync frame, and write behind it."""
        before = state()
        async_to_sync(self.leave)()
        self._expect(before, "behind the frame")
        add_sync("after")
        self.let_go()
        self._expect(before, "behind what was collected")
        add_sync("later")

    async def async_body(self) -> None:
        """Leave the block, and write behind it in the same coroutine."""
        await self.leave()
        await add("after")
        self.let_go()
        await add("later")

    async def leave(self) -> None:
        self.release = asyncio.Event()
        await self.way.run(self)
        if self.way.writes_beside:
            await add("beside")

    def let_go(self) -> None:
        if self.kept:
            self.kept.clear()
            gc.collect()

    async def finish(self) -> None:
        """Let the tasks end that were left, on their loop."""
        if self.release is not None:
            self.release.set()
        for task in self.tasks:
            if self.way.is_stopped:
                task.cancel()
            _, waits = await asyncio.wait([task], timeout=5)
            assert not waits, "a task that was left never ends"
            outcome = "" if task.cancelled() else str(task.exception() or "")
            if self._outcome() not in outcome or bool(outcome) != bool(self._outcome()):
                self.faults.append(f"a task that was left has heard: {outcome!r}")

    def _outcome(self) -> str:
        """Return what a task hears that was in the block: nothing, if it was cancelled or has ended well."""
        if self.is_refused and not self.way.is_stopped:
            return "was ended, and rolled back, with the block around it"
        if not self.place.has_frame or self.place.ends_loop or self.way.is_stopped:
            return ""
        others = self.place.is_shared and self.has_others
        return (
            f"was ended, and {'committed as far' if others else 'rolled back, when the async_to'}"
        )

    def _expect(self, before: Any, when: str) -> None:
        if state() != before:
            self.faults.append(f"{when} the thread is at {state()}, not at {before}")

    # What the ways run.

    async def block(self, entered: asyncio.Event, until: Awaitable[Any]) -> None:
        async with aatomic():
            await self.write(FIRST)
            entered.set()
            await until
            await self.write(LAST)

    async def items(self):
        try:
            async with aatomic():
                await self.write(FIRST)
                yield 1
                await self.write(LAST)
                yield 2
        finally:
            self.is_closed.set()

    async def write(self, name: str) -> None:
        """Write; not on a database with one writer at a time where others write meanwhile."""
        await (add(name) if self.may_write else sync_to_async(state)())

    @property
    def has_others(self) -> bool:
        """Whether code beside the block writes while it is open."""
        return self.way.stays_open and (self.way.writes_beside or self.place.is_async)

    @property
    def is_refused(self) -> bool:
        """Whether a block around it ends first, which is an error: all is rolled back."""
        return self.place.is_in_block and self.way.ends_late and self.way is not LATE

    @property
    def may_write(self) -> bool:
        is_alone = self.place.is_shared or not (self.has_others and self.way.ends_late)
        return self.two_may_write or is_alone

    def expected(self) -> set[str]:
        """Return which rows must be there in the end, and no others."""
        if self.is_refused:
            return set()
        always = {"after", "later", *(["beside"] if self.way.writes_beside else [])}
        if not self.may_write:
            return always
        if self.way is RETURN or (
            self.way in (OUTLIVES, OUTLIVES_BESIDE) and not self.place.has_frame
        ):
            return always | {FIRST, LAST}
        if self.place.is_shared and self.has_others:
            # The one exception: on the one connection that there is, what others wrote while the block
            # was open is in its transaction, and is worth more than that the block is undone.
            return always | {FIRST}
        return always


@dataclass(frozen=True, eq=False)
class Way:
    """One way out, which ``run`` takes."""

    name: str
    run: Callable[[Cell], Awaitable[None]]
    #: Whether the same coroutine writes right behind it.
    writes_beside: bool = True
    #: Whether the block is still open then; and whether it stays so until something else happens.
    stays_open: bool = False
    ends_late: bool = False
    #: Whether what is left waits for ever, and is cancelled in the end.
    is_stopped: bool = False

    def __str__(self) -> str:
        return self.name


def state() -> tuple[bool, int, bool]:
    """Say how deep in transactions this thread is."""
    return connection.in_atomic_block, len(connection.savepoint_ids), connection.needs_rollback


async def returns(cell: Cell) -> None:
    await cell.block(asyncio.Event(), asyncio.sleep(0))


async def raises(cell: Cell) -> None:
    with contextlib.suppress(LookupError):
        async with aatomic():
            await cell.write(FIRST)
            raise LookupError("planned")


async def started(cell: Cell) -> asyncio.Task[None]:
    """Return a task that is in the block, and waits for the end."""
    assert cell.release is not None
    entered = asyncio.Event()
    task = asyncio.create_task(cell.block(entered, cell.release.wait()))
    await entered.wait()
    return task


async def is_cancelled(cell: Cell) -> None:
    task = await started(cell)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def times_out(cell: Cell) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.03):
            await cell.block(asyncio.Event(), asyncio.get_running_loop().create_future())


async def breaks(cell: Cell) -> None:
    async for _ in cell.items():
        break


async def breaks_and_waits(cell: Cell) -> None:
    await breaks(cell)
    await cell.is_closed.wait()


async def closes(cell: Cell) -> None:
    async with contextlib.aclosing(cell.items()) as items:
        async for _ in items:
            break


async def drops_a_generator(cell: Cell) -> None:
    """Leave it in a cycle of references."""
    items = cell.items()
    cycle = [items]
    cycle.append(cycle)  # type: ignore[arg-type]
    await anext(items)
    del items, cycle
    gc.collect()


async def left_coroutine(cell: Cell) -> Any:
    assert cell.release is not None
    entered = asyncio.Event()
    coroutine = cell.block(entered, cell.release.wait())
    task = asyncio.ensure_future(Left(coroutine))
    await entered.wait()
    task.cancel()
    await asyncio.wait([task])
    return coroutine


async def drops_a_coroutine(cell: Cell) -> None:
    await left_coroutine(cell)
    gc.collect()


async def drops_a_coroutine_in_a_thread(cell: Cell) -> None:
    """The garbage collector may come in the very thread that the block was entered in."""
    cycle = [await left_coroutine(cell)]
    cycle.append(cycle)
    del cycle
    await sync_to_async(gc.collect)()


async def drops_a_task(cell: Cell) -> None:
    entered = asyncio.Event()
    task = asyncio.create_task(cell.block(entered, asyncio.get_running_loop().create_future()))
    await entered.wait()
    await asyncio.sleep(0)
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, _context: None
    )  # It reports that.
    del task
    gc.collect()


async def keeps_a_coroutine(cell: Cell) -> None:
    cell.kept.append(await left_coroutine(cell))


async def keeps_a_generator(cell: Cell) -> None:
    items = cell.items()
    await anext(items)
    cell.kept.append(items)


async def leaves_a_task(cell: Cell) -> None:
    cell.tasks.append(await started(cell))


RETURN: Final = Way("return", returns)
OUTLIVES: Final = Way("outlives", leaves_a_task, False, stays_open=True, ends_late=True)
OUTLIVES_BESIDE: Final = Way("outlives-beside", leaves_a_task, stays_open=True, ends_late=True)
LATE: Final = Way("collected-late", keeps_a_coroutine, False, stays_open=True, ends_late=True)
WAYS: Final = [
    RETURN,
    Way("exception", raises),
    Way("cancelled", is_cancelled),
    Way("timeout", times_out),
    Way("break", breaks, False, stays_open=True),
    Way("break-beside", breaks, stays_open=True),
    Way("break-then-wait", breaks_and_waits),
    Way("aclosing", closes),
    Way("generator-collected", drops_a_generator, stays_open=True),
    Way("coroutine-collected", drops_a_coroutine, False, stays_open=True),
    Way("coroutine-collected-beside", drops_a_coroutine, stays_open=True),
    Way("coroutine-collected-in-thread", drops_a_coroutine_in_a_thread, stays_open=True),
    Way("task-collected", drops_a_task, stays_open=True),
    LATE,
    OUTLIVES,
    OUTLIVES_BESIDE,
    Way("forever", leaves_a_task, False, stays_open=True, ends_late=True, is_stopped=True),
    Way("forever-beside", leaves_a_task, stays_open=True, ends_late=True, is_stopped=True),
]
#: Where it is the event loop that closes what was left.
WAYS_OF_LOOPS: Final = [way for way in WAYS if way.stays_open and not way.is_stopped]
