"""OpenTelemetry's instrumentation records under our handler what it records under Django's."""

from __future__ import annotations

import functools
import importlib.util

import pytest

from tests.integrations.runs import OURS, run_each

pytest.importorskip(
    "opentelemetry.instrumentation.django",
    reason="opentelemetry-instrumentation-django is not installed",
)
pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")

needs_asgi = pytest.mark.skipif(
    importlib.util.find_spec("opentelemetry.instrumentation.asgi") is None,
    reason="opentelemetry-instrumentation-asgi is not installed: without it no ASGI request has a span",
)


#: The middleware runs in a thread, as on stock; or it is declared free of I/O.
modes = pytest.mark.parametrize("mode", ["", "declared"])


#: Each test looks at ours without and with the sync chain.
pytestmark = pytest.mark.parametrize("ours", OURS)


@functools.cache
def runs(mode: str):
    return run_each("opentelemetry_run", mode)


def spans(target: str, mode: str, ours: str) -> list[dict]:
    return runs(mode)[ours]["taken"][f"example.test{target}"]


@modes
def test_our_handler_stays_in_place(mode, ours):
    assert runs(mode)[ours]["handler"] == "django_asynckit.handler.asgi.ASGIHandler"


@modes
def test_answers_are_those_of_stock_django(mode, ours):
    assert runs(mode)[ours]["replies"] == runs(mode)["stock"]["replies"]


@modes
def test_spans_are_those_of_stock_django(mode, ours):
    assert runs(mode)[ours]["taken"] == runs(mode)["stock"]["taken"]


@modes
def test_its_middleware_may_be_around_both_chains(mode, ours):
    assert runs(mode)[ours]["sync_chain"] is (ours == "sync-chain")


@needs_asgi
@modes
@pytest.mark.parametrize(
    ("target", "name", "status"),
    [
        ("/", "GET ", "200"),
        ("/sync/", "GET sync/", "200"),
        ("/404/", "GET 404/", "404"),
        ("/raises/500/", "GET raises/<kind>/", "500"),
        ("/stream/", "GET stream/", "200"),
        ("/busy/sync/fine/", "GET busy/sync/<kind>/", "200"),
        ("/busy/sync/broken/", "GET busy/sync/<kind>/", "500"),
    ],
)
def test_each_request_has_one_span(target, name, status, mode, ours):
    [span] = spans(target, mode, ours)
    assert span["name"].strip() == name.strip()
    assert (span["kind"], span["parent"]) == ("SERVER", None)
    assert span["attributes"]["http.status_code"] == status
    assert span["status"] == ("ERROR" if status == "500" else "UNSET")
    assert span["events"] == ([["exception", "ValueError"]] if status == "500" else [])


@needs_asgi
@modes
@pytest.mark.parametrize("target", ["/span/", "/span/sync/"])
def test_span_of_a_view_is_inside_that_of_the_request(target, mode, ours):
    inside, request = spans(target, mode, ours)
    assert (inside["name"], inside["parent"]) == ("inside", request["name"])
    assert request["name"] == f"GET {target[1:]}"
