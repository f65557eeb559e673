"""The hops that Django's handler and ours make outside of all middleware."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_started

from django_asynckit.handler.signals import FINISHED, STARTED


@dataclass(frozen=True)
class HandlerHops:
    """The hops of one request, by what makes them."""

    request_started: int
    response_close: int

    @property
    def total(self) -> int:
        return self.request_started + self.response_close


def stock_hops() -> HandlerHops:
    """Count the hops of Django's handler with the receivers that are connected now."""
    has_sync = bool(request_started._live_receivers(ASGIHandler)[0])
    _, finished_async = FINISHED.look(ASGIHandler)
    return HandlerHops(int(has_sync), 1 + finished_async)


def asynckit_hops() -> HandlerHops:
    """Count the hops of our handler: Django's own receivers make none."""
    started_sync, _ = STARTED.look(ASGIHandler)
    finished_sync, finished_async = FINISHED.look(ASGIHandler)
    return HandlerHops(int(started_sync), 1 + finished_async if finished_sync else 0)
