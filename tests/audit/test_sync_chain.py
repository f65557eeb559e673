"""What the audit says about the sync chain is what our handler does."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
from collections import Counter

import pytest
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.core.handlers.base import BaseHandler
from django.core.signals import request_finished, request_started
from django.http import Http404, HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import override_settings
from django.urls import path

from django_asynckit._compat import remote_user_reads_two_keys
from django_asynckit.audit.project import audit_project, databases_for_checks, findings_for_checks
from django_asynckit.audit.stack import audit_stack
from django_asynckit.audit.sync_chain import NOT_OURS
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.audit import stacks
from tests.driver import drive, plain_root_logger
from tests.handler import test_sync_chain as handled
from tests.middleware.test_loop_lag import REDIS, need
from tests.settings import MIDDLEWARE as STARTPROJECT

KINDS = "tests.audit.stacks"
SYNC = f"{KINDS}.sync_function"
CACHES = {"default": {"BACKEND": "tests.audit.stores.ClosingCache"}}
CACHE = [
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]


def fails(request):
    raise ValueError("of the view")


def is_missing(request):
    raise Http404


def is_denied(request):
    raise PermissionDenied


def rendered(request):
    return TemplateResponse(request, engines["django"].from_string("sync"))


def caching(request):
    cache.set("key", 1)
    return HttpResponse("cached")


VIEWS = {
    "/": (stacks.sync_page, 200),
    "/rendered/": (rendered, 200),
    "/fails/": (fails, 500),
    "/missing/": (is_missing, 404),
    "/denied/": (is_denied, 403),
    "/caching/": (caching, 200),
}
sync_urls = handled.urlconf([path(url[1:], view) for url, (view, _) in VIEWS.items()])
both_urls = handled.urlconf([*sync_urls.urlpatterns, path("async/", stacks.page)])


def site(*middleware, chain=True, urls=both_urls, **settings):
    names = {"MIDDLEWARE": list(middleware), "ASYNCKIT_SYNC_CHAIN": chain, **settings}
    return override_settings(ROOT_URLCONF=urls, **names)


def audited(*middleware, makes=True, overridden=(), **settings):
    with site(*middleware, **settings):
        return audit_stack(makes=makes, overridden=overridden)


def total(stack):
    return stack.totals()["asynckit"]["sync_view"]


async def _count(url, status):
    handler = ASGIHandler()
    await drive(handler, url)
    with record_hops() as trace:
        assert (await drive(handler, url)).status == status
    return len(trace.hops) + trace.unfinished


@pytest.mark.parametrize("url", VIEWS)
@pytest.mark.parametrize(
    "middleware",
    [[], STARTPROJECT, [SYNC, *STARTPROJECT, SYNC], [*CACHE, f"{KINDS}.Hooks"]],
    ids=["none", "startproject", "sync-only", "cache"],
)
@pytest.mark.parametrize("declared", [[], [SYNC]], ids=["", "declared"])
def test_each_answer_of_a_sync_view_is_one_hop(url, middleware, declared):
    more = {"CACHES": CACHES, "CACHE_MIDDLEWARE_SECONDS": 1e-9}
    more["ASYNCKIT_NON_BLOCKING_MIDDLEWARE"] = declared
    with site(*middleware, **more), plain_root_logger():
        counted = asyncio.run(_count(url, VIEWS[url][1]))
        assert counted == total(audit_stack(makes=True)) == total(audit_stack(makes=False)) == 1


@pytest.mark.parametrize("middleware", [[], CACHE], ids=["view", "middleware"])
def test_so_is_a_cache_that_is_used_and_closed(middleware):
    pytest.importorskip("redis", reason="redis is not installed")
    need("Redis", REDIS)
    location, prefix = "redis://{}:{}/9".format(*REDIS), f"asynckit-{os.getpid()}"
    backend = "django.core.cache.backends.redis.RedisCache"
    cache_settings = {"BACKEND": backend, "LOCATION": location, "KEY_PREFIX": prefix}
    more = {"CACHES": {"default": cache_settings}, "CACHE_MIDDLEWARE_SECONDS": 1e-9}
    with site(*middleware, **more), plain_root_logger():
        counted = asyncio.run(_count("/caching/", 200))
        assert cache.get("key") == 1
        assert counted == total(audit_stack(makes=True)) == 1
        cache.delete("key")


@pytest.mark.parametrize("signal", [request_started, request_finished])
def test_what_the_handler_does_around_it_is_counted(signal):
    def receiver(**kwargs):
        """Makes a hop with both chains."""

    signal.connect(receiver)
    try:
        with site(SYNC), plain_root_logger():
            counted = asyncio.run(_count("/", 200))
            assert counted == total(audit_stack(makes=True)) == 2
    finally:
        signal.disconnect(receiver)


def test_an_async_view_is_as_ever():
    with_it, without = audited(SYNC, *STARTPROJECT), audited(SYNC, *STARTPROJECT, chain=False)
    assert with_it.totals()["stock"] == without.totals()["stock"]
    both = [one.totals()["asynckit"] for one in (with_it, without)]
    assert both[0]["async_view"] == both[1]["async_view"] == 2
    assert [one["sync_view"] for one in both] == [1, 3]


@pytest.mark.parametrize("name", [*handled.ONE_CHAIN, "AtItsEnd", "Both", "NearerInSyncMode"])
def test_it_is_there_where_our_handler_has_it(name):
    middleware = f"tests.handler.test_sync_chain.{name}"
    with site(middleware):
        handler = ASGIHandler()
        asyncio.run(drive(handler, "/"))
        chain = audit_stack(makes=True).sync_chain
    assert chain.exists is (handler._sync_chain is not None and not handler._sync_chain.is_broken)
    assert chain.exists is not bool(chain.reason)
    assert chain.exists or chain.reason.startswith(middleware)
    assert chain.exists is not bool(chain.fix)


def test_the_way_of_remote_users_depends_on_django():
    chain = audited("tests.handler.test_sync_chain.RemoteUser").sync_chain
    has_one = remote_user_reads_two_keys(handled.RemoteUser)
    assert chain.exists is not has_one
    assert ("Upgrade to Django 6.1" in chain.fix) is has_one


made = []


def once(get_response):
    if made:
        raise ValueError("Duplicated timeseries")
    made.append(get_response)
    return lambda request: get_response(request)


def test_a_middleware_that_cannot_be_made_twice_is_named_and_no_error():
    made.clear()
    with_it = audited(f"{__name__}.once")
    assert with_it.sync_chain.reason == (
        f"{__name__}.once cannot be made twice: ValueError: Duplicated timeseries"
    )
    assert "outside of __init__()" in with_it.sync_chain.fix
    assert total(with_it) == 3
    made.clear()
    for found in (with_it, audited(f"{__name__}.once", chain=False)):
        assert found.is_complete
        assert [one.id for one in found.findings] == ["asynckit.W003"]


def test_one_that_is_not_used_leaves_it():
    assert audited(SYNC, f"{KINDS}.NotUsed").sync_chain.exists


@pytest.mark.parametrize("name", ["Failing", "makes_nothing"])
def test_where_django_does_not_start_it_is_not_made(name):
    found = audited(f"{KINDS}.{name}")
    assert not found.is_complete
    assert not found.sync_chain.reason


def test_what_cannot_be_imported_leaves_it_open():
    chain = audited("no_such.Middleware").sync_chain
    assert (chain.exists, chain.fix) == (False, "")
    assert chain.reason == "Not every middleware of MIDDLEWARE can be looked at."


def test_a_setting_that_is_off_is_the_reason():
    chain = audited(SYNC, chain=False).sync_chain
    assert (chain.exists, chain.reason) == (False, "ASYNCKIT_SYNC_CHAIN is False.")
    assert chain.fix.startswith("Set it to True")
    assert audited(f"{KINDS}.async_only", chain=False).sync_chain.fix == ""


def test_a_wrong_setting_is_too():
    assert "must be True or False" in audited(SYNC, chain="yes").sync_chain.reason


def test_a_handler_that_overrides_a_method_is_the_reason():
    chain = audited(SYNC, overridden=["Handler.resolve_request"]).sync_chain
    assert chain.reason == (
        "The handler of this site has methods of its own: Handler.resolve_request()."
    )
    assert "__call__()" in chain.fix


def test_a_tool_that_replaces_a_method_is_named(monkeypatch):
    """As Sentry does. What it puts there is called, so that it sees each request."""
    djangos = BaseHandler.get_response_async

    @functools.wraps(djangos)
    async def replaced(self, request):
        return await djangos(self, request)

    monkeypatch.setattr(BaseHandler, "get_response_async", replaced)
    with site(SYNC), plain_root_logger():
        found = audit_stack(makes=False)
        assert total(found) == asyncio.run(_count("/", 200)) == 3
    assert found.sync_chain.reason.startswith(f"{__name__} replaces get_response_async()")
    monkeypatch.setattr(BaseHandler, "get_response_async", Counter())  # No function.
    assert audited(SYNC).sync_chain.reason.startswith("collections replaces")


def test_without_a_reviewed_handler_it_is_django_s(monkeypatch):
    monkeypatch.setattr("django_asynckit.audit.stack.is_reviewed", lambda path: False)
    found = audited(SYNC)
    assert found.sync_chain is NOT_OURS
    assert total(found) == found.totals()["stock"]["sync_view"]


@pytest.fixture
def own_handler(tmp_path, monkeypatch):
    """Write an asgi.py with a handler of its own, and name it."""

    def write(source):
        (tmp_path / "own_asgi.py").write_text(inspect.cleandoc(source))
        return override_settings(ASGI_APPLICATION="own_asgi.application")

    monkeypatch.syspath_prepend(str(tmp_path))
    return write


def test_the_source_of_the_application_tells_what_its_handler_overrides(own_handler):
    source = """
        from django_asynckit.handler.asgi import ASGIHandler as Ours

        class Other:
            def check_response(self): ...

        class Handler(Ours):
            name = "mine"
            async def __call__(self, scope, receive, send): ...
            def resolve_request(self, request): ...

        class Nearer(Handler):
            async def get_response_async(self, request): ...

        application = Nearer()
    """
    with own_handler(source), site(SYNC):
        audit = audit_project()
    assert audit.application.overridden == [
        "Handler.resolve_request",
        "Nearer.get_response_async",
    ]
    assert (
        "Handler.resolve_request() and Nearer.get_response_async()" in audit.stack.sync_chain.reason
    )


def test_so_does_that_of_the_module_that_it_comes_from(own_handler, tmp_path):
    (tmp_path / "own_handler.py").write_text(
        "from django_asynckit.handler.asgi import ASGIHandler\n"
        "class Handler(ASGIHandler):\n    def check_response(self): ...\n"
        "application = Handler()\n"
    )
    with own_handler("from own_handler import application"), site(SYNC):
        assert audit_project().application.overridden == ["Handler.check_response"]


def test_findings_speak_of_async_views_where_they_alone_pay():
    stack = [SYNC, f"{KINDS}.Hooks", f"{KINDS}.both"]
    for chain, who in ((True, "request to an async view"), (False, "request")):
        messages = {one.id: one.message for one in audited(*stack, chain=chain).findings}
        assert f": each open {who} holds a thread" in messages["asynckit.W003"]
        for rule in ("I003", "I005"):
            assert messages[f"asynckit.{rule}"].endswith(f"of the hops of each {who}.")
        [reason] = [one.reason for one in audited(SYNC, chain=chain).entries]
        assert ("With our handler only requests to async views do." in reason) is chain


OURS = {"ASGI_APPLICATION": "tests.asgi_asynckit.application"}


@pytest.mark.parametrize(
    ("urls", "chain", "is_found"),
    [(sync_urls, True, False), (both_urls, True, True), (sync_urls, False, True)],
    ids=["sync", "both", "one chain"],
)
def test_sync_only_middleware_is_no_fault_where_no_request_waits_in_it(urls, chain, is_found):
    with site(SYNC, urls=urls, chain=chain, **OURS):
        for findings in (audit_project().findings, findings_for_checks()):
            assert ("asynckit.W003" in {one.id for one in findings}) is is_found


def test_what_belongs_to_no_view_does_not_wait_there_either():
    with site(SYNC, urls=sync_urls), plain_root_logger():
        assert asyncio.run(_count("/nowhere/", 404)) == 1


@pytest.mark.parametrize(
    ("urls", "chain", "who"),
    [(sync_urls, True, None), (both_urls, True, "to an async view "), (sync_urls, False, "")],
    ids=["sync", "both", "one chain"],
)
def test_connections_have_their_limit_where_no_request_waits(urls, chain, who, monkeypatch):
    monkeypatch.setattr("django_asynckit.audit.databases.connection_limit", lambda alias: 30)
    with site(SYNC, urls=urls, chain=chain, ASYNCKIT_WORKERS=40, **OURS):
        found = [
            next(one.message for one in findings if one.id == "asynckit.W019")
            for findings in (
                audit_project(databases=["default"]).findings,
                databases_for_checks(["default"]),
            )
        ]
    told = f"one for each open request {who}that has used the database, since {SYNC} is sync only"
    expected = "may ask for 40: then requests fail." if who is None else told
    assert [expected in message for message in found] == [True, True]


def test_without_an_asgi_application_middleware_holds_nothing(monkeypatch):
    monkeypatch.setattr("django_asynckit.audit.databases.connection_limit", lambda alias: 30)
    with site(SYNC, chain=False, ASYNCKIT_WORKERS=40):
        [finding] = databases_for_checks(["default"])
        assert databases_for_checks([]) == []
    assert "may ask for 40" in finding.message
