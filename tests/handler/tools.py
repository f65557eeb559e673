"""Sends the same request through Django's handler and through ours, and notes what can be observed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import AsyncToSync, SyncToAsync
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.signals import got_request_exception, request_finished, request_started
from django.test import override_settings

from django_asynckit._threads import Threads
from django_asynckit.handler.asgi import ASGIHandler
from tests.driver import Reply, plain_root_logger, send_scope

#: What middleware and views of these tests append to.
calls: list[str] = []

VOLATILE = (b"Set-Cookie", b"Date")


@dataclass
class Seen:
    """All that one request let us observe."""

    reply: Reply = field(default_factory=Reply)
    error: str = ""
    calls: list[str] = field(default_factory=list)
    signals: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)


def build(handler_class=ASGIHandler, **settings):
    """Make a handler; with settings, those are in force only while it is made."""
    with override_settings(**settings):
        return handler_class()


@contextlib.contextmanager
def captured_logs(name="django"):
    """Collect records in a handler that is known to be local."""
    records: list[logging.LogRecord] = []
    handler = logging.StreamHandler()
    handler.emit = records.append
    logger = logging.getLogger(name)
    before, level = logger.handlers, logger.level
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    try:
        with plain_root_logger():
            yield records
    finally:
        logger.handlers = before
        logger.setLevel(level)


def facts(record: logging.LogRecord) -> tuple[Any, ...]:
    request = getattr(record, "request", None)
    return (
        record.name,
        record.levelname,
        record.getMessage(),
        getattr(record, "status_code", None),
        getattr(request, "path", None),
        record.exc_info[0].__name__ if record.exc_info else None,
    )


@contextlib.contextmanager
def watched_signals(*, exceptions=False):
    """Note signals with async receivers, which make no hop."""
    sent: list[Any] = []

    async def started(sender, **named):
        sent.append(("started", sender, sorted(named)))

    async def finished(sender, **named):
        sent.append(("finished", sender, sorted(named)))

    def failed(sender, request, **named):
        sent.append(("failed", sender, request.path))

    request_started.connect(started)
    request_finished.connect(finished)
    if exceptions:
        got_request_exception.connect(failed)
    try:
        yield sent
    finally:
        request_started.disconnect(started)
        request_finished.disconnect(finished)
        got_request_exception.disconnect(failed)


async def observe(application, scope, chunks=(b"",), *, exceptions=False) -> Seen:
    """Send one request and note everything, errors that reach the server too."""
    seen = Seen()
    calls.clear()
    with captured_logs() as records, watched_signals(exceptions=exceptions) as sent:
        try:
            seen.reply = await send_scope(application, dict(scope), chunks)
        except Exception as error:
            seen.error = repr(error)
    seen.calls, seen.signals, seen.logs = (
        list(calls),
        sent,
        [facts(record) for record in records],
    )
    return seen


async def observe_both(scope, chunks=(b"",), *, exceptions=False, **settings) -> tuple[Seen, Seen]:
    """Return what Django's handler did, and what ours did."""
    with override_settings(**settings):
        stock = await observe(DjangoASGIHandler(), scope, chunks, exceptions=exceptions)
        ours = await observe(ASGIHandler(), scope, chunks, exceptions=exceptions)
    return stock, ours


async def assert_same(scope, chunks=(b"",), *, exceptions=False, **settings) -> Seen:
    """Both handlers must let us observe the same; return it."""
    stock, ours = await observe_both(scope, chunks, exceptions=exceptions, **settings)
    assert_equal(ours, stock)
    return ours


def assert_equal(ours: Seen, stock: Seen) -> None:
    """The same, but for request_finished, which Django does not send if an error reaches the server."""
    ours, stock = without_cookies(ours), without_cookies(stock)
    if ours.error:
        ours.signals = [signal for signal in ours.signals if signal[0] != "finished"]
    assert [signal[0] for signal in ours.signals].count("finished") <= 1
    assert ours == stock


def without_cookies(seen: Seen) -> Seen:
    """The same with the random parts of cookies taken out."""
    messages = [dict(message) for message in seen.reply.messages]
    for message in messages:
        if "headers" in message:
            message["headers"] = [
                (name, value if name not in VOLATILE else value.split(b"=")[0])
                for name, value in message["headers"]
            ]
    return Seen(Reply(messages), seen.error, seen.calls, seen.signals, seen.logs)


@dataclass
class Crossings:
    """An independent count of crossings between the loop and threads."""

    hops: int = 0
    threads: int = 0
    jobs: int = 0

    def __bool__(self) -> bool:
        return bool(self.hops or self.threads or self.jobs)


@contextlib.contextmanager
def counted_crossings():
    """Count hops, started threads and executor jobs, without ``record_hops``."""
    count = Crossings()
    loop_class = asyncio.BaseEventLoop
    points = [
        (SyncToAsync, "__call__", "hops"),
        (AsyncToSync, "__call__", "hops"),
        (threading.Thread, "start", "threads"),
        (loop_class, "run_in_executor", "jobs"),
    ]
    originals = [(owner, name, owner.__dict__[name]) for owner, name, _ in points]

    def counting(original, counter):
        def call(*args, **kwargs):
            setattr(count, counter, getattr(count, counter) + 1)
            # These are asked without asgiref.
            count.hops += counter == "jobs" and isinstance(args[1], Threads)
            return original(*args, **kwargs)

        return call

    for owner, name, counter in points:
        setattr(owner, name, counting(owner.__dict__[name], counter))
    try:
        yield count
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


async def settle() -> None:
    """Let callbacks and tasks that are about to end do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def leftover_tasks() -> list[asyncio.Task[Any]]:
    await settle()
    return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
