"""Knows Django's decorators that are right on a sync ``dispatch()`` of an async view."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.db.transaction import non_atomic_requests
from django.views.decorators.common import no_append_slash
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters


def _sample() -> None:
    """A function, to learn which code stands around it."""


#: The code of decorators, and of the wrappers they make, that return what the view returns.
_CODES: Final = frozenset(
    getattr(one, "__code__", None)
    for one in (
        csrf_exempt,
        csrf_exempt(_sample),
        login_not_required,
        no_append_slash,
        no_append_slash(_sample),
        non_atomic_requests,
        non_atomic_requests("default"),
        sensitive_post_parameters(),
    )
)


def is_harmless(decorator: Any) -> bool:
    """Whether ``decorator``, or a wrapper, passes on what a view returns, a coroutine too."""
    return getattr(decorator, "__code__", ...) in _CODES
