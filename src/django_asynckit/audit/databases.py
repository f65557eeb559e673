"""Asks databases how many connections they take. It is the one part of an audit that connects."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from django_asynckit.audit.findings import Finding, Place, Rule
from django_asynckit.conf import worker_settings

TOO_FEW: Final = Rule(
    id="asynckit.W019",
    hint="Lower ASYNCKIT_WORKERS, or raise the database's limit. A pool's max_size below "
    "ASYNCKIT_WORKERS limits connections too, but makes requests wait.",
)
ROOM: Final = Rule(
    id="asynckit.I016",
    hint="Count the processes of the server, on all machines, and of task queues and cron jobs. "
    "Keep a few connections for administrators.",
    is_check=False,
)
NOT_ASKED: Final = Rule(
    id="asynckit.E011",
    hint="Look at DATABASES, and whether the server runs and can be reached from here.",
    is_check=False,
)
NO_LIMIT_HINT: Final = (
    "Make that middleware async, or take it out; W003 says more of it. Or use psycopg's pool or "
    "PgBouncer, where requests wait for a connection."
)
#: What each kind of server takes from users that are not superusers.
_QUERIES: Final = {
    # Since PostgreSQL 16 there are reserved_connections too.
    "postgresql": "SELECT sum(CASE name WHEN 'max_connections' THEN 1 ELSE -1 END * setting::int) "
    "FROM pg_settings WHERE name IN "
    "('max_connections', 'superuser_reserved_connections', 'reserved_connections')",
    "mysql": "SELECT LEAST(@@max_connections, "
    "COALESCE(NULLIF(@@max_user_connections, 0), @@max_connections))",
}


def audit_databases(
    aliases: Iterable[str], holding: Sequence[str] = (), requests: str = "request"
) -> Iterator[Finding]:
    """Connect to each of ``aliases``, and compare what it takes with what this project may open.

    ``holding`` names the middleware that holds a worker for each open request of those that
    ``requests`` names.
    """
    for alias in aliases:
        place = Place(f"DATABASES[{alias!r}]")
        try:
            limit = connection_limit(alias)
        except Exception as error:  # A driver may raise anything.
            message = f"Database {alias!r} cannot be asked: {type(error).__name__}: {error}"
            yield NOT_ASKED.found(place, message.strip())
            continue
        if limit is None:
            message = f"Database {alias!r} is not asked for a limit of connections."
            hint = "SQLite has none, and what other databases have is not known to us."
            yield ROOM.found(place, message, hint)
            continue
        with contextlib.suppress(ImproperlyConfigured):  # E001 reports wrong workers.
            yield _compared(place, alias, limit, holding, requests)


def _compared(
    place: Place, alias: str, limit: int, holding: Sequence[str], requests: str
) -> Finding:
    opened = connections_per_process(alias, holding)
    takes = f"Database {alias!r} takes {limit} connections, and one process of this site"
    if opened is None:
        return TOO_FEW.found(place, f"{takes} {_why_no_limit(holding, requests)}", NO_LIMIT_HINT)
    if opened > limit:
        return TOO_FEW.found(place, f"{takes} may ask for {opened}: then requests fail.")
    processes = limit // opened
    word = "process" if processes == 1 else "processes"
    return ROOM.found(place, f"{takes} opens up to {opened}: enough for {processes} {word}.")


def _why_no_limit(holding: Sequence[str], requests: str) -> str:
    verb = "is" if len(holding) == 1 else "are"
    return (
        f"opens them without a limit, one for each open {requests} that has used the database, since "
        f"{' and '.join(holding)} {verb} sync only: with too many open requests some fail."
    )


def connection_limit(alias: str) -> int | None:
    """Return how many connections the server takes at once; ``None`` where it is not known.

    Raises what Django raises if there is no such database or it cannot be reached.
    """
    connection = connections[alias]
    query = _QUERIES.get(connection.vendor)
    if query is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def connections_per_process(alias: str, holding: Sequence[str] = ()) -> int | None:
    """Return how many connections one process opens under our handler: one for each worker.

    ``None`` if there is no limit, since ``holding`` names middleware that holds a worker for each
    open request; a pool limits these too.
    """
    size = pool_size(connections[alias].settings_dict)
    if holding:
        return size
    limit = worker_settings().limit
    return limit if size is None else min(limit, size)


def pool_size(database: dict[str, Any]) -> int | None:
    """Return how many connections the pool of an entry of ``DATABASES`` has; ``None`` without one."""
    pool = (database.get("OPTIONS") or {}).get("pool")
    if not pool:
        return None
    sizes = pool if isinstance(pool, dict) else {}
    return int(sizes.get("max_size") or sizes.get("min_size", 4))  # psycopg_pool's defaults
