"""Nothing of a request remains when it is over."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import pytest
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.workers import statistics
from django_asynckit.workers.job import Job
from django_asynckit.workers.lease import Lease
from tests.driver import drive, plain_root_logger
from tests.workers.tools import hop, until_idle

FEW = 30


def sync_view(request):
    return HttpResponse(b"sync")


async def async_view(request):
    await asyncio.gather(hop(), hop())
    return HttpResponse(b"async")


def fail():
    raise ValueError("wrong")


async def failing_view(request):
    with contextlib.suppress(ValueError):
        await hop(fail)
    return HttpResponse(b"failed")


urlpatterns = [
    path("sync/", sync_view),
    path("async/", async_view),
    path("failing/", failing_view),
]


def count(kind) -> int:
    # isinstance() would load a lazy object of another test.
    return sum(issubclass(type(one), kind) for one in gc.get_objects())


@pytest.mark.parametrize("url", ["/sync/", "/async/", "/failing/"])
async def test_a_thousand_requests_leave_nothing(url):
    # In debug mode asyncio keeps tracebacks, and is slow.
    asyncio.get_running_loop().set_debug(False)
    with override_settings(ROOT_URLCONF=__name__), plain_root_logger():
        handler = ASGIHandler()
        await drive(handler, url)
        await until_idle()
        gc.collect()
        # What other tests have left, such as errors that pytest shows, is not counted.
        jobs, leases = count(Job), count(Lease)
        gc.disable()
        try:
            for _ in range(50):
                replies = await asyncio.gather(*(drive(handler, url) for _ in range(20)))
                assert {reply.status for reply in replies} == {200}
                del replies
            await until_idle()
            await asyncio.sleep(0.05)
            # A thread may know its last one until its next one comes.
            assert count(Job) - jobs <= FEW
            if url == "/failing/":
                # asgiref makes a cycle of each error, which has the context in it, and so the lease.
                gc.collect()
            assert count(Lease) - leases <= FEW
        finally:
            gc.enable()
    assert statistics().workers <= statistics().limit
