"""``PreloadUserMiddleware``: async code reads session and user, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
from importlib import import_module

import pytest
from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    alogin,
    alogout,
    get_user_model,
)
from django.contrib.sessions.backends import file
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connection
from django.http import HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory, override_settings
from django.urls import path
from django.utils.functional import SimpleLazyObject

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.middleware.preload import PreloadUserMiddleware
from django_asynckit.trace import record_hops
from tests import settings as site
from tests.driver import drive
from tests.middleware import stores
from tests.middleware.test_auth import ALICE, BOB
from tests.middleware.test_auth import __name__ as auth_tests

PRELOAD = "django_asynckit.middleware.preload.PreloadUserMiddleware"
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
ENGINES = ("db", "cached_db", "cache", "file", "signed_cookies")
OLD_KEY = "an older secret key " + "o" * 32
TEMPLATE = (
    "{{ user.username }}|{{ request.session.color }}|{% for one in messages %}{{ one }}{% endfor %}"
)
STATES = ("none", "anonymous", "ada", "stale", "rotated", "unknown", "expired", "garbage", "gone")


def nothing(request):
    return HttpResponse("nothing")


def reads_user(request):
    return HttpResponse(f"{request.user.username} {request.user.is_authenticated}")


def reads_session(request):
    return HttpResponse(str(request.session.get("color")))


def reads_both(request):
    color = request.session.get("color")
    return HttpResponse(f"{color} {request.user} {request.session.get('color')}")


def writes_session(request):
    before = request.session.get("color")
    request.session["color"] = "green"
    return HttpResponse(f"{before} {request.user}")


def renders(request):
    code = engines["django"].from_string(TEMPLATE)
    return HttpResponse(code.render({}, request))


def adds_message(request):
    messages.info(request, "hello")
    return HttpResponse("added")


def breaks(request):
    request.user.username  # noqa: B018
    return HttpResponse("broken", status=500)


PAIRS = {
    view.__name__: view
    for view in (
        nothing,
        reads_user,
        reads_session,
        reads_both,
        writes_session,
        renders,
        adds_message,
        breaks,
    )
}


def as_async(view):
    async def asynchronous(request):
        return view(request)

    return asynchronous


async def awaits_user(request):
    user = await request.auser()
    assert request.user == user
    assert await request.auser() is user
    return HttpResponse(f"{user.username} {user.is_authenticated}")


async def permissions(request):
    code = engines["django"].from_string("{{ perms.auth.add_user }}{{ perms.auth.no }}")
    await request.user.aget_all_permissions()
    return HttpResponse(code.render({}, request))


async def signs_in(request):
    before = request.user.username
    await alogin(request, await get_user_model().objects.aget(username="bob"), MODEL_BACKEND)
    return HttpResponse(f"{before} {request.user} {await request.auser()}")


async def signs_in_unread(request):
    await alogin(request, await get_user_model().objects.aget(username="bob"), MODEL_BACKEND)
    del request.user, request.session["_auth_user_hash"]
    return HttpResponse(str(await request.auser()))


async def signs_out(request):
    await alogout(request)
    return HttpResponse(f"{request.user} {await request.auser()}")


async def other_session(request):
    request.session = type(request.session)()
    return HttpResponse(str(request.user))


async def no_session(request):
    del request.session
    return HttpResponse("none")


async def catches(request):
    seen = []
    for read in (lambda: request.session.get("color"), lambda: request.user.username) * 2:
        try:
            seen.append(str(read()))
        except (OperationalError, ValueError) as error:
            seen.append(type(error).__name__)
    return HttpResponse(" ".join(seen))


async def streams(request):
    async def chunks():
        yield request.user.username

    return StreamingHttpResponse(chunks())


async def later(request):
    code = engines["django"].from_string(TEMPLATE)
    return TemplateResponse(request, code, {})


urlpatterns = [
    *(path(f"{name}/", as_async(view)) for name, view in PAIRS.items()),
    *(path(f"{name}/sync/", view) for name, view in PAIRS.items()),
    *(
        path(f"{view.__name__}/", view)
        for view in (
            awaits_user,
            permissions,
            signs_in,
            signs_in_unread,
            signs_out,
            other_session,
            no_session,
            catches,
            streams,
            later,
        )
    ),
]


class OwnUserMiddleware(AsyncMiddlewareMixin):
    """Puts a lazy object of its own in the place of the user."""

    async def aprocess_request(self, request):
        def load():
            stores.note("own user")
            if request.GET.get("fails"):
                raise ValueError("own user")
            return BOB

        request.user = BOB if request.GET.get("loaded") else SimpleLazyObject(load)


class OwnAuserMiddleware(AsyncMiddlewareMixin):
    async def aprocess_request(self, request):
        async def auser():
            return BOB

        request.auser = auser


class SignInMiddleware(AsyncMiddlewareMixin):
    """Names a user in a session that has no key yet."""

    async def aprocess_request(self, request):
        request.session.update(user_data("asynckit"))


class ReadsSessionMiddleware(AsyncMiddlewareMixin):
    async def aprocess_request(self, request):
        await request.session.aget("color")


def stack(*more, last=()):
    paths = [name if "." in name else f"{__name__}.{name}" for name in more]
    return [*site.MIDDLEWARE, *paths, PRELOAD, *last]


@pytest.fixture(autouse=True)
def _site(in_process_database, tmp_path, monkeypatch):
    monkeypatch.setattr(file.SessionStore, "_storage_path", str(tmp_path), raising=False)
    stores.calls.clear()
    stores.saved.clear()
    bob, _ = get_user_model().objects.get_or_create(username="bob")
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=stack(), SECRET_KEY_FALLBACKS=[OLD_KEY]):
        yield
    Session.objects.all().delete()
    bob.delete()
    cache.clear()


def engine(name):
    prefix = "django.contrib.sessions.backends" if name in ENGINES else "tests.middleware.engines"
    return override_settings(SESSION_ENGINE=f"{prefix}.{name}")


def user_data(backend=None):
    """What a session of ``ada``, or of a user of the backends of ``test_auth``, holds."""
    user = ALICE if backend else get_user_model().objects.get(username="ada")
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: f"{auth_tests}.{backend}" if backend else MODEL_BACKEND,
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }


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
            store[HASH_SESSION_KEY] = get_user_model().objects.get(username="ada").get_session_auth_hash()
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
        [(name, value.split(b"=")[0] if name == b"Set-Cookie" else value) for name, value in reply.headers],
        deletes_cookie(reply),
        reply.body,
    )


def deletes_cookie(reply):
    return any(b"Max-Age=0" in value for name, value in reply.headers if name == b"Set-Cookie")


def stored():
    """The sessions that are stored, by content."""
    return sorted(str(sorted(row.get_decoded())) for row in Session.objects.all())


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("handler", [ASGIHandler, DjangoASGIHandler], ids=["ours", "Django"])
def test_answers_are_those_of_a_sync_view_without_it(blockbuster, name, state, handler):
    """Cookies, ``Vary`` and stored sessions too, whether the page reads the session or not."""
    for view in PAIRS:
        results = []
        for url, middleware in ((f"/{view}/sync/", site.MIDDLEWARE), (f"/{view}/", stack())):
            Session.objects.all().delete()
            with engine(name), override_settings(MIDDLEWARE=middleware):
                headers = cookie(state)
                if middleware is site.MIDDLEWARE:
                    blockbuster.deactivate()
                reply, _ = ask(url, headers, DjangoASGIHandler if middleware is site.MIDDLEWARE else handler)
                blockbuster.activate()
            results.append((view, answer(reply), stored()))
        assert results[1] == results[0]
