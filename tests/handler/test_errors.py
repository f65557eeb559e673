"""Error responses are Django's, made without a hop where only memory is looked at."""

from __future__ import annotations

import asyncio
import logging
import re

import django
import pytest
from django.core.signals import got_request_exception
from django.http import HttpResponse
from django.template import engines
from django.test import override_settings

from django_asynckit.handler import errors
from django_asynckit.handler.asgi import ASGIHandler
from tests.driver import drive, scope_for
from tests.handler.tools import (
    assert_same,
    captured_logs,
    counted_crossings,
    observe_both,
    without_cookies,
)

KINDS = ["404", "403", "400", "suspicious", "500"]
PATHS = [*(f"/raises/{kind}/" for kind in KINDS), "/404/", "/nowhere/"]
PAGES = {
    f"{status}.html": f"page {status} {{{{ request.path }}}}" for status in (400, 403, 404, 500)
}


def handler404(request, exception):
    return HttpResponse(f"own 404 {exception.args[0]}", status=404)


def handler500(request):
    return HttpResponse("own 500", status=500)


def engine(loaders, **extra):
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"loaders": loaders},
        **extra,
    }


def memory(pages):
    return ("django.template.loaders.locmem.Loader", pages)


def cached(*loaders):
    return [("django.template.loaders.cached.Loader", list(loaders))]


async def hops_of(path, method="GET", **settings):
    """Return the reply to the second such request, and its hops without the one that ends its thread."""
    with override_settings(**settings):
        handler = ASGIHandler()
        with captured_logs():
            await drive(handler, path, method=method)
            with counted_crossings() as count:
                reply = await drive(handler, path, method=method)
    return reply, count.hops


@pytest.mark.parametrize("path", PATHS)
async def test_errors_are_answered_as_by_django_without_a_hop(path):
    await assert_same(scope_for(path))
    _, hops = await hops_of(path)
    assert hops == 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_errors_with_a_receiver_for_exceptions(path, method):
    await assert_same(scope_for(path, method), exceptions=True)


@pytest.mark.parametrize("path", ["/raises/404/", "/raises/500/", "/nowhere/"])
async def test_own_error_views_run_in_one_hop(path):
    class Urls:
        from tests.urls import urlpatterns

        handler404 = f"{__name__}.handler404"
        handler500 = f"{__name__}.handler500"

    seen = await assert_same(scope_for(path), ROOT_URLCONF=Urls)
    assert seen.reply.body.startswith(b"own ")
    _, hops = await hops_of(path, ROOT_URLCONF=Urls)
    assert hops == 1


async def test_an_error_view_that_cannot_be_found():
    class Urls:
        from tests.urls import urlpatterns

        handler404 = "tests.no_such_module.view"

    seen = await assert_same(scope_for("/raises/404/"), ROOT_URLCONF=Urls)
    assert seen.reply.status == 500


@pytest.mark.parametrize("path", PATHS)
async def test_templates_of_the_project_are_rendered_in_one_hop(path):
    templates = [engine(cached(memory(PAGES)))]
    seen = await assert_same(scope_for(path), TEMPLATES=templates)
    reply, hops = await hops_of(path, TEMPLATES=templates)
    assert reply.body == seen.reply.body
    if path != "/404/":
        assert reply.body.startswith(b"page ")
        assert hops == 1


async def test_templates_in_a_folder(tmp_path):
    await asyncio.to_thread((tmp_path / "404.html").write_text, "from a folder")
    templates = [{"BACKEND": engine([])["BACKEND"], "DIRS": [tmp_path]}]
    seen = await assert_same(scope_for("/nowhere/"), TEMPLATES=templates)
    assert seen.reply.body == b"from a folder"


@pytest.mark.parametrize("path", PATHS)
async def test_broken_templates(path):
    pages = dict.fromkeys(PAGES, "{% no_such_tag %}")
    await assert_same(scope_for(path), TEMPLATES=[engine(cached(memory(pages)))])


@pytest.mark.parametrize("path", ["/raises/404/", "/raises/500/"])
async def test_engines_that_do_not_cache_are_asked_in_a_thread(path):
    templates = [engine([memory({})])]
    await assert_same(scope_for(path), TEMPLATES=templates)
    _, hops = await hops_of(path, TEMPLATES=templates)
    assert hops == 1


async def test_engines_that_were_replaced_are_asked_once_in_a_thread():
    handler = ASGIHandler()
    with captured_logs(), override_settings(TEMPLATES=[engine(cached(memory({})))]):
        for hops in (1, 0):
            with counted_crossings() as count:
                await drive(handler, "/nowhere/")
            assert count.hops == hops


async def test_without_engines_nothing_is_looked_for():
    await assert_same(scope_for("/nowhere/"), TEMPLATES=[])
    _, hops = await hops_of("/nowhere/", TEMPLATES=[])
    assert hops == 0


@pytest.mark.parametrize("path", ["/nowhere/", "/raises/500/"])
async def test_engines_that_cannot_be_made(path):
    templates = [{"BACKEND": "tests.no_such_module.Engine"}]
    await assert_same(scope_for(path), TEMPLATES=templates)


@pytest.mark.parametrize("path", PATHS)
async def test_debug_pages_are_made_in_one_hop(path):
    stock, ours = await observe_both(scope_for(path), DEBUG=True)
    assert ours.reply.status == stock.reply.status
    assert ours.logs == stock.logs
    assert ours.signals == stock.signals
    titles = [
        re.findall(rb"<title>.*?</title>", seen.reply.body, re.DOTALL) for seen in (ours, stock)
    ]
    assert titles[0] == titles[1]
    if path != "/404/":
        _, hops = await hops_of(path, DEBUG=True)
        assert hops == 1


async def test_the_handler_works_in_debug_mode_without_an_error():
    stock, ours = await observe_both(scope_for("/"), DEBUG=True)
    assert without_cookies(ours) == without_cookies(stock)


@pytest.mark.parametrize("path", PATHS)
async def test_tokens_in_sessions(path):
    await assert_same(scope_for(path), CSRF_USE_SESSIONS=True)


async def test_a_post_to_an_unknown_url_reads_its_form_in_a_thread():
    await assert_same(scope_for("/nowhere/", "POST"))
    _, hops = await hops_of("/nowhere/", "POST")
    assert hops == 1


async def test_a_receiver_for_exceptions_means_a_hop():
    def receiver(**kwargs):
        raise AssertionError("never called for a 404")

    got_request_exception.connect(receiver)
    try:
        _, hops = await hops_of("/raises/404/")
    finally:
        got_request_exception.disconnect(receiver)
    assert hops == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_log_handler_that_is_not_local_means_a_hop(kind):
    class Network(logging.StreamHandler):
        def emit(self, record):
            pass

    with override_settings(), captured_logs():
        handler, network = ASGIHandler(), Network()
        logging.getLogger("django").addHandler(network)
        await drive(handler, f"/raises/{kind}/")
        with counted_crossings() as count:
            await drive(handler, f"/raises/{kind}/")
    # Before 5.2.3, Django logs a suspicious operation to two loggers.
    is_logged_twice = kind == "suspicious" and django.VERSION < (5, 2, 3)
    assert count.hops == 1 + is_logged_twice


def test_warming_passes_over_broken_templates():
    with override_settings(TEMPLATES=[engine(cached(memory({"404.html": "{% no_such_tag %}"})))]):
        errors.warm()
        assert not errors._is_known_missing("404.html")
        assert errors._is_known_missing("500.html")
        assert len(list(engines.all())) == 1
