"""Where the installed asgiref was not reviewed: all is right, on what asgiref offers publicly."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import io
import json
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest
import uvloop
from asgiref.current_thread_executor import CurrentThreadExecutor
from asgiref.local import Local
from asgiref.sync import AsyncToSync, async_to_sync, sync_to_async
from django.contrib.auth.models import Group, User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import TransactionTestCase, override_settings
from django.urls import path
from django.utils import translation

from django_asynckit import _asgiref, _bridge, _sync_frames
from django_asynckit._mirrored import REVIEWED
from django_asynckit.checks import TAG
from django_asynckit.db import aatomic, agather
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.test import AsyncClient, Client
from django_asynckit.workers import statistics, worker_lease
from django_asynckit.workers.context import POOL
from tests.driver import drive
from tests.test_sync_frames import ended
from tests.workers.tools import until_idle

RUNNERS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@pytest.fixture(autouse=True)
def _stepped_back(monkeypatch):
    POOL.shut_down(5)
    for module in (_asgiref, _sync_frames):
        monkeypatch.setattr(module, "IS_REVIEWED", False)
    yield
    POOL.shut_down(5)
    POOL.__init__()


def sync_only(get_response):
    def middleware(request):
        response = get_response(request)
        response["X-Sync"] = threading.current_thread().name
        return response

    return middleware


#: Other tests may have made more users.
ADA = User.objects.filter(username="ada")


async def async_view(request):
    async with aatomic():
        await Group.objects.acreate(name="a")
        await sync_to_async(Group.objects.create)(name="b")
    try:
        async with aatomic():
            await Group.objects.acreate(name="c")
            raise ValueError
    except ValueError:
        pass
    names = [group.name async for group in Group.objects.order_by("name").aiterator(chunk_size=1)]
    counts = await agather(Group.objects.acount(), ADA.acount())
    await Group.objects.all().adelete()
    return HttpResponse(f"{names} {counts}")


def sync_view(request):
    return HttpResponse(async_to_sync(async_view)(request).content)


urlpatterns = [path("async/", async_view), path("sync/", sync_view)]
EXPECTED = b"['a', 'b'] (2, 1)"


@RUNNERS
@pytest.mark.parametrize("hold", ["auto", "request", "call"])
@pytest.mark.parametrize("middleware", [[], [f"{__name__}.sync_only"]], ids=["none", "sync"])
@pytest.mark.parametrize("url", ["/async/", "/sync/"])
@pytest.mark.usefixtures("in_process_database")
def test_requests_are_answered_rightly(run, hold, middleware, url):
    async def main():
        handler = ASGIHandler()
        # One after the other, since each counts the same rows.
        replies = [await drive(handler, url) for _ in range(3)]
        await until_idle()
        return replies

    with override_settings(
        ROOT_URLCONF=__name__, MIDDLEWARE=middleware, ASYNCKIT_WORKER_HOLD=hold, ASYNCKIT_WORKERS=2
    ):
        assert [(one.status, one.body) for one in run(main())] == [(200, EXPECTED)] * 3
    assert statistics().unrecognised > 0


@pytest.mark.usefixtures("in_process_database")
async def test_an_iterator_keeps_the_worker_that_has_its_cursor():
    with override_settings(ASYNCKIT_WORKER_HOLD="call"):
        async with worker_lease():
            rows = ADA.iterator()
            assert [await sync_to_async(next)(rows, None) for _ in range(2)] == [
                await ADA.aget(),
                None,
            ]
    await until_idle()


class Case(TransactionTestCase):
    async def test_all_runs_in_the_thread_of_the_test(self):
        thread = await sync_to_async(threading.current_thread)()
        assert thread is threading.main_thread()
        async with aatomic():
            await Group.objects.acreate(name="a")
            assert await sync_to_async(threading.current_thread)() is thread
        assert await sync_to_async(lambda: connection.in_atomic_block)() is False
        assert await agather(Group.objects.acount(), Group.objects.acount()) == (1, 1)

    def test_clients(self):
        with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[f"{__name__}.sync_only"]):
            User.objects.create_user("ada")
            assert Client().get("/async/").content == EXPECTED
            assert async_to_sync(AsyncClient().get)("/sync/").content == EXPECTED


async def test_sync_only_middleware_does_not_count_against_the_limit():
    async def waits(request):
        entered.append(1)
        async with asyncio.timeout(10):
            while len(entered) < 5:
                await asyncio.sleep(0.005)
        return HttpResponse()

    entered = []
    urls = (path("", waits),)
    with override_settings(
        ROOT_URLCONF=urls, MIDDLEWARE=[f"{__name__}.sync_only"], ASYNCKIT_WORKERS=1
    ):
        handler = ASGIHandler()
        replies = await asyncio.gather(*(drive(handler) for _ in range(5)))
    assert [one.status for one in replies] == [200] * 5
    await until_idle()


def test_values_of_locals_are_those_of_asgiref():
    local = Local()
    assert _asgiref.local_values(local, ("a", "b")) == {}
    _asgiref.set_local_value(local, "a", 1)
    assert _asgiref.local_values(local, ("a", "b")) == {"a": local.a} == {"a": 1}
    assert _asgiref.delete_local_value(local, "b") is None
    deleted = _asgiref.delete_local_value(local, "a")
    assert not hasattr(local, "a")
    contextvars.Context().run(_bridge.reset, deleted)  # Nothing happens in another context.
    assert not hasattr(local, "a")
    _bridge.reset(deleted)
    assert local.a == 1


def test_what_was_deleted_is_in_no_cycle():
    """It refers to the context, and so to the lease of a request, which has to go by itself."""
    local = Local()
    local.a = 1
    deleted = _asgiref.delete_local_value(local, "a")
    reference = weakref.ref(deleted)
    gc.disable()
    try:
        del deleted
        assert reference() is None
    finally:
        gc.enable()


def test_a_thread_whose_executor_changed_is_no_worker():
    executor = CurrentThreadExecutor(None)
    assert _sync_frames.thread_that_waits(executor) is threading.current_thread()
    del executor._work_thread
    assert _sync_frames.thread_that_waits(executor) is threading.main_thread()
    assert _sync_frames.thread_that_waits(object()) is None


async def test_a_thread_that_waits_no_more_is_left():
    AsyncToSync.executors.current = ended()
    assert await _bridge.run_in_worker(threading.current_thread) is not threading.current_thread()
    assert not hasattr(_sync_frames._EXECUTORS, "current")


def test_a_thread_that_waits_is_not_left():
    async def run():
        return await _bridge.run_in_worker(threading.current_thread)

    assert async_to_sync(run)() is threading.current_thread()


async def test_code_of_users_beside_sees_the_context(blockbuster):
    blockbuster.deactivate()  # Translations are read.
    with translation.override("de"):
        assert await _bridge.run_beside(translation.get_language) == "de"
    name = await _bridge.run_beside(lambda: threading.current_thread().name)
    assert name.startswith("asynckit-beside-")


async def test_it_is_logged_once_and_says_why(caplog):
    async with worker_lease():
        for _ in range(2):
            await sync_to_async(int)()
    async with asyncio.timeout(10):
        while not caplog.records:
            await asyncio.sleep(0.005)
    (record,) = caplog.records
    assert "was not reviewed: see check asynckit.W023" in record.getMessage()
    assert statistics().unrecognised == 2


def test_a_check_says_so(monkeypatch):
    assert run_checks(tags=[TAG]) == []
    monkeypatch.setitem(REVIEWED, "asgiref.sync:SyncToAsync", {"0" * 16: "3.13.0"})
    (warning,) = run_checks(tags=[TAG])
    assert warning.id == "asynckit.W023"
    assert "(asgiref.sync:SyncToAsync)" in warning.msg
    output = io.StringIO()
    call_command("asynccheck", format="json", stdout=output)
    assert "asynckit.W023" in [one["id"] for one in json.loads(output.getvalue())["findings"]]


def test_it_is_found_out_when_the_package_is_imported():
    """In a process of its own, with a hash as a changed asgiref would have it."""
    program = """if 1:
        from django_asynckit import _mirrored
        _mirrored.REVIEWED["asgiref.local:_CVar"] = {"0" * 16: "3.13.0"}
        import asyncio, logging
        from django.conf import settings
        from django.http import HttpResponse
        from django.urls import path
        urlpatterns = [path("", lambda request: HttpResponse("hello"))]
        settings.configure(ROOT_URLCONF="__main__", ALLOWED_HOSTS=["*"], SECRET_KEY="x")
        from django_asynckit.asgi import get_asgi_application
        from django_asynckit import _asgiref
        from tests.driver import drive
        print(_asgiref.IS_REVIEWED, asyncio.run(drive(get_asgi_application())).body)
    """
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
        cwd=Path(__file__).parents[1],
    )
    assert result.stdout == "False b'hello'\n"
    assert "was not reviewed" in result.stderr
