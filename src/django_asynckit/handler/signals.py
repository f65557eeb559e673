"""Sends ``request_started`` and ``request_finished`` without a hop for Django's own receivers."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.core.cache import BaseCache, caches, close_caches
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
from django.dispatch import Signal

from django_asynckit._asgiref import local_values
from django_asynckit._bridge import uninterrupted
from django_asynckit._compat import run_receivers
from django_asynckit._sync_frames import leave_ended_thread, thread_is_in_use
from django_asynckit.handler.urls import set_urlconf

Receiver = Callable[..., Any]


class Receivers:
    """The receivers of ``signal`` that are neither Django's own nor no-ops in a request without a thread."""

    def __init__(self, signal: Signal, known: Sequence[Receiver]) -> None:
        self.signal = signal
        self.known = known
        self._seen: list[Any] | None = None
        self._sender: object = None
        self._foreign: tuple[bool, bool] = (False, False)
        self._connected: frozenset[int] = frozenset()

    def look(self, sender: object) -> tuple[bool, bool]:
        """Return whether there are foreign sync receivers, and whether there are async ones."""
        if (
            self._seen != self.signal.receivers
            or self._sender is not sender
            or self.signal._dead_receivers  # type: ignore[attr-defined]
        ):
            self.signal._live_receivers(sender)  # Forgets dead ones.
            sync_receivers, async_receivers = _partition(self.signal, sender)
            # Compared by identity: a receiver need not be hashable.
            connected, known = set(map(id, sync_receivers)), set(map(id, self.known))
            self._connected = frozenset(connected & known)
            self._foreign = (not connected <= known, bool(async_receivers))
            self._seen, self._sender = list(self.signal.receivers), sender
        return self._foreign

    @property
    def has_async(self) -> bool:
        """Whether there were async receivers at the last look."""
        return self._foreign[1]

    def is_connected(self, receiver: Receiver) -> bool:
        """Whether Django's own ``receiver`` was connected at the last look."""
        return id(receiver) in self._connected

    async def send_async(self, sender: object, **named: Any) -> None:
        """Await the async receivers, as ``Signal.asend()`` does after the sync ones."""
        _, receivers = self.signal._live_receivers(sender)
        await run_receivers(
            *(receiver(signal=self.signal, sender=sender, **named) for receiver in receivers)
        )


# The database part of these is for the request's own thread, and there is none yet, or no more.
STARTED: Final = Receivers(request_started, (reset_queries, close_old_connections))
FINISHED: Final = Receivers(request_finished, (close_old_connections, close_caches, reset_urlconf))


async def send_started(sender: object, **named: Any) -> None:
    """Send ``request_started``: one hop for all foreign sync receivers, in Django's order with async ones."""
    has_sync, has_async = STARTED.look(sender)
    if has_sync or thread_is_in_use():
        await request_started.asend(sender=sender, **named)
    elif has_async:
        await STARTED.send_async(sender, **named)


def finishes_inline(sender: object) -> bool:
    """Whether the sync receivers of ``request_finished`` have nothing to do in a thread."""
    has_sync, _ = FINISHED.look(sender)
    return not has_sync and not thread_is_in_use() and not _caches_to_close()


async def finish_inline(sender: object) -> None:
    """Do what the receivers of ``request_finished`` do, on the event loop."""
    if FINISHED.is_connected(reset_urlconf):
        set_urlconf(None)
    if FINISHED.has_async:
        await uninterrupted(FINISHED.send_async(sender))


async def send_finished(sender: object) -> None:
    """Send ``request_finished`` for a request that ended without a response."""
    leave_ended_thread()
    if finishes_inline(sender):
        await finish_inline(sender)
    else:
        await uninterrupted(request_finished.asend(sender=sender))


def _partition(signal: Signal, sender: object) -> tuple[list[Receiver], list[Receiver]]:
    """Return the sync and the async receivers as they were connected.

    ``Signal._live_receivers()``, which sends to them, may give wrappers that an APM tool made.
    """
    parts: tuple[list[Receiver], list[Receiver]] = ([], [])
    for (_, sender_key), receiver, *_, is_async in signal.receivers:
        if isinstance(receiver, weakref.ReferenceType):
            receiver = receiver()
        if receiver is not None and sender_key in (id(None), id(sender)):
            parts[bool(is_async)].append(receiver)
    return parts


def _caches_to_close() -> bool:
    """Whether a cache was used in this request whose ``close()`` does more than Django's base class."""
    used = local_values(caches._connections, caches)  # type: ignore[attr-defined]
    return (
        bool(used)
        and FINISHED.is_connected(close_caches)
        and any(type(cache).close is not BaseCache.close for cache in used.values())
    )
