"""Sessions, messages and logins with every backend of Django's: the same answers as stock Django."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.conf import settings
from django.contrib.sessions.backends import file
from django.core.cache import cache
from django.core.handlers import asgi
from django.test import override_settings

from django_asynckit.asgi import get_asgi_application
from django_asynckit.handler.asgi import ASGIHandler
from tests.middleware import caches
from tests.servers.client import Reply, normalised, run_in_process
from tests.servers.flows import LOGINS, MESSAGES, SESSIONS, get
from tests.servers.urls import OPERATIONS

ENGINES = ("db", "cached_db", "cache", "file", "signed_cookies")


def message_storages(*names: str):
    return pytest.mark.parametrize(
        "extra_settings",
        [{"MESSAGE_STORAGE": f"django.contrib.messages.storage.{name}"} for name in names],
        ids=names,
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


@pytest.fixture
def assert_same_answers(applications, blockbuster):
    """Return a function that runs a flow on both; on ours, the event loop must not be blocked."""

    async def check(flow, comparable=normalised) -> None:
        stock, ours = applications
        assert type(ours) is ASGIHandler
        blockbuster.deactivate()
        expected = await run_in_process(stock, flow)
        for function in blockbuster.functions.values():
            # It reads the session in sync code.
            function.can_block_in("tests/servers/urls.py", {"early_messages"})
        blockbuster.activate()
        answers = await run_in_process(ours, flow)
        assert [comparable(reply) for reply in answers] == [comparable(reply) for reply in expected]

    return check


@pytest.mark.parametrize("flow", SESSIONS)
async def test_sessions(assert_same_answers, flow):
    await assert_same_answers(SESSIONS[flow])


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_each_operation_on_a_session_makes_at_most_one_hop(applications, operation):
    _, ours = applications
    flow = [get("/session/set/"), get(f"/session/hops/{operation}/")]
    _, reply = await run_in_process(ours, flow)
    signed = "signed_cookies" in settings.SESSION_ENGINE
    assert reply.body == (b"0" if signed else b"1"), operation


async_cache = pytest.mark.parametrize(
    "extra_settings",
    [{"CACHES": {"default": {"BACKEND": "tests.middleware.caches.BothCache"}}}],
    ids=["BothCache"],
    indirect=True,
)


@async_cache
@pytest.mark.parametrize("applications", ["cached_db", "cache"], indirect=True)
@pytest.mark.parametrize("flow", SESSIONS)
async def test_sessions_in_a_cache_with_async_methods(assert_same_answers, flow):
    await assert_same_answers(SESSIONS[flow])


@async_cache
@pytest.mark.parametrize("applications", ["cached_db", "cache"], indirect=True)
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_cache_with_async_methods_is_awaited(applications, operation):
    _, ours = applications
    caches.forget()
    flow = [get("/session/set/"), get(f"/session/hops/{operation}/")]
    _, reply = await run_in_process(ours, flow)
    assert caches.on_loop() == {True}
    if operation == "load" or settings.SESSION_ENGINE.endswith(".cache"):
        assert reply.body == b"0"


@message_storages("session.SessionStorage", "fallback.FallbackStorage")
@pytest.mark.parametrize("flow", MESSAGES)
async def test_messages(assert_same_answers, flow):
    await assert_same_answers(MESSAGES[flow])


@message_storages("cookie.CookieStorage")
@pytest.mark.parametrize("applications", ["db"], indirect=True)
@pytest.mark.parametrize("flow", MESSAGES)
async def test_messages_in_a_cookie(assert_same_answers, flow):
    await assert_same_answers(MESSAGES[flow])


@pytest.mark.parametrize("flow", LOGINS)
async def test_logins(assert_same_answers, flow):
    await assert_same_answers(LOGINS[flow])


@pytest.mark.parametrize(
    "extra_settings",
    [
        {"SESSION_SAVE_EVERY_REQUEST": True},
        {"SESSION_EXPIRE_AT_BROWSER_CLOSE": True},
        {
            "SESSION_COOKIE_SAMESITE": "Strict",
            "SESSION_COOKIE_PATH": "/x",
            "SESSION_COOKIE_AGE": 100,
        },
    ],
    ids=lambda extra: next(iter(extra)),
    indirect=True,
)
@pytest.mark.parametrize("applications", ["db", "cache", "signed_cookies"], indirect=True)
@pytest.mark.parametrize("flow", ["set, get, flush", "unused session"])
async def test_session_settings(assert_same_answers, flow):
    await assert_same_answers(SESSIONS[flow])


@pytest.mark.parametrize(
    "extra_settings", [{"CSRF_USE_SESSIONS": True}], ids=["session"], indirect=True
)
@pytest.mark.parametrize("flow", ["token changes", "sync views"])
async def test_csrf_token_in_the_session(assert_same_answers, flow):
    await assert_same_answers(LOGINS[flow], without_session_cookie)


def without_session_cookie(reply: Reply) -> Reply:
    """A signed cookie shows the random CSRF secret that is in the session."""
    reply = normalised(reply)
    headers = [
        (name, re.sub(r"^sessionid=[^;]*", "sessionid=", value)) for name, value in reply.headers
    ]
    return replace(reply, headers=headers)
