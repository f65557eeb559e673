"""Carries context variables between threads and tasks without asking their values for anything.

asgiref asks each value for its class, and Django's dispatcher compares it with itself. A lazy object,
such as ``request.user``, is loaded by that. On the event loop loading raises, and where asgiref
does it there, the thread that waits in ``async_to_sync`` waits for ever.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final

from asgiref import sync
from asgiref.local import _rehome, _Storage
from django.dispatch import dispatcher

from django_asynckit._drift import hash_of


def _restore_as_asgiref(context: contextvars.Context) -> None:
    for variable, value in context.items():
        # Nothing is derived from _Storage, so its type alone tells; isinstance() would ask the value.
        found = _rehome(value) if type(value) is _Storage else value
        try:
            if variable.get() is not found:
                variable.set(found)
        except LookupError:
            variable.set(found)


def _restore_as_django(context: contextvars.Context) -> None:
    for variable, value in context.items():
        try:
            if variable.get() is not value:
                variable.set(value)
        except LookupError:
            variable.set(value)


class _StandIn:
    """What stands in for ``_restore_context()`` of ``module``, where that is a reviewed version."""

    def __init__(
        self, module: Any, function: Callable[[contextvars.Context], None], *reviewed: str
    ) -> None:
        self._module = module
        self._function = function
        # Read now: when a handler is made, an event loop may be running.
        self.is_reviewed = hash_of(f"{module.__name__}:_restore_context") in reviewed

    def install(self) -> None:
        found = getattr(self._module, "_restore_context", None)
        # Else it is ours already, or what somebody else put there.
        is_its_own = type(found) is FunctionType and found.__globals__ is vars(self._module)
        if is_its_own and self.is_reviewed:
            self._module._restore_context = self._function


_ASGIREF: Final = _StandIn(sync, _restore_as_asgiref, "2ff4e40bc8368691")
#: Django 6.1 has it, for async receivers of signals.
_DJANGO: Final = _StandIn(dispatcher, _restore_as_django, "822df27bfd3a5720")


def ask_no_values() -> None:
    """Let asgiref and Django carry the variables of this process as this module does.

    Only where their functions are versions that were reviewed, and nobody has replaced them.
    """
    _ASGIREF.install()
    _DJANGO.install()


def values_are_asked() -> bool:
    """Whether asgiref's function is one that was not reviewed: it may ask values for their class."""
    return not _ASGIREF.is_reviewed
