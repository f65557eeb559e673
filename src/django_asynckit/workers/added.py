"""What a connection class of one's own adds to Django's: the tenant, for example."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.functional import cached_property

from django_asynckit.conf import worker_settings

#: Modules of Django's own connection wrappers.
_STOCK: Final = (
    *(f"django.db.backends.{name}." for name in ("mysql", "oracle", "postgresql", "sqlite3")),
    "django.contrib.gis.db.backends.",
)
#: What Django's wrappers set when they connect.
_SET_LATER: Final = frozenset(
    {"init_commands", "isolation_level", "transaction_mode", "_named_cursor_idx"}
)
_PLAIN: Final = frozenset({str, bytes, int, float, bool, type(None)})
_MANY: Final = frozenset({list, tuple, set, frozenset})
_DEPTH: Final = 2

#: How a request can have a second connection without seeing rows of another tenant there.
HOW_TO_CARRY: Final = (
    "Name a function in ASYNCKIT_CARRY_CONNECTION_STATE that gives a second connection of a "
    "request what is set on the first one."
)


def may_be_copied(connections: Iterable[BaseDatabaseWrapper]) -> bool:
    """Whether a request may have more connections beside these, which belong to no worker."""
    return worker_settings().carry is not None or not any(map(_was_changed, connections))


def no_second_connection(what: str) -> RuntimeError:
    """Return the error for ``what`` needs a connection that would lack what the request has set."""
    return RuntimeError(
        f"{what} needs a second connection, and that would not have what this request has set on "
        f"its connection, whose class is not Django's: the tenant, for example. {HOW_TO_CARRY}"
    )


def added_state(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return what the class of ``connection`` adds to Django's, so that it can be compared.

    No method of an object of the user's is called: this may run on the event loop.
    """
    cls: Any = connection.__class__
    stock = stock_class(cls)
    if stock is cls:
        return {}
    values = {name: getattr(cls, name) for name in _data_of(cls)}
    values.update(vars(connection))
    known = _names_of(stock)
    return {
        name: _frozen(value, _DEPTH)
        for name, value in values.items()
        if name not in known
        and not name.startswith("_asynckit_")
        and not isinstance(getattr(cls, name, None), cached_property)
    }


def added_names(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the attributes that the class of a new ``connection`` adds to those of Django's."""
    cls: Any = connection.__class__
    if stock_class(cls) is cls:
        return []
    known = _names_of(stock_class(cls))
    return [name for name in vars(connection) if name not in known]


@functools.cache
def stock_class(cls: Any) -> Any:
    """Return the class of Django's that ``cls`` is made of; itself if it is one, or if there is none."""
    return next((base for base in cls.__mro__ if base.__module__.startswith(_STOCK)), cls)


@functools.cache
def _names_of(stock: Any) -> frozenset[str]:
    return frozenset(vars(stock({}, "default"))) | _SET_LATER


@functools.cache
def _data_of(cls: Any) -> list[str]:
    """Return the names of what is not a method in the classes that are not Django's."""
    stock = stock_class(cls)
    own = cls.__mro__[: cls.__mro__.index(stock)]
    return [
        name
        for base in own
        for name, value in vars(base).items()
        if not hasattr(stock, name) and not callable(value) and not hasattr(value, "__get__")
    ]


def _frozen(value: Any, depth: int) -> Any:
    """Return what ``value`` is now, also if it is changed in place later."""
    cls = type(value)
    if cls in _PLAIN:
        return value
    if depth and cls in _MANY:
        return cls, [_frozen(one, depth - 1) for one in value]
    if depth and cls is dict:
        return cls, [(_frozen(key, 0), _frozen(one, depth - 1)) for key, one in value.items()]
    attributes = _attributes(value) if depth else None
    if attributes is None:
        return _Identity(value)
    return cls, {name: _frozen(one, depth - 1) for name, one in attributes.items()}


def _attributes(value: Any) -> dict[str, Any] | None:
    """Return those of ``value`` itself, without asking a lazy object."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return dict(found) if isinstance(found, dict) else None


class _Identity:
    """An object that is equal to itself alone; it is kept, so that no other takes its place."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other._value is self._value

    __hash__ = None  # type: ignore[assignment]


def _was_changed(connection: BaseDatabaseWrapper) -> bool:
    state = added_state(connection)
    if not state:
        return False
    cls: Any = connection.__class__
    return state != added_state(cls(dict(connection.settings_dict), connection.alias))
