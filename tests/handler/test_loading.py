"""Native classes stand in for exactly Django's own, and only while Django builds the chain."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers import base
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.middleware.security import SecurityMiddleware as DjangoSecurityMiddleware
from django.test import override_settings

from django_asynckit import _drift
from django_asynckit.handler import loading
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware.security import SecurityMiddleware
from tests.driver import drive

SECURITY = "django.middleware.security.SecurityMiddleware"


class Subclass(DjangoSecurityMiddleware):
    pass


Alias = DjangoSecurityMiddleware


class Nested:
    """Makes a handler of its own, as a middleware that forwards requests may do."""

    async_capable = True
    made: list[object] = []

    def __init__(self, get_response):
        self.get_response = get_response
        with override_settings(MIDDLEWARE=[SECURITY]):
            self.made.append(ASGIHandler())


class Factory:
    sync_capable = False
    async_capable = False

    def __init__(self, get_response):
        raise AssertionError("never made")


def loaded(path, **extra):
    """Return what Django would find for ``path`` while it builds our chain."""
    with override_settings(**extra), loading.native_middleware():
        return base.import_string(path)._middleware


@pytest.mark.parametrize("path", [SECURITY, f"{__name__}.Alias"])
def test_djangos_class_is_replaced(path):
    assert loaded(path) is SecurityMiddleware


def test_subclasses_and_functions_stay():
    assert loaded(f"{__name__}.Subclass") is Subclass
    assert loaded("tests.handler.site.fine").__name__ == "fine"


def test_the_setting_turns_it_off():
    assert loaded(SECURITY, ASYNCKIT_NATIVE_MIDDLEWARE=False) is DjangoSecurityMiddleware


def test_the_setting_must_be_a_bool():
    with pytest.raises(
        ImproperlyConfigured,
        match="ASYNCKIT_NATIVE_MIDDLEWARE must be True or False, not 1",
    ):
        loaded(SECURITY, ASYNCKIT_NATIVE_MIDDLEWARE=1)


def test_a_class_that_was_not_reviewed_stays(monkeypatch):
    monkeypatch.setattr(_drift, "is_reviewed", lambda path: False)
    assert loaded(SECURITY) is DjangoSecurityMiddleware


def test_nothing_stays_patched():
    before, names = base.import_string, list(settings.MIDDLEWARE)
    ASGIHandler()
    assert base.import_string is before
    assert names == settings.MIDDLEWARE
    with (
        pytest.raises(ImportError),
        override_settings(MIDDLEWARE=["tests.no_such_module.Middleware"]),
    ):
        ASGIHandler()
    assert base.import_string is before


@pytest.mark.parametrize(
    "path", ["tests.no_such_module.Middleware", "tests.handler.site.NoSuchName", "x"]
)
def test_errors_are_djangos(path):
    messages = []
    for handler_class in (DjangoASGIHandler, ASGIHandler):
        with override_settings(MIDDLEWARE=[path]), pytest.raises(Exception) as raised:  # noqa: PT011
            handler_class()
        messages.append(repr(raised.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
def test_a_middleware_must_be_capable_of_something(handler_class):
    with (
        override_settings(MIDDLEWARE=[f"{__name__}.Factory"]),
        pytest.raises(RuntimeError, match="must have at least one of sync_capable/async_capable"),
    ):
        handler_class()


def test_a_middleware_may_make_a_handler():
    with loading.native_middleware():
        reentrant = loading._lock.acquire(blocking=False)
        if reentrant:
            loading._lock.release()
    assert reentrant, "the next lines would wait for ever"
    before = len(Nested.made)
    with override_settings(MIDDLEWARE=[f"{__name__}.Nested"]):
        ASGIHandler()
    assert len(Nested.made) == before + 1


async def test_subclasses_of_djangos_classes_work():
    with override_settings(MIDDLEWARE=[f"{__name__}.Subclass"]):
        assert (await drive(ASGIHandler(), "/")).body == b"Hello, world"
