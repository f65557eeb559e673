"""``CsrfViewMiddleware``: inline for what is in memory, one hop for what may block."""

from __future__ import annotations

import io
import tempfile

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.middleware.csrf import get_token, rotate_token
from django.test import RequestFactory, override_settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware._requests import (
    SMALL_BODY,
    is_in_memory,
    parses_post_in_memory,
)
from django_asynckit.trace import record_hops
from tests.driver import drive, scope_for
from tests.middleware import stores

SECRET = "s" * 32
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
parsed: list[bool] = []


async def view(request):
    parsed.append("_post" in request.__dict__)
    return HttpResponse("ok")


async def token(request):
    get_token(request)
    return HttpResponse("ok")


async def rotate(request):
    rotate_token(request)
    return HttpResponse("ok")


urlpatterns = [
    path("", view),
    path("exempt/", csrf_exempt(view)),
    path("token/", token),
    path("rotate/", rotate),
]


@pytest.fixture(autouse=True)
def _site():
    parsed.clear()
    stores.calls.clear()
    stores.saved.clear()
    with override_settings(ROOT_URLCONF=__name__):
        yield


def form(size=0, token=SECRET):
    return f"csrfmiddlewaretoken={token}&pad={'x' * size}".encode()


def multipart():
    return (
        b'--b\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n'
        + SECRET.encode()
        + b"\r\n--b--\r\n"
    )


async def post(
    application,
    body=b"",
    path="/",
    content_type=FORM,
    cookie=f"csrftoken={SECRET}",
    **headers,
):
    headers = {"content-type": content_type, "cookie": cookie, **headers}
    with record_hops() as trace:
        reply = await drive(
            application,
            path,
            method=headers.pop("method", "POST"),
            headers=headers,
            chunks=(body,),
        )
    return reply, [hop.target.rpartition(".")[2] for hop in trace.hops]


@pytest.mark.parametrize(
    ("kwargs", "status", "hops", "is_parsed"),
    [
        ({"body": form()}, 200, [], True),
        ({"body": form(SMALL_BODY)}, 200, ["process_view"], True),
        (
            {"body": multipart(), "content_type": MULTIPART},
            200,
            ["process_view"],
            True,
        ),
        (
            {"body": b"{}", "content_type": "application/json", "x-csrftoken": SECRET},
            200,
            [],
            True,
        ),
        ({"method": "PUT", "x-csrftoken": SECRET}, 200, [], False),
        ({"method": "GET"}, 200, [], False),
        (
            {"body": multipart(), "content_type": MULTIPART, "path": "/exempt/"},
            200,
            [],
            False,
        ),
        ({"body": form(token="t" * 32)}, 403, ["_reject"], None),
        ({"body": form(), "cookie": ""}, 403, ["_reject"], None),
        ({"body": form(), "origin": "http://evil"}, 403, ["_reject"], None),
    ],
)
async def test_hops_and_answers(kwargs, status, hops, is_parsed):
    from tests.driver import plain_root_logger

    with plain_root_logger():
        ours, our_hops = await post(ASGIHandler(), **kwargs)
        stock, _ = await post(DjangoASGIHandler(), **kwargs)
    assert (ours.status, ours.headers, ours.body) == (
        stock.status,
        stock.headers,
        stock.body,
    )
    assert (ours.status, our_hops) == (status, hops)
    if is_parsed is not None:
        assert parsed == [is_parsed] * 2


class Handlers:
    """Notes the upload handlers that were asked for."""

    made: list[object] = []


class NotingUploadHandler:
    def __init__(self, request=None):
        Handlers.made.append(self)


@override_settings(FILE_UPLOAD_HANDLERS=[f"{__name__}.NotingUploadHandler"])
async def test_a_bad_origin_is_refused_before_any_upload_handler_runs():
    Handlers.made.clear()
    reply, _ = await post(ASGIHandler(), multipart(), content_type=MULTIPART, origin="http://evil")
    assert (reply.status, Handlers.made) == (403, [])


async def test_the_failure_view_runs_once_and_off_the_loop():
    with override_settings(CSRF_FAILURE_VIEW=f"{__name__}.failure"):
        stores.calls.clear()
        reply, _ = await post(ASGIHandler(), form(token="t" * 32))
        assert (reply.status, reply.body) == (
            403,
            b"refused: CSRF token from POST incorrect.",
        )
        assert stores.calls == [("failure", False)]


