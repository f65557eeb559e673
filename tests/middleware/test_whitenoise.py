"""``WhiteNoiseMiddleware``: WhiteNoise's answers; only opening and reading a file leaves the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import os
import threading
import warnings

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path
from django.utils import text
from django.utils.decorators import async_only_middleware

from django_asynckit import _drift
from django_asynckit._mirrored import REVIEWED
from django_asynckit.checks.drift import check_drift
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware._files import PART
from tests.driver import drive, plain_root_logger, scope_for
from tests.handler.tools import assert_same, counted_crossings
from tests.middleware.parity import header, same

# Ours streams sync iterators, and does not warn.
pytestmark = pytest.mark.filterwarnings(
    "ignore:StreamingHttpResponse must consume synchronous iterators"
)
pytest.importorskip("whitenoise", reason="whitenoise is not installed: --group packages")

from whitenoise import middleware, responders  # noqa: E402

from django_asynckit.middleware.whitenoise import WhiteNoiseMiddleware  # noqa: E402

THEIRS = "whitenoise.middleware.WhiteNoiseMiddleware"
OURS = "django_asynckit.middleware.whitenoise.WhiteNoiseMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
CSS = b"body { color: red }\n" * 500
LARGE = b"0123456789abcdef" * (3 * PART // 16) + b"end"
#: Long ago, so that the files were not changed in the second of the request.
WHEN = 1_700_000_000
LAST_MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"
threads: list[str] = []


async def page(request, **kwargs):
    return HttpResponse("page")


def sync_page(request):
    return HttpResponse("page")


urlpatterns = [path("sync/", sync_page), path("", page), path("<path:rest>", page)]


def add_headers(headers, path, url):
    headers["X-Path"] = url
    if url.endswith(".bin"):
        del headers["Cache-Control"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """``STATIC_ROOT`` and ``WHITENOISE_ROOT``."""
    static, root = tmp_path_factory.mktemp("static"), tmp_path_factory.mktemp("root")
    name = f"app.{hashlib.md5(CSS).hexdigest()[:12]}.css"
    files = {
        static / "app.css": CSS,
        static / "app.css.gz": gzip.compress(CSS, mtime=0),
        static / "app.css.br": b"not really brotli",
        static / name: CSS,
        static / "empty.txt": b"",
        static / "exact.bin": b"x" * PART,
        static / "large.bin": LARGE,
        static / "large.bin.gz": gzip.compress(LARGE, mtime=0),
        static / "deep" / "a b.js": b"1",
        static / "unknown.xyz": b"?",
        root / "robots.txt": b"User-agent: *",
        root / "index.html": b"<p>home",
        root / "sub" / "index.html": b"<p>sub",
    }
    for file, content in files.items():
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (WHEN, WHEN))
    return static, root


@pytest.fixture(autouse=True)
def site(folders, monkeypatch):
    static, root = folders
    threads.clear()
    # Django's gzip puts a file name of random length into the header.
    monkeypatch.setattr(text.secrets, "randbelow", lambda limit: 0)
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=[THEIRS],
        STATIC_URL="/static/",
        STATIC_ROOT=str(static),
        WHITENOISE_ROOT=str(root),
    ):
        yield


#: Stands for the one of app.css, which depends on the time zone of the process.
ETAG = "%ETAG%"
#: Path, method, headers, hops.
REQUESTS = [
    ("/static/app.css", "GET", {}, 1),
    ("/static/app.css", "HEAD", {}, 0),
    ("/static/app.css", "POST", {}, 0),
    ("/static/app.css", "OPTIONS", {}, 0),
    ("/static/app.css?version=1", "GET", {}, 1),
    ("/static/app.css", "GET", {"Accept-Encoding": "gzip"}, 1),
    ("/static/app.css", "GET", {"Accept-Encoding": "gzip, br"}, 1),
    ("/static/app.css", "HEAD", {"Accept-Encoding": "br"}, 0),
    ("/static/app.css", "GET", {"Accept-Encoding": "*"}, 1),
    ("/static/app.css", "GET", {"If-None-Match": ETAG}, 0),
    ("/static/app.css", "HEAD", {"If-None-Match": ETAG}, 0),
    ("/static/app.css", "GET", {"If-None-Match": '"other"', "If-Modified-Since": LAST_MODIFIED}, 1),
    ("/static/app.css", "GET", {"If-Modified-Since": LAST_MODIFIED}, 0),
    ("/static/app.css", "GET", {"If-Modified-Since": "Tue, 14 Nov 2000 22:13:20 GMT"}, 1),
    ("/static/app.css", "GET", {"If-Modified-Since": "never"}, 1),
    ("/static/app.css", "GET", {"Range": "bytes=0-9"}, 1),
    ("/static/app.css", "GET", {"Range": "bytes=9990-"}, 1),
    ("/static/app.css", "GET", {"Range": "bytes=-7"}, 1),
    ("/static/app.css", "GET", {"Range": "bytes=5-99999", "Accept-Encoding": "gzip"}, 1),
    ("/static/app.css", "GET", {"Range": "bytes=99999-"}, 1),
    ("/static/app.css", "GET", {"Range": "bytes=0-1,4-5"}, 1),
    ("/static/app.css", "GET", {"Range": "lines=1-2"}, 1),
    ("/static/app.css", "HEAD", {"Range": "bytes=0-9"}, 0),
    ("/static/large.bin", "GET", {}, 4),
    ("/static/large.bin", "GET", {"Range": f"bytes=10-{PART + 20}"}, 2),
    ("/static/large.bin", "GET", {"Range": f"bytes=10-{PART + 9}"}, 2),
    ("/static/large.bin", "GET", {"Accept-Encoding": "gzip"}, 1),
    ("/static/exact.bin", "GET", {}, 2),
    ("/static/empty.txt", "GET", {}, 1),
    ("/static/empty.txt", "GET", {"Range": "bytes=0-"}, 1),
    ("/static/deep/a b.js", "GET", {}, 1),
    ("/static/unknown.xyz", "GET", {}, 1),
    ("/static/app.css.gz", "GET", {}, 0),
    ("/static/", "GET", {}, 0),
    ("/static/../app.css", "GET", {}, 0),
    ("/static/nothing.css", "GET", {}, 0),
    ("/robots.txt", "GET", {}, 1),
    ("/index.html", "GET", {}, 1),
    ("/sub/index.html", "GET", {}, 1),
    ("/sub/", "GET", {}, 0),
    ("/sub", "GET", {}, 0),
    ("/", "GET", {}, 0),
    ("/", "POST", {}, 0),
]
WITH_INDEX = [
    ("/", "GET", {}, 1),
    ("/index.html", "GET", {}, 0),
    ("/sub", "GET", {}, 0),
    ("/sub", "HEAD", {}, 0),
    ("/sub/", "GET", {}, 1),
    ("/sub/index.html", "POST", {}, 0),
]


@pytest.mark.parametrize(("url", "method", "headers", "hops"), REQUESTS)
async def test_answers_are_those_of_whitenoise(url, method, headers, hops):
    if headers.get("If-None-Match") == ETAG:
        reply = await drive(ASGIHandler(), url, method="HEAD")
        headers = {"If-None-Match": header(reply, "ETag")}
    await same(url, method=method, headers=headers, hops=hops)


@pytest.mark.parametrize(("url", "method", "headers", "hops"), WITH_INDEX)
@override_settings(WHITENOISE_INDEX_FILE=True)
async def test_index_files_and_redirects(url, method, headers, hops):
    await same(url, method=method, headers=headers, hops=hops)


@pytest.mark.parametrize(
    "settings",
    [
        {"WHITENOISE_MAX_AGE": None},
        {"WHITENOISE_MAX_AGE": 31_536_000},
        {"WHITENOISE_ALLOW_ALL_ORIGINS": False},
        {"WHITENOISE_CHARSET": "latin-1"},
        {"WHITENOISE_MIMETYPES": {".css": "text/own"}},
        {"WHITENOISE_ADD_HEADERS_FUNCTION": add_headers},
        {"WHITENOISE_IMMUTABLE_FILE_TEST": r"app\.css$"},
        {"WHITENOISE_STATIC_PREFIX": "/other/"},
        {"STATIC_URL": "https://cdn.example.test/files/"},
        {"FORCE_SCRIPT_NAME": "/prefix", "STATIC_URL": "/prefix/static/"},
        {"WHITENOISE_USE_FINDERS": True},
        {"MIDDLEWARE": [SECURITY, THEIRS]},
        {"MIDDLEWARE": [GZIP, THEIRS]},
        {"MIDDLEWARE": [f"{__name__}.reads_responses", THEIRS]},
        {
            "STORAGES": {
                "staticfiles": {
                    "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
                }
            }
        },
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "url",
    ["/static/app.css", "/other/app.css", "/files/app.css", "/static/large.bin", "/robots.txt"],
)
async def test_settings_and_middleware_above(settings, url):
    for headers in ({}, {"Accept-Encoding": "gzip"}, {"Range": "bytes=3-300000"}):
        with override_settings(**settings):
            await assert_same(scope_for(url, headers=headers))


def reads_responses(get_response):
    """Sync-only middleware that looks at what is streamed."""

    def middleware(request):
        response = get_response(request)
        if response.streaming:
            first = next(iter(response))
            rest = response.file_to_stream.read(5) + response.file_to_stream.read()
            response.streaming_content = [b"<", first, b"|", rest, b">"]
        return response

    return middleware


@async_only_middleware
def reads_what_is_ahead(get_response):
    async def middleware(request):
        response = await get_response(request)
        await asyncio.to_thread(response.file_to_stream.read, PART)
        return response

    return middleware


async def test_what_a_middleware_has_read_is_not_sent():
    with override_settings(MIDDLEWARE=[f"{__name__}.reads_what_is_ahead", THEIRS]):
        seen = await assert_same(scope_for("/static/large.bin"))
    assert seen.reply.body == LARGE[PART:]


async def test_hashed_names_are_immutable(folders):
    name = f"app.{hashlib.md5(CSS).hexdigest()[:12]}.css"
    with override_settings(WHITENOISE_IMMUTABLE_FILE_TEST=r"app\.[0-9a-f]{12}\.css$"):
        reply = await drive(ASGIHandler(), f"/static/{name}")
    assert header(reply, "Cache-Control") == "max-age=315360000, public, immutable"
    assert reply.body == CSS


@pytest.mark.django_db
@pytest.mark.parametrize("settings", [{}, {"WHITENOISE_AUTOREFRESH": True}])
@pytest.mark.parametrize(
    ("url", "method", "headers"), [request[:3] for request in [*REQUESTS, *WITH_INDEX]]
)
def test_under_wsgi_it_is_whitenoises_code(url, method, headers, settings):
    answers = []
    for path_of_class in (THEIRS, OURS):
        with override_settings(MIDDLEWARE=[path_of_class], WHITENOISE_INDEX_FILE=True, **settings):
            handler = WSGIHandler()
        names = {f"HTTP_{name.upper().replace('-', '_')}": headers[name] for name in headers}
        environ = RequestFactory().generic(method, url, **names).environ
        started = []
        response = handler(environ, lambda *args: started.append(args))  # noqa: B023
        answers.append((started, b"".join(response)))
        response.close()
    assert answers[0] == answers[1]


async def test_nothing_is_left_open_and_no_worker_is_taken():
    with plain_root_logger():
        handler = ASGIHandler()
        await drive(handler, "/static/large.bin")
        with counted_crossings() as count:
            await drive(handler, "/static/large.bin")
            await drive(handler, "/static/app.css")
            await drive(handler, "/static/app.css", method="HEAD")
            await drive(handler, "/")
    assert (count.hops, count.jobs) == (5, 5)


@pytest.fixture
def opened(monkeypatch):
    """The files that WhiteNoise opens, and the threads in which it does."""
    files = []

    def open_and_note(*args):
        files.append(open(*args))  # noqa: SIM115
        threads.append(threading.current_thread().name)
        return files[-1]

    monkeypatch.setattr(responders, "open", open_and_note, raising=False)
    return files


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_files_are_opened_beside_other_requests_and_closed(opened):
    await drive(ASGIHandler(), "/static/large.bin")
    assert opened[0].closed
    assert threads[0].startswith("asynckit-pool")


async def test_a_file_is_closed_when_its_client_goes_away(opened):
    chunks, gone = [], asyncio.Event()
    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        if requests:
            return requests.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        chunks.append(message.get("body"))
        if message.get("body"):
            gone.set()
            await asyncio.sleep(10)

    await asyncio.create_task(ASGIHandler()(scope_for("/static/large.bin"), receive, send))
    assert opened[0].closed
    assert len(chunks) == 2


async def test_a_file_is_closed_that_was_not_sent(opened):
    async def send(message):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await ASGIHandler()(scope_for("/static/large.bin"), receive_once(), send)
    assert opened[0].closed


async def test_a_file_is_closed_that_is_opened_too_late(opened, monkeypatch):
    is_opening, may_open = threading.Event(), threading.Event()
    note = responders.open

    def open_slowly(*args):
        is_opening.set()
        assert may_open.wait(5)
        return note(*args)

    monkeypatch.setattr(responders, "open", open_slowly)
    replies = []

    async def receive():
        if not replies:
            replies.append("body")
            return {"type": "http.request", "body": b"", "more_body": False}
        await until(is_opening.is_set)
        return {"type": "http.disconnect"}

    async def send(message):
        raise NotImplementedError

    await asyncio.create_task(ASGIHandler()(scope_for("/static/large.bin"), receive, send))
    may_open.set()
    await until(lambda: opened and opened[0].closed)


@pytest.mark.parametrize("when", ["opened", "read"])
async def test_a_file_that_cannot_be_read_is_an_error(opened, monkeypatch, when, caplog):
    class Broken:
        closed = False

        def read(self, size):
            raise OSError("broken")

        def close(self):
            self.closed = True

    def open_broken(*args):
        if when == "opened":
            raise FileNotFoundError(args[0])
        opened.append(Broken())
        return opened[-1]

    monkeypatch.setattr(responders, "open", open_broken)
    reply = await drive(ASGIHandler(), "/static/app.css")
    assert reply.status == 500
    assert all(file.closed for file in opened)


@contextlib.asynccontextmanager
async def late_file(folders):
    """A file that was not there when the handler was made."""
    late = folders[0] / "late.css"
    await asyncio.to_thread(late.write_bytes, b"late")
    yield
    await asyncio.to_thread(late.unlink)


async def test_it_is_made_once_and_looks_for_files_then(folders):
    handler = ASGIHandler()
    async with late_file(folders):
        assert (await drive(handler, "/static/late.css")).body == b"page"
        assert (await drive(ASGIHandler(), "/static/late.css")).body == b"late"


def receive_once():
    """Return a client that sends one request, and stays."""
    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        if not requests:
            await asyncio.Event().wait()
        return requests.pop()

    return receive


def in_place():
    """Return the native class if it is in the chain, made where WhiteNoise's is named."""
    handler = ASGIHandler()
    return WhiteNoiseMiddleware in [
        type(cell.cell_contents) for cell in handler._middleware_chain.__closure__
    ]


