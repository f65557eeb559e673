"""Django's own block behind an ``aatomic`` block, in the thread that has the connection."""

from __future__ import annotations

import contextlib
import threading
import weakref
from typing import Any

from django.db import transaction

from django_asynckit.workers.seat import Seat


class Entered:
    """Enters Django's ``atomic``, and leaves it in the same thread, once; else nothing happens."""

    def __init__(self, atomic: transaction.Atomic) -> None:
        self._atomic = atomic
        self._thread: int | None = None
        #: Whether Django's block was entered, and was left.
        self.is_entered = False
        self._is_left = False
        self._seat: Seat | None = None
        self._iterators_before: list[weakref.ref[Any]] = []

    def enter(self, held: Seat | None) -> None:
        """Begin; ``held`` is the seat, if the block has it for itself."""
        self._thread, self._seat = threading.get_ident(), held
        if held is not None:
            held.look_at_connections()
            self._iterators_before = [weakref.ref(one) for one in held.iterators()]
        self._atomic.__enter__()
        self.is_entered = True

    def is_here(self) -> bool:
        """Whether the running thread is the one in which it began."""
        return self._thread == threading.get_ident()

    def leave(self, error: BaseException | None) -> None:
        """Commit, or roll back because of ``error``."""
        if self.is_entered and not self._is_left:
            self._is_left = True
            self._atomic.__exit__(type(error) if error is not None else None, error, None)

    def close_iterators(self) -> None:
        """Close what reads from cursors of the transaction: Python would do it in any thread."""
        before = [one() for one in self._iterators_before]
        for iterator in () if self._seat is None else self._seat.iterators():
            if iterator not in before:
                with contextlib.suppress(Exception):
                    iterator.close()