def failure(request, reason=""):
    stores.note("failure")
    return HttpResponse(f"refused: {reason}", status=403)


@pytest.mark.parametrize("url", ["/token/", "/rotate/"])
async def test_the_cookie_is_set_inline(url):
    with record_hops() as trace:
        reply = await drive(ASGIHandler(), url)
    assert "csrftoken" in reply.cookies
    assert trace.hops == []


class TestSessions:
    """``CSRF_USE_SESSIONS``: the session is loaded ahead only where Django would read it."""

    @pytest.fixture(autouse=True)
    def _sessions(self):
        with override_settings(CSRF_USE_SESSIONS=True):
            yield

    async def test_signed_cookies_need_no_hop(self):
        application = ASGIHandler()
        reply = await drive(application, "/token/")
        with record_hops() as trace:
            reply = await drive(
                application,
                "/",
                headers={"cookie": f"sessionid={reply.cookies['sessionid']}"},
            )
        assert (reply.status, trace.hops) == (200, [])

    @override_settings(SESSION_ENGINE="tests.middleware.engines.asyncstore")
    async def test_a_natively_async_store_is_awaited(self):
        application = ASGIHandler()
        reply = await drive(application, "/token/")
        cookie = f"sessionid={reply.cookies['sessionid']}"
        (secret,) = [data["_csrftoken"] for data in stores.saved.values()]
        with record_hops() as trace:
            reply, _ = await post(application, form(token=secret), cookie=cookie)
        assert (reply.status, trace.hops) == (200, [])
        assert ("load", True) not in stores.calls

    @override_settings(SESSION_ENGINE="tests.middleware.engines.readselsewhere")
    async def test_a_store_that_reads_its_own_way_gets_hops(self):
        application = ASGIHandler()
        reply, hops = await post(application, form(), path="/")
        assert (reply.status, hops[:3]) == (
            403,
            ["process_request", "process_view", "process_response"],
        )
        assert {on_loop for name, on_loop in stores.calls if name == "overridden get"} == {False}

    @override_settings(SESSION_ENGINE="tests.middleware.engines.readselsewhere")
    async def test_a_new_token_is_stored_off_the_loop(self):
        with record_hops() as trace:
            await drive(ASGIHandler(), "/token/")
        assert [hop.target.rpartition(".")[2] for hop in trace.hops].count("process_response") == 2

    @override_settings(MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"])
    async def test_without_session_middleware_the_error_is_djangos(self):
        # The error view needs the session too, so the error reaches the server.
        for handler in (ASGIHandler, DjangoASGIHandler):
            with pytest.raises(ImproperlyConfigured, match="SessionMiddleware must appear before"):
                await drive(handler())


class TestBodies:
    """``parses_post_in_memory()``."""

    def request(self, stream=None, **kwargs):
        request = RequestFactory().post("/", data="a=b", content_type=FORM, **kwargs)
        if stream is not None:
            request._stream = stream
        return request

    def test_a_body_that_was_read(self):
        request = self.request(io.BytesIO(b"a=b"))
        assert parses_post_in_memory(request)
        assert request.body == b"a=b"
        assert parses_post_in_memory(request)

    def test_looking_does_not_move_the_stream(self):
        stream = io.BytesIO(b"a=b")
        stream.seek(1)
        parses_post_in_memory(self.request(stream))
        assert stream.tell() == 1

    def test_an_unknown_stream_may_block(self):
        assert not parses_post_in_memory(self.request())

    def test_another_parser_may_block(self):
        class OwnRequest(ASGIRequest):
            def _load_post_and_files(self):
                super()._load_post_and_files()

        headers = {"content-type": FORM}
        assert parses_post_in_memory(
            ASGIRequest(scope_for("/", "POST", headers), io.BytesIO(b"a=b"))
        )
        assert not parses_post_in_memory(
            OwnRequest(scope_for("/", "POST", headers), io.BytesIO(b"a=b"))
        )

    def test_a_body_on_disk_may_block(self):
        with tempfile.SpooledTemporaryFile() as stream:
            assert is_in_memory(stream)
            stream.rollover()
            assert not is_in_memory(stream)
            assert not parses_post_in_memory(self.request(stream))
