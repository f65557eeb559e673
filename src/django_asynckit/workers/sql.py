"""Which SQL of the user's may leave something on the session of the database server."""

from __future__ import annotations

import functools
import re
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

#: What only reads and writes rows, or ends with the transaction. All else may outlast it: also BEGIN,
#: of which Django does not know that it must be ended.
_PASSING: Final = re.compile(
    r"\s*(?:SELECT|WITH|VALUES|TABLE|INSERT|UPDATE|DELETE|MERGE|REPLACE|EXPLAIN|SHOW|"
    r"COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET\s+(?:LOCAL|TRANSACTION|CONSTRAINTS))\b",
    re.IGNORECASE,
)
#: Settings, locks, variables and temporary tables inside of such statements, and a second statement.
_LASTING: Final = re.compile(
    r"\bset_config\b|advisory_lock|\bget_lock\b|:=|\bINTO\s+(?:@|TEMP)|;\s*\S", re.IGNORECASE
)
#: A function that is called for its effect: ``SELECT f()``, or ``SELECT * FROM f()``.
_EFFECT: Final = re.compile(
    r"\s*SELECT\b(?:(?!\bFROM\b).)*\((?!.*\bFROM\b)|.*\bFROM\s+[\w.\"]+\s*\(",
    re.IGNORECASE | re.DOTALL,
)
#: Those of Django's docs and PostgreSQL's that end with the transaction.
_LOCAL: Final = re.compile(
    r"\s*SELECT\s+(?:set_config\s*\([^()]*,\s*true\s*\)|pg_(?:try_)?advisory_xact_lock\w*\s*\([^()]*\))\s*;?\s*",
    re.IGNORECASE,
)


def may_outlast(sql: Any) -> bool:
    """Whether what ``sql`` does may be seen by later statements of its session, rows apart."""
    return not isinstance(sql, str) or _may_outlast(sql)


@functools.lru_cache(maxsize=500)
def _may_outlast(sql: str) -> bool:
    if _LOCAL.fullmatch(sql):
        return False
    return not _PASSING.match(sql) or bool(_LASTING.search(sql) or _EFFECT.match(sql))


#: The attribute of a connection wrapper that says whether something did.
SESSION_CHANGED: Final = "_asynckit_session_changed"


def watch(cursor: Any, connection: BaseDatabaseWrapper) -> Any:
    """Return ``cursor``, so changed that ``connection``, its wrapper, hears of what may outlast."""
    if issubclass(type(cursor), CursorWrapper):
        cls: Any = type(cursor)
        cursor.__class__ = _watched(cls)
    else:
        vars(connection)[SESSION_CHANGED] = True
    return cursor


class _WatchedCursor:
    db: BaseDatabaseWrapper

    def execute(self, sql: Any, *args: Any, **kwargs: Any) -> Any:
        self._note(sql)
        return super().execute(sql, *args, **kwargs)  # type: ignore[misc]

    def executemany(self, sql: Any, *args: Any, **kwargs: Any) -> Any:
        self._note(sql)
        return super().executemany(sql, *args, **kwargs)  # type: ignore[misc]

    def callproc(self, *args: Any, **kwargs: Any) -> Any:
        vars(self.db)[SESSION_CHANGED] = True
        return super().callproc(*args, **kwargs)  # type: ignore[misc]

    def _note(self, sql: Any) -> None:
        if may_outlast(sql):
            vars(self.db)[SESSION_CHANGED] = True


@functools.cache
def _watched(cls: type) -> type:
    return type(cls.__name__, (_WatchedCursor, cls), {"__module__": cls.__module__})
