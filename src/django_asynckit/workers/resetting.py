"""Makes the session of a database connection as good as new: cheaper than a new connection."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

#: Where psycopg and psycopg2 keep what a session has received, and the functions that are told of it.
_COLLECTED: Final = (
    "_notice_handlers",
    "_notifies_backlog",
    "_notify_handlers",
    "notices",
    "notifies",
)
#: What can be set on the connections of psycopg, psycopg2 and MySQLdb, as far as it can be compared.
_OF_DRIVER: Final = (
    "cursor_factory",
    "cursorclass",
    "deferrable",
    "isolation_level",
    "prepare_threshold",
    "prepared_max",
    "read_only",
    "readonly",
    "row_factory",
    "server_cursor_factory",
)
#: Arguments of MySQLdb that are for the connection itself, or that are given again to the session.
_OF_MYSQL_CONNECTION: Final = frozenset(
    {
        "charset",
        "client_flag",
        "connect_timeout",
        "conv",
        "database",
        "db",
        "host",
        "passwd",
        "password",
        "port",
        "read_timeout",
        "ssl",
        "ssl_mode",
        "unix_socket",
        "use_unicode",
        "user",
        "write_timeout",
    }
)


def reset(connection: BaseDatabaseWrapper) -> bool:
    """Make the session of ``connection`` what a new one is before Django sets it up.

    Say whether that was done; if not, the connection is to be closed.
    """
    by_vendor: Callable[[Any], bool] | None = _RESETS.get(connection.vendor)
    # Else what somebody's code does to each new connection would be missing.
    make: Any = type(connection).get_new_connection
    is_djangos = make.__module__.startswith("django.")
    if by_vendor is None or not is_djangos or is_of_pool(connection.connection):
        return False
    try:
        return by_vendor(connection)
    except Exception:  # It is broken, or the driver still waits for something.
        return False


def driver_state(raw: Any) -> list[Any]:
    """Return what can be set on ``raw``, a driver's connection, and no SQL takes back."""
    return [getattr(raw, name, None) for name in _OF_DRIVER]


def is_of_pool(raw: Any) -> bool:
    """Whether ``raw``, a driver's connection, goes back to psycopg's pool when it is closed."""
    return getattr(raw, "_pool", None) is not None


def clean_for_pool(connection: Any, was_handed_out: bool) -> None:
    """Make the session what the pool has made it; else end it, and the pool connects anew."""
    raw = connection.connection
    try:
        if was_handed_out:
            raw.close()
            return
        raw.rollback()
        _reset_postgresql(connection)
        connection._configure_connection(raw)
    except Exception:
        with contextlib.suppress(Exception):
            raw.close()


def _reset_postgresql(connection: Any) -> bool:
    raw = connection.connection
    prepared = getattr(raw, "_prepared", None)
    if prepared is not None:
        prepared.clear()  # The server forgets these statements, and psycopg does not notice.
    elif getattr(raw, "prepare_threshold", None) is not None:
        return False
    raw.autocommit = True  # DISCARD ALL cannot run in a transaction.
    with raw.cursor() as cursor:
        cursor.execute("DISCARD ALL")
    for name in _COLLECTED:
        collected = getattr(raw, name, None)
        if isinstance(collected, list | deque):
            collected.clear()
    return True


def _reset_mysql(connection: Any) -> bool:
    raw, params = connection.connection, connection.get_connection_params()
    user, database = params.get("user"), params.get("database", params.get("db"))
    if not user or not database or not _OF_MYSQL_CONNECTION.issuperset(params):
        return False
    raw.change_user(user, params.get("password", params.get("passwd", "")), database)
    raw.set_character_set(params["charset"])
    return True


_RESETS: Final = {"postgresql": _reset_postgresql, "mysql": _reset_mysql}
