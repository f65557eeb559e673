"""Sends one GET request to a handler, as an anonymous visitor makes it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.conf import settings

from django_asynckit.types import Message, Scope

#: Seconds after which a response is taken for endless.
_PATIENCE: Final = 10.0


class NotAnswered(Exception):
    """There was no answer, or no such path; the message says why."""


def require_path(path: str) -> None:
    """Raise :class:`NotAnswered` for what is no path."""
    if not path.startswith("/"):
        raise NotAnswered(f"{path!r} is no path: it must begin with a slash.")


@contextlib.contextmanager
def without_logs() -> Iterator[None]:
    """Log nothing: a page that fails would be reported, and mailed to ADMINS, for each request."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


async def get(application: Callable[..., Any], path: str) -> int:
    """Send one request in a task of its own, as servers do; return the status."""
    status = 0
    received = False

    async def receive() -> Message:
        nonlocal received
        if not received:
            received = True
            return {"type": "http.request", "body": b"", "more_body": False}
        stays: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await stays

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    task = asyncio.ensure_future(application(_scope(path), receive, send))
    try:
        await asyncio.wait_for(task, _PATIENCE)
    except TimeoutError:
        raise NotAnswered(f"{path} did not end within {_PATIENCE:.0f} seconds.") from None
    except Exception as error:
        raise NotAnswered(f"{path} raised {type(error).__name__}: {error}") from error
    return status


def _scope(path: str) -> Scope:
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", _host().encode()), (b"user-agent", b"asynccheck")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
    }


def _host() -> str:
    """Return a host that Django allows."""
    for host in settings.ALLOWED_HOSTS:
        if host != "*":
            return f"www{host}" if host.startswith(".") else str(host)
    return "localhost"
