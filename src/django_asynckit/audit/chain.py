"""Simulates how Django's ``load_middleware()`` builds the chain, with its own classes and with ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_asynckit.audit.hooks import Hops, async_hops, stand_in, sync_hops

Mode = Literal["async", "sync", "unused"]


@dataclass
class Placement:
    """One middleware in one chain."""

    #: The class or function that makes it.
    factory: Any
    mode: Mode = "async"
    #: Hops by hook; ``get_response`` is the way from sync code down to the event loop.
    hooks: Hops = field(default_factory=dict)
    #: Hops that some requests make beside these.
    sometimes: int = 0
    #: Whether each request holds a thread here while everything below answers.
    pins_thread: bool = False
    #: The middleware, or what stands in for it where none is made.
    subject: Any = None
    #: What making it raised, if it was made.
    error: Exception | None = None

    @property
    def hops(self) -> int:
        """All hops of one anonymous GET."""
        return sum(self.hooks.values())


async def _async_sample(request: HttpRequest) -> HttpResponseBase:
    raise NotImplementedError


def _sync_sample(request: HttpRequest) -> HttpResponseBase:
    raise NotImplementedError


_SAMPLES: Final[dict[bool, Callable[..., Any]]] = {True: _async_sample, False: _sync_sample}


def make(factory: Any, *, is_async: bool) -> Any:
    """Make a middleware around a sample as Django does around the rest of a chain."""
    middleware = factory(_SAMPLES[is_async])
    if middleware is None:
        raise ImproperlyConfigured("it made nothing (None).")
    return middleware


class Builder:
    """Builds one chain from the view outwards."""

    def __init__(self, *, makes: bool, made: Iterable[Placement] = ()) -> None:
        #: Whether middleware is made, as Django does; else only its class is looked at.
        self.makes = makes
        #: What another builder has made, which is not made again: some cannot be.
        self._made = {(id(one.factory), one.mode): one for one in made if one.subject is not None}
        self._is_async = True
        #: The outermost sync-only middleware of the sync run that is being built.
        self._pinning: Placement | None = None

    def build(self, factories: Iterable[Any]) -> list[Placement]:
        """Return the placements of ``factories``, given and returned outermost first.

        ``None`` is for one that cannot be imported: Django would not start.
        """
        placements = [self._place(factory) for factory in reversed(list(factories))]
        if not self._is_async:
            self._leave_thread()
        return placements[::-1]

    def _place(self, factory: Any) -> Placement:
        placement = Placement(factory)
        try:
            self._join(placement)
        except Exception as error:  # A middleware may be any object.
            placement.mode, placement.error = "unused", error
        return placement

    def _join(self, placement: Placement) -> None:
        can_sync = getattr(placement.factory, "sync_capable", True)
        can_async = getattr(placement.factory, "async_capable", False)
        if placement.factory is None or not (can_sync or can_async):
            placement.mode = "unused"
            return
        is_async = bool(can_async) and (self._is_async or not can_sync)
        self._make(placement, is_async)
        if placement.mode != "unused":
            self._count(placement, is_async, bool(can_async))

    def _make(self, placement: Placement, is_async: bool) -> None:
        placement.mode = "async" if is_async else "sync"
        if not self.makes:
            placement.subject = stand_in(placement.factory)
            return
        made = self._made.get((id(placement.factory), placement.mode))
        if made is not None:
            placement.subject = made.subject
            return
        try:
            placement.subject = make(placement.factory, is_async=is_async)
        except MiddlewareNotUsed:
            placement.mode = "unused"

    def _count(self, placement: Placement, is_async: bool, can_async: bool) -> None:
        if is_async and not self._is_async:
            self._leave_thread()
        if is_async:
            placement.hooks, placement.sometimes = async_hops(placement.subject)
        else:
            placement.hooks = sync_hops(placement.subject)
            if self._is_async:
                placement.hooks["get_response"] = 1
            if not can_async:
                placement.pins_thread = True
                self._pinning = placement
        self._is_async = is_async

    def _leave_thread(self) -> None:
        """Count the hop from the event loop into a sync run for the one that makes it necessary."""
        assert self._pinning is not None
        hooks = self._pinning.hooks
        hooks["__call__"] = hooks.get("__call__", 0) + 1
