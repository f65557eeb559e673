"""``AuthenticationMiddleware``: one user for ``request.user`` and ``await request.auser()``."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    alogin,
    login,
    logout,
)
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User, update_last_login
from django.contrib.auth.signals import user_logged_in
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpResponse
from django.template import engines
from django.test import override_settings
from django.urls import path
from django.utils.functional import SimpleLazyObject

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import _users
from django_asynckit.trace import record_hops
from tests.driver import drive
from tests.middleware import stores

BACKEND = "django.contrib.auth.backends.ModelBackend"
ALICE = User(pk=1, username="alice", password="a")
BACKENDS = (
    "AsyncBackend",
    "RefusingBackend",
    "AsyncOnlyRefusingBackend",
    "NoBaseBackend",
    "factory_backend",
)
BOB = User(pk=2, username="bob", password="b")
USERS = {1: ALICE, 2: BOB}


class AsyncBackend(ModelBackend):
    """Has users without a database, in sync and async code."""

    def get_user(self, user_id):
        stores.note("get_user")
        return USERS.get(user_id)

    async def aget_user(self, user_id):
        stores.note("aget_user")
        return USERS.get(user_id)


class RefusingBackend(AsyncBackend):
    """Overrides the sync method only: suspended users are refused."""

    def get_user(self, user_id):
        stores.note("refused")


class AsyncOnlyRefusingBackend(ModelBackend):
    """Overrides the async method only; the sync one would need a database."""

    async def aget_user(self, user_id):
        stores.note("async refused")


def factory_backend():
    """What AUTHENTICATION_BACKENDS names need only be callable."""
    return AsyncBackend()


class NoBaseBackend:
    """Has only what Django's sync code needs."""

    def get_user(self, user_id):
        stores.note("plain get_user")
        return USERS.get(user_id)


async def auser(request):
    return HttpResponse((await request.auser()).get_username() or "anonymous")


async def both(request):
    first = await request.auser()
    assert request.user == first  # No I/O any more.
    assert await request.auser() is first
    code = engines["django"].from_string("{{ request.user.username }}")
    return HttpResponse(code.render({}, request))


async def twice(request):
    return HttpResponse(str(await request.auser() is await request.auser()))


async def fresh_session(request):
    await request.auser()
    request.session = type(request.session)(request.session.session_key)  # Not loaded yet.
    return HttpResponse((await request.auser()).username)


async def dict_session(request):
    request.session = {}
    return HttpResponse(str(request.user))


async def user_first(request):
    await sync_to_async(lambda: request.user.username)()
    assert await request.auser() == request.user
    return HttpResponse(request.user.username)


async def sync_login(request):
    before = await request.auser()
    await sync_to_async(login)(request, BOB, backend=f"{__name__}.AsyncBackend")
    return HttpResponse(
        f"{before.username} {request.user.username} {(await request.auser()).username}"
    )


async def async_login(request):
    before = await request.auser()
    await alogin(request, BOB, backend=f"{__name__}.AsyncBackend")
    return HttpResponse(
        f"{before.username} {request.user.username} {(await request.auser()).username}"
    )


async def sync_logout(request):
    await request.auser()
    await sync_to_async(logout)(request)
    return HttpResponse(repr([str(request.user), str(await request.auser())]))


async def flush(request):
    await request.auser()
    await request.session.aflush()
    return HttpResponse(repr([str(request.user), str(await request.auser())]))


def changes_session(key, value):
    """Make a view that reads the user, changes what the session says of it, and asks again."""

    async def view(request):
        before = await sync_to_async(lambda: request.user.get_username())()
        request.session[key] = value
        return HttpResponse(f"{before} {(await request.auser()).get_username() or 'anonymous'}")

    return view


async def assigned(request):
    request.user = BOB
    return HttpResponse((await request.auser()).username)


async def assigned_lazily(request):
    def load():
        stores.note("lazy")
        return BOB

    request.user = SimpleLazyObject(load)
    assert (await request.auser()).username == (await request.auser()).username
    return HttpResponse(request.user.username)


async def cached_by_others(request):
    request._cached_user = BOB
    return HttpResponse((await request.auser()).username)


