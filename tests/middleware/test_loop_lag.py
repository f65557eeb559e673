"""The event loop goes on while Redis, PostgreSQL or the file system behind sessions and pages is slow."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time

import pytest
from django.contrib.sessions.backends import file
from django.core.cache.backends import filebased
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.management import call_command
from django.db import connections
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.workers.context import POOL
from tests.driver import drive
from tests.middleware.gates import HELD_SECONDS, Gate, Watchdog, proxy

REDIS = (os.environ.get("TESTS_REDIS_HOST", "127.0.0.1"), 6379)
POSTGRESQL = (os.environ.get("TESTS_DATABASE_HOST", "127.0.0.1"), 5432)
BACKENDS = "django.core.cache.backends"
#: A blocked loop stands still for as long as the gate is closed, on any machine.
LIMIT = 0.7 * HELD_SECONDS
REQUESTS = 3
gate = Gate()


async def write(request):
    await request.session.aset("color", "blue")
    return HttpResponse("written")


async def change(request):
    await request.session.aset("color", "red")
    gate.hold()
    return HttpResponse("changed")


async def read(request):
    return HttpResponse(str(await request.session.aget("color")))


async def cycle(request):
    await request.session.acycle_key()
    return HttpResponse("cycled")


async def exists(request):
    return HttpResponse(str(bool(await request.session.aexists("x" * 32))))


async def page(request):
    return HttpResponse("page")


async def page_held_later(request):
    gate.hold()
    return HttpResponse("page")


urlpatterns = [
    path("write/", write),
    path("change/", change),
    path("read/", read),
    path("cycle/", cycle),
    path("exists/", exists),
    path("page/", page),
    path("later/", page_held_later),
]


@pytest.fixture(autouse=True)
def _gate(blockbuster):
    """The watchdog is the judge here."""
    blockbuster.deactivate()
    yield
    gate.close()


def need(name, address):
    try:
        socket.create_connection(address, timeout=2).close()
    except OSError as error:
        pytest.skip(f"{name} does not answer at {address[0]}:{address[1]}: {error}")


@pytest.fixture
def redis_behind_gate():
    """Yield ``CACHES``; the keys of this test are its own."""
    redis = pytest.importorskip("redis", reason="redis is not installed")
    need("Redis", REDIS)
    with proxy(gate, *REDIS) as port:
        backend = f"{BACKENDS}.redis.RedisCache"
        location = f"redis://127.0.0.1:{port}/9"
        prefix = f"asynckit-{os.getpid()}"
        yield {"default": {"BACKEND": backend, "LOCATION": location, "KEY_PREFIX": prefix}}
        with redis.Redis.from_url(location) as client:
            client.delete(*client.scan_iter(f"{prefix}:*"))


@pytest.fixture
def files_behind_gate(tmp_path, monkeypatch):
    """Return ``CACHES``; reading and putting files in place waits for the gate."""
    monkeypatch.setattr(file.SessionStore, "_storage_path", str(tmp_path), raising=False)
    for module in (file, filebased):
        monkeypatch.setattr(module, "open", gate.around(open), raising=False)
    for module, name in ((file.os, "open"), (file.os.path, "exists"), (filebased.os, "makedirs")):
        monkeypatch.setattr(module, name, gate.around(getattr(module, name)))
    return {
        "default": {
            "BACKEND": f"{BACKENDS}.filebased.FileBasedCache",
            "LOCATION": str(tmp_path / "cache"),
        }
    }


@pytest.fixture
def postgresql_behind_gate(django_db_blocker):
    """Yield ``CACHES``; the default database is one of PostgreSQL's, with a table for the cache."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    need("PostgreSQL", POSTGRESQL)
    user, name = os.environ.get("PGUSER", "postgres"), f"asynckit_cache_{os.getpid()}"
    server = psycopg.connect(host=POSTGRESQL[0], user=user, dbname="postgres", autocommit=True)
    with contextlib.closing(server), proxy(gate, *POSTGRESQL) as port:
        server.execute(f'CREATE DATABASE "{name}"')
        changes = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "HOST": "127.0.0.1",
            "PORT": port,
            "USER": user,
            "PASSWORD": os.environ.get("PGPASSWORD", ""),
            "OPTIONS": {"sslmode": "disable"},
        }
        caches = {
            "default": {"BACKEND": f"{BACKENDS}.db.DatabaseCache", "LOCATION": "asynckit_cache"}
        }
        with (
            override_settings(CACHES=caches),
            default_database(changes),
            django_db_blocker.unblock(),
        ):
            call_command("migrate", "sessions", verbosity=0)
            call_command("createcachetable", verbosity=0)
            yield caches
            connections["default"].close()
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.contextmanager
def default_database(changes):
    settings, original = connections.settings["default"], connections["default"]
    saved = dict(settings)
    settings.update(changes)
    connections["default"] = connections.create_connection("default")
    POOL.shut_down(5)  # Workers have connections of their own.
    try:
        yield
    finally:
        settings.clear()
        settings.update(saved)
        connections["default"] = original
        POOL.shut_down(5)


