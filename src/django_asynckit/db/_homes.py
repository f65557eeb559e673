"""Where code of a request runs, and how to run it beside that."""

from __future__ import annotations

from django.db import connections

from django_asynckit._bridge import run_in_worker
from django_asynckit.workers.routes import home
from django_asynckit.workers.seat import Seat
from django_asynckit.workers.threads import ThreadSeat


async def find_home() -> Seat:
    """Return where calls of the running code go, and find out if others can be sent elsewhere.

    Not if sync code that waits in ``async_to_sync`` is inside of a transaction.
    """
    seat = home()
    if isinstance(seat, ThreadSeat) and not seat.is_known:
        seat.is_shared = await run_in_worker(_is_in_transaction)
        seat.is_known = True
    return seat


async def find_home_with_connections() -> Seat:
    """The same, with its connections known, to make others like them."""
    seat = await find_home()
    if isinstance(seat, ThreadSeat):
        await run_in_worker(seat.look_at_connections)
    return seat


def _is_in_transaction() -> bool:
    return any(
        one.in_atomic_block
        or (one.connection is not None and one.autocommit != one.settings_dict["AUTOCOMMIT"])
        for one in connections.all(initialized_only=True)
    )
