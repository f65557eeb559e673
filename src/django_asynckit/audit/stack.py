"""Audits ``settings.MIDDLEWARE``: how each entry runs under Django's handler and under ours."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.utils.module_loading import import_string

from django_asynckit._compat import greenlet_is_installed
from django_asynckit._declared import is_declared
from django_asynckit._drift import HANDLER, is_reviewed
from django_asynckit.audit.chain import Builder, Placement
from django_asynckit.audit.defects import BYPASSES_ASYNC, NOT_CAPABLE, defects
from django_asynckit.audit.explain import explain
from django_asynckit.audit.findings import Finding, Place, Rule, not_looked_at
from django_asynckit.audit.hooks import is_on_the_loop
from django_asynckit.audit.requests import HandlerHops, asynckit_hops, stock_hops
from django_asynckit.audit.sources import locate
from django_asynckit.audit.sync_chain import NOT_OURS, SyncChain, audit_sync_chain
from django_asynckit.handler.loading import factory_for

NOT_IMPORTED: Final = Rule(
    id="asynckit.E003",
    hint="Correct the path in MIDDLEWARE, or install the package. Django does not start with it.",
    is_check=False,
)
NOT_MADE: Final = Rule(
    id="asynckit.E005",
    hint="Django does not start with it. The message names what raised.",
    is_check=False,
)
NO_LIST: Final = Rule(
    id="asynckit.E007",
    hint="Make it a list of dotted paths.",
    is_check=False,
)


_FATAL: Final = frozenset({NOT_IMPORTED.id, NOT_MADE.id, NO_LIST.id, NOT_CAPABLE.id})


@dataclass
class Entry:
    """One entry of ``MIDDLEWARE``."""

    place: Place
    factory: Any
    stock: Placement
    asynckit: Placement
    #: The path of the native class that our handler uses in its place; empty if there is none.
    native: str = ""
    is_declared: bool = False
    #: Whether it is declared, but runs in a thread, since greenlet is not installed.
    lacks_greenlet: bool = False
    #: Why it hops, or why it does not.
    reason: str = ""
    #: What to do about it; empty where there is nothing to do.
    fix: str = ""

    @property
    def runs_sync(self) -> bool:
        """Whether something below turns it sync with both handlers, or it is sync only."""
        return self.stock.mode == self.asynckit.mode == "sync"

    @property
    def path(self) -> str:
        return self.place.where


@dataclass
class Stack:
    """All entries of ``MIDDLEWARE``, outermost first, and the hops of the handlers around them."""

    entries: list[Entry] = field(default_factory=list)
    stock: HandlerHops = field(default_factory=stock_hops)
    asynckit: HandlerHops = field(default_factory=asynckit_hops)
    #: That of our handler, which requests to sync views go through in one hop, if there is one.
    sync_chain: SyncChain = field(default_factory=SyncChain)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether Django would start with it."""
        errors = any(entry.stock.error or entry.asynckit.error for entry in self.entries)
        return not errors and not any(one.id in _FATAL for one in self.findings)

    @property
    def holding(self) -> list[str]:
        """The middleware that holds a worker for each open request in the async chain of our handler."""
        return [entry.path for entry in self.entries if entry.asynckit.pins_thread]

    def totals(self) -> dict[str, dict[str, int]]:
        """Return the hops of an anonymous GET, by handler and kind of view."""
        stock = self.stock.total + sum(entry.stock.hops for entry in self.entries)
        ours = self.asynckit.total + sum(entry.asynckit.hops for entry in self.entries)
        through = self.asynckit.total if self.sync_chain.exists else ours
        return {
            "stock": {"async_view": stock, "sync_view": stock + 1},
            "asynckit": {"async_view": ours, "sync_view": through + 1},
        }


