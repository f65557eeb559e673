"""``LoginRequiredMiddleware`` and ``XViewMiddleware``: they load the user in one hop at the most."""

from __future__ import annotations

import functools

import django
import pytest
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
)
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path, reverse_lazy
from django.utils.functional import SimpleLazyObject, lazystr

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware._current_user import is_plain
from django_asynckit.middleware.auth import LoginRequiredMiddleware
from tests.driver import drive
from tests.middleware import stores
from tests.middleware.parity import header, same

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
XVIEW = "django.contrib.admindocs.middleware.XViewMiddleware"
STAFF = User(pk=1, username="staff", is_staff=True)
NOBODY = AnonymousUser()


class Plain:
    """Not a model; says all by its attributes."""

    def __init__(self):
        self.is_authenticated = self.is_active = self.is_staff = True


class Snooping(Plain):
    def __getattribute__(self, name):
        return super().__getattribute__(name)


class OwnModel(Plain):
    """Has code of its own."""

    def __init__(self):
        self.is_staff = True

    @property
    def is_authenticated(self):
        stores.note("is_authenticated")
        return True

    @property
    def is_active(self):
        stores.note("is_active")
        return True


def lazily(user):
    def load():
        stores.note("loaded")
        return user

    return SimpleLazyObject(load)


def evaluated(user):
    made = SimpleLazyObject(lambda: user)
    bool(made)
    return made


USERS = {
    "staff": lambda: STAFF,
    "nobody": lambda: NOBODY,
    "lazy": lambda: lazily(STAFF),
    "evaluated": lambda: evaluated(evaluated(STAFF)),
    "own": OwnModel,
    "plain": Plain,
}


def assigns(name, *, with_auser=False):
    """Make a middleware that sets ``request.user`` and, at most, an ``auser`` that is not ours."""

    def factory(get_response):
        async def middleware(request):
            request.user = USERS[name]()
            if with_auser:
                request.auser = functools.partial(print, "not ours")
            return await get_response(request)

        return middleware

    factory.async_capable = True
    return factory


assign_staff, assign_nobody, assign_lazy = assigns("staff"), assigns("nobody"), assigns("lazy")
assign_evaluated, assign_own = assigns("evaluated"), assigns("own", with_auser=True)
assign_plain = assigns("plain")


class OwnUrl(LoginRequiredMiddleware):
    def get_login_url(self, view_func):
        stores.note("get_login_url")
        return "/own/"


async def view(request, **kwargs):
    return HttpResponse("seen")


@login_not_required
async def public(request):
    return HttpResponse("public")


async def own_login(request):
    return HttpResponse("never seen")


own_login.login_url = "/elsewhere/"
own_login.redirect_field_name = "then"


async def odd_login(request):
    return HttpResponse("never seen")


odd_login.login_url = lazystr("/odd/")

urlpatterns = [
    path("", view, name="start"),
    path("public/", public),
    path("own/", own_login),
    path("odd/", odd_login),
]


@pytest.fixture(autouse=True)
def _site():
    stores.calls.clear()
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[SESSIONS, AUTH, LOGIN_REQUIRED]):
        yield


def own(name):
    return f"{__name__}.assign_{name}"


@pytest.fixture
def ada(in_process_database):
    """The cookie of a session in the database in which an administrator is logged in."""
    user = get_user_model().objects.get(username="ada")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.db"):
        yield {"cookie": f"sessionid={session.session_key}"}
    session.delete()


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/", "/accounts/login/?next=/"),
        ("/?a=b", "/accounts/login/?next=/%3Fa%3Db"),
        ("/own/", "/elsewhere/?then=/own/"),
        ("/public/", None),
        ("/nowhere/", None),
    ],
)
async def test_nobody_is_redirected_without_a_hop(url, location):
    assert header(await same(url), "Location") == location


async def test_reverse_lazy_needs_no_hop():
    with override_settings(LOGIN_URL=reverse_lazy("start")):
        assert header(await same("/"), "Location") == "/?next=/"


async def test_a_login_url_that_may_be_anything_is_made_off_the_loop():
    assert header(await same("/odd/", hops=1), "Location") == "/odd/?next=/odd/"


async def test_no_login_url_is_djangos_error():
    with override_settings(LOGIN_URL=""):
        assert (await same("/")).status == 500


async def test_session_and_user_are_loaded_in_one_hop(ada):
    assert (await same("/", headers=ada, hops=1)).body == b"seen"


