"""``RemoteUserMiddleware``: logs in and out as Django's, in one hop, and none where nothing is to do."""

from __future__ import annotations

import functools

import django
import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.backends import RemoteUserBackend
from django.contrib.sessions.backends import db, signed_cookies
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path

from django_asynckit._compat import REMOTE_USER_HAS_HOOKS
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware._sessions import prefers_async
from django_asynckit.middleware._stores import DatabaseStore
from django_asynckit.middleware.auth import PersistentRemoteUserMiddleware, RemoteUserMiddleware
from django_asynckit.trace import record_hops
from tests.driver import drive
from tests.middleware import stores
from tests.middleware.parity import in_thread, same

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
REMOTE = "django.contrib.auth.middleware.RemoteUserMiddleware"
PERSISTENT = "django.contrib.auth.middleware.PersistentRemoteUserMiddleware"
BACKEND = "django.contrib.auth.backends.RemoteUserBackend"
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
NEEDS_HOOKS = pytest.mark.skipif(
    not REMOTE_USER_HAS_HOOKS, reason="Django before 5.2.2 has no hooks to override."
)


class NotingBackend(RemoteUserBackend):
    """Overrides sync methods only."""

    def clean_username(self, username):
        stores.note("clean")
        return username.partition("@")[0]

    def authenticate(self, request, remote_user):
        stores.note("authenticate")
        return None if remote_user == "suspended" else super().authenticate(request, remote_user)


class AsyncBackend(RemoteUserBackend):
    """Overrides the async method only."""

    async def aauthenticate(self, request, remote_user):
        stores.note("aauthenticate")


def factory_backend():
    """What AUTHENTICATION_BACKENDS names need only be callable."""
    return RemoteUserBackend()


class OverridesSync(RemoteUserMiddleware):
    def process_request(self, request):
        stores.note("process_request")


class OverridesAsync(RemoteUserMiddleware):
    async def aprocess_request(self, request):
        stores.note("aprocess_request")


class CallsSuper(RemoteUserMiddleware):
    def process_request(self, request):
        raise NotImplementedError

    async def aprocess_request(self, request):
        stores.note("before")
        await super().aprocess_request(request)


class CleansNames(RemoteUserMiddleware):
    def clean_username(self, username, request):
        stores.note("clean_username")
        return username.lower()


class CleansNamesAsync(RemoteUserMiddleware):
    def clean_username(self, username, request):
        return username

    async def aclean_username(self, username, request):
        stores.note("aclean_username")
        return username


class OwnHeader(RemoteUserMiddleware):
    header = "X_USER"


async def who(request):
    user = await request.auser()
    return HttpResponse(f"{user.get_username()} {request.user == user}")


async def anybody(request):
    """Django's own ``auser()`` is out of date after logging in, before 6.0; the session never is."""
    data = request.session._session_cache if request.session.accessed else {}
    return HttpResponse(f"backend {data.get(BACKEND_SESSION_KEY)}")


def knows_user(get_response):
    """Loads the user before the middleware does."""

    async def middleware(request):
        await request.auser()
        return await get_response(request)

    return middleware


def assigns_user(get_response):
    """Puts a user of its own into the request, as under WSGI."""

    async def middleware(request):
        request.user = get_user_model()(username="ada")
        return await get_response(request)

    return middleware


def foreign_auser(get_response):
    """Puts another ``auser`` in the place of ours."""

    async def middleware(request):
        request.auser = functools.partial(request.auser)
        return await get_response(request)

    return middleware


knows_user.async_capable = assigns_user.async_capable = foreign_auser.async_capable = True

urlpatterns = [path("", who), path("anybody/", anybody)]


def own(function_or_class):
    return f"{__name__}.{function_or_class.__name__}"


@pytest.fixture(autouse=True)
def _site(in_process_database):
    stores.calls.clear()
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[SESSIONS, AUTH, REMOTE],
        AUTHENTICATION_BACKENDS=[BACKEND],
        SESSION_ENGINE="django.contrib.sessions.backends.db",
    ):
        yield
    get_user_model().objects.exclude(username="ada").delete()


async def logged_in(store=db.SessionStore, backend=BACKEND):
    """Return the cookie of a session in which ``ada`` is logged in."""

    def make():
        user = get_user_model().objects.get(username="ada")
        session = store()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = backend
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        return {"cookie": f"sessionid={session.session_key}"}

    return await in_thread(make)


@pytest.mark.parametrize("middleware", [REMOTE, PERSISTENT])
async def test_nobody_without_a_header_needs_no_hop(middleware):
    with override_settings(MIDDLEWARE=[SESSIONS, AUTH, middleware]):
        assert (await same("/anybody/")).body == b"backend None"


