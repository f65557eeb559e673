"""What a recorder has seen, and which recorders the running code belongs to."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeAlias

from django_asynckit.trace.hop import Hop


@dataclass(slots=True)
class Trace:
    """What ``record_hops`` has seen; it grows inside the block and is final after it."""

    #: The hops that have ended, in the order in which they ended.
    hops: list[Hop] = field(default_factory=list)
    #: Threads that were started, whoever started them.
    threads_started: int = 0
    #: Hops that have begun and not ended. After the block: those that were cut off by its end.
    unfinished: int = 0


class Recording:
    """Writes a trace, from any thread, until it is closed."""

    def __init__(self) -> None:
        self.trace = Trace()
        self.is_open = True
        # Reentrant: a finalizer may hop while this thread is between two lines here.
        self._lock = threading.RLock()

    def begin(self) -> None:
        with self._lock:
            if self.is_open:
                self.trace.unfinished += 1

    def end(self, hop: Hop | None) -> None:
        """Finish what ``begin`` began; ``None`` if it came to no crossing."""
        with self._lock:
            if self.is_open:
                self.trace.unfinished -= 1
                if hop is not None:
                    self.trace.hops.append(hop)

    def count_thread(self) -> None:
        with self._lock:
            self.trace.threads_started += self.is_open

    def close(self) -> None:
        with self._lock:
            self.is_open = False


Recordings: TypeAlias = tuple[Recording, ...]

#: The recordings that the running code belongs to; tasks and asgiref's threads inherit it.
ACTIVE: ContextVar[Recordings] = ContextVar("django_asynckit.trace", default=())


def active_with(*recordings: Recording) -> Recordings:
    """Return the active recordings that are still open, and then ``recordings``."""
    others = (one for one in ACTIVE.get() if one.is_open and one not in recordings)
    return (*others, *recordings)