def audit_stack(*, makes: bool, overridden: Sequence[str] = ()) -> Stack:
    """Audit ``settings.MIDDLEWARE``; ``makes`` says whether middleware may be made for it.

    ``overridden`` are the methods that a handler of the project's own overrides.

    Without, no code of a middleware runs, but what only an object tells stays unknown:
    ``MiddlewareNotUsed``, hooks that ``__init__`` adds, what a function returns.
    """
    stack = Stack()
    paths: Any = settings.MIDDLEWARE
    if not isinstance(paths, list | tuple) or not all(isinstance(path, str) for path in paths):
        stack.findings.append(
            NO_LIST.found(Place("MIDDLEWARE"), f"MIDDLEWARE is {paths!r}, not a list of paths.")
        )
        return stack
    factories = [_import(path, stack) for path in paths]
    ours = [_ours(path, factory) for path, factory in zip(paths, factories, strict=True)]
    stock_chain = Builder(makes=makes).build(factories)
    our_chain = Builder(makes=makes, made=stock_chain).build(ours)
    stack.sync_chain = NOT_OURS
    if is_reviewed(HANDLER):
        starts = not any(one.error for one in (*stock_chain, *our_chain))
        stack.sync_chain = audit_sync_chain(overridden, makes=makes and starts)
    for path, stock, asynckit in zip(paths, stock_chain, our_chain, strict=True):
        entry = Entry(Place(path), stock.factory, stock, asynckit)
        stack.entries.append(entry)
        try:
            _describe(entry)
            stack.findings += _findings(entry, stack.sync_chain, makes=makes)
        except Exception as error:  # A middleware may be any object.
            stack.findings.append(not_looked_at(path, error))
    # Only now: importing and making middleware may connect receivers.
    stack.stock, stack.asynckit = stock_hops(), asynckit_hops()
    if not is_reviewed(HANDLER):
        stack.asynckit = stack.stock
    return stack


def _import(path: str, stack: Stack) -> Any:
    try:
        return import_string(path)
    except Exception as error:  # A module may raise anything.
        message = f"{path} cannot be imported: {type(error).__name__}: {error}"
        stack.findings.append(NOT_IMPORTED.found(Place(path), message))
        return None


def _ours(path: str, factory: Any) -> Any:
    """Return what makes the middleware under our handler; a wrong setting is reported elsewhere."""
    if factory is None or not is_reviewed(HANDLER):
        return factory
    try:
        return factory_for(path)
    except Exception:  # The middleware's own module may raise anything.
        return factory


def _describe(entry: Entry) -> None:
    factory, ours = entry.factory, entry.asynckit.factory
    if factory is not None:
        entry.place = locate(factory, entry.path)
    entry.is_declared = is_on_the_loop(ours)
    entry.lacks_greenlet = entry.asynckit.pins_thread and _lacks_greenlet(entry)
    if inspect.isclass(ours) and ours is not factory:
        entry.native = f"{ours.__module__}.{ours.__qualname__}"


def _lacks_greenlet(entry: Entry) -> bool:
    try:
        return is_declared(entry.path, entry.factory) and not greenlet_is_installed()
    except Exception:  # A wrong declaration is reported elsewhere.
        return False


def _findings(entry: Entry, sync_chain: SyncChain, *, makes: bool) -> Iterator[Finding]:
    if entry.factory is None:
        entry.reason = "It cannot be imported."
        return
    found = list(_defects(entry, makes=makes))
    entry.reason, entry.fix, more = explain(entry, sync_chain, is_broken=bool(found))
    yield from found
    yield from more


def _defects(entry: Entry, *, makes: bool) -> Iterator[Finding]:
    stock = entry.stock
    error = stock.error or entry.asynckit.error
    if error is not None:
        handler = "" if stock.error else " for our handler"
        message = f"Making {entry.path}{handler} raised {type(error).__name__}: {error}"
        yield NOT_MADE.found(entry.place, message)
        return
    is_made = makes and stock.subject is not None and stock.mode == "async"
    for finding in defects(entry.factory, stock.subject, entry.place, is_made=is_made):
        # In a sync chain get_response() gives it a response.
        if finding.id != BYPASSES_ASYNC.id or not entry.runs_sync:
            yield finding