async def test_a_public_view_varies_as_with_django(ada):
    """Before 6.0 Django loads the user of it; then a hop is needed."""
    await same("/public/", headers=ada, hops=int(django.VERSION < (6, 0)))


@pytest.mark.parametrize(
    ("user", "hops"),
    [("staff", 0), ("nobody", 0), ("evaluated", 0), ("plain", 0), ("lazy", 1), ("own", 1)],
)
@pytest.mark.parametrize("middleware", [LOGIN_REQUIRED, XVIEW])
async def test_a_user_who_was_put_there_is_read(middleware, user, hops):
    with override_settings(MIDDLEWARE=[own(user), middleware]):
        await same("/", method="HEAD", hops=hops)
    assert not any(on_loop for name, on_loop in stores.calls[len(stores.calls) // 2 :])


@pytest.mark.parametrize(("user", "hops"), [("staff", 0), ("lazy", 1)])
async def test_a_user_who_was_put_there_after_django_did_wins(user, hops):
    with override_settings(MIDDLEWARE=[SESSIONS, AUTH, own(user), LOGIN_REQUIRED]):
        assert (await same("/", hops=hops)).body == b"seen"


async def test_without_a_user_it_is_djangos_error():
    with override_settings(MIDDLEWARE=[LOGIN_REQUIRED]):
        assert (await same("/", hops=1)).status == 500


async def test_an_overridden_helper_runs_once_off_the_loop():
    with override_settings(MIDDLEWARE=[SESSIONS, AUTH, f"{__name__}.OwnUrl"]):
        assert header(await drive(ASGIHandler(), "/"), "Location") == "/own/?next=/"
    assert stores.calls == [("get_login_url", False)]


def test_under_wsgi_login_is_djangos():
    assert Client().get("/")["Location"] == "/accounts/login/?next=/"


class TestXView:
    @pytest.fixture(autouse=True)
    def _middleware(self):
        with override_settings(MIDDLEWARE=[SESSIONS, AUTH, XVIEW]):
            yield

    @pytest.mark.parametrize(
        ("method", "internal_ips", "x_view", "hops"),
        [
            ("GET", [], None, 0),
            ("HEAD", [], None, 0),
            ("GET", ["127.0.0.1"], None, 0),
            ("HEAD", ["127.0.0.1"], f"{__name__}.view", 0),
            ("HEAD", type("Addresses", (list,), {})(["127.0.0.1"]), f"{__name__}.view", 1),
        ],
    )
    async def test_the_header_is_djangos(self, method, internal_ips, x_view, hops):
        with override_settings(INTERNAL_IPS=internal_ips):
            assert header(await same("/", method=method, hops=hops), "X-View") == x_view

    async def test_staff_are_loaded_in_one_hop(self, ada):
        reply = await same("/", method="HEAD", headers=ada, hops=1)
        assert header(reply, "X-View") == f"{__name__}.view"
        await same("/", headers=ada)

    @pytest.mark.parametrize(("method", "hops"), [("GET", 0), ("HEAD", 1)])
    async def test_without_a_user_it_is_djangos_error(self, method, hops):
        with override_settings(MIDDLEWARE=[XVIEW]):
            assert (await same("/", method=method, hops=hops)).status == 500

    def test_under_wsgi_all_is_djangos(self):
        with override_settings(INTERNAL_IPS=["127.0.0.1"]):
            assert Client().head("/")["X-View"] == f"{__name__}.view"


@pytest.mark.parametrize(
    ("user", "names", "plain"),
    [
        (STAFF, ("is_authenticated", "is_active", "is_staff"), True),
        (NOBODY, ("is_authenticated", "is_active", "is_staff"), True),
        (Plain(), ("is_authenticated",), True),
        (Plain(), ("is_missing",), False),
        (Snooping(), ("is_authenticated",), False),
        (OwnModel(), ("is_staff",), True),
        (OwnModel(), ("is_active",), False),
        (object(), ("is_active",), False),
        (None, (), False),
    ],
)
def test_what_reading_an_attribute_runs(user, names, plain):
    assert is_plain(user, *names) is plain


def test_a_user_who_is_not_loaded_yet_is_not_plain():
    assert not is_plain(SimpleLazyObject(lambda: STAFF), "is_active")


def test_a_wrapper_that_names_itself_after_djangos_is_not_djangos():
    @functools.wraps(AbstractBaseUser.is_authenticated.fget)
    def is_authenticated(self):
        raise NotImplementedError

    cls = type("Wrapped", (Plain,), {"is_authenticated": property(is_authenticated)})
    assert not is_plain(object.__new__(cls), "is_authenticated")
