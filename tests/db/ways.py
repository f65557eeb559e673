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

    def run(self) -> None:
        """Run it in a thread of its own, and check what is then in the database and in the process."""
        with ThreadPoolExecutor(1) as executor:
            executor.submit(self.place.run, self).result(20)
        asyncio.run(self._check())
        assert self.faults == []

    async def _check(self) -> None:
        if self.rows is None:
            self.rows = await names()
        assert self.rows == self.expected()
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
            if self.way is FOREVER or self.way is FOREVER_BESIDE:
                task.cancel()
            _, waits = await asyncio.wait([task], timeout=5)
            assert not waits, "a task that was left never ends"

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
        async with aatomic():
            await self.write(FIRST)
            yield 1
            await self.write(LAST)
            yield 2

    async def write(self, name: str) -> None:
        """Write, or on a database with one writer only read, where others write meanwhile."""
        if self.may_write:
            await add(name)
        else:
            await Row.objects.acount()

    @property
    def has_others(self) -> bool:
        """Whether code beside the block writes while it is open."""
        return self.way.stays_open and (self.way.writes_beside or self.place.is_async)

    @property
    def may_write(self) -> bool:
        is_alone = self.place.is_shared or not (self.has_others and self.way.ends_late)
        return self.two_may_write or is_alone

    def expected(self) -> set[str]:
        """Return which rows must be there in the end, and no others."""
        always = {"after", "later", *(["beside"] if self.way.writes_beside else [])}
        if not self.may_write:
            return always
        if self.way is RETURN or (self.way in (OUTLIVES, OUTLIVES_BESIDE) and self._goes_on()):
            return always | {FIRST, LAST}
        if self.place.is_shared and self.has_others and not self._is_cancelled():
            # The one exception: on the one connection that there is, what others wrote while the block
            # was open is in its transaction, and is worth more than that the block is undone.
            return always | {FIRST}
        if self.place.is_shared and self.has_others and self.place.ends_loop:
            return always - {"beside"}  # As with any block that fails: see the reference of ``db``.
        return always

    def _goes_on(self) -> bool:
        return not self.place.has_frame

    def _is_cancelled(self) -> bool:
        """Whether the end of the loop cancels what was left, before the thread goes on."""
        return self.way.ends_late and self.place.ends_loop and self.way is not LATE


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
            await cell.block(asyncio.Event(), asyncio.sleep(60))


async def breaks(cell: Cell) -> None:
    async for _ in cell.items():
        break


async def breaks_and_waits(cell: Cell) -> None:
    await breaks(cell)
    await asyncio.sleep(0.02)


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
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)  # It reports that.
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
FOREVER: Final = Way("forever", leaves_a_task, False, stays_open=True, ends_late=True)
FOREVER_BESIDE: Final = Way("forever-beside", leaves_a_task, stays_open=True, ends_late=True)
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
    Way("coroutine-collected-in-thread", drops_a_coroutine_in_a_thread),
    Way("task-collected", drops_a_task, stays_open=True),
    LATE,
    OUTLIVES,
    OUTLIVES_BESIDE,
    FOREVER,
    FOREVER_BESIDE,
]
