"""``record_hops``: record the hops of a block of code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django_asynckit.trace.patch import patches
from django_asynckit.trace.recording import ACTIVE, Recording, Trace, active_with


@contextmanager
def record_hops() -> Iterator[Trace]:
    """Record every crossing between the event loop and a thread that the block makes.

    A plain ``with`` block, in sync and in async code. It sees what the block itself does, the tasks
    that it starts, and the threads that these reach; other tasks and requests, which run at the same
    time, it does not see. Blocks may be nested and then each one sees the hops.

    Yields a ``Trace``, filled while the block runs, from any thread. A hop is added once it has
    ended, also by an exception or a cancellation. One that still runs at the end of the block is not
    added, only counted in ``trace.unfinished``; nothing is added after the end.

    The first block in a process patches asgiref, asyncio and threading, the last one to end undoes
    that. Raises nothing of its own.

    >>> with record_hops() as trace:
    ...     asyncio.run(sync_to_async(len)("four"))
    4
    >>> [hop.target for hop in trace.hops]
    ['builtins.len']
    """
    recording = Recording()
    patches.acquire()
    ACTIVE.set(active_with(recording))
    try:
        yield recording.trace
    finally:
        recording.close()
        # Not by token: a fixture's block may be left in another context than it was entered in.
        ACTIVE.set(active_with())
        patches.release()
