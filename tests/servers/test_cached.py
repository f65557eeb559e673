"""Uploads, large bodies and streams with gzip, CSRF and cache middleware: the answers of stock Django."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.servers.client import Request, normalised, run_over_socket, unpacked
from tests.servers.flows import BODIES, FORM, SINGLE, get, post
from tests.servers.harness import KINDS

ACCEPT = ("Accept-Encoding", "gzip, deflate")


def compressed(flow: list[Request]) -> list[Request]:
    """The same requests from a client that reads gzip; pages may be older than the flow expects."""
    return [
        replace(request, headers=(*request.headers, ACCEPT), status=None, contains=b"")
        for request in flow
    ]


OWN = {
    "large page, kept": [get("/large/"), get("/large/"), Request("/large/", "HEAD")],
    "large page for another client": [
        get("/large/?2", 200, b"y" * 1000, ("Accept-Encoding", "identity")),
        get("/large/?2", 200, b"", ACCEPT),
        get("/large/?2", 200, b"y" * 1000, ("Accept-Encoding", "identity")),
    ],
    "streams": [get("/stream/"), get("/stream/sync/"), get("/stream/"), get("/download/")],
    "HEAD first": [Request("/large/?3", "HEAD"), Request("/large/?3", "HEAD"), get("/large/?3")],
    "not kept": [get("/raises/404/", 404), get("/404/", 404), get("/raises/500/", 500)],
    "large body sent and returned": [
        post("/body/", b"\0\xff" * 70_000, 200, b"", ACCEPT),
        post("/body/", b"small" * 10, 200, b"", ACCEPT),
        post("/form/", b"a=1", 403, b"", FORM, ACCEPT),
    ],
    "session": [
        get("/session/get/"),
        get("/session/set/?color=red"),
        get("/session/get/"),
        get("/session/get/"),
    ],
}
FLOWS = {**SINGLE, **BODIES, **OWN}


@pytest.fixture(params=KINDS)
def servers(request, start_servers):
    return start_servers(request.param, DJANGO_SETTINGS_MODULE="tests.servers.settings_cached")


@pytest.mark.parametrize("flow", FLOWS)
def test_answers_are_those_of_stock_django(servers, flow):
    stock, ours = (
        run_over_socket(servers[name], compressed(FLOWS[flow])) for name in ("stock", "asynckit")
    )
    assert [comparable(reply) for reply in ours] == [comparable(reply) for reply in stock]


def comparable(reply):
    """The reply without its random parts and the seconds that a page was kept."""
    reply = normalised(unpacked(reply))
    headers = [(name, "<age>" if name.lower() == "age" else value) for name, value in reply.headers]
    return replace(reply, headers=headers)


@pytest.mark.parametrize("flow", OWN)
def test_bytes_are_those_of_stock_django(servers, flow):
    stock, ours = (
        run_over_socket(servers[name], compressed(OWN[flow])) for name in ("stock", "asynckit")
    )
    assert [reply.body for reply in ours] == [reply.body for reply in stock]


def test_pages_are_kept_and_compressed(servers):
    for server in servers.values():
        flow = [get("/large/?4", 200, b"", ACCEPT)] * 2
        miss, hit = (
            {name.title(): value for name, value in reply.headers}
            for reply in run_over_socket(server, flow)
        )
        assert "Age" not in miss
        assert "Age" in hit
        assert miss["Content-Encoding"] == hit["Content-Encoding"] == "gzip"
