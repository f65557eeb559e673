"""Sees in the source of a middleware that it does I/O: in its hooks, and in what these call."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.core.files.storage import DefaultStorage
from django.db import connection, connections

from django_asynckit.audit.calls import Code, reached, value_of
from django_asynckit.audit.io_names import (
    DATABASE,
    FILES,
    SESSION,
    USER,
    Seen,
    by_method,
    by_name,
    is_cache,
)
from django_asynckit.audit.own_hops import walk

_REQUESTS: Final = frozenset({"request", "req"})
_MANAGERS: Final = frozenset({"objects", "_default_manager", "_base_manager"})
#: What a session tells without being loaded.
_OF_SESSION: Final = frozenset({"accessed", "is_empty", "modified", "session_key"})


def io_in(factory: Any) -> list[Seen]:
    """Return the I/O that is seen in what the middleware of ``factory`` does for a request.

    An empty list does not mean that there is none: much code is hidden from who only reads it.
    """
    found: list[Seen] = []
    with contextlib.suppress(Exception):  # A middleware may be any object.
        found.extend(
            seen for code in reached(factory) if not code.is_async for seen in _io_of(code)
        )
    return found


def _io_of(code: Code) -> Iterator[Seen]:
    for node in walk(code.tree.body):
        what = _seen(node, code)
        if what is not None:
            yield Seen(what, ast.unparse(_short(node)), code.file, node.lineno)


def _short(node: Any) -> Any:
    """Return what names the I/O, without what it is given."""
    return node.func if isinstance(node, ast.Call) else node


def _seen(node: Any, code: Code) -> str | None:
    if isinstance(node, ast.Call):
        return _does_call(node, code)
    if isinstance(node, ast.Attribute | ast.Subscript):
        return _asked(node, code)
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        return SESSION if _of_request(code.behind(node.comparators[0])) == "session" else None
    return None


def _does_call(node: ast.Call, code: Code) -> str | None:
    value = value_of(node.func, code)
    return by_name(value, node.func) if value is not None else by_method(node.func)


def _asked(node: ast.Attribute | ast.Subscript, code: Code) -> str | None:
    """Return the I/O of asking something for an attribute or an item."""
    asked = code.behind(node.value)
    for test in _ASKED:
        what = test(node, asked, code)
        if what is not None:
            return what
    return None


def _is_manager(node: Any, asked: Any, _code: Code) -> str | None:
    is_manager = isinstance(asked, ast.Attribute) and asked.attr in _MANAGERS
    return DATABASE if is_manager and isinstance(node, ast.Attribute) else None


def _is_user(node: Any, asked: Any, _code: Code) -> str | None:
    is_read = isinstance(node.ctx, ast.Load) and not _is_private(node)
    return USER if is_read and _of_request(asked) == "user" else None


def _is_session(node: Any, asked: Any, _code: Code) -> str | None:
    if _of_request(asked) != "session" or _is_private(node):
        return None
    loads = isinstance(node, ast.Subscript) or (
        isinstance(node.ctx, ast.Load) and node.attr not in _OF_SESSION
    )
    return SESSION if loads else None


def _is_connection(_node: Any, asked: Any, code: Code) -> str | None:
    value = value_of(asked, code)
    return DATABASE if value is connection or value is connections else None


def _is_cache(_node: Any, asked: Any, code: Code) -> str | None:
    value = value_of(asked, code)
    return is_cache(value) if value is not None else None


def _is_storage(_node: Any, asked: Any, code: Code) -> str | None:
    return FILES if value_of(asked, code) is DefaultStorage else None


_ASKED: Final[tuple[Callable[[Any, Any, Code], str | None], ...]] = (
    _is_manager,
    _is_user,
    _is_session,
    _is_connection,
    _is_cache,
    _is_storage,
)


def _is_private(node: Any) -> bool:
    return isinstance(node, ast.Attribute) and node.attr.startswith("__")


def _of_request(node: Any) -> str:
    """Return ``"user"`` for ``request.user``, or for ``getattr(request, "user", None)``."""
    if isinstance(node, ast.Attribute) and _is_request(node.value):
        return node.attr
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr" and node.args[1:]:
        name = getattr(node.args[1], "value", "")
        return str(name) if _is_request(node.args[0]) else ""
    return ""


def _is_request(node: ast.expr) -> bool:
    return (getattr(node, "attr", "") or getattr(node, "id", "")) in _REQUESTS