def site(caches, middleware, engine="cache"):
    return override_settings(
        ROOT_URLCONF=__name__,
        CACHES=caches,
        MIDDLEWARE=middleware,
        SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}",
    )


async def watched(application, requests):
    """Send requests side by side; return their answers, the longest pause, and the time for all."""
    started = time.monotonic()
    async with Watchdog() as watchdog:
        replies = await asyncio.gather(
            *(drive(application, url, headers=headers) for url, headers in requests)
        )
    return replies, watchdog.longest, time.monotonic() - started


async def logged_in(application):
    reply = await drive(application, "/write/")
    assert reply.body == b"written"
    return {"cookie": f"sessionid={reply.cookies['sessionid']}"}


async def check_sessions(application):
    one, other = await logged_in(application), await logged_in(application)
    side_by_side = [("/read/", one), ("/cycle/", other), ("/exists/", {}), ("/write/", {})]
    gate.hold()
    for requests in (side_by_side, [("/change/", one), ("/write/", {})]):
        waited = gate.waited
        replies, longest, taken = await watched(application, requests)
        assert {reply.status for reply in replies} == {200}
        assert gate.waited > waited
        assert taken > 0.9 * HELD_SECONDS
        assert longest < LIMIT
        gate.close()
    reply = await drive(application, "/read/", headers=one)
    assert reply.body == b"red"


SESSION = ["django.contrib.sessions.middleware.SessionMiddleware"]
PAGES = [
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]
SERVICES = ["redis", "files", "postgresql"]


@pytest.fixture
def caches(request):
    return request.getfixturevalue(f"{request.param}_behind_gate")


@pytest.mark.parametrize(
    ("caches", "engine"),
    [
        ("redis", "cache"),
        ("files", "file"),
        ("files", "cache"),
        ("postgresql", "db"),
        ("postgresql", "cache"),
        ("postgresql", "cached_db"),
    ],
    indirect=["caches"],
)
async def test_slow_sessions_do_not_block_the_loop(caches, engine):
    with site(caches, SESSION, engine):
        await check_sessions(ASGIHandler())


@pytest.mark.parametrize("caches", SERVICES, indirect=True)
@pytest.mark.parametrize("url", ["/page/", "/later/"])
async def test_a_slow_cache_of_pages_does_not_block_the_loop(caches, url):
    with site(caches, PAGES):
        application = ASGIHandler()
        for expected_waits in (True, url == "/page/"):  # The first time nothing is there.
            if url == "/page/":
                gate.hold()
            waited = gate.waited
            replies, longest, _ = await watched(
                application, [(f"{url}?{number}", {}) for number in range(REQUESTS)]
            )
            assert {reply.body for reply in replies} == {b"page"}
            assert (gate.waited > waited) is expected_waits
            assert longest < LIMIT
            gate.close()


async def test_the_watchdog_sees_a_loop_that_is_blocked(files_behind_gate):
    """On stock Django a session in a file blocks it."""
    with site(files_behind_gate, SESSION, "file"):
        application = DjangoASGIHandler()
        headers = await logged_in(application)
        gate.hold()
        _, longest, _ = await watched(application, [("/read/", headers)])
    assert longest > LIMIT
