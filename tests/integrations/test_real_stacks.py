"""Stacks like those of real projects: a request to a sync view makes one hop, and is answered as on stock."""

from __future__ import annotations

import pytest

from tests.integrations.runs import told_by

pytest.importorskip("silk", reason="the packages are not installed: --group packages")

pytestmark = pytest.mark.timeout(180)

#: Goes through the async chain, and counts what it counts there.
ASYNC_VIEW = "async view"
#: What no view is known for goes where the stack is cheaper; and a file is sent piece by piece.
NO_VIEW = ("404 without a view", "no slash", "static file")
STATUS = {
    "page": 200,
    "page of a user": 200,
    "404 of a view": 404,
    "404 without a view": 404,
    "no slash": 301,
    "error": 500,
    "login required": 302,
    "logged in": 200,
    "form": 200,
    "admin": 200,
    "list of the admin": 200,
    "REST": 200,
    "REST without its token": 403,
    "REST that is refused": 403,
    "ninja": 200,
    "ninja with a wrong number": 422,
    "ninja that fails": 500,
    ASYNC_VIEW: 200,
}


@pytest.fixture(scope="module")
def results():
    """What each request showed on both handlers, and its hops, by stack."""
    return told_by("real_stacks_run", seconds=170)


def each(results):
    for stack, result in results.items():
        for name, seen in result["requests"].items():
            yield stack, name, seen


def is_refused_by_stock(stack, name):
    """Django does not allow an async view with ``ATOMIC_REQUESTS``."""
    return name == ASYNC_VIEW and stack in ("djangopackages", "all")


def test_every_stack_has_a_sync_chain(results):
    assert {stack: result["sync chain"] for stack, result in results.items()} == dict.fromkeys(
        results, True
    )
    assert len(results) >= 14


def test_answers_logs_and_signals_are_those_of_stock(results):
    different = [
        (stack, name, seen["stock"], seen["asynckit"])
        for stack, name, seen in each(results)
        if seen["stock"] != seen["asynckit"] and not is_refused_by_stock(stack, name)
    ]
    assert different == []


def test_answers_are_what_they_should_be(results):
    """Both handlers could be wrong in the same way."""
    wrong = [
        (stack, name, seen["asynckit"]["status"])
        for stack, name, seen in each(results)
        if name in STATUS and seen["asynckit"]["status"] != STATUS[name]
    ]
    assert wrong == []
    assert results["netbox"]["requests"]["error that is mended"]["asynckit"]["status"] == 503
    assert results["healthchecks"]["requests"]["static file"]["asynckit"]["status"] == 200
    for stack in ("gyrinx", "all"):
        assert results[stack]["requests"]["allauth logs in"]["asynckit"]["status"] == 302
    refused = results["all"]["requests"]["form without its token"]["asynckit"]
    assert refused["status"] == 403


def test_a_request_to_a_sync_view_makes_one_hop(results):
    more = [
        (stack, name, seen["hops"])
        for stack, name, seen in each(results)
        if name not in (ASYNC_VIEW, *NO_VIEW) and len(seen["hops"]) != 1
    ]
    assert more == []
