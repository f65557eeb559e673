"""The drift guard: a native class stands in only for code of Django that was reviewed."""

from __future__ import annotations

import asyncio
import functools

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.middleware.security import SecurityMiddleware as DjangoSecurityMiddleware

from django_asynckit import _drift
from django_asynckit._mirrored import MIRRORED, REVIEWED
from django_asynckit.asgi import get_asgi_application
from django_asynckit.checks.drift import check_drift
from django_asynckit.dropins import DROPINS
from django_asynckit.handler.asgi import ASGIHandler
from tests.driver import drive

NATIVE = "django_asynckit.middleware.security.SecurityMiddleware"
HOOK = "django.middleware.security:SecurityMiddleware.process_response"
HANDLE = "django.core.handlers.asgi:ASGIHandler.handle"


def changed_process_response(self, request, response):
    response.headers["X-Security-Release"] = "yes"
    return response


async def changed_handle(self, scope, receive, send):
    raise NotImplementedError


@pytest.fixture(autouse=True)
def _forget_reviews():
    _drift.is_reviewed.cache_clear()
    yield
    _drift.is_reviewed.cache_clear()


@pytest.mark.parametrize("path", MIRRORED)
def test_everything_is_reviewed_for_the_installed_django(path):
    assert list(_drift.unreviewed(path)) == []


def test_every_native_class_and_every_mirrored_function_is_listed():
    assert set(MIRRORED) == {*DROPINS.values(), "django_asynckit.handler.asgi.ASGIHandler"}
    assert {name for names in MIRRORED.values() for name in names} == set(REVIEWED)


async def test_changed_code_keeps_djangos_class_in_place(monkeypatch):
    monkeypatch.setattr(DjangoSecurityMiddleware, "process_response", changed_process_response)
    reply = await drive(ASGIHandler())
    assert (b"X-Security-Release", b"yes") in reply.headers
    (warning,) = await asyncio.to_thread(check_drift)
    assert (warning.id, warning.obj) == ("asynckit.W001", NATIVE)
    assert HOOK in warning.msg


def test_a_changed_handler_keeps_djangos_handler(monkeypatch, caplog):
    monkeypatch.setattr(DjangoASGIHandler, "handle", changed_handle)
    assert type(get_asgi_application()) is DjangoASGIHandler
    assert "Django's own is used" in caplog.text


def test_our_handler_is_used_where_djangos_is_reviewed():
    assert type(get_asgi_application()) is ASGIHandler


def test_a_wrapper_around_djangos_function_is_seen_through(monkeypatch):
    original = DjangoSecurityMiddleware.process_response

    @functools.wraps(original)
    def instrumented(*args):
        return original(*args)

    monkeypatch.setattr(DjangoSecurityMiddleware, "process_response", instrumented)
    assert _drift.is_reviewed(NATIVE)


@pytest.mark.parametrize(
    "name", ["no.such.module:function", "django.http:NoSuchName", "builtins:len", "os:name"]
)
def test_what_has_no_source_is_unknown(name):
    assert _drift.hash_of(name) == ""


def test_comments_and_layout_do_not_count(tmp_path, monkeypatch):
    (tmp_path / "one.py").write_text('def f(a):\n    # why\n    return f"{a}x{{}}"\n')
    (tmp_path / "two.py").write_text('def f(a):\n\n    return (  # why\n        f"{a}x{{}}")\n'.replace("(  # why\n        ", "").replace('")', '"'))
    (tmp_path / "three.py").write_text('def f(a):\n    return f"{a}y{{}}"\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert _drift.hash_of("one:f") == _drift.hash_of("two:f") != ""
    assert _drift.hash_of("three:f") not in ("", _drift.hash_of("one:f"))
