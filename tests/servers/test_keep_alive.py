"""What a request changes in language, URLconf or script prefix is gone in the next one on its connection."""

from __future__ import annotations

import json

import pytest

from tests.servers.client import Request, normalised, run_over_socket
from tests.servers.harness import KINDS

FRESH = {
    "language": "en-us",
    "urlconf": "tests.servers.urls",
    "prefix": "/",
    "reversed": "/state/",
    "text": "Yes",
}
UNDER_PREFIX = {**FRESH, "language": "en", "prefix": "/pre/", "reversed": "/pre/state/"}
GERMAN = ("Accept-Language", "de")
OTHER_URLCONF = ("X-Urlconf", "other")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", ["/state/", "/state/sync/"])
def test_what_a_view_leaves_behind_is_gone(start_servers, kind, target):
    flow = [
        Request(target),
        Request("/state/leave/", contains=b'"de"'),
        Request(target),
        Request("/sync/"),
        Request(target),
    ]
    servers = start_servers(kind)
    replies = run_over_socket(servers["asynckit"], flow)
    assert [json.loads(replies[index].body) for index in (0, 2, 4)] == [FRESH] * 3
    stock = run_over_socket(servers["stock"], flow)
    assert [normalised(reply) for reply in replies] == [normalised(reply) for reply in stock]


@pytest.fixture(scope="session")
def prefix_servers(start_servers):
    """A site below ``/pre`` whose middleware sets language and URLconf."""
    return start_servers(
        "uvicorn",
        "--root-path=/pre",
        DJANGO_SETTINGS_MODULE="tests.servers.settings_prefix",
    )


def test_what_middleware_sets_is_gone(prefix_servers):
    german = {**UNDER_PREFIX, "language": "de", "text": "Ja"}
    other = {
        **UNDER_PREFIX,
        "urlconf": "tests.servers.other_urls",
        "reversed": "/pre/other/state/",
    }
    expected = [
        (Request("/state/"), UNDER_PREFIX),
        (Request("/state/", headers=(GERMAN,)), german),
        (Request("/state/"), UNDER_PREFIX),
        (Request("/other/state/", headers=(OTHER_URLCONF,)), other),
        (Request("/state/sync/"), UNDER_PREFIX),
        (
            Request("/other/state/sync/", headers=(OTHER_URLCONF, GERMAN)),
            {
                **other,
                **german,
                "urlconf": other["urlconf"],
                "reversed": other["reversed"],
            },
        ),
        (Request("/state/"), UNDER_PREFIX),
    ]
    flow = [request for request, _ in expected]
    replies = run_over_socket(prefix_servers["asynckit"], flow)
    assert [json.loads(reply.body) for reply in replies] == [state for _, state in expected]
    stock = run_over_socket(prefix_servers["stock"], flow)
    assert [normalised(reply) for reply in replies] == [normalised(reply) for reply in stock]


def test_errors_leave_nothing_behind(prefix_servers):
    flow = [
        Request("/other/no/such/", headers=(OTHER_URLCONF, GERMAN), status=404),
        Request("/state/", headers=(OTHER_URLCONF,), status=404),
        Request("/raises/500/", headers=(GERMAN,), status=500),
        Request("/state/"),
    ]
    replies = run_over_socket(prefix_servers["asynckit"], flow)
    assert json.loads(replies[-1].body) == UNDER_PREFIX
    stock = run_over_socket(prefix_servers["stock"], flow)
    assert [normalised(reply) for reply in replies] == [normalised(reply) for reply in stock]


def test_root_path_is_the_script_prefix(prefix_servers):
    flow = [
        Request(
            "/environment/",
            contains=b'"path": "/pre/environment/", "path_info": "/environment/", "script": "/pre"',
        ),
        Request("/sync", status=301),
        Request("/admin/", status=302),
        Request("/token/"),
        Request("/cookies/"),
        Request("/session/set/"),
        Request("/session/get/", contains=b"blue"),
    ]
    replies = run_over_socket(prefix_servers["asynckit"], flow)
    locations = [
        value
        for reply in replies[1:3]
        for name, value in reply.headers
        if name.lower() == "location"
    ]
    assert locations[0] == "/pre/sync/"
    assert locations[1] == "/pre/admin/login/?next=/pre/admin/"
    stock = run_over_socket(prefix_servers["stock"], flow)
    assert [normalised(reply) for reply in replies] == [normalised(reply) for reply in stock]
