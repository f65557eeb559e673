"""Sentry sees under our handler what it sees under Django's, and changes no answer."""

from __future__ import annotations

import functools

import pytest

from tests.integrations.runs import OURS, run_each

pytest.importorskip("sentry_sdk", reason="sentry-sdk is not installed")

#: Started before the application is made with all it can record, or with its defaults; or afterwards.
MODES = ("full", "defaults", "late")
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


#: Each test looks at ours without and with the sync chain.
pytestmark = pytest.mark.parametrize("ours", OURS)


@functools.cache
def runs(mode: str):
    return run_each("sentry_run", mode)


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


def events(mode: str, ours: str, target: str, kind: str) -> list[dict]:
    taken = runs(mode)[ours]["taken"][f"example.test{target}"]
    return [event for event in taken if event["kind"] == kind]


@pytest.mark.parametrize("mode", MODES)
def test_our_handler_stays_in_place(ours, mode):
    assert runs(mode)[ours]["handler"] == "django_asynckit.handler.asgi.ASGIHandler"


@pytest.mark.parametrize("mode", MODES)
def test_answers_are_those_of_stock_django(ours, mode):
    assert runs(mode)[ours]["replies"] == runs(mode)["stock"]["replies"]


@pytest.mark.parametrize("mode", MODES)
def test_events_are_those_of_stock_django(ours, mode):
    """But for spans of Django's own signal receivers: where they have nothing to do, they do not run."""
    got, expected = (
        without_djangos_receivers(runs(mode)[name]["taken"]) for name in (ours, "stock")
    )
    assert got == expected


@pytest.mark.parametrize("mode", MODES)
def test_sentry_keeps_the_async_chain(ours, mode):
    """It replaces ``get_response_async()``, which has to be the method that runs."""
    assert runs(mode)[ours]["sync_chain"] is False


@pytest.mark.parametrize("mode", MODES)
def test_exception_of_an_async_view_is_reported_once(ours, mode):
    [event] = events(mode, ours, "/raises/500/", "event")
    assert event["errors"] == [["ValueError", "broken"]]
    assert event["mechanism"] == [{"type": "django", "handled": False}]
    assert event["transaction"] == "/raises/{kind}/"
    assert event["request"]["url"] == "http://example.test/raises/500/"


@pytest.mark.parametrize("mode", MODES)
def test_exception_of_a_sync_view_is_reported_once_with_all_that_led_to_it(ours, mode):
    [event] = events(mode, ours, "/busy/sync/broken/", "event")
    assert event["errors"] == [["ValueError", "broken in a thread"]]
    assert event["transaction"] == "/busy/sync/{kind}/"
    assert event["user"]["username"] == "ada"
    assert event["breadcrumbs"] == [["query", "SELECT 'busy'"], ["tests.busy", "busy"]]


@pytest.mark.parametrize("mode", ["full", "late"])
def test_status_that_counts_as_failed_is_reported_once(ours, mode):
    [event] = events(mode, ours, "/raises/403/", "event")
    assert event["errors"] == [["PermissionDenied", "not you"]]
    assert event["mechanism"] == [{"type": "django", "handled": True}]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("target", ["/", "/sync/", "/404/", "/raises/404/"])
def test_nothing_else_is_reported(ours, mode, target):
    assert events(mode, ours, target, "event") == []
    assert len(events(mode, ours, target, "transaction")) == 1


@pytest.mark.parametrize("view", [("/", "tests.views.hello"), ("/sync/", "tests.views.hello_sync")])
def test_middleware_and_view_have_spans(ours, view):
    target, name = view
    [transaction] = events("full", ours, target, "transaction")
    spans = [description for _, description in transaction["spans"]]
    assert [span for span in SPANS if spans.count(span) != 1] == []
    assert ["view.render", name] in transaction["spans"]