async def test_it_stands_in_for_exactly_whitenoises_class(monkeypatch):
    assert in_place()
    with override_settings(MIDDLEWARE=[f"{__name__}.Subclass"]):
        assert not in_place()
        assert (await drive(ASGIHandler(), "/static/app.css")).body == CSS
    with override_settings(ASYNCKIT_NATIVE_MIDDLEWARE=False):
        assert not in_place()
    for settings in ({"DEBUG": True}, {"WHITENOISE_AUTOREFRESH": True}):
        with override_settings(**settings):
            assert not in_place()
            await assert_same(scope_for("/static/app.css"))
    with override_settings(DEBUG=True, WHITENOISE_AUTOREFRESH=False):
        assert in_place()
    monkeypatch.setattr(middleware.WhiteNoiseMiddleware, "__call__", lambda *args: None)
    assert not in_place()


class Subclass(middleware.WhiteNoiseMiddleware):
    """A user's class."""


async def test_below_sync_only_middleware_it_is_whitenoises_code():
    for stack in ([THEIRS, f"{__name__}.reads_responses"], [f"{__name__}.reads_responses", THEIRS]):
        with override_settings(MIDDLEWARE=stack):
            for url in ("/", "/sync/", "/static/app.css"):
                await assert_same(scope_for(url))


