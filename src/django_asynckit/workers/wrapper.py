"""One of Django's connection wrappers, and what it was like before a request used it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.functional import cached_property

from django_asynckit.workers.added import added_state
from django_asynckit.workers.cursors import Cursors
from django_asynckit.workers.resetting import clean_for_pool, driver_state, is_of_pool, reset
from django_asynckit.workers.watching import Watch

#: What libpq says of a connection: active, in a transaction, in one that has failed.
_IN_TRANSACTION: Final = (1, 2, 3)
#: What Django's wrappers know of the server and of the driver's object, and ask once.
_OF_SERVER: Final = ("isolation_level", "mysql_server_data", "pg_version")


class Wrapper:
    """Notes what a request does to a connection wrapper, and undoes it.

    While ``is_trusted()``, raw SQL is not looked at. ``opens`` and ``has_closed`` are called before a
    connection is opened, and when it was closed.
    """

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        is_trusted: Callable[[], bool],
        cursors: Cursors,
        opens: Callable[[], None],
        has_closed: Callable[[], None],
    ) -> None:
        self.connection = connection
        self._opens = opens
        self._has_closed = has_closed
        #: Those that fetch in chunks and are open.
        self.cursors = cursors
        self._added = added_state(connection)
        self._driver: list[Any] = []
        self._logs_queries = connection.force_debug_cursor
        self._watch = Watch(connection, cursors, is_trusted, self._connect, self._close, has_closed)
        self._names = set(vars(connection))

    def is_open(self) -> bool:
        """Whether there is a connection; Django keeps the closed one of a transaction."""
        return self.connection.connection is not None and not self.connection.closed_in_transaction

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

    def was_changed(self) -> bool:
        """Whether the next request would see what this one left on the session or the wrapper."""
        return self.has_own_state() or (self._watch.has_changed and not self._keeps_its_data())

    def has_own_state(self) -> bool:
        """Whether a request changed what a class of one's own adds to Django's: the tenant."""
        return added_state(self.connection) != self._added

    def is_kept(self) -> bool:
        """Whether nobody closes the connection at the end of a request that left nothing; there may be none."""
        connection = self.connection
        return connection.connection is None or (
            connection.settings_dict["CONN_MAX_AGE"] != 0 and not self.cursors
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
            self._watch.has_changed
            or connection.run_on_commit
            or connection.execute_wrappers != self._watch.execute_wrappers
            or connection.force_debug_cursor != self._logs_queries
            or connection.allow_thread_sharing
            or settings.DEBUG  # The log of queries is a request's own.
            or self.has_own_state()
            or self._unknown_attributes()
        )

    def restore(self) -> None:
        """Undo what the request set."""
        connection = self.connection
        for name in self._unknown_attributes():
            delattr(connection, name)
        connection.execute_wrappers = list(self._watch.execute_wrappers)
        connection.force_debug_cursor = self._logs_queries
        connection.queries_log.clear()
        connection.run_on_commit = []
        while connection.allow_thread_sharing:
            connection.dec_thread_sharing()
        self._watch.has_changed = False

    def take_session(self) -> Any:
        """Return the driver's connection, as new, if it can be had so; the wrapper has it no more."""
        raw = self.connection.connection
        if raw is None or self._watch.was_handed_out or driver_state(raw) != self._driver:
            return None  # A cursor's execute() returns the driver's, which leads to the connection too.
        if not reset(self.connection):
            return None
        self.connection.connection = None
        return raw

    def begin_with(self, raw: Any, earlier: BaseDatabaseWrapper) -> None:
        """Do what Django does to a new connection to ``raw``, which ``earlier`` had and is as new."""
        connection: Any = self.connection
        vars(connection).update(
            {name: value for name, value in vars(earlier).items() if name in _OF_SERVER}
        )
        connection.get_new_connection = lambda _params: raw
        try:
            connection.connect()
        finally:
            del connection.get_new_connection
        connection.close_at = earlier.close_at  # It does not get any younger.

    def _is_usable(self) -> bool:
        try:
            return self.connection.is_usable()
        except Exception:
            return False

    def _keeps_its_data(self) -> bool:
        """Whether it is a database in memory, which Django never closes: its data would be lost."""
        connection: Any = self.connection
        return connection.vendor == "sqlite" and bool(connection.is_in_memory_db())

    def _unknown_attributes(self) -> list[str]:
        unknown = vars(self.connection).keys() - self._names
        if not unknown:
            return []
        cls = type(self.connection)
        self._names |= {n for n in unknown if isinstance(getattr(cls, n, None), cached_property)}
        return list(unknown - self._names)

    def _connect(self, connect: Callable[[], None]) -> None:
        """Keep what receivers of ``connection_created`` add: it belongs to the connection."""
        connection, watch = self.connection, self._watch
        names, wrappers = set(vars(connection)), list(connection.execute_wrappers)
        before, was_changed, was_handed_out = (
            added_state(connection),
            watch.has_changed,
            watch.was_handed_out,
        )
        self._opens()
        try:
            connect()
        except BaseException:
            self._has_closed()
            raise
        self._driver = driver_state(connection.connection)
        self._names |= vars(connection).keys() - names
        watch.execute_wrappers += [w for w in connection.execute_wrappers if w not in wrappers]
        # What the request had set before is its own.
        self._added |= {
            name: value
            for name, value in added_state(connection).items()
            if name not in before or value != before[name]
        }
        watch.has_changed, watch.was_handed_out = was_changed, was_handed_out

    def _close(self, close: Callable[[], None]) -> None:
        """See to it that what goes back to a pool is as its next user expects it."""
        raw = self.connection.connection
        if is_of_pool(raw) and self.was_changed():
            clean_for_pool(self.connection, self._watch.was_handed_out)
        close()
