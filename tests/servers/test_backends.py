"""Sessions, messages and logins with every backend of Django's: the same answers as stock Django."""

from __future__ import annotations

import pytest
from django.contrib.sessions.backends import file
from django.core.cache import cache
from django.core.handlers import asgi
from django.test import override_settings

from django_asynckit.asgi import get_asgi_application
from django_asynckit.handler.asgi import ASGIHandler
from tests.servers.client import normalised, run_in_process
from tests.servers.flows import LOGINS, MESSAGES, SESSIONS

ENGINES = ("db", "cached_db", "cache", "file", "signed_cookies")
STORAGES = ("session.SessionStorage", "cookie.CookieStorage", "fallback.FallbackStorage")

STORAGE_SETTINGS = pytest.mark.parametrize(
    "extra_settings",
    [{"MESSAGE_STORAGE": f"django.contrib.messages.storage.{storage}"} for storage in STORAGES],
    ids=STORAGES,
    indirect=True,
)

pytestmark = pytest.mark.usefixtures("in_process_database")


@pytest.fixture
def extra_settings(request):
    return getattr(request, "param", {})


@pytest.fixture(params=ENGINES)
def applications(request, extra_settings, tmp_path, monkeypatch):
    """Django's handler and ours, made where the event loop does not run."""
    monkeypatch.setattr(file.SessionStore, "_storage_path", str(tmp_path), raising=False)
    with override_settings(
        ROOT_URLCONF="tests.servers.urls",
        ALLOWED_HOSTS=["example.test"],
        SESSION_ENGINE=f"django.contrib.sessions.backends.{request.param}",
        **extra_settings,
    ):
        yield asgi.ASGIHandler(), get_asgi_application()
    cache.clear()


async def assert_same_answers(applications, flow) -> None:
    stock, ours = applications
    assert type(ours) is ASGIHandler
    expected = await run_in_process(stock, flow)
    answers = await run_in_process(ours, flow)
    assert [normalised(reply) for reply in answers] == [normalised(reply) for reply in expected]


@pytest.mark.parametrize("flow", SESSIONS)
async def test_sessions(applications, flow):
    await assert_same_answers(applications, SESSIONS[flow])


@STORAGE_SETTINGS
@pytest.mark.parametrize("flow", MESSAGES)
async def test_messages(applications, flow):
    await assert_same_answers(applications, MESSAGES[flow])


@STORAGE_SETTINGS
@pytest.mark.parametrize("flow", LOGINS)
async def test_logins(applications, flow):
    await assert_same_answers(applications, LOGINS[flow])


@pytest.mark.parametrize(
    "extra_settings",
    [
        {"SESSION_SAVE_EVERY_REQUEST": True},
        {"SESSION_EXPIRE_AT_BROWSER_CLOSE": True},
        {"SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_NAME": "other"},
    ],
    ids=lambda extra: next(iter(extra)),
    indirect=True,
)
@pytest.mark.parametrize("flow", ["set, get, flush", "unused session"])
async def test_session_settings(applications, flow):
    await assert_same_answers(applications, SESSIONS[flow])


@pytest.mark.parametrize("extra_settings", [{"CSRF_USE_SESSIONS": True}], ids=["session"], indirect=True)
@pytest.mark.parametrize("flow", ["token changes", "sync views"])
async def test_csrf_token_in_the_session(applications, flow):
    await assert_same_answers(applications, LOGINS[flow])
