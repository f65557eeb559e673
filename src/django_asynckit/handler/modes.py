"""Whether a middleware does in sync mode what it does in async mode, as far as its class tells."""

from __future__ import annotations

from typing import Any

from django_asynckit._compat import iscoroutinefunction, remote_user_reads_two_keys
from django_asynckit.middleware._hooks import HOOKS
from django_asynckit.middleware._mro import position


def works_in_both_modes(middleware: Any) -> bool:
    """Whether ``middleware``, a class or another factory, may answer in either mode.

    Not one whose async code overrides more than its sync code: that would be left out. Nor one whose
    hook is async: in sync mode each request would enter an event loop for it.
    """
    if not getattr(middleware, "sync_capable", True):
        return False
    if not isinstance(middleware, type):
        return True
    if any(iscoroutinefunction(getattr(middleware, name, None)) for name in ("__call__", *HOOKS)):
        return False
    if not getattr(middleware, "async_capable", False):
        return True  # Its async code never runs.
    return not remote_user_reads_two_keys(middleware) and not any(
        _is_async_alone(middleware, name) for name in dir(middleware)
    )


def _is_async_alone(cls: type[Any], name: str) -> bool:
    """Whether the method ``name`` is async, and no sync one that is as near stands for it."""
    if not iscoroutinefunction(getattr(cls, name, None)):
        return False
    twin = name.replace("a", "", 1)
    return (twin in HOOKS or hasattr(cls, twin)) and position(cls, name) < position(cls, twin)
