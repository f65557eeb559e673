"""Audits settings, signals, and code that keeps something per thread."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished, request_started
from django.utils.module_loading import import_string

from django_asynckit._logs import not_local
from django_asynckit.audit.databases import pool_size
from django_asynckit.audit.findings import Finding, Place, Rule
from django_asynckit.audit.native import cache_blocks
from django_asynckit.audit.sources import locate
from django_asynckit.conf import worker_settings
from django_asynckit.dropins import dotted_path
from django_asynckit.handler.signals import FINISHED, STARTED, Receivers
from django_asynckit.middleware._mro import has_own_twin
from django_asynckit.middleware._sessions import awaits_natively
from django_asynckit.middleware._stores import native_store

UNSAFE: Final = Rule(
    id="asynckit.W014",
    hint="Take it out of the environment of the server. It is for notebooks.",
)
MAX_AGE: Final = Rule(
    id="asynckit.W015",
    hint="Set CONN_MAX_AGE to 0, use the pool of psycopg, or serve the site with "
    "django_asynckit.asgi, where it means what it means under WSGI.",
)
POOL: Final = Rule(
    id="asynckit.W016",
    hint="Set max_size of the pool to ASYNCKIT_WORKERS at least, or lower ASYNCKIT_WORKERS.",
)
REFUSED: Final = Rule(
    id="asynckit.W018",
    hint="Set CONN_MAX_AGE to 0: the pool keeps connections open.",
)
SESSION: Final = Rule(
    id="asynckit.I008",
    hint="Set it to False, or use signed-cookie sessions, or a session store whose async methods "
    "are its own.",
    is_check=False,
)
CACHE: Final = Rule(
    id="asynckit.I013",
    hint="Use a backend with async methods of its own, or leave it: one hop for what is cached may "
    "be cheaper than what it saves.",
    is_check=False,
)
LOGGING: Final = Rule(
    id="asynckit.I010",
    hint="Put a logging.handlers.QueueHandler in front of what sends records over the network.",
    is_check=False,
)
BACKEND: Final = Rule(
    id="asynckit.I011",
    hint="Give it aget_user() and aauthenticate(), if these need not block.",
    is_check=False,
)
RECEIVER: Final = Rule(
    id="asynckit.I012",
    hint="Make it async def if it does not block, or do its work in middleware or a view.",
    is_check=False,
)


def audit_site(handler: str = "unknown") -> list[Finding]:
    """Audit what concerns the whole site; ``handler`` is that of the ASGI application."""
    findings = [
        *_unsafe(),
        *_databases(handler),
        *_sessions(),
        *_caches(),
        *_logging(),
        *_backends(),
    ]
    findings += _receivers("request_started", request_started, STARTED)
    findings += _receivers("request_finished", request_finished, FINISHED)
    return findings


def _unsafe() -> Iterator[Finding]:
    name = "DJANGO_ALLOW_ASYNC_UNSAFE"
    if os.environ.get(name):
        yield UNSAFE.found(
            Place(name),
            f"{name} is set: Django does not stop sync database code on the event loop, which "
            "blocks all requests and can mix up their transactions.",
        )


def _databases(handler: str) -> Iterator[Finding]:
    databases: dict[str, dict[str, Any]] = settings.DATABASES
    for alias, database in databases.items():
        if handler == "stock" and database.get("CONN_MAX_AGE", 0) != 0:
            yield MAX_AGE.found(
                Place(f"DATABASES[{alias!r}]"),
                f"Database {alias!r} has CONN_MAX_AGE, but with Django's ASGI handler each request "
                "has a thread of its own: connections stay open in threads that have ended.",
            )
        size = pool_size(database)
        if size is None:
            continue
        if database.get("CONN_MAX_AGE", 0) != 0:
            yield REFUSED.found(
                Place(f"DATABASES[{alias!r}]"),
                f"Database {alias!r} has a pool and CONN_MAX_AGE: Django refuses to connect.",
            )
        yield from _pool(alias, size)


def _pool(alias: str, size: int) -> Iterator[Finding]:
    try:
        workers = worker_settings().limit
    except ImproperlyConfigured:
        return  # E001 reports it.
    if size < workers:
        yield POOL.found(
            Place(f"DATABASES[{alias!r}]"),
            f"The pool of database {alias!r} has {size} connections, but ASYNCKIT_WORKERS lets "
            f"{workers} requests ask for one at the same time: some of them wait, or time out.",
        )


def _sessions() -> Iterator[Finding]:
    try:
        store = native_store(import_string(f"{settings.SESSION_ENGINE}.SessionStore"))
    except Exception:  # A module may raise anything.
        return  # A request reports it.
    if store.__module__.endswith(".signed_cookies") or awaits_natively(store):
        return
    costs = {
        "CSRF_USE_SESSIONS": "each request with a session loads it, in a thread",
        "SESSION_SAVE_EVERY_REQUEST": "each request with a session saves it, in a thread",
    }
    for name, cost in costs.items():
        if getattr(settings, name):
            yield SESSION.found(Place(name), f"{name} is on, so {cost}.")


def _caches() -> Iterator[Finding]:
    """Look at the caches that requests use without being asked to."""
    uses = {}
    if any("CacheMiddleware" in str(path) for path in settings.MIDDLEWARE or ()):
        uses[settings.CACHE_MIDDLEWARE_ALIAS] = "a cache middleware uses"
    if settings.SESSION_ENGINE.rpartition(".")[2] in ("cache", "cached_db"):
        uses[settings.SESSION_CACHE_ALIAS] = "sessions use"
    for alias, use in uses.items():
        if cache_blocks(alias, "get"):
            yield CACHE.found(
                Place(f"CACHES[{alias!r}]"),
                f"Cache {alias!r} has no async methods of its own, and {use} it: that takes a hop in the "
                "async chain.",
            )


def _logging() -> Iterator[Finding]:
    known = set()
    for level in (logging.WARNING, logging.ERROR):
        for part in not_local("django.request", level):
            if id(part) not in known:
                known.add(id(part))
                yield LOGGING.found(
                    Place("LOGGING"),
                    f"{_name_of(part)}, which the logger django.request uses, may do network I/O: "
                    f"logging a response at level {logging.getLevelName(level)} takes a hop in "
                    "the async chain.",
                )


def _name_of(part: Any) -> str:
    """Return what a log handler or a filter is called in ``LOGGING``, and its class."""
    kind = "handler" if isinstance(part, logging.Handler) else "filter"
    name = getattr(part, "name", "")
    quoted = f" {name!r}" if kind == "handler" and name else ""
    return f"The log {kind}{quoted} ({dotted_path(type(part))})"


def _backends() -> Iterator[Finding]:
    if not apps.is_installed("django.contrib.auth"):
        return  # The setting has a default, whose module cannot be imported then.
    for path in settings.AUTHENTICATION_BACKENDS:
        try:
            backend: Any = import_string(path)
        except Exception:  # noqa: S112
            continue  # Django reports it. A module may raise anything.
        if path.startswith("django.contrib.auth.") or not isinstance(backend, type):
            continue
        if not _is_djangos(backend, "get_user") and not has_own_twin(backend, "get_user"):
            yield BACKEND.found(
                locate(backend, path),
                f"{path} has its own get_user() and no async one: loading a user in async code takes a hop.",
            )


def _is_djangos(backend: type[Any], name: str) -> bool:
    method = getattr(backend, name, None)
    return str(getattr(method, "__module__", "django.")).startswith("django.")


def _receivers(name: str, signal: Any, receivers: Receivers) -> Iterator[Finding]:
    known = set(map(id, receivers.known))
    receiver: Callable[..., Any]
    for receiver in signal._live_receivers(ASGIHandler)[0]:
        if id(receiver) not in known and not _is_for_development(receiver):
            path = f"{receiver.__module__}.{getattr(receiver, '__qualname__', '')}"
            yield RECEIVER.found(
                locate(receiver, path),
                f"{path} is a sync receiver of {name}: it takes a hop in each request.",
            )


def _is_for_development(receiver: Callable[..., Any]) -> bool:
    """Whether it is a receiver that Django connects under ``runserver`` only."""
    return receiver.__module__ == "django.utils.autoreload"
