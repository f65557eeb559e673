"""A client with a cookie jar, over a socket or without one, and what makes its replies comparable."""

from __future__ import annotations

import gzip
import http.client
import re
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from tests.driver import send_scope
from tests.servers.harness import Server

HOST = "example.test"
TOKEN = "%TOKEN%"


@dataclass(frozen=True)
class Request:
    """One request of a flow, and what its answer has to be: ``status`` and a part of the body.

    ``%TOKEN%`` in headers and body stands for the body of the last answer of ``/token/``. A
    ``status`` of ``None`` is up to the server.
    """

    target: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    status: int | None = 200
    contains: bytes = b""
    host: str = HOST


@dataclass
class Reply:
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Jar:
    """Cookies and the CSRF token of one client."""

    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def headers(self, request: Request) -> list[tuple[str, str]]:
        headers = [("Host", request.host), *request.headers]
        if self.cookies:
            headers.append(
                (
                    "Cookie",
                    "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
                )
            )
        if request.body and not any(name == "Transfer-Encoding" for name, _ in request.headers):
            headers.append(("Content-Length", str(len(self.fill(request.body)))))
        return [(name, value.replace(TOKEN, self.token)) for name, value in headers]

    def fill(self, body: bytes) -> bytes:
        return body.replace(TOKEN.encode(), self.token.encode())

    def learn(self, request: Request, reply: Reply) -> None:
        if request.target == "/token/":
            self.token = reply.body.decode()
        for name, value in reply.headers:
            if name.lower() == "set-cookie":
                cookie, _, attributes = value.partition(";")
                key, _, content = cookie.partition("=")
                if re.search(r"Max-Age=(0|-\d+)\b", attributes):
                    self.cookies.pop(key, None)
                else:
                    self.cookies[key] = content


def check(request: Request, reply: Reply) -> None:
    """Both handlers could be wrong in the same way, so a flow says what it expects."""
    if request.status is not None:
        assert reply.status == request.status, (request, reply)
    assert request.contains in reply.body, (request, reply)


def run_over_socket(server: Server, flow: list[Request]) -> list[Reply]:
    """Send a flow over one connection, or over as many as the server wants."""
    jar, replies, connection = Jar(), [], None
    try:
        for request in flow:
            connection = connection or server.connect()
            reply, keep = exchange(connection, request, jar)
            if not keep:
                connection.close()
                connection = None
            jar.learn(request, reply)
            check(request, reply)
            replies.append(reply)
    finally:
        if connection is not None:
            connection.close()
    return replies


def exchange(connection, request: Request, jar: Jar) -> tuple[Reply, bool]:
    """Send one request as it stands and read its answer; also say whether the connection is kept."""
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in jar.headers(request)]
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin1") + jar.fill(request.body))
    return read_reply(connection, request.method)


def read_reply(connection, method: str = "GET") -> tuple[Reply, bool]:
    with http.client.HTTPResponse(connection, method=method) as response:
        response.begin()
        body = response.read()
        reply = Reply(response.status, response.reason, response.getheaders(), body)
        # Not every server keeps the body of an answer to HEAD back.
        return reply, method != "HEAD" and not response.will_close


async def run_in_process(application, flow: list[Request], after_each=None) -> list[Reply]:
    """Send a flow straight into an application, each request in a task of its own."""
    jar, replies = Jar(), []
    for request in flow:
        sent = await send_scope(application, scope_of(request, jar), (jar.fill(request.body),))
        headers = [(name.decode("latin1"), value.decode("latin1")) for name, value in sent.headers]
        reply = Reply(sent.status, "", headers, sent.body)
        jar.learn(request, reply)
        check(request, reply)
        replies.append(reply)
        if after_each is not None:
            after_each()
    return replies


def scope_of(request: Request, jar: Jar) -> dict:
    url = urlsplit(request.target)
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [
            (name.lower().encode("latin1"), value.encode("latin1"))
            for name, value in jar.headers(request)
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
    }


#: What differs between any two answers: dates, CSRF secrets and tokens, session keys, and the time
#: and signature that follow what a cookie of ours or Django's says. What it says stays.
RANDOM = (
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"), "<date>"),
    (re.compile(r"\bcsrftoken=\w{32}\b"), "csrftoken=<secret>"),
    (re.compile(r"\bsessionid=[a-z0-9]{32}\b"), "sessionid=<key>"),
    (re.compile(r":[0-9A-Za-z]{6}:[\w-]{43}(?![\w-])"), ":<time>:<signature>"),
    (re.compile(r"\b[A-Za-z0-9]{64}\b"), "<token>"),
)


def normalised(reply: Reply) -> Reply:
    """Take the random parts, and nothing else, out of a reply."""
    headers = [(name, hide(value)) for name, value in reply.headers]
    return replace(reply, headers=headers, body=hide(reply.body.decode("latin1")).encode("latin1"))


def unpacked(reply: Reply) -> Reply:
    """The same reply without compression: random parts, once compressed, differ in length too."""
    if ("Content-Encoding", "gzip") not in [(name.title(), value) for name, value in reply.headers]:
        return reply
    hidden = {"content-length": "<length>"}
    headers = [(name, hidden.get(name.lower(), value)) for name, value in reply.headers]
    return replace(reply, headers=headers, body=gzip.decompress(reply.body) if reply.body else b"")


def hide(text: str) -> str:
    for pattern, name in RANDOM:
        text = pattern.sub(name, text)
    return text
