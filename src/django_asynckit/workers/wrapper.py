"""One of Django's connection wrappers, and what it was like before a request used it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.functional import cached_property

from django_asynckit.workers.cursors import Cursors
from django_asynckit.workers.sql import SESSION_CHANGED, watch

#: Modules of Django that open cursors for SQL of their own, not for SQL that a user wrote.
_ORM: Final = (
    "django.db.models.sql.compiler",
    "django.db.backends.",
    "django.core.cache.backends.db",
)
#: What libpq says of a connection: active, in a transaction, in one that has failed.
_IN_TRANSACTION: Final = (1, 2, 3)
#: Modules of Django's own connection wrappers.
_STOCK: Final = tuple(
    f"django.db.backends.{name}." for name in ("mysql", "oracle", "postgresql", "sqlite3")
)


class Wrapper:
    """Notes what a request does to a connection wrapper, and undoes it.

    While ``is_trusted()``, raw SQL is not looked at.
    """

    def __init__(
        self, connection: BaseDatabaseWrapper, is_trusted: Callable[[], bool], cursors: Cursors
    ) -> None:
        self.connection = connection
        #: Those that fetch in chunks and are open.
        self.cursors = cursors
        self._is_trusted = is_trusted
        self._added_names = _added_names(connection)
        self._added = self._values_of_added()
        vars(connection)[SESSION_CHANGED] = False
        self._names = set(vars(connection))
        self._execute_wrappers: list[Any] = list(connection.execute_wrappers)
        self._logs_queries = connection.force_debug_cursor
        self._ran_raw_sql = False
        self._watching = {
            "connect": self._connect,
            "cursor": functools.partial(self._open_cursor, "cursor"),
            "chunked_cursor": functools.partial(self._open_cursor, "chunked_cursor"),
        }
        self._names.update(self._watching)
        self._watch()

    def in_transaction(self) -> bool:
        """Whether a transaction is open, or autocommit is not what the settings say."""
        connection = self.connection
        return connection.in_atomic_block or (
            connection.connection is not None
            and connection.autocommit != connection.settings_dict["AUTOCOMMIT"]
        )

    def was_left_in_transaction(self) -> bool:
        """Whether a transaction is open for sure, also one of which Django does not know.

        With autocommit off there may be none. MySQL's drivers do not say.
        """
        raw = self.connection.connection
        is_open = getattr(raw, "in_transaction", False)  # Of SQLite.
        status = getattr(getattr(raw, "info", None), "transaction_status", None)  # Of PostgreSQL.
        return self.connection.in_atomic_block or bool(is_open) or status in _IN_TRANSACTION

    def is_dead(self) -> bool:
        """Whether there is a connection that works no more; nobody knows while in a transaction."""
        return (
            self.connection.connection is not None
            and not self.in_transaction()
            and not self._is_usable()
        )

    def renew(self) -> None:
        """Close a connection that is too old for the next request, or have its health checked.

        One that is to be closed after each request stays while requests pass it on.
        """
        connection: Any = self.connection
        if connection.settings_dict["CONN_MAX_AGE"] == 0:
            connection.health_check_done = False
        else:
            connection.close_if_unusable_or_obsolete()

    def must_not_be_kept(self) -> bool:
        """Whether the next request would see what this one left on the session or the wrapper."""
        return vars(self.connection)[SESSION_CHANGED] or self._values_of_added() != self._added

    def is_kept(self) -> bool:
        """Whether nobody closes the connection when a request ends; there may be none."""
        connection = self.connection
        return connection.connection is None or (
            connection.settings_dict["CONN_MAX_AGE"] != 0
            and not self.cursors
            and not self.must_not_be_kept()
        )

    def has_died(self) -> bool:
        """Whether an error has shown that the connection works no more; seen once, as by Django."""
        connection = self.connection
        if not connection.errors_occurred or self.in_transaction():
            return False
        is_dead = self.is_dead()
        connection.errors_occurred = is_dead
        return is_dead

    def is_as_before(self) -> bool:
        """Whether the next request could take the connection as it is."""
        connection = self.connection
        return not (
            self._ran_raw_sql
            or connection.errors_occurred
            or connection.run_on_commit
            or connection.execute_wrappers != self._execute_wrappers
            or connection.force_debug_cursor != self._logs_queries
            or connection.allow_thread_sharing
            or settings.DEBUG  # The log of queries is a request's own.
            or self._values_of_added() != self._added
            or self._unknown_attributes()
            or any(vars(connection).get(name) != ours for name, ours in self._watching.items())
        )

    def restore(self) -> None:
        """Undo what the request set."""
        connection = self.connection
        for name in self._unknown_attributes():
            delattr(connection, name)
        connection.execute_wrappers = list(self._execute_wrappers)
        connection.force_debug_cursor = self._logs_queries
        connection.queries_log.clear()
        connection.run_on_commit = []
        while connection.allow_thread_sharing:
            connection.dec_thread_sharing()
        self._ran_raw_sql = False
        self._watch()

    def _is_usable(self) -> bool:
        try:
            return self.connection.is_usable()
        except Exception:
            return False

    def _unknown_attributes(self) -> list[str]:
        unknown = vars(self.connection).keys() - self._names
        if not unknown:
            return []
        cls = type(self.connection)
        self._names |= {n for n in unknown if isinstance(getattr(cls, n, None), cached_property)}
        return list(unknown - self._names)

    def _values_of_added(self) -> list[Any]:
        return [vars(self.connection).get(name) for name in self._added_names]

    def _watch(self) -> None:
        for name, ours in self._watching.items():
            setattr(self.connection, name, ours)

    def _open_cursor(self, name: str) -> Any:
        caller: str = sys._getframe(1).f_globals.get("__name__", "")
        cursor = getattr(type(self.connection), name)(self.connection)
        if name == "chunked_cursor":
            cursor = self.cursors.add(cursor)
        if caller.startswith(_ORM) or self._is_trusted():
            return cursor
        self._ran_raw_sql = True
        return watch(cursor, self.connection)

    def _connect(self) -> None:
        """Keep what receivers of ``connection_created`` add: it belongs to the connection."""
        connection, ran_raw_sql = self.connection, self._ran_raw_sql
        names, wrappers = set(vars(connection)), list(connection.execute_wrappers)
        added = self._values_of_added()
        type(connection).connect(connection)
        self._names |= vars(connection).keys() - names
        self._execute_wrappers += [w for w in connection.execute_wrappers if w not in wrappers]
        # What the request had set before is its own.
        self._added = [
            known if now == before else now
            for known, before, now in zip(self._added, added, self._values_of_added(), strict=True)
        ]
        self._ran_raw_sql = ran_raw_sql
        vars(connection)[SESSION_CHANGED] = False


def _added_names(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the attributes that a class made of one of Django's adds: the tenant, for example."""
    cls = type(connection)
    stock = next((base for base in cls.__mro__ if base.__module__.startswith(_STOCK)), cls)
    if stock is cls:
        return []
    return list(vars(connection).keys() - vars(stock(connection.settings_dict, connection.alias)))
