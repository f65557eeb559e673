"""``asyncify_view()``: a sync view as an async one, that runs whole in one thread."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar, overload

from django.db import connections, transaction

from django_asynckit._bridge import run_in_worker
from django_asynckit._compat import iscoroutinefunction
from django_asynckit.decorators._calling import is_async

P = ParamSpec("P")
R = TypeVar("R")

_MARK = "_non_atomic_requests"


class _All(set[str]):
    """Aliases of databases for which no handler is to open a transaction: all of them."""

    def __contains__(self, alias: object) -> bool:
        return True


@overload
def asyncify_view(
    view: Callable[P, Coroutine[Any, Any, R]],
) -> Callable[P, Coroutine[Any, Any, R]]: ...


@overload
def asyncify_view(view: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]: ...


def asyncify_view(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return an async view that runs the sync ``view`` whole in the request's thread: one hop.

    So a project can move view by view: async decorators and middleware can be put around it, and
    its body is converted later. What is a coroutine function already is returned as it is.
    Attributes are kept. With ``ATOMIC_REQUESTS`` the view runs in a transaction, as it did before,
    unless it is marked with ``non_atomic_requests``; the transaction ends in the same hop.

    A ``TemplateResponse`` that ``view`` returns is rendered later, by the handler, as ever.

    Raises ``TypeError`` for a class: decorate what its ``as_view()`` returns. And for an object
    with an async ``__call__`` that is not marked as a coroutine function, which is no view for
    Django either.
    """
    if isinstance(view, type):
        raise TypeError(
            f"asyncify_view() needs a view function, such as {view.__name__}.as_view()."
        )
    if iscoroutinefunction(view):
        return view
    if is_async(view):
        raise TypeError(
            f"asyncify_view() got {view!r}, whose __call__ is async: mark the object with "
            "asgiref.sync.markcoroutinefunction(), so that Django knows it too."
        )

    @wraps(view)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await run_in_worker(_run, *args, **kwargs)

    def _run(*args: Any, **kwargs: Any) -> Any:
        return _atomic(view, wrapper)(*args, **kwargs)

    setattr(wrapper, _MARK, _All(getattr(view, _MARK, ())))
    return wrapper


def _atomic(view: Callable[..., Any], marked: Any) -> Callable[..., Any]:
    """Return ``view`` in the transactions that Django's handler would run it in."""
    non_atomic = list(getattr(marked, _MARK))
    for alias, options in connections.settings.items():
        if options["ATOMIC_REQUESTS"] and alias not in non_atomic:
            view = transaction.atomic(using=alias)(view)
    return view