async def test_a_declaration_of_it_changes_nothing():
    with override_settings(ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[THEIRS]):
        assert in_place()


@pytest.fixture
def _unreviewed(monkeypatch):
    monkeypatch.setitem(
        REVIEWED, "whitenoise.responders:StaticFile.get_response", {"0" * 16: "6.9.0"}
    )
    _drift.is_reviewed.cache_clear()
    yield
    _drift.is_reviewed.cache_clear()


@pytest.mark.usefixtures("_unreviewed")
async def test_code_that_was_not_reviewed_stays_in_place():
    assert not in_place()
    assert (await drive(ASGIHandler(), "/static/app.css")).body == CSS


@pytest.mark.usefixtures("_unreviewed")
def test_a_check_names_code_that_was_not_reviewed():
    (warning,) = check_drift()
    assert (warning.id, warning.obj) == ("asynckit.W001", OURS)
    assert "does not stand in for WhiteNoise's own: WhiteNoise 6." in warning.msg
    assert "whitenoise.responders:StaticFile.get_response" in warning.msg


class Own(WhiteNoiseMiddleware):
    """A subclass of ours, which is named by the project."""

    @staticmethod
    def serve(static_file, request):
        threads.append(threading.current_thread().name)
        return WhiteNoiseMiddleware.serve(static_file, request)