async def custom_session(request):
    session = request.session
    await request.auser()
    request.session = type("Other", (type(session),), {"get": lambda self, *args: None})()
    request.session._session_cache = {}
    return HttpResponse(str(await request.auser()))


urlpatterns = [
    path("auser/", auser),
    path("both/", both),
    path("twice/", twice),
    path("fresh/", fresh_session),
    path("dict/", dict_session),
    path("user_first/", user_first),
    path("login/", sync_login),
    path("alogin/", async_login),
    path("logout/", sync_logout),
    path("flush/", flush),
    path("assigned/", assigned),
    path("assigned_lazily/", assigned_lazily),
    path("cached/", cached_by_others),
    path("session/", custom_session),
    path("id/", changes_session(SESSION_KEY, "3")),
    path("hash/", changes_session(HASH_SESSION_KEY, "of another password")),
    path("backend/", changes_session(BACKEND_SESSION_KEY, f"{__name__}.AsyncOnlyRefusingBackend")),
]


@pytest.fixture(autouse=True)
def _site():
    stores.calls.clear()
    stores.saved.clear()
    # It would need a database.
    assert user_logged_in.disconnect(dispatch_uid="update_last_login")
    with override_settings(
        ROOT_URLCONF=__name__,
        AUTHENTICATION_BACKENDS=[f"{__name__}.{name}" for name in BACKENDS],
    ):
        yield
    user_logged_in.connect(update_last_login, dispatch_uid="update_last_login")


def session_for(user, backend="AsyncBackend"):
    """Return the cookie of a signed-cookie session in which ``user`` is logged in."""
    from django.contrib.sessions.backends.signed_cookies import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = f"{__name__}.{backend}"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return {"cookie": f"sessionid={session.session_key}"}


async def get(url, headers=None, handler=ASGIHandler):
    application = handler()
    with record_hops() as trace:
        reply = await drive(application, url, headers=headers)
    return reply.body.decode(), trace.hops


async def test_nobody_is_logged_in_without_a_hop():
    assert await get("/auser/") == ("anonymous", [])


@pytest.mark.parametrize("url", ["/auser/", "/both/"])
async def test_a_natively_async_backend_is_awaited(url):
    assert await get(url, session_for(ALICE)) == ("alice", [])
    assert stores.calls == [("aget_user", True)]


async def test_a_backend_that_overrides_the_sync_method_decides():
    body, hops = await get("/auser/", session_for(ALICE, "RefusingBackend"))
    assert body == "anonymous"
    assert stores.calls == [("refused", False)]
    assert len(hops) == 1


@pytest.mark.parametrize("engine", ["loadshere", "asyncstore"])
async def test_a_backend_that_overrides_the_async_method_decides(engine):
    """Also where the session is not in memory: it is loaded first, in one hop at the most."""
    with override_settings(SESSION_ENGINE=f"tests.middleware.engines.{engine}"):
        stores.saved["k" * 32] = {
            SESSION_KEY: "1",
            BACKEND_SESSION_KEY: f"{__name__}.AsyncOnlyRefusingBackend",
            HASH_SESSION_KEY: ALICE.get_session_auth_hash(),
        }
        cookie = {"cookie": "sessionid=" + "k" * 32}
        assert (await get("/auser/", cookie))[0] == "anonymous"
    assert ("async refused", True) in stores.calls


async def test_an_own_aload_of_a_store_is_what_loads():
    with override_settings(SESSION_ENGINE="tests.middleware.engines.loadsempty"):
        assert (await get("/auser/", {"cookie": "sessionid=" + "k" * 32}))[0] == "anonymous"
    assert ("own aload", True) in stores.calls


async def test_a_backend_may_be_a_factory():
    assert (await get("/auser/", session_for(ALICE, "factory_backend")))[0] == "alice"


async def test_a_session_that_cannot_be_looked_into_has_one_user():
    with override_settings(SESSION_ENGINE="tests.middleware.engines.readselsewhere"):
        assert (await get("/twice/", session_for(ALICE)))[0] == "True"


