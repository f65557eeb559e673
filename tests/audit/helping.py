"""What middleware leaves to functions elsewhere."""

from __future__ import annotations

from contextvars import ContextVar

from asgiref.sync import iscoroutinefunction
from asgiref.sync import markcoroutinefunction as mark_as_async


def mark(middleware, get_response):
    if iscoroutinefunction(get_response):
        mark_as_async(middleware)


def async_version(get_response):
    async def middleware(request):
        return await get_response(request)

    return middleware


def remember(middleware):
    """Marks nothing."""


elsewhere = ContextVar("elsewhere")


def keep(user):
    elsewhere.set(user)  # found


def nothing(user):
    """Keeps nothing."""
