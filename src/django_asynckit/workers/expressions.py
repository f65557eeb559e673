"""Notices the parts of the ORM's queries whose SQL is the user's own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Case, Func, RawSQL, Subquery
from django.db.models.sql.where import ExtraWhere

_NOTE: Final = "_asynckit_note"
#: What decides on the SQL of an expression, besides its methods that begin with ``as_``.
_TEXTS: Final = frozenset({"function", "template", "arg_joiner", "case_joiner"})
#: Whose SQL that of an expression is. Some of Django's take a text of the user's.
_IS_DJANGOS, _ASK_IT, _IS_USERS = range(3)


def note_parts_of_users(connection: BaseDatabaseWrapper, note: Callable[[], None]) -> None:
    """Have ``note`` called whenever a query for ``connection`` has a part that the user wrote.

    ``RawSQL``, ``extra()``, ``Func(function=...)``, and expressions with SQL of their own.
    """
    ops: Any = connection.ops
    own = ops.compiler

    def compiler(name: str) -> Any:
        return _noting(own(name))

    vars(ops)[_NOTE] = note
    # Of this wrapper's operations only. Django asks them for the class of each query's compiler.
    ops.compiler = compiler


class _Noting:
    """What the class of a compiler becomes; ``super()`` is that class."""

    connection: Any
    query: Any

    def compile(self, node: Any) -> Any:
        cls: Any = type(node)
        kind = _kind(cls)
        if kind != _IS_DJANGOS and (kind == _IS_USERS or _has_text(node)):
            vars(self.connection.ops)[_NOTE]()
        return super().compile(node)  # type: ignore[misc]

    def get_from_clause(self) -> Any:
        if self.query.extra_tables:
            vars(self.connection.ops)[_NOTE]()
        return super().get_from_clause()  # type: ignore[misc]


@functools.cache
def _noting(cls: Any) -> Any:
    return type(cls.__name__, (_Noting, cls), {"__module__": cls.__module__})


@functools.lru_cache(maxsize=2000)
def _kind(cls: Any) -> int:
    if issubclass(cls, RawSQL | ExtraWhere) or any(map(_writes_sql, cls.__mro__)):
        return _IS_USERS
    return _ASK_IT if issubclass(cls, Case | Func | Subquery) else _IS_DJANGOS


def _writes_sql(cls: type) -> bool:
    """Whether ``cls`` is not Django's and says what SQL there is."""
    is_djangos = cls.__module__.startswith("django.") or cls is object
    return not is_djangos and any(name.startswith("as_") or name in _TEXTS for name in vars(cls))


def _has_text(node: Any) -> bool:
    """Whether the user gave this expression of Django's a text of his own."""
    attributes = vars(node)
    if not _TEXTS.isdisjoint(node.extra):
        return True
    cls = type(node)
    return not _TEXTS.isdisjoint(attributes) and any(
        attributes.get(name) != getattr(cls, name, None) for name in _TEXTS & attributes.keys()
    )