@pytest.mark.parametrize(("middleware", "hops"), [(REMOTE, 1), (PERSISTENT, 0)])
async def test_only_a_header_that_must_be_there_is_waited_for(middleware, hops):
    with override_settings(MIDDLEWARE=[SESSIONS, AUTH, middleware]):
        cookie = await logged_in(backend=MODEL_BACKEND)
        await same("/anybody/", headers=cookie, hops=hops)


@NEEDS_HOOKS
async def test_a_user_who_is_logged_in_already_takes_one_hop():
    headers = {**await logged_in(), "remote-user": "ada"}
    assert (await same("/anybody/", headers=headers, hops=1)).body == f"backend {BACKEND}".encode()
    assert (await reply_of(ASGIHandler, headers))[0].body == b"ada True"


@NEEDS_HOOKS
async def test_a_user_who_is_known_already_takes_none():
    headers = {**await logged_in(), "remote-user": "ada"}
    with override_settings(MIDDLEWARE=[SESSIONS, AUTH, own(knows_user), REMOTE]):
        await same("/anybody/", headers=headers, hops=1)  # To load the user before.
        headers["remote-user"] = "new"
        assert (await reply_of(ASGIHandler, headers))[0].body == b"new True"
        headers = await logged_in()
        assert (await reply_of(ASGIHandler, headers))[0].body == b" True"


async def reply_of(handler, headers):
    application = handler()
    with record_hops() as trace:
        reply = await drive(application, headers=headers)
    return reply, [hop.target for hop in trace.hops if not hop.target.endswith(".close")]


@NEEDS_HOOKS
async def test_logging_in_takes_one_hop_and_saving_the_session_another():
    reply, hops = await reply_of(ASGIHandler, {"remote-user": "new"})
    stock, more = await reply_of(DjangoASGIHandler, {"remote-user": "new"})
    assert (reply.status, reply.body, stock.status) == (200, b"new True", 200)
    assert reply.cookies.keys() == stock.cookies.keys() == {"sessionid"}
    assert len(hops) == 2 < len(more)
    again, hops = await reply_of(
        ASGIHandler, {"remote-user": "new", "cookie": f"sessionid={reply.cookies['sessionid']}"}
    )
    assert (again.body, len(hops)) == (b"new True", 1)


async def test_another_user_in_the_header_replaces_the_first():
    for handler in (ASGIHandler, DjangoASGIHandler):
        headers = {**await logged_in(), "remote-user": "new"}
        reply, _ = await reply_of(handler, headers)
        assert f"sessionid={reply.cookies['sessionid']}" != headers["cookie"]
        session = await in_thread(db.SessionStore(reply.cookies["sessionid"]).load)
        new = await in_thread(lambda: get_user_model().objects.get(username="new"))
        assert session[SESSION_KEY] == str(new.pk)
        assert handler is DjangoASGIHandler or reply.body == b"new True"


@pytest.mark.parametrize(
    ("middleware", "backend", "user"),
    [
        (REMOTE, BACKEND, b" True"),
        (REMOTE, MODEL_BACKEND, b"ada True"),
        (PERSISTENT, BACKEND, b"ada True"),
    ],
)
async def test_without_the_header_only_remote_users_are_logged_out(middleware, backend, user):
    with override_settings(
        MIDDLEWARE=[SESSIONS, AUTH, middleware], AUTHENTICATION_BACKENDS=[BACKEND, MODEL_BACKEND]
    ):
        reply, hops = await reply_of(ASGIHandler, await logged_in(backend=backend))
        assert reply.body == user
        assert len(hops) == 1 or not REMOTE_USER_HAS_HOOKS
        cookies = [await logged_in(backend=backend) for _ in range(2)]
        ours = await drive(ASGIHandler(), "/anybody/", headers=cookies[0])
        stock = await drive(DjangoASGIHandler(), "/anybody/", headers=cookies[1])
    assert (ours.status, ours.headers, ours.body) == (stock.status, stock.headers, stock.body)


@NEEDS_HOOKS
@pytest.mark.parametrize(
    ("name", "expected"), [("new@example", b"new True"), ("suspended", b" True")]
)
async def test_sync_overrides_of_a_backend_run_once_off_the_loop(name, expected):
    with override_settings(AUTHENTICATION_BACKENDS=[own(NotingBackend)]):
        reply, _ = await reply_of(ASGIHandler, {"remote-user": name})
    assert reply.body == expected
    assert stores.calls[0] == ("authenticate", False)
    assert len(stores.calls) == 1 + (name != "suspended")
    assert not any(on_loop for _, on_loop in stores.calls)


