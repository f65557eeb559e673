"""Sentry sees under our handler what it sees under Django's, and changes no answer."""

from __future__ import annotations

import functools
import subprocess
import sys

import pytest

from tests.integrations.runs import run_both
from tests.servers.harness import ROOT, environment

pytest.importorskip("sentry_sdk", reason="sentry-sdk is not installed")

#: Started before the application is made with all it can record, or with its defaults; or afterwards.
MODES = ("full", "defaults", "late")
HANDLERS = ("asynckit", "stock")
DJANGOS_RECEIVERS = {
    "django.core.cache.close_caches",
    "django.core.handlers.base.reset_urlconf",
    "django.db.close_old_connections",
    "django.db.reset_queries",
}
SPANS = [
    "SecurityMiddleware.__acall__",
    "SessionMiddleware.__acall__",
    "CommonMiddleware.__acall__",
    "CsrfViewMiddleware.__acall__",
    "AuthenticationMiddleware.__acall__",
    "MessageMiddleware.__acall__",
    "XFrameOptionsMiddleware.__acall__",
]


@functools.cache
def runs(mode: str):
    return run_both("sentry_run", mode)


def without_djangos_receivers(taken: dict[str, list[dict]]) -> dict[str, list[dict]]:
    return {
        url: [
            {
                **event,
                "spans": [span for span in event["spans"] if span[1] not in DJANGOS_RECEIVERS],
            }
            for event in events
        ]
        for url, events in taken.items()
    }


def events(mode: str, target: str, kind: str) -> list[dict]:
    taken = runs(mode)["asynckit"]["taken"][f"example.test{target}"]
    return [event for event in taken if event["kind"] == kind]


@pytest.mark.parametrize("mode", MODES)
def test_our_handler_stays_in_place(mode):
    assert runs(mode)["asynckit"]["handler"] == "django_asynckit.handler.asgi.ASGIHandler"


@pytest.mark.parametrize("mode", MODES)
def test_answers_are_those_of_stock_django(mode):
    assert runs(mode)["asynckit"]["replies"] == runs(mode)["stock"]["replies"]


@pytest.mark.parametrize("mode", MODES)
def test_events_are_those_of_stock_django(mode):
    """But for spans of Django's own signal receivers: where they have nothing to do, they do not run."""
    ours, stock = (without_djangos_receivers(runs(mode)[name]["taken"]) for name in HANDLERS)
    assert ours == stock


@pytest.mark.parametrize("mode", MODES)
def test_exception_of_an_async_view_is_reported_once(mode):
    [event] = events(mode, "/raises/500/", "event")
    assert event["errors"] == [["ValueError", "broken"]]
    assert event["mechanism"] == [{"type": "django", "handled": False}]
    assert event["transaction"] == "/raises/{kind}/"
    assert event["request"]["url"] == "http://example.test/raises/500/"


@pytest.mark.parametrize("mode", ["full", "late"])
def test_status_that_counts_as_failed_is_reported_once(mode):
    [event] = events(mode, "/raises/403/", "event")
    assert event["errors"] == [["PermissionDenied", "not you"]]
    assert event["mechanism"] == [{"type": "django", "handled": True}]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("target", ["/", "/sync/", "/404/", "/raises/404/"])
def test_nothing_else_is_reported(mode, target):
    assert events(mode, target, "event") == []
    assert len(events(mode, target, "transaction")) == 1


@pytest.mark.parametrize("view", [("/", "tests.views.hello"), ("/sync/", "tests.views.hello_sync")])
def test_middleware_and_view_have_spans(view):
    target, name = view
    [transaction] = events("full", target, "transaction")
    spans = [description for _, description in transaction["spans"]]
    assert [span for span in SPANS if spans.count(span) != 1] == []
    assert ["view.render", name] in transaction["spans"]


def test_asynccheck_says_that_it_keeps_the_async_chain():
    code = (
        "import django; django.setup()\n"
        "from django.conf import settings; settings.ASYNCKIT_SYNC_CHAIN = True\n"
        "from tests.integrations.sentry_run import start_sentry; start_sentry('defaults')\n"
        "from django.core.management import call_command; call_command('asynccheck')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            **environment(),
            "DJANGO_SETTINGS_MODULE": "tests.integrations.settings",
        },
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = " ".join(run.stdout.split())
    assert "Sync views go through the chain of async views. sentry_sdk.integrations.django" in told
    assert "replaces get_response_async() of Django's handler" in told
