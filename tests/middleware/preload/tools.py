"""Sessions in every state, and what can be seen of an answer."""

from __future__ import annotations

import asyncio
from importlib import import_module

from django.contrib.auth import (
    HASH_SESSION_KEY,
    get_user_model,
)
from django.contrib.sessions.models import Session
from django.test import override_settings

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.driver import drive
from tests.middleware.preload.site import ENGINES, OLD_KEY, user_data


def engine(name):
    prefix = "django.contrib.sessions.backends" if name in ENGINES else "tests.middleware.engines"
    return override_settings(SESSION_ENGINE=f"{prefix}.{name}")


def cookie(state):
    """Store a session in ``state``, and return its cookie."""
    from django.conf import settings

    if state == "none":
        return {}
    if state in ("garbage", "unknown"):
        return {"cookie": "sessionid=" + {"garbage": "?", "unknown": "u" * 32}[state] * 10}
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store["color"] = "red"
    if state != "anonymous":
        store.update(user_data())
    if state == "stale":
        store[HASH_SESSION_KEY] = "of another password"
    if state == "rotated":
        with override_settings(SECRET_KEY=OLD_KEY):
            store[HASH_SESSION_KEY] = (
                get_user_model().objects.get(username="ada").get_session_auth_hash()
            )
    if state == "expired":
        store.set_expiry(-5)
    store.save()
    key = store.session_key
    if state == "gone":
        store.delete()
    return {"cookie": f"sessionid={key}"}


def ask(url, headers=None, handler=ASGIHandler):
    application = handler()

    async def run():
        with record_hops() as trace:
            reply = await drive(application, url, headers=headers)
        return reply, trace.hops

    return asyncio.run(run())


def answer(reply):
    """What must be the same; keys of sessions are random."""
    return (
        reply.status,
        [
            (name, value.split(b"=")[0] if name == b"Set-Cookie" else value)
            for name, value in reply.headers
        ],
        deletes_cookie(reply),
        reply.body,
    )


def deletes_cookie(reply):
    return any(b"Max-Age=0" in value for name, value in reply.headers if name == b"Set-Cookie")


def stored():
    """The sessions that are stored, by content."""
    return sorted(str(sorted(row.get_decoded())) for row in Session.objects.all())


def cookie_with(data):
    from django.conf import settings

    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store.update(data)
    store.save()
    return {"cookie": f"sessionid={store.session_key}"}