@NEEDS_HOOKS
async def test_a_backend_that_cleans_names_does_so_off_the_loop():
    with override_settings(
        AUTHENTICATION_BACKENDS=[own(NotingBackend)],
        MIDDLEWARE=[SESSIONS, AUTH, own(knows_user), REMOTE],
    ):
        headers = {**await logged_in(backend=own(NotingBackend)), "remote-user": "ada@example"}
        assert (await reply_of(ASGIHandler, headers))[0].body == b"ada True"
        headers["remote-user"] = "ada"
        assert (await reply_of(ASGIHandler, headers))[0].body == b"ada True"
    assert stores.calls == [("clean", False)] * 2


async def test_an_async_override_of_a_backend_decides():
    with override_settings(AUTHENTICATION_BACKENDS=[own(AsyncBackend)]):
        assert (await same("/anybody/", headers={"remote-user": "new"})).body == b"backend None"
    assert stores.calls == [("aauthenticate", True)] * 2


@NEEDS_HOOKS
async def test_a_backend_may_be_a_factory():
    with override_settings(AUTHENTICATION_BACKENDS=[own(factory_backend)]):
        reply, hops = await reply_of(ASGIHandler, {"remote-user": "new"})
    assert (reply.body, len(hops)) == (b"new True", 2)


async def test_a_natively_async_session_store_is_awaited():
    stores.saved.clear()
    with override_settings(SESSION_ENGINE="tests.middleware.engines.asyncstore"):
        reply, _ = await reply_of(ASGIHandler, {"remote-user": "new"})
    assert reply.body == b"new True"
    assert ("asave", True) in stores.calls
    assert ("save", False) not in stores.calls


async def test_an_auser_that_is_not_ours_is_djangos_to_await():
    with override_settings(MIDDLEWARE=[SESSIONS, AUTH, own(foreign_auser), REMOTE]):
        headers = {**await logged_in(), "remote-user": "ada"}
        assert (await reply_of(ASGIHandler, headers))[0].body == b"ada True"


@NEEDS_HOOKS
@pytest.mark.parametrize(("has_session", "status"), [(True, 200), (False, 500)])
async def test_a_user_who_was_put_there_needs_a_backend_in_the_session(has_session, status):
    """As under WSGI: Django asks that backend to clean the name."""
    with override_settings(MIDDLEWARE=[SESSIONS, AUTH, own(assigns_user), REMOTE]):
        headers = await logged_in() if has_session else {}
        reply, hops = await reply_of(ASGIHandler, {**headers, "remote-user": "ada"})
        assert reply.status == status
        assert "RemoteUserMiddleware.process_request" in hops[0]


async def test_without_authentication_it_is_djangos_error():
    with override_settings(MIDDLEWARE=[SESSIONS, REMOTE]):
        assert (await same(headers={"remote-user": "ada"})).status == 500


@NEEDS_HOOKS
@pytest.mark.parametrize(
    ("cls", "call"),
    [
        (OverridesSync, ("process_request", False)),
        (OverridesAsync, ("aprocess_request", True)),
        (CallsSuper, ("before", True)),
        (CleansNames, ("clean_username", False)),
        (CleansNamesAsync, ("aclean_username", True)),
    ],
)
async def test_overrides_of_a_subclass_run_once(cls, call):
    if cls is CleansNamesAsync and django.VERSION < (6, 1):
        pytest.skip("Django before 6.1 has no aclean_username().")
    with override_settings(MIDDLEWARE=[SESSIONS, AUTH, own(cls)]):
        headers = {**await logged_in(), "remote-user": "ada"}
        assert (await drive(ASGIHandler(), headers=headers)).body == b"ada True"
    assert stores.calls == [call]


async def test_a_header_of_ones_own_is_djangos():
    """Before 6.1 Django puts HTTP_ before any header."""
    with override_settings(MIDDLEWARE=[SESSIONS, AUTH, own(OwnHeader)]):
        reply = await drive(ASGIHandler(), headers={"x-user": "new"})
    assert reply.body == (b"new True" if django.VERSION < (6, 1) else b" True")


@pytest.mark.parametrize(
    "store",
    [db.SessionStore, DatabaseStore, signed_cookies.SessionStore],
    ids=["db", "our db", "signed cookies"],
)
def test_djangos_stores_have_no_async_methods_of_their_own(store):
    assert not prefers_async(store())


def test_under_wsgi_all_is_djangos():
    assert not PersistentRemoteUserMiddleware.force_logout_if_no_header
    with override_settings(MIDDLEWARE=[SESSIONS, AUTH, own(OverridesSync)]):
        Client().get("/anybody/")
    if REMOTE_USER_HAS_HOOKS:
        assert [name for name, _ in stores.calls] == ["process_request"]
