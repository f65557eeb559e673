"""The checks of ASYNCKIT_NON_BLOCKING_MIDDLEWARE; the application is refused for the same errors."""

from __future__ import annotations

import sys

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_asynckit._compat import MiddlewareMixin
from django_asynckit.checks import TAG
from django_asynckit.checks.declared import check_declared
from django_asynckit.handler.asgi import ASGIHandler

HERE = __name__
NOT_THIRD_PARTY = (
    "which is not third-party: django-asynckit knows what its hooks may do. Take it out."
)

constant = "not a middleware"


class Hooks(MiddlewareMixin):
    """Run by Django's mixin."""


class Subclass(Hooks):
    """Another class than the one that is declared."""


class AsyncOnly:
    sync_capable = False
    async_capable = True


class Both:
    async_capable = True

    def __init__(self, get_response):
        pass


def sync_only(get_response):
    return get_response


class Unhashable(type(Hooks)):
    __hash__ = None


class Odd(Hooks, metaclass=Unhashable):
    """A class that no set can hold."""


def check(*declared, used=None):
    """Return the messages about middleware that is declared, and in MIDDLEWARE too."""
    paths = [path if "." in path else f"{HERE}.{path}" for path in declared]
    middleware = paths if used is None else [f"{HERE}.{name}" for name in used]
    with override_settings(ASYNCKIT_NON_BLOCKING_MIDDLEWARE=paths, MIDDLEWARE=middleware):
        return run_checks(tags=[TAG])


@pytest.mark.parametrize(
    ("path", "what"),
    [
        (
            "csp",
            "which cannot be imported (csp doesn't look like a module path). Correct the path.",
        ),
        (
            "no_such.Middleware",
            "which cannot be imported (No module named 'no_such'). Correct the path.",
        ),
        (
            f"{HERE}.NoSuchName",
            f'which cannot be imported (Module "{HERE}" does not define a "NoSuchName" '
            "attribute/class). Correct the path.",
        ),
        (f"{HERE}.constant", "which is no middleware. Name a class or a function."),
        ("django.middleware.gzip.GZipMiddleware", NOT_THIRD_PARTY),
        ("django_asynckit.middleware.csrf.CsrfViewMiddleware", NOT_THIRD_PARTY),
        ("django_asynckit.trace.HopTraceMiddleware", NOT_THIRD_PARTY),
        (
            "tests.checks.raises.Middleware",
            "which cannot be imported (ValueError: broken module). Mend its module.",
        ),
        (f"{HERE}.AsyncOnly", "which is async only and runs on the event loop. Take it out."),
    ],
)
def test_a_wrong_declaration_is_an_error_and_refused(path, what):
    message = f"ASYNCKIT_NON_BLOCKING_MIDDLEWARE names {path!r}, {what}"
    with override_settings(ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[f"{HERE}.Hooks", path]):
        [error] = run_checks(tags=[TAG])
        with pytest.raises(ImproperlyConfigured) as raised:
            ASGIHandler()
    assert (error.id, error.msg, error.obj) == ("asynckit.E002", message, path)
    assert error.hint
    assert str(raised.value) == message


@pytest.mark.parametrize("value", ["csp.middleware.CSPMiddleware", None, {"a.b"}, [Hooks], 3])
def test_the_setting_is_a_list_of_paths(value):
    message = f"ASYNCKIT_NON_BLOCKING_MIDDLEWARE must be a list of dotted paths, not {value!r}."
    with override_settings(ASYNCKIT_NON_BLOCKING_MIDDLEWARE=value):
        [error] = run_checks(tags=[TAG])
        with pytest.raises(ImproperlyConfigured) as raised:
            ASGIHandler()
    assert (error.id, error.msg) == ("asynckit.E001", message)
    assert error.hint.startswith("Leave it out for its default")
    assert str(raised.value) == message


@pytest.mark.parametrize("name", ["Hooks", "sync_only", "Subclass", "Odd"])
def test_a_declaration_that_has_an_effect_has_no_message(name):
    assert check(name) == []


def test_a_declaration_that_is_not_used_has_no_message():
    assert check("Hooks", "sync_only", "Both", "Subclass", used=[]) == []


def test_a_subclass_of_what_is_declared_is_pointed_out():
    [info] = check("Hooks", used=["Subclass", "sync_only"])
    assert (info.id, info.obj) == ("asynckit.I001", f"{HERE}.Hooks")
    assert info.msg == (
        f"{HERE}.Hooks is declared free of I/O, but MIDDLEWARE has {HERE}.Subclass, a subclass of "
        "it, which is not."
    )
    assert check("Hooks", used=["Subclass", "Hooks"]) == []


def test_async_middleware_needs_no_declaration():
    [info] = check("Both")
    assert (info.id, info.obj) == ("asynckit.I001", f"{HERE}.Both")
    assert "async itself" in info.msg


def test_a_missing_greenlet_is_a_warning_for_sync_middleware(monkeypatch):
    monkeypatch.setitem(sys.modules, "greenlet", None)
    [warning] = check("Hooks", "sync_only", "sync_only")
    assert (warning.id, warning.obj) == ("asynckit.W002", f"{HERE}.sync_only")
    assert "django-asynckit[greenlet]" in warning.hint


def test_django_s_own_middleware_needs_no_greenlet(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "greenlet", None)
    [error] = check("django.middleware.common.CommonMiddleware")
    assert error.id == "asynckit.E002"
    assert caplog.messages == []


def test_what_middleware_cannot_be_imported_is_djangos_to_report():
    assert check("Hooks", used=["no_such_name", "Hooks"]) == []


@pytest.mark.parametrize(
    "middleware", [["tests.checks.raises.Middleware"], "no list", [None], None], ids=str
)
def test_middleware_that_cannot_be_looked_at_is_others_to_report(middleware):
    declared = [f"{HERE}.Hooks"]
    with override_settings(MIDDLEWARE=middleware, ASYNCKIT_NON_BLOCKING_MIDDLEWARE=declared):
        assert check_declared() == []
