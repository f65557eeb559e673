"""Whether all servers give the same answers; what differs is no thing to compare the speed of."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.server import Server
    from harness.sites.pages import Page

TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')
#: They are the server's, or new each time.
VARYING = {"connection", "date", "keep-alive", "server", "set-cookie", "x-request-id"}


@dataclass
class Answer:
    """What came back, without what is new each time."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    length: int


def in_order(name: str, value: str) -> str:
    """django-csp joins a set, whose order is another in each process."""
    return "; ".join(sorted(value.split("; "))) if name == "content-security-policy" else value


def ask(server: Server, page: Page, cookie: str) -> Answer:
    """GET a page."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {"Accept": "*/*"} | ({"Cookie": cookie} if cookie else {})
    try:
        connection.request("GET", page.path, headers=headers)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    kept = sorted(
        (name, in_order(name, value))
        for name, value in ((name.lower(), value) for name, value in response.getheaders())
        if name not in VARYING
    )
    return Answer(response.status, kept, TOKEN.sub(b"", body), len(body))


def check(answer: Answer, pattern: Answer, what: str) -> None:
    """End the run if it is not as it has to be."""
    if answer.status != 200:
        raise SystemExit(f"{what}: status {answer.status}\n\n{answer.body.decode()}")
    if answer != pattern:
        raise SystemExit(f"{what}: not the answer of the others:\n\n{answer}\n\n{pattern}")


def same_answers(
    servers: Mapping[str, Server], pages: Iterable[Page], logged_in: str
) -> dict[Page, int]:
    """Compare all servers, and both kinds of views; return how long the bodies are."""
    patterns: dict[Page, Answer] = {}
    lengths: dict[Page, int] = {}
    for page in pages:
        for key, server in servers.items():
            answer = ask(server, page, page.cookie(logged_in))
            check(answer, patterns.setdefault(page.as_sync, answer), f"{page}, {key}")
            lengths[page] = answer.length
    return lengths
