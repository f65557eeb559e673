"""Cursors that fetch in chunks. They stay open between two calls, and their worker closes them.

Whoever leaves ``async for book in books.aiterator()`` before its end, because the client went away
for example, forgets a generator of Django's on the event loop, and this closes the cursor there: it
would block the loop, on a connection that the worker may be using at the same time.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import types
from collections.abc import Callable
from typing import Any, Final

from django.db.backends.utils import CursorWrapper

#: Has a function run by the thread whose cursors these are.
Post = Callable[[Callable[[Any], None]], None]
_OWNER: Final = "_asynckit_owner"
_ORIGINAL: Final = "_asynckit_original"
#: What ``instance.__class__ = cls`` does where a class has not put a property in its place.
_SET_CLASS: Final = object.__dict__["__class__"].__set__


class Cursors:
    """The open cursors of one connection, which belongs to the running thread."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._thread = threading.get_ident()
        self._open: set[Any] = set()

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, cursor: Any) -> Any:
        """Return ``cursor``, so changed that only its own thread closes it."""
        cls: Any = type(cursor)
        if issubclass(cls, CursorWrapper):
            become(cursor, _owned(cls))
            vars(cursor)[_OWNER] = self
            self._open.add(cursor)
        return cursor

    def close(self, cursor: Any) -> None:
        """Close ``cursor``: at once in its thread, soon from any other."""
        if threading.get_ident() != self._thread:
            self._post(lambda _: self._close_quietly(cursor))
        elif cursor in self._open:
            self._open.discard(cursor)
            cursor.close_here()

    def close_all(self) -> None:
        """Close those that somebody has forgotten, or is about to."""
        for cursor in list(self._open):
            self._close_quietly(cursor)

    def _close_quietly(self, cursor: Any) -> None:
        # The connection may be broken or closed. Nobody waits for the outcome.
        with contextlib.suppress(Exception):
            self.close(cursor)


class _OwnedCursor:
    cursor: Any

    def close(self) -> None:
        owner: Cursors = vars(self)[_OWNER]
        owner.close(self)

    def close_here(self) -> None:
        """Do what ``close()`` did before; Django's class passes it on to the driver's."""
        close: Callable[[], None] = getattr(super(), "close", self.cursor.close)
        close()


@functools.cache
def _owned(cls: Any) -> type:
    return changed(cls, _OwnedCursor)


def changed(cls: type, by: type) -> type:
    """Return what ``become`` makes of objects of ``cls``; they still say that they are of that class.

    Django Debug Toolbar, for example, makes others of it, which know nothing of ours.
    """
    original = vars(cls).get(_ORIGINAL, cls)
    names = {
        "__module__": cls.__module__,
        "__class__": property(lambda _self: original),
        _ORIGINAL: original,
    }
    return types.new_class(cls.__name__, (by, cls), exec_body=lambda body: body.update(names))


def become(instance: object, cls: type) -> None:
    """Make ``instance`` one of ``cls``; itself, since others may have it, and not its class."""
    _SET_CLASS(instance, cls)