async def test_a_session_may_be_a_plain_dict():
    assert (await get("/dict/"))[0] == "AnonymousUser"


async def test_a_backend_without_async_methods_gets_one_hop():
    body, hops = await get("/auser/", session_for(ALICE, "NoBaseBackend"))
    assert (body, len(hops)) == ("alice", 1)
    assert stores.calls == [("plain get_user", False)]


async def test_a_backend_that_is_not_configured_means_nobody():
    with override_settings(AUTHENTICATION_BACKENDS=[BACKEND]):
        assert (await get("/auser/", session_for(ALICE)))[0] == "anonymous"


async def test_a_changed_password_means_nobody():
    headers = session_for(User(pk=1, password="old"))
    ours, stock = (
        await get("/auser/", headers),
        await get("/auser/", headers, DjangoASGIHandler),
    )
    assert ours[0] == stock[0] == "anonymous"


async def test_auser_takes_what_user_found():
    assert (await get("/user_first/", session_for(ALICE)))[0] == "alice"
    assert [name for name, _ in stores.calls] == ["get_user"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/login/", "alice bob bob"),
        ("/alogin/", "alice bob bob"),
        ("/logout/", "['AnonymousUser', 'AnonymousUser']"),
        ("/flush/", "['AnonymousUser', 'AnonymousUser']"),
        ("/assigned/", "bob"),
        ("/assigned_lazily/", "bob"),
        ("/cached/", "bob"),
        ("/session/", "AnonymousUser"),
        ("/fresh/", "alice"),
    ],
)
async def test_the_shared_user_holds_only_while_the_session_names_it(url, expected):
    assert (await get(url, session_for(ALICE)))[0] == expected


@pytest.mark.parametrize("url", ["/id/", "/hash/", "/backend/"])
async def test_a_user_is_looked_up_anew_once_the_session_says_something_else(url):
    """Another user, an old password, or a backend that refuses: as on stock Django."""
    headers = session_for(ALICE)
    stock = (await get(url, headers, DjangoASGIHandler))[0]
    assert stock == "alice anonymous"
    assert (await get(url, headers))[0] == stock


async def test_a_lazy_user_of_somebody_else_is_loaded_off_the_loop():
    _, hops = await get("/assigned_lazily/", session_for(ALICE))
    assert stores.calls == [("lazy", False)]
    assert len(hops) == 1


async def test_a_user_model_with_hashes_of_its_own_is_checked_off_the_loop(monkeypatch):
    def get_session_auth_hash(self):
        stores.note("hash")
        return "hash"

    headers = session_for(ALICE)
    monkeypatch.setattr(User, "get_session_auth_hash", get_session_auth_hash)
    await get("/auser/", headers)
    assert ("hash", False) in stores.calls
    assert ("hash", True) not in stores.calls


async def test_a_natively_async_session_is_loaded_ahead():
    with override_settings(SESSION_ENGINE="tests.middleware.engines.asyncstore"):
        stores.saved["k" * 32] = {
            SESSION_KEY: "1",
            BACKEND_SESSION_KEY: f"{__name__}.AsyncBackend",
            HASH_SESSION_KEY: ALICE.get_session_auth_hash(),
        }
        body, hops = await get("/both/", {"cookie": "sessionid=" + "k" * 32})
        assert (body, hops) == ("alice", [])


async def test_without_a_session_the_error_is_djangos():
    middleware = ["django.contrib.auth.middleware.AuthenticationMiddleware"]
    with override_settings(MIDDLEWARE=middleware, DEBUG=True):
        assert "requires session middleware" in " ".join((await get("/auser/"))[0].split())


def test_under_wsgi_request_user_is_djangos():
    from django.contrib.auth.middleware import AuthenticationMiddleware as DjangosClass
    from django.http import HttpRequest

    from django_asynckit.middleware.auth import AuthenticationMiddleware

    request = HttpRequest()
    request.session = {}
    AuthenticationMiddleware(lambda request: None).process_request(request)
    assert request.auser.func.__module__ == DjangosClass.__module__
    assert isinstance(request.user._wrapped, object)
    assert _users.get_user is not request.auser.func
    assert request.user == AnonymousUser()
