"""Random tasks with random blocks, errors and cancellations, and what must be in the database afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import Awaitable, Callable

from django_asynckit.db import aatomic, agather, aon_commit
from django_asynckit.workers import worker_lease


class PlannedError(Exception):
    """An error that belongs to the plan."""


class Model:
    """Runs about ``steps`` writes, and knows which of them must have been committed.

    ``write(token)`` writes a row. What is in a block counts if a callback of its commit has run.
    """

    def __init__(self, write: Callable[[str], Awaitable[object]], seed: int) -> None:
        self._write = write
        self._chosen = random.Random(seed)
        self._numbers = itertools.count()
        #: Tokens that must be there, and those of writes that were cancelled outside of a block.
        self.committed: set[str] = set()
        self.unknown: set[str] = set()
        self.steps = 0

    async def run(self, steps: int, at_once: int) -> None:
        while self.steps < steps:
            await asyncio.gather(*(self._request() for _ in range(at_once)))

    async def _request(self) -> None:
        """Run some tasks beside each other, as one request may, and cancel some of them."""
        loop, chosen = asyncio.get_running_loop(), self._chosen
        async with worker_lease():
            tasks = [asyncio.create_task(self._task()) for _ in range(chosen.randint(1, 3))]
            for task in tasks:
                if chosen.random() < 0.3:
                    loop.call_later(chosen.random() * 0.03, task.cancel)
            if chosen.random() < 0.3:
                with contextlib.suppress(ExceptionGroup):
                    await agather(self._task(), self._task())
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(
                result, PlannedError | asyncio.CancelledError
            ):
                raise result

    async def _task(self) -> None:
        for _ in range(self._chosen.randint(1, 3)):
            if self._chosen.random() < 0.4:
                await self._write_alone()
            else:
                await self._outermost()

    async def _write_alone(self) -> None:
        token = self._token()
        self.unknown.add(token)
        await self._write(token)
        self.unknown.remove(token)
        self.committed.add(token)

    async def _outermost(self) -> None:
        tokens: set[str] = set()
        with contextlib.suppress(PlannedError):
            async with aatomic():
                await aon_commit(lambda: self.committed.update(tokens))
                await self._fill(tokens, depth=0)

    async def _nested(self, around: set[str], depth: int) -> None:
        tokens: set[str] = set()
        with contextlib.suppress(PlannedError):
            async with aatomic(savepoint=True):
                await self._fill(tokens, depth)
            around |= tokens

    async def _fill(self, tokens: set[str], depth: int) -> None:
        chosen = self._chosen
        for _ in range(chosen.randint(1, 3)):
            kind = chosen.random()
            if kind < 0.5 or depth > 2:
                token = self._token()
                await self._write(token)
                tokens.add(token)
            elif kind < 0.8:
                await self._nested(tokens, depth + 1)
            else:
                await asyncio.gather(
                    self._nested(tokens, depth + 1), self._nested(tokens, depth + 1)
                )
        if chosen.random() < 0.2:
            raise PlannedError

    def _token(self) -> str:
        self.steps += 1
        return f"w{next(self._numbers)}"
