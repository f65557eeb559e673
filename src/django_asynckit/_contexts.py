"""Carries context variables between threads and tasks without asking their values for anything.

asgiref asks each value for its class, and Django's dispatcher compares it with itself. A lazy object,
such as ``request.user``, is loaded by that. On the event loop loading raises, and where asgiref
does it there, the thread that waits in ``async_to_sync`` waits for ever.

Nor is it carried back from sync code which thread waits for whom. Where a call was cancelled the sync code
goes on, and may wait in ``async_to_sync`` at that moment, for code that is not the caller's.
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final

from asgiref import sync
from asgiref.sync import SyncToAsync
from django.dispatch import dispatcher

from django_asynckit._asgiref import IS_REVIEWED, rehomed
from django_asynckit._drift import hash_of
from django_asynckit._sync_frames import NOTED_IN

_BEHIND_SYNC_CODE: Final = SyncToAsync.__call__.__code__


def _restore_as_asgiref(context: contextvars.Context) -> None:
    left_alone = NOTED_IN if sys._getframe(1).f_code is _BEHIND_SYNC_CODE else None
    for variable, value in context.items():
        if variable is left_alone:
            continue
        found = rehomed(value)
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


def ask_no_values() -> None:
    """Let asgiref and Django carry the variables of this process as this module does.

    Only where their functions are versions that were reviewed, and nobody has replaced them.
    """
    if IS_REVIEWED:
        _replace(sync, _restore_as_asgiref)
    if _DJANGO_IS_REVIEWED:
        _replace(dispatcher, _restore_as_django)


def _replace(module: Any, function: Callable[[contextvars.Context], None]) -> None:
    found = getattr(module, "_restore_context", None)
    # Else it is ours already, or what somebody else put there.
    if type(found) is FunctionType and found.__globals__ is vars(module):
        module._restore_context = function


#: Django 6.1 has it, for async receivers of signals. Read now: later an event loop may be running.
_DJANGO_IS_REVIEWED: Final = hash_of("django.dispatch.dispatcher:_restore_context") == (
    "822df27bfd3a5720"
)


def values_are_asked() -> bool:
    """Whether asgiref's function is one that was not reviewed: it may ask values for their class."""
    return not IS_REVIEWED
