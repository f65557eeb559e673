"""The user of a request, and tests of it, for async views."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from django_asynckit._bridge import run_in_worker
from django_asynckit.middleware._current_user import is_plain, is_shared


def inline_if_plain(test: Callable[[Any], bool], *names: str) -> Callable[[Any], Awaitable[bool]]:
    """Return ``test``, which reads the attributes ``names`` of a user, as an async function.

    It hops for what is not known to be data or Django's, such as a property of a user model.
    """

    async def run(user: Any) -> bool:
        return test(user) if is_plain(user, *names) else await run_in_worker(test, user)

    return run


def _is_authenticated(user: Any) -> bool:
    authenticated: bool = user.is_authenticated
    return authenticated


is_authenticated = inline_if_plain(_is_authenticated, "is_authenticated")


async def load_user(request: HttpRequest) -> Any:
    """Load ``request.user``, if there is one, so that code on the event loop can read it; return it."""
    if is_shared(request):
        return await request.auser()
    user = request.__dict__.get("user")
    if isinstance(user, LazyObject) and user.__dict__.get("_wrapped") is empty:
        await run_in_worker(bool, user)
    return user


async def user_of(request: HttpRequest) -> Any:
    """Return ``request.user``, loaded: what Django's mixins look at, who know no ``request.auser()``."""
    if "user" not in request.__dict__:
        return await run_in_worker(getattr, request, "user")
    return await load_user(request)
