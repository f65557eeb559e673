"""Channels and Daphne with our application in them: HTTP, websockets, static files, ``runserver``."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.handlers import asgi
from django.test import override_settings

from django_asynckit.asgi import get_asgi_application
from django_asynckit.handler.asgi import ASGIHandler
from tests.integrations.runs import HANDLERS, REQUESTS
from tests.servers import harness
from tests.servers.client import Request, normalised, run_in_process, run_over_socket
from tests.servers.harness import Server

CSS = "/static/admin/css/base.css"

#: Django's handler warns where ours pulls a sync iterator chunk by chunk.
stock_warns = pytest.mark.filterwarnings(
    "ignore:StreamingHttpResponse must consume synchronous:Warning"
)


@pytest.fixture(params=[False, True], ids=["one-chain", "sync-chain"])
def applications(request):
    """Django's handler and ours, made where the event loop does not run."""
    with override_settings(
        ROOT_URLCONF="tests.servers.urls",
        ALLOWED_HOSTS=["example.test"],
        ASYNCKIT_SYNC_CHAIN=request.param,
    ):
        ours = get_asgi_application()
        assert type(ours) is ASGIHandler
        yield {"stock": asgi.ASGIHandler(), "asynckit": ours}


async def replies_of(application, requests) -> list:
    return [normalised(reply) for reply in await run_in_process(application, requests)]


@pytest.fixture
def routers(applications):
    pytest.importorskip("channels", reason="channels is not installed")
    from tests.integrations.asgi_channels import router

    return {name: router(application) for name, application in applications.items()}


@stock_warns
async def test_channels_router_passes_http_on(routers, blockbuster):
    ours = await replies_of(routers["asynckit"], REQUESTS)
    blockbuster.deactivate()
    assert ours == await replies_of(routers["stock"], REQUESTS)


@pytest.mark.parametrize("path", ["/ws/", "/ws/sync/"])
async def test_websocket_has_the_session_of_our_handler(routers, path):
    from channels.testing import WebsocketCommunicator

    [_, reply] = await run_in_process(
        routers["asynckit"],
        [Request("/"), Request("/session/set/?color=red", contains=b"set")],
    )
    cookie = dict(reply.headers)["Set-Cookie"].partition(";")[0]
    communicator = WebsocketCommunicator(routers["asynckit"], path, [(b"cookie", cookie.encode())])
    connected, _ = await communicator.connect(timeout=5)
    assert connected
    await communicator.send_to("hello")
    assert await communicator.receive_from(timeout=5) == "hello red"
    await communicator.disconnect()


@stock_warns
async def test_static_files_handler_passes_pages_on(applications, blockbuster):
    ours = await replies_of(ASGIStaticFilesHandler(applications["asynckit"]), REQUESTS)
    blockbuster.deactivate()
    assert ours == await replies_of(ASGIStaticFilesHandler(applications["stock"]), REQUESTS)


@stock_warns
async def test_static_files_handler_serves_files(applications, blockbuster):
    blockbuster.deactivate()  # Django's own handler opens and closes the files.
    requests = [
        Request(CSS, contains=b"DJANGO Admin styles"),
        Request(CSS, "HEAD"),
        Request("/static/no/such.css", status=404),
        Request("/", contains=b"Hello, world"),
    ]
    ours = await replies_of(ASGIStaticFilesHandler(applications["asynckit"]), requests)
    assert ours == await replies_of(ASGIStaticFilesHandler(applications["stock"]), requests)
    assert dict(ours[0].headers)["Content-Type"].startswith("text/css")


async def test_static_files_handler_passes_lifespan_on(applications):
    received = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return received.pop(0)

    async def send(message):
        sent.append(message["type"])

    application = ASGIStaticFilesHandler(applications["asynckit"])
    await asyncio.wait_for(application({"type": "lifespan"}, receive, send), 5)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.fixture(scope="module")
def runservers(tmp_path_factory):
    """``manage.py runserver`` of Daphne, with Channels' router around each handler."""
    for package in ("daphne", "channels"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    folder = tmp_path_factory.mktemp("runserver")
    servers = {}
    for name in HANDLERS:
        port = harness.free_port()
        arguments = [
            sys.executable,
            "-m",
            "django",
            "runserver",
            "--noreload",
            f"127.0.0.1:{port}",
        ]
        variables = {
            **harness.environment(TESTS_DB=str(folder / "site.sqlite3"), TESTS_RUNSERVER=name),
            "TESTS_SYNC_CHAIN": "1",
            "DJANGO_SETTINGS_MODULE": "tests.integrations.settings",
        }
        servers[name] = Server(arguments, port, folder / f"{name}.log", variables)
        servers[name].start()
    try:
        for server in servers.values():
            server.wait_until_it_answers()
        yield servers
    finally:
        for server in servers.values():
            server.stop()


def test_runserver_of_daphne_answers(runservers):
    requests = [
        Request("/", contains=b"Hello, world"),
        Request("/sync/", contains=b"Hello, thread"),
        Request(CSS, contains=b"DJANGO Admin styles"),
        Request("/static/no/such.css", status=404),
        Request("/raises/403/", status=403),
        Request("/session/set/?color=red"),
        Request("/session/get/", contains=b"red"),
        Request("/no/such/", status=404, contains=b"Using the URLconf defined in"),
        Request("/stream/sync/", contains=b"sync 2"),
    ]
    ours = run_over_socket(runservers["asynckit"], requests)
    stock = run_over_socket(runservers["stock"], requests)
    assert [normalised(reply) for reply in ours] == [normalised(reply) for reply in stock]
    assert "Starting ASGI/Daphne" in runservers["asynckit"].output


@pytest.mark.parametrize("path", ["/ws/", "/ws/sync/"])
def test_runserver_of_daphne_takes_websockets(runservers, path):
    server = runservers["asynckit"]
    [reply] = run_over_socket(server, [Request("/session/set/?color=red")])
    cookie = next(value for name, value in reply.headers if name.lower() == "set-cookie")
    with server.connect() as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: example.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Cookie: {cookie.partition(';')[0]}\r\n\r\n".encode()
        )
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(4096)
        assert received.startswith(b"HTTP/1.1 101")
        connection.sendall(masked_text(b"hello"))
        frame = received.partition(b"\r\n\r\n")[2]
        while len(frame) < 11:
            frame += connection.recv(4096)
        assert frame == b"\x81\x09hello red"


def masked_text(text: bytes) -> bytes:
    """A websocket frame as clients send it."""
    mask = os.urandom(4)
    content = bytes(byte ^ mask[index % 4] for index, byte in enumerate(text))
    return bytes([0x81, 0x80 | len(text)]) + mask + content
