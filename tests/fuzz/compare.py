"""Sends the requests of a client through Django's handler and through ours, all chance taken away."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.contrib.sites.models import Site
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.db import connection
from django.db.backends.signals import connection_created
from django.test import override_settings

from django_asynckit.handler.asgi import ASGIHandler
from tests.fuzz.requests import SESSION, Request
from tests.fuzz.stacks import SESSIONS, USERS
from tests.handler.tools import Seen, observe

PRELOAD = "django_asynckit.middleware.preload.PreloadUserMiddleware"
NOW = 1_750_000_000.0
#: Of a page of DEBUG: the rest shows frames of the handler.
_TITLE = re.compile(rb"<title>(.*?)</title>", re.DOTALL)


@contextlib.contextmanager
def without_chance() -> Iterator[None]:
    """The same random numbers and the same time each time."""
    numbers = random.Random(1)
    with (
        mock.patch.object(secrets, "choice", numbers.choice),
        mock.patch.object(secrets, "randbelow", numbers.randrange),
        mock.patch.object(secrets, "token_bytes", lambda size=32: numbers.randbytes(size)),
        mock.patch.object(secrets, "token_urlsafe", lambda size=32: numbers.randbytes(size).hex()),
        mock.patch.object(time, "time", return_value=NOW),
    ):
        yield


def differences(
    flow: list[Request], settings: dict[str, Any], *, exceptions: bool, guarded: Callable[[], Any]
) -> list[tuple[int, str, Any, Any]]:
    """Return which request differs in what: stock's, and ours.

    While ours runs, the event loop must not be blocked: ``guarded`` is a context manager for that.
    Only ours loads users ahead, which nobody may notice.
    """
    with override_settings(**settings):
        stock = run(DjangoASGIHandler, flow, exceptions)
        stack = (
            settings["MIDDLEWARE"] if exceptions else with_preloaded_users(settings["MIDDLEWARE"])
        )
        with guarded(), override_settings(MIDDLEWARE=stack):
            ours = run(ASGIHandler, flow, exceptions)
    found = []
    for number, (theirs, own) in enumerate(zip(stock, ours, strict=True)):
        expected, got = comparable(theirs), comparable(own)
        found += [
            (number, key, expected.get(key), got.get(key))
            for key in {**expected, **got}
            if expected.get(key) != got.get(key)
        ]
    return found


def with_preloaded_users(stack: list[str]) -> list[str]:
    """Add our middleware to every other stack that has users.

    Not to be asked for where signals of exceptions are noted: each layer may send one, and it would be one more.
    """
    if not {SESSIONS, USERS} <= set(stack) or len(stack) % 2:
        return stack
    position = stack.index(USERS) + 1
    return [*stack[:position], PRELOAD, *stack[position:]]


def run(handler_class: type, flow: list[Request], exceptions: bool) -> list[Any]:
    """Send the flow, and return what could be observed of each request, and what it left behind."""
    forget()
    try:
        handler = handler_class()
    except ImproperlyConfigured as error:
        return [{"error": repr(error)}]
    cookies: dict[str, str] = {}
    seen: list[Any] = []
    with without_chance(), opened_connections() as opened:
        for request in flow:
            seen.append(asyncio.run(send(handler, request, cookies, exceptions)))
            learn(cookies, seen[-1])
    messages = [(message.subject, message.body, message.to) for message in mail.outbox]
    sessions = sorted(str(row.get_decoded()) for row in Session.objects.all())
    if handler_class is not DjangoASGIHandler:
        wait_until_closed(opened)
    left_open = close(opened)
    if handler_class is DjangoASGIHandler:
        left_open = 0  # It leaves some open where an error reaches the server.
    return [*seen, {"mail": messages, "sessions": sessions, "connections": left_open}]


@contextlib.contextmanager
def opened_connections() -> Iterator[list[Any]]:
    """Collect the database connections that are opened meanwhile in other threads than this one."""
    opened: list[Any] = []

    def created(connection, **_named):
        if threading.current_thread() is not threading.main_thread():
            opened.append(connection)

    connection_created.connect(created)
    try:
        yield opened
    finally:
        connection_created.disconnect(created)


def wait_until_closed(opened: list[Any], seconds: float = 10) -> None:
    """Workers close their connections a moment after the answer."""
    until = time.monotonic() + seconds
    while any(one.connection is not None for one in opened) and time.monotonic() < until:
        time.sleep(0.001)


def close(opened: list[Any]) -> int:
    """Close what is open still of ``opened``; return how many that are."""
    left = [one.connection for one in opened if one.connection is not None]
    for one in left:
        one.close()
    return len(left)


async def send(handler, request: Request, cookies: dict[str, str], exceptions: bool) -> Seen:
    scope = request.scope(cookies)
    session = cookies.get("sessionid", "").encode()
    scope["headers"] = [(name, value.replace(SESSION, session)) for name, value in scope["headers"]]
    return await observe(handler, scope, request.chunks, exceptions=exceptions)


def learn(cookies: dict[str, str], seen: Seen) -> None:
    """Keep what a browser would, of whatever domain and path."""
    if not seen.reply.messages:
        return
    for name, value in seen.reply.headers:
        if name == b"Set-Cookie":
            pair, _, attributes = value.decode("latin1").partition(";")
            key, _, content = pair.partition("=")
            if "Max-Age=0" in attributes:
                cookies.pop(key, None)
            else:
                cookies[key] = content


def comparable(seen: Any) -> dict[str, Any]:
    """Leave out what may differ.

    That is: the chunks of a stream, frames on pages of DEBUG, and a signal of a failed request.
    """
    if not isinstance(seen, Seen):
        return seen
    signals = [signal for signal in seen.signals if not (seen.error and signal[0] == "finished")]
    # An error may quote a page of DEBUG.
    facts = {"error": seen.error[:40], "signals": signals, "logs": seen.logs, "status": None}
    if not seen.reply.messages:
        return facts
    body, headers = seen.reply.body, seen.reply.headers
    if b"Traceback" in uncompressed(body):
        title = _TITLE.search(uncompressed(body))
        body = title[1] if title else b""
        headers = [pair for pair in headers if pair[0] not in (b"Content-Length", b"ETag")]
    return {**facts, "status": seen.reply.status, "headers": headers, "body": body}


def uncompressed(body: bytes) -> bytes:
    with contextlib.suppress(OSError, EOFError):
        return gzip.decompress(body)
    return body


def forget() -> None:
    """Take away what the requests before left behind."""
    cache.clear()
    mail.outbox.clear()
    Session.objects.all().delete()
    get_user_model().objects.exclude(username="ada").delete()
    with connection.cursor() as cursor:  # The next user gets the same number again.
        cursor.execute("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'auth_user'")
    Site.objects.clear_cache()
