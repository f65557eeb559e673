"""Sends requests to one page through Django's handler and through ours in turn, and measures both."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler

from django_asynckit.audit.getting import NotAnswered, get, require_path, without_logs
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops

#: Requests before the first measured one, with each handler.
_WARM_UP: Final = 5
_ROUNDS: Final = 7
#: CPU seconds that one round of one handler takes, about.
_ROUND_SECONDS: Final = 0.15
_MOST_REQUESTS: Final = 400
#: Seconds after which no more rounds begin.
_LONGEST: Final = 30.0
_FEWEST_ROUNDS: Final = 3
#: A spread above this share of the median is too much to trust the figure.
_NOISY: Final = 0.25


@dataclass
class Side:
    """What one handler needed."""

    hops: int = 0
    threads: int = 0
    status: int = 0
    #: Microseconds of CPU time per request, one number for each round.
    rounds: list[float] = field(default_factory=list)

    @property
    def cpu_us(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """Half of the distance between the quarters, as a share of the median."""
        first, _, third = statistics.quantiles(self.rounds, n=4)
        return (third - first) / 2 / self.cpu_us

    @property
    def is_noisy(self) -> bool:
        return self.spread > _NOISY


@dataclass
class Measurement:
    """One page with both handlers."""

    path: str
    requests: int
    stock: Side
    asynckit: Side
    #: Whether it took so long that rounds were left out.
    is_cut: bool = False

    @property
    def ratio(self) -> float:
        """How many times more CPU time Django's handler needs."""
        return self.stock.cpu_us / self.asynckit.cpu_us

    @property
    def remarks(self) -> list[str]:
        """What one should know before trusting the figures."""
        remarks = []
        if self.stock.is_noisy or self.asynckit.is_noisy:
            remarks.append("The rounds differ a lot: something else uses this machine. Try again.")
        if self.stock.status != self.asynckit.status:
            remarks.append("The two handlers answered with different statuses.")
        if self.stock.status >= 300:
            remarks.append(f"The page answered with status {self.stock.status}.")
        if self.is_cut:
            remarks.append("The page is slow, so it was measured less often than others.")
        if settings.DEBUG:
            remarks.append("DEBUG is on, which costs time in each request.")
        return remarks


def measure(path: str, rounds: int = _ROUNDS, seconds: float = _ROUND_SECONDS) -> Measurement:
    """Measure GET requests for ``path``, as an anonymous visitor makes them.

    Not to be called where an event loop runs. It makes both handlers with the settings in force.
    Nothing is written beyond what middleware and view do, and nothing is logged meanwhile. It takes a
    few seconds, and not much longer than half a minute for a page that is slow.

    Raises :class:`~django_asynckit.audit.getting.NotAnswered` if ``path`` is no path, or if the page raised or did not end.
    """
    require_path(path)
    with without_logs():
        return asyncio.run(_measure(path, rounds, seconds))


async def _measure(path: str, rounds: int, seconds: float) -> Measurement:
    try:
        applications = (DjangoASGIHandler(), ASGIHandler())
    except Exception as error:  # Whatever making a middleware raises.
        raise NotAnswered(f"Django does not start: {type(error).__name__}: {error}") from error
    began = time.monotonic()
    stock, asynckit = [await _look(application, path) for application in applications]
    requests = await _how_many(applications, path, seconds)
    for number in range(rounds):
        if number >= _FEWEST_ROUNDS and time.monotonic() - began > _LONGEST:
            return Measurement(path, requests, stock, asynckit, is_cut=True)
        # In turn, and each first as often as the other: what else the machine does hits both.
        for index in (0, 1) if number % 2 else (1, 0):
            begin = time.process_time()
            for _ in range(requests):
                await get(applications[index], path)
            (stock, asynckit)[index].rounds.append((time.process_time() - begin) / requests * 1e6)
    return Measurement(path, requests, stock, asynckit)


async def _look(application: Any, path: str) -> Side:
    for _ in range(_WARM_UP):
        status = await get(application, path)
    with record_hops() as trace:
        await get(application, path)
    return Side(len(trace.hops) + trace.unfinished, trace.threads_started, status)


async def _how_many(applications: Any, path: str, seconds: float) -> int:
    begin, began = time.process_time(), time.monotonic()
    for application in applications:
        await get(application, path)
    each, waited = (time.process_time() - begin) / 2, (time.monotonic() - began) / 2
    # A view that waits for something else takes little CPU time, and long.
    in_time = _LONGEST / 2 / _ROUNDS / max(waited, 1e-6)
    return max(1, min(_MOST_REQUESTS, int(seconds / max(each, 1e-6)), int(in_time)))
