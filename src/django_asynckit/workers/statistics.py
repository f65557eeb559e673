"""What the workers do and have done, for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statistics:
    """A moment of the worker pool. See ``statistics()``."""

    #: ``ASYNCKIT_WORKERS``.
    limit: int
    #: Threads that there are, and those of them that no request has.
    workers: int
    idle: int
    #: Those that hold a database connection.
    connected: int
    #: Requests that run limited calls, that keep a worker and run nothing, that wait for a thread or a connection.
    running: int
    resting: int
    waiting: int
    #: Since the process began: workers started, calls that waited, the longest wait in seconds.
    started: int
    waited: int
    longest_wait: float
    #: Calls that waited in vain.
    timed_out: int
    #: Calls of which it could not be seen which function they run. See asynckit.W023.
    unrecognised: int
