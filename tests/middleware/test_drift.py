"""The drift guard: a native class stands in only for code of Django that was reviewed."""

from __future__ import annotations

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.middleware.security import SecurityMiddleware as DjangoSecurityMiddleware
from django.test import override_settings

from django_asynckit import _drift
from django_asynckit._compat import HAS_CSP, HAS_WHITENOISE
from django_asynckit._mirrored import MIRRORED, REVIEWED
from django_asynckit.asgi import get_asgi_application
from django_asynckit.checks.drift import check_drift
from django_asynckit.decorators import csrf
from django_asynckit.dropins import DROPINS
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware.security import SecurityMiddleware
from tests.driver import drive

NATIVE = "django_asynckit.middleware.security.SecurityMiddleware"
HOOK = "django.middleware.security:SecurityMiddleware.process_response"
HANDLE = "django.core.handlers.asgi:ASGIHandler.handle"


PRELOAD = "django_asynckit.middleware.preload.PreloadUserMiddleware"


class Subclass(SecurityMiddleware):
    """A user's class."""


@pytest.fixture(autouse=True)
def _forget_reviews():
    _drift.is_reviewed.cache_clear()
    yield
    _drift.is_reviewed.cache_clear()


#: Django before 6.0 does not have it.
CSP = "django_asynckit.middleware.csp.ContentSecurityPolicyMiddleware"
WHITENOISE = "django_asynckit.middleware.whitenoise.WhiteNoiseMiddleware"
IS_THERE = {CSP: HAS_CSP, WHITENOISE: HAS_WHITENOISE}


@pytest.mark.parametrize("path", [path for path in MIRRORED if IS_THERE.get(path, True)])
def test_everything_is_reviewed_for_the_installed_django(path):
    assert list(_drift.unreviewed(path)) == []


def test_every_native_class_and_every_mirrored_function_is_listed():
    assert set(MIRRORED) == {
        *DROPINS.values(),
        "django_asynckit._asgiref",
        "django_asynckit.handler.asgi.ASGIHandler",
        CSP,
        WHITENOISE,
        "django_asynckit.handler.requests.make_request",
        PRELOAD,
        "django_asynckit.decorators._permissions",
        "django_asynckit.decorators.csrf",
        "django_asynckit.decorators.mixins",
    }
    assert {name for names in MIRRORED.values() for name in names} == set(REVIEWED)


@pytest.fixture
def unreviewed(monkeypatch):
    """Forget that a function was reviewed, as if a release of Django had changed it."""
    return lambda name: monkeypatch.setitem(REVIEWED, name, {"0" * 16: "5.2"})


def mode_of_security_middleware():
    """Our class has a layer of its own in the chain; Django's is called by its wrapper."""
    with override_settings(MIDDLEWARE=["django.middleware.security.SecurityMiddleware"]):
        return ASGIHandler()._middleware_chain.__qualname__


async def test_changed_code_keeps_djangos_class_in_place(unreviewed):
    assert mode_of_security_middleware().startswith("fuse")
    _drift.is_reviewed.cache_clear()
    unreviewed(HOOK)
    assert mode_of_security_middleware().startswith("convert_exceptions")
    assert (await drive(ASGIHandler())).status == 200


@pytest.mark.parametrize(
    "path",
    ["django.middleware.security.SecurityMiddleware", NATIVE, f"{__name__}.Subclass"],
)
def test_a_check_names_what_is_not_reviewed(unreviewed, path):
    unreviewed(HOOK)
    with override_settings(MIDDLEWARE=[path]):
        (warning,) = check_drift()
    assert (warning.id, warning.obj) == ("asynckit.W001", NATIVE)
    assert HOOK in warning.msg


def test_a_check_names_what_stands_in_for_nothing_too(unreviewed):
    unreviewed("django.contrib.auth:get_user")
    with override_settings(MIDDLEWARE=[PRELOAD]):
        (warning,) = check_drift()
    assert warning.obj == PRELOAD


def test_a_check_names_decorators_that_are_in_use(unreviewed):
    unreviewed("django.views.decorators.csrf:_EnsureCsrfToken")
    (warning,) = check_drift()
    assert warning.obj == csrf.__name__


@pytest.mark.parametrize("path", ["no.such.Middleware", f"{__name__}.check_drift"])
def test_other_middleware_is_not_checked(unreviewed, path):
    unreviewed(HOOK)
    with override_settings(MIDDLEWARE=[path]):
        assert check_drift() == []


def test_nothing_is_checked_that_is_switched_off(unreviewed):
    unreviewed(HOOK)
    with override_settings(ASYNCKIT_NATIVE_MIDDLEWARE=False):
        assert check_drift() == []


def test_a_changed_handler_keeps_djangos_handler(unreviewed, caplog):
    unreviewed(HANDLE)
    assert type(get_asgi_application()) is DjangoASGIHandler
    assert "Django's own is used" in caplog.text


def test_our_handler_is_used_where_djangos_is_reviewed():
    assert type(get_asgi_application()) is ASGIHandler


def test_what_an_apm_tool_puts_in_its_place_does_not_count(monkeypatch):
    monkeypatch.setattr(DjangoSecurityMiddleware, "process_response", lambda *args: None)
    assert _drift.is_reviewed(NATIVE)


@pytest.mark.parametrize(
    "name",
    [
        "no.such.module:function",
        "nosuch:function",
        "django.http:NoSuchName",
        "sys:exit",
    ],
)
def test_what_has_no_source_is_unknown(name):
    assert _drift.hash_of(name) == ""


def test_comments_and_layout_do_not_count(tmp_path, monkeypatch):
    (tmp_path / "one.py").write_text('def f(a):\n    # why\n    return f"{a}x{{}}"\n')
    (tmp_path / "two.py").write_text('class C:\n\n    def f(a):\n\n        return f"{ a }x{{}}"\n')
    (tmp_path / "three.py").write_text('def f(a):\n    return f"{a}y{{}}"\n')
    (tmp_path / "four.py").write_text("def f(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert _drift.hash_of("one:f") == _drift.hash_of("two:C.f") != ""
    assert _drift.hash_of("three:f") not in ("", _drift.hash_of("one:f"))
    assert _drift.hash_of("four:f") == ""