class OwnFiles(WhiteNoiseMiddleware):
    def redirect(self, from_url, to_url):
        return OwnRedirect("elsewhere")


class OwnRedirect(responders.Redirect):
    def get_response(self, method, headers):
        threads.append(threading.current_thread().name)
        return super().get_response(method, headers)


async def test_overrides_in_subclasses_of_ours_run_in_the_worker():
    with override_settings(MIDDLEWARE=[f"{__name__}.Own"]):
        assert (await drive(ASGIHandler(), "/static/app.css")).body == CSS
        assert (await drive(ASGIHandler(), "/static/app.css", method="HEAD")).body == b""
    with override_settings(MIDDLEWARE=[f"{__name__}.OwnFiles"], WHITENOISE_INDEX_FILE=True):
        assert header(await drive(ASGIHandler(), "/sub"), "Location") == "elsewhere"
    assert [name.startswith("asynckit-worker") for name in threads] == [True] * 3


@pytest.mark.parametrize("handler_class", [ASGIHandler, DjangoASGIHandler], ids=["ours", "stock"])
async def test_named_by_its_path_it_works_with_autorefresh_too(handler_class, folders):
    with override_settings(MIDDLEWARE=[OURS], WHITENOISE_AUTOREFRESH=True):
        handler = handler_class()
        async with late_file(folders):
            assert (await drive(handler, "/static/late.css")).body == b"late"
            assert (await drive(handler, "/static/none.css")).body == b"page"


def test_a_folder_that_is_missing_is_warned_of():
    with (
        override_settings(STATIC_ROOT="/no/such/folder"),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        ASGIHandler()
    assert [str(one.message) for one in caught] == ["No directory at: /no/such/folder/"]
