"""Carries context variables between threads and tasks without asking their values for anything.

asgiref asks each value for its class, and Django's dispatcher compares it with itself. A lazy object,
such as ``request.user``, is loaded by that. On the event loop loading raises, and where asgiref
does it there, the thread that waits in ``async_to_sync`` waits for ever.
"""

from __future__ import annotations

import contextvars
import importlib
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final

from asgiref.local import _rehome, _Storage

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


#: ``{function: (what stands in for it, hashes of its reviewed versions)}``
_STAND_INS: Final[dict[str, tuple[Callable[[contextvars.Context], None], frozenset[str]]]] = {
    "asgiref.sync:_restore_context": (_restore_as_asgiref, frozenset({"2ff4e40bc8368691"})),
    # Django 6.1 has it, for async receivers of signals.
    "django.dispatch.dispatcher:_restore_context": (
        _restore_as_django,
        frozenset({"822df27bfd3a5720"}),
    ),
}


def ask_no_values() -> None:
    """Let asgiref and Django carry the variables of this process as this module does.

    Only where their functions are versions that were reviewed, and nobody has replaced them.
    """
    for name, (function, reviewed) in _STAND_INS.items():
        module_name, _, attribute = name.partition(":")
        module: Any = importlib.import_module(module_name)
        found = getattr(module, attribute, None)
        is_own = type(found) is FunctionType and found.__globals__ is vars(module)
        if is_own and hash_of(name) in reviewed:
            setattr(module, attribute, function)


def values_are_asked() -> bool:
    """Whether asgiref's function is one that was not reviewed: it may ask values for their class."""
    name = "asgiref.sync:_restore_context"
    return hash_of(name) not in _STAND_INS[name][1]
