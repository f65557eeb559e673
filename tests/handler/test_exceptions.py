"""Exception hooks run in Django's order, with a hop only for those that may block."""

from __future__ import annotations

import itertools

import pytest
from django.test import override_settings

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import AsyncMiddlewareMixin, non_blocking
from tests.driver import drive, plain_root_logger
from tests.handler import site
from tests.handler.tools import calls, counted_crossings

URLS = "tests.handler.site"


async def hops_of(*styles, behaviour="", path="/broken/"):
    names = [
        site.name(style, label, behaviour) for style, label in zip(styles, "abc", strict=False)
    ]
    with override_settings(ROOT_URLCONF=URLS, MIDDLEWARE=names), plain_root_logger():
        handler = ASGIHandler()
        await drive(handler, path)
        calls.clear()
        with counted_crossings() as count:
            reply = await drive(handler, path)
    return reply, count.hops


@pytest.mark.parametrize("styles", list(itertools.permutations(("inline", "twin"))), ids="-".join)
async def test_hooks_that_do_not_block_make_no_hop(styles):
    reply, hops = await hops_of(*styles, behaviour="exception-responds")
    assert reply.body == b"b exception"
    assert hops == 0
    assert calls.count("b.exception") == 1
    assert "a.exception" not in calls


@pytest.mark.parametrize("style", ["inline", "twin"])
async def test_the_last_hook_may_answer(style):
    names = [
        site.name(style, "a", "exception-responds"),
        site.name(style, "b"),
        site.name("inline", "c"),
    ]
    with override_settings(ROOT_URLCONF=URLS, MIDDLEWARE=names):
        reply = await drive(ASGIHandler(), "/broken/")
    assert reply.body == b"a exception"


class TwoBlocking:
    """Neighbours that only differ in what they answer."""

    def __init__(self, get_response):
        self.get_response = get_response

    async_capable = True
    sync_capable = False

    async def __call__(self, request):
        return await self.get_response(request)

    def process_exception(self, request, exception):
        calls.append("blocking")


class Marked(TwoBlocking):
    @non_blocking
    def process_exception(self, request, exception):
        calls.append("marked")


async def test_neighbours_that_block_share_one_hop():
    with (
        override_settings(
            ROOT_URLCONF=URLS,
            MIDDLEWARE=[f"{__name__}.{name}" for name in ("TwoBlocking", "TwoBlocking")],
        ),
        plain_root_logger(),
    ):
        handler = ASGIHandler()
        await drive(handler, "/nowhere/")
        await drive(handler, "/broken/")
        calls.clear()
        with counted_crossings() as count:
            await drive(handler, "/broken/")
    assert calls == ["view", "blocking", "blocking"]
    assert count.hops == 1


async def test_a_marked_hook_of_any_class_runs_inline():
    with (
        override_settings(ROOT_URLCONF=URLS, MIDDLEWARE=[f"{__name__}.Marked"]),
        plain_root_logger(),
    ):
        handler = ASGIHandler()
        await drive(handler, "/broken/")
        calls.clear()
        with counted_crossings() as count:
            await drive(handler, "/broken/")
    assert calls == ["view", "marked"]
    assert count.hops == 0


class AsyncHook(AsyncMiddlewareMixin):
    async def process_exception(self, request, exception):
        calls.append(f"async {exception}")


async def test_an_async_hook_of_djangos_name_is_awaited():
    with override_settings(ROOT_URLCONF=URLS, MIDDLEWARE=[f"{__name__}.AsyncHook"]):
        calls.clear()
        await drive(ASGIHandler(), "/broken/")
    assert calls == ["view", "async view"]
