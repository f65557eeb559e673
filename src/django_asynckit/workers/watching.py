"""Notices what a request does with a database connection besides the ORM's own statements.

The text of SQL does not tell what is left on the session: any function may set something, and so may
a trigger. What counts is who wrote the statement. Django's compiler writes the ORM's own; for
everything else somebody asks the connection for a cursor or for the driver's object, or writes a
part of a query (see ``expressions.py``).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, Final, cast

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from django_asynckit.workers.cursors import Cursors, become, changed
from django_asynckit.workers.expressions import note_parts_of_users

#: Modules of Django that open cursors for SQL of their own, and for nothing else.
_ORM: Final = frozenset(
    {
        "django.core.cache.backends.db",
        "django.db.backends.postgresql.psycopg_any",
        "django.db.models.sql.compiler",
    }
)
#: What else opens them in Django's backends: for savepoints, and to ask for versions. Not, for
#: example, what switches the checks of foreign keys off, and not what a schema editor runs.
_BACKENDS: Final = ("django.db.backends.", "django.contrib.gis.db.backends.")
_OF_BACKENDS: Final = frozenset(
    {
        "_get_postgis_func",
        "_savepoint",
        "_savepoint_commit",
        "_savepoint_rollback",
        "_start_transaction_under_autocommit",
        "mysql_server_data",
        "oracle_version",
        "pg_version",
        "supports_json_field",
    }
)
#: Functions that open a cursor for the code that calls them.
_OPENERS: Final = frozenset({"chunked_cursor", "temporary_connection"})
#: Packages of Django that use the driver's object and do not hand it on.
_READERS: Final = ("django.db.", "django.contrib.gis.", "django.contrib.postgres.")
#: Where ``django.db.connection`` reads an attribute for the code that asks it.
_PROXY: Final = "django.utils.connection"
_WATCH: Final = "_asynckit_watch"


class Watch:
    """What was noticed on one connection wrapper; while ``is_trusted()``, nothing is.

    ``connect`` and ``close`` are called with what does so, when the wrapper connects or closes, and
    ``has_closed`` behind that.
    """

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        cursors: Cursors,
        is_trusted: Callable[[], bool],
        connect: Callable[[Callable[[], None]], None],
        close: Callable[[Callable[[], None]], None],
        has_closed: Callable[[], None],
    ) -> None:
        self.cursors = cursors
        self.is_trusted = is_trusted
        self.connect = connect
        self.close = close
        self.has_closed = has_closed
        #: Whether the session may have been changed, and whether the driver's object may.
        self.has_changed = False
        self.was_handed_out = False
        #: Those that belong to the connection. Others may change each statement.
        self.execute_wrappers: list[Any] = list(connection.execute_wrappers)
        self.readers = _Readers(connection)
        vars(connection)[_WATCH] = self
        # Not a patch of Django's class: this wrapper is watched, and no other.
        cls: Any = type(connection)
        become(connection, _watched(cls))
        note_parts_of_users(connection, self.note)

    def note(self) -> None:
        """Note that the session may have been changed."""
        self.has_changed = self.has_changed or not self.is_trusted()

    def hand_out(self) -> None:
        """Note that somebody got the driver's object, which keeps what is set on it."""
        if not self.is_trusted():
            self.has_changed = self.was_handed_out = True

    def look_at_reader(self, frame: Any) -> None:
        """Note it if the code of ``frame`` gets the driver's object and is not Django's."""
        while _module(frame) == _PROXY:
            frame = frame.f_back
        if not self.readers[_module(frame)]:
            self.hand_out()

    def look_at_cursor(self, cursor: Any, connection: Any, frame: Any) -> Any:
        """Return ``cursor``; note it if the code of ``frame`` gets it and is not the ORM."""
        is_orms = _is_orms(frame) and connection.execute_wrappers == self.execute_wrappers
        if is_orms or self.is_trusted():
            return cursor
        self.has_changed = True
        cls: Any = type(cursor)
        if not issubclass(cls, CursorWrapper):
            self.hand_out()
        elif not issubclass(cls, _WatchedCursor):
            vars(cursor)[_WATCH] = self
            become(cursor, _watched_cursor(cls))
        return cursor


