"""Sends the same requests through each stack of :mod:`tests.integrations.real_stacks` on both handlers; prints JSON.

Started by ``test_real_stacks``, in a process of its own: the packages need to be installed apps.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

from django.test import override_settings

from tests.integrations.audited_run import configure

FORM = b"name=ada&login=ada&password=secret&csrfmiddlewaretoken="
#: What it is called, how it is sent, and who sends it.
REQUESTS = (
    ("page", "GET", "/page/", "nobody"),
    ("page of a user", "GET", "/page/", "user"),
    ("404 of a view", "GET", "/missing/", "nobody"),
    ("404 without a view", "GET", "/no/such/", "nobody"),
    ("no slash", "GET", "/page", "nobody"),
    ("error", "GET", "/fails/", "user"),
    ("error that is mended", "GET", "/mended/", "nobody"),
    ("login required", "GET", "/secret/", "nobody"),
    ("logged in", "GET", "/secret/", "user"),
    ("form", "POST", "/form/", "user"),
    ("form without its token", "POST", "/form/?bad", "user"),
    ("admin", "GET", "/admin/", "user"),
    ("admin for nobody", "GET", "/admin/", "nobody"),
    ("list of the admin", "GET", "/admin/auth/user/", "user"),
    ("REST", "GET", "/rest/", "user"),
    ("REST without its token", "POST", "/rest/?bad", "user"),
    ("REST that is refused", "GET", "/rest/", "nobody"),
    ("ninja", "GET", "/ninja/fine?number=3", "nobody"),
    ("ninja with a wrong number", "GET", "/ninja/fine?number=x", "nobody"),
    ("ninja that fails", "GET", "/ninja/fails", "nobody"),
    ("allauth", "GET", "/accounts/login/", "nobody"),
    ("allauth logs in", "POST", "/accounts/login/", "nobody"),
    ("static file", "GET", "/static/hash.css", "nobody"),
    ("async view", "GET", "/", "user"),
)


TOKEN = "t" * 32


def cookies_of(who: str) -> dict[str, str]:
    """A CSRF secret, in the session where that is its place; and a session that is logged in."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import (
        BACKEND_SESSION_KEY,
        HASH_SESSION_KEY,
        SESSION_KEY,
        get_user_model,
    )

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session["_csrftoken"] = TOKEN
    if who == "user":
        user = get_user_model().objects.get(username="ada")
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return {"csrftoken": TOKEN, "sessionid": session.session_key}


def scope_of(method: str, url: str, cookies: dict[str, str]) -> tuple[dict[str, Any], bytes]:
    from tests.driver import scope_for

    body = b""
    headers = {
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "Origin": "http://testserver",
    }
    if method == "POST":
        body = FORM + ("" if url.endswith("?bad") else TOKEN).encode()
        headers |= {
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(body)),
        }
    return scope_for(url, method, headers), body


async def seen_of(handler, scope, body) -> dict[str, Any]:
    """What can be observed of a request, and its hops."""
    from django_asynckit.trace import record_hops
    from tests.handler.tools import observe
    from tests.servers.client import hide

    with record_hops() as trace:
        seen = await observe(handler, scope, (body,), exceptions=True)
    reply = seen.reply
    return {
        "status": reply.status if reply.messages else None,
        "headers": [[hide(one.decode("latin1")) for one in pair] for pair in reply.headers],
        "body": hide(reply.body.decode("latin1")),
        "error": seen.error,
        "signals": [[signal[0], str(signal[1])] for signal in seen.signals],
        "logs": [[str(fact) for fact in record] for record in seen.logs],
        "hops": [hop.target for hop in trace.hops],
    }


def run(stack: list[str], options: dict[str, Any]) -> dict[str, Any]:
    from django.core.cache import cache
    from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
    from django.db import connections

    from django_asynckit.handler.asgi import ASGIHandler

    options = dict(options)
    connections.settings["default"]["ATOMIC_REQUESTS"] = options.pop("ATOMIC_REQUESTS", False)
    with override_settings(MIDDLEWARE=stack, **options):
        made = {"stock": DjangoASGIHandler(), "asynckit": ASGIHandler()}
        results = {}
        for name, method, url, who in REQUESTS:
            cache.clear()  # Some count requests in it, to refuse more.
            cookies = cookies_of(who)
            scope, body = scope_of(method, url, cookies)
            seen = {key: asyncio.run(seen_of(one, scope, body)) for key, one in made.items()}
            seen["stock"].pop("hops")
            results[name] = {**seen, "hops": seen["asynckit"].pop("hops")}
        chain = made["asynckit"]._sync_chain
        return {
            "sync chain": chain is not None and not chain.is_broken,
            "requests": results,
        }


@contextlib.contextmanager
def prepared(folder: Path):
    """The database and a static file, and tools that have to be started."""
    import structlog
    from django.contrib.auth import get_user_model
    from django.contrib.sites.models import Site
    from django.core.management import call_command
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from structlog.processors import JSONRenderer

    structlog.configure(processors=[JSONRenderer()])  # Its default draws each error, for seconds.
    call_command("migrate", verbosity=0)
    get_user_model().objects.create_superuser("ada", "ada@example.test", "secret")
    Site.objects.update_or_create(pk=1, defaults={"domain": "testserver", "name": "site"})
    static = folder / "static"
    static.mkdir()
    (static / "hash.css").write_text("body { color: red }")
    with override_settings(
        ROOT_URLCONF="tests.integrations.real_stacks",
        STATIC_ROOT=str(static),
        SITE_ID=1,
        SESSION_ENGINE="django.contrib.sessions.backends.db",
        ASYNCKIT_SYNC_CHAIN=True,
    ):
        DjangoInstrumentor().instrument(tracer_provider=TracerProvider())
        yield


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        configure(Path(folder) / "site.sqlite3")
        with prepared(Path(folder)):
            from tests.integrations.real_stacks import STACKS

            results = {name: run(*stack) for name, stack in STACKS.items()}
        print(f"\n{json.dumps(results)}")  # Packages print things too.


if __name__ == "__main__":
    main()
