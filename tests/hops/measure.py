"""Counts what each middleware of the full stack adds to the hops of one page."""

from __future__ import annotations

import asyncio
import itertools
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.test import override_settings

from django_asynckit.dropins import DROPINS
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.driver import drive, plain_root_logger
from tests.fuzz.stacks import ORDER

#: An async view that anybody may see. Each request asks for another page, so none is in the cache.
PAGE = "/public/?page="
COLUMNS = (
    "stock, anonymous",
    "ours, anonymous",
    "stock, logged in",
    "ours, logged in",
)
_pages = itertools.count()


def full_stack() -> list[str]:
    """Every middleware of Django's that has a native class, in the order of Django's documentation."""
    return [path for path in ORDER if path in DROPINS and path.startswith("django.")]


def measure() -> dict[str, list[str]]:
    """Return the rows of the table: hops that each middleware adds to those above it, and sums."""
    columns = [
        _column(handler, cookie)
        for cookie in ({}, logged_in())
        for handler in (DjangoASGIHandler, ASGIHandler)
    ]
    return {name: [str(column[name]) for column in columns] for name in columns[0]}


def _column(handler: type, headers: dict[str, str]) -> dict[str, int]:
    counts, threads = [], 0
    for length in range(len(full_stack()) + 1):
        hops, threads = count(handler, full_stack()[:length], headers)
        counts.append(hops)
    added = [after - before for before, after in itertools.pairwise(counts)]
    names = [path.rpartition(".")[2] for path in full_stack()]
    return {
        "the handler": counts[0],
        **{f"`{name}`": hops for name, hops in zip(names, added, strict=True)},
        "**sum of hops**": counts[-1],
        "**threads started**": threads,
    }


def count(handler_class: type, stack: list[str], headers: dict[str, str]) -> tuple[int, int]:
    """Return hops and threads of a request for a page, after others like it."""
    with override_settings(MIDDLEWARE=stack):
        handler = handler_class()
        return asyncio.run(_count(handler, headers))


async def _count(handler, headers: dict[str, str]) -> tuple[int, int]:
    with plain_root_logger():
        for _ in range(2):
            reply = await drive(handler, f"{PAGE}{next(_pages)}", headers=headers)
            assert reply.status == 200, reply
        with record_hops() as trace:
            await drive(handler, f"{PAGE}{next(_pages)}", headers=headers)
    return len(trace.hops), trace.threads_started


def logged_in() -> dict[str, str]:
    """Return the cookie of somebody whose session is in the database."""
    user = get_user_model().objects.get(username="ada")
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    return {"cookie": f"sessionid={store.session_key}"}