class _Readers(dict[str, bool]):
    """Which modules may have the driver's object: Django's, ours, the backend's and the driver's."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        super().__init__()
        self._modules = {cls.__module__ for cls in type(connection).__mro__}
        database = getattr(connection, "Database", None)
        self._packages = {"django_asynckit", getattr(database, "__name__", "django_asynckit")}

    def __missing__(self, name: str) -> bool:
        package = name.partition(".")[0]
        is_known = name in self._modules or package in self._packages or name.startswith(_READERS)
        self[name] = is_known
        return is_known


def _is_orms(frame: Any) -> bool:
    """Whether the code of ``frame`` opens a cursor for a statement of Django's own."""
    while _module(frame) == "contextlib" or frame.f_code.co_name in _OPENERS:
        frame = frame.f_back
    module, name = _module(frame), frame.f_code.co_name
    return module in _ORM or (name in _OF_BACKENDS and module.startswith(_BACKENDS))


def _module(frame: Any) -> str:
    return str(frame.f_globals.get("__name__"))


class _Watched:
    """What the class of a connection wrapper becomes; ``super()`` is that class.

    ``connection`` is the driver's object, in Django an attribute of the instance.
    """

    @property
    def connection(self) -> Any:
        raw = self.__dict__["connection"]
        if raw is not None:
            frame = sys._getframe(1)
            watch = self.__dict__[_WATCH]
            if not watch.readers[_module(frame)]:
                watch.look_at_reader(frame)
        return raw

    @connection.setter
    def connection(self, raw: Any) -> None:
        self.__dict__["connection"] = raw

    def cursor(self) -> Any:
        cursor = super().cursor()  # type: ignore[misc]
        return self.__dict__[_WATCH].look_at_cursor(cursor, self, sys._getframe(1))

    def chunked_cursor(self) -> Any:
        watch = self.__dict__[_WATCH]
        cursor = watch.cursors.add(super().chunked_cursor())  # type: ignore[misc]
        return watch.look_at_cursor(cursor, self, sys._getframe(1))

    def _cursor(self, *args: Any, **kwargs: Any) -> Any:
        self.__dict__[_WATCH].look_at_reader(sys._getframe(1))
        return super()._cursor(*args, **kwargs)  # type: ignore[misc]

    def create_cursor(self, *args: Any, **kwargs: Any) -> Any:
        self.__dict__[_WATCH].look_at_reader(sys._getframe(1))
        return super().create_cursor(*args, **kwargs)  # type: ignore[misc]

    def schema_editor(self, *args: Any, **kwargs: Any) -> Any:
        self.__dict__[_WATCH].note()
        return super().schema_editor(*args, **kwargs)  # type: ignore[misc]

    def connect(self) -> None:
        self.__dict__[_WATCH].connect(super().connect)  # type: ignore[misc]

    def close(self) -> None:
        super().close()  # type: ignore[misc]
        self.__dict__[_WATCH].has_closed()

    def _close(self) -> None:
        self.__dict__[_WATCH].close(super()._close)  # type: ignore[misc]


class _WatchedCursor:
    """What the class of a cursor becomes that was opened for SQL of the user's.

    It is the driver's connection, and the driver's cursor that leads to it, that are noticed.
    """

    @property
    def cursor(self) -> Any:
        self.__dict__[_WATCH].look_at_reader(sys._getframe(1))
        return self.__dict__["cursor"]

    @cursor.setter
    def cursor(self, cursor: Any) -> None:
        self.__dict__["cursor"] = cursor

    @property
    def connection(self) -> Any:
        self.__dict__[_WATCH].look_at_reader(sys._getframe(1))
        return self.__dict__["cursor"].connection


@functools.cache
def _watched(cls: Any) -> type:
    def make(_cls: type, *args: Any, **kwargs: Any) -> Any:
        return cls(*args, **kwargs)

    watched: Any = changed(cls, _Watched)
    # What Django makes of the class of a wrapper, a copy for example, nobody watches.
    watched.__new__ = make
    return cast("type", watched)


@functools.cache
def _watched_cursor(cls: Any) -> type:
    return changed(cls, _WatchedCursor)
