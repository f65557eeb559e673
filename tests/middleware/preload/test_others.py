"""Backends, session stores and middleware of others, and what goes wrong in them."""

from __future__ import annotations

import contextlib

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import RequestFactory, override_settings

from django_asynckit.handler.asgi import ASGIHandler
from tests import settings as project
from tests.middleware import stores
from tests.middleware.preload.site import PRELOAD, stack
from tests.middleware.preload.tools import ask, cookie, cookie_with, engine, user_data
from tests.middleware.test_auth import __name__ as auth_tests


@pytest.mark.parametrize("handler", [ASGIHandler, DjangoASGIHandler], ids=["ours", "Django"])
def test_errors_are_raised_where_session_and_user_are_read(handler):
    with engine("db"):
        headers = cookie("ada")
        with broken_table("django_session"):
            assert ask("/nothing/", headers, handler)[0].status == 200
            body = b"OperationalError OperationalError OperationalError OperationalError"
            assert ask("/catches/", headers, handler)[0].body == body
        with broken_table("auth_user"):
            assert ask("/nothing/", headers, handler)[0].status == 200
            body = b"red OperationalError red OperationalError"
            assert ask("/catches/", headers, handler)[0].body == body


@contextlib.contextmanager
def broken_table(name):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {name} RENAME TO gone")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE gone RENAME TO {name}")


@pytest.mark.parametrize(
    ("missing", "fix"),
    [
        (1, "insert 'django.contrib.sessions.middleware.SessionMiddleware' before"),
        (4, "insert 'django.contrib.auth.middleware.AuthenticationMiddleware' before"),
    ],
)
@pytest.mark.parametrize("handler", [ASGIHandler, WSGIHandler])
def test_what_is_missing_is_named(missing, fix, handler, settings):
    settings.DEBUG = True
    # What else needs what is missing is taken out too.
    settings.MIDDLEWARE = [project.MIDDLEWARE[index] for index in (1, 4) if index != missing][:1]
    settings.MIDDLEWARE = [*(settings.MIDDLEWARE if missing == 4 else []), PRELOAD]
    if handler is WSGIHandler:
        text = handler().get_response(RequestFactory().get("/nothing/")).content
    else:
        text = ask("/nothing/")[0].body
    assert fix in " ".join(text.decode().replace("&#x27;", "'").split())


BACKENDS = {
    "AsyncBackend": ("alice", [("aget_user", True)]),
    "RefusingBackend": ("", [("refused", False)]),
    "AsyncOnlyRefusingBackend": ("", [("async refused", True)]),
    "NoBaseBackend": ("alice", [("plain get_user", False)]),
    "factory_backend": ("alice", [("get_user", False)]),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["signed_cookies", "file", "asyncstore", "loadshere"])
def test_the_backend_decides_by_its_nearest_method(backend, name, settings):
    settings.AUTHENTICATION_BACKENDS = [f"{auth_tests}.{backend}"]
    username, calls = BACKENDS[backend]
    with engine(name):
        data = user_data(backend)
        if name in ("asyncstore", "loadshere"):
            stores.saved["k" * 32] = data
            headers = {"cookie": "sessionid=" + "k" * 32}
        else:
            headers = cookie_with(data)
        reply, hops = ask("/reads_user/", headers)
        stores_calls = [call for call in stores.calls if "load" not in call[0]]
    assert reply.body == f"{username} {bool(username)}".encode()
    assert stores_calls[: len(calls)] == calls
    if name == "asyncstore":
        assert [call for call in stores.calls if "load" in call[0]] == [("aload", True)]
    loads = [hop for hop in hops if "_preload" in hop.target or "_trial" in hop.target]
    assert len(loads) <= 1


def test_an_own_aload_of_a_store_is_what_loads():
    with engine("loadsempty"):
        reply, _ = ask("/reads_session/", {"cookie": "sessionid=" + "k" * 32})
    assert reply.body == b"None"
    assert stores.calls == [("own aload", True)]


@pytest.mark.parametrize("url", ["/reads_user/", "/nothing/"])
def test_a_store_that_reads_otherwise_is_read_off_the_loop(url):
    with engine("readselsewhere"):
        data = {**user_data(), "color": "red"}
        reply, _ = ask(url, cookie_with(data))
        assert ("overridden get", False) in stores.calls
        stores.calls.clear()
        ask(url)
        assert ("overridden get", False) not in stores.calls  # Without a session nothing is read.
    assert (b"Vary", b"Cookie") in reply.headers


def test_errors_of_a_store_that_reads_otherwise_come_where_it_is_read(monkeypatch):
    with engine("readselsewhere"):
        headers = cookie_with({"color": "red"})

        def get(self, *args):
            raise ValueError("cannot be read")

        monkeypatch.setattr(stores.ReadsElsewhere, "get", get)
        assert ask("/nothing/", headers)[0].status == 200
        assert (
            ask("/catches/", headers)[0].body == b"ValueError  ValueError "
        )  # Users are not read by get().


@pytest.mark.parametrize(
    ("query", "expected", "calls"),
    [
        ("", b"bob True", [("own user", False)]),
        ("?loaded=1", b"bob True", []),
        ("?fails=1", None, [("own user", False)]),
    ],
)
@pytest.mark.parametrize("name", ["signed_cookies", "db"])
def test_a_user_of_another_middleware_stays(name, query, expected, calls):
    with engine(name), override_settings(MIDDLEWARE=stack("OwnUserMiddleware")):
        reply, _ = ask(f"/reads_user/{query}", cookie("ada"))
        assert (reply.status, reply.body) == (200, expected) if expected else reply.status == 500
        assert stores.calls == calls
        ask(f"/nothing/{query}")
        assert stores.calls == calls  # Nothing is loaded for who has no session.


@pytest.mark.parametrize("handler", [ASGIHandler, DjangoASGIHandler], ids=["ours", "Django"])
def test_an_auser_of_another_middleware_stays(handler):
    with override_settings(MIDDLEWARE=stack("OwnAuserMiddleware")):
        reply, _ = ask("/signs_out/", cookie("ada"), handler)
    assert reply.body in (b"AnonymousUser bob", b"AnonymousUser AnonymousUser")


def test_a_user_whom_an_earlier_middleware_named_is_loaded(settings):
    settings.AUTHENTICATION_BACKENDS = [f"{auth_tests}.AsyncBackend"]
    with override_settings(MIDDLEWARE=stack("SignInMiddleware")):
        assert ask("/reads_user/")[0].body == b"alice True"


@pytest.mark.parametrize("name", ["signed_cookies", "db"])
def test_a_session_that_was_read_before_is_not_loaded_again(name):
    with engine(name), override_settings(MIDDLEWARE=stack("ReadsSessionMiddleware")):
        reply, hops = ask("/reads_both/", cookie("ada"))
    assert reply.body == b"red ada red"
    assert [
        hop.target for hop in hops if "replay" in hop.target or "load_ahead" in hop.target
    ] == []


def test_an_error_of_an_awaited_backend_is_raised_where_the_user_is_read(settings, monkeypatch):
    async def aget_user(self, user_id):
        raise ValueError("no such table")

    settings.AUTHENTICATION_BACKENDS = [f"{auth_tests}.AsyncBackend"]
    monkeypatch.setattr("tests.middleware.test_auth.AsyncBackend.aget_user", aget_user)
    headers = cookie_with({**user_data("AsyncBackend"), "color": "red"})
    assert ask("/nothing/", headers)[0].status == 200
    assert ask("/catches/", headers)[0].body == b"red ValueError red ValueError"
