"""Requests that are made for less are what Django's class makes; everything else is made by it."""

from __future__ import annotations

import io

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.handlers.asgi import ASGIRequest
from django.http import JsonResponse
from django.test import override_settings
from django.urls import path
from hypothesis import example, given, settings
from hypothesis import strategies as st

from django_asynckit import _drift
from django_asynckit._mirrored import REVIEWED
from django_asynckit.handler import requests
from django_asynckit.handler.asgi import ASGIHandler
from tests.driver import drive, scope_for
from tests.handler.tools import assert_same

LAZY = ("GET", "COOKIES", "headers", "scheme", "encoding")
USUAL = [
    (b"host", b"example.test:8000"),
    (b"accept", b"*/*"),
    (b"cookie", b"sessionid=1; csrftoken=2"),
    (b"content-length", b"3"),
    (b"content-type", b"text/plain; charset=latin-1"),
    (b"x-caf", b"\xe9"),
]
NAMES = st.sampled_from(
    [
        b"host", b"Host", b"cookie", b"content-length", b"Content-Length", b"content-type",
        b"CONTENT-TYPE", b"content_type", b"x-a", b"x_a", b"x-A", b"", b"-", b"x-\xdf", b"x" * 65,
        b"server-name", b"http-host",
    ]
) | st.binary(max_size=5)  # fmt: skip
VALUES = st.sampled_from(
    [
        b"", b"a=b", b"a=b; ", b"a=b;", b"text/html", b"text/html; charset=utf-8", b"x; charset=none",
        b"x; charset*=x'y", b"x; charset=\xff", b" a ", b"\xe9", b"1",
    ]
) | st.binary(max_size=5)  # fmt: skip
SCOPES = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "get", "PROPFIND"]),
        "path": st.sampled_from(["/", "/a/b", "/app/a", "/caf\xe9", ""]),
        "headers": st.lists(st.tuples(NAMES, VALUES), max_size=6),
    },
    optional={
        "query_string": st.sampled_from([b"", b"a=b&c", b"\xff", b"\xc3\xa9", "a=b"]),
        "root_path": st.sampled_from(["", "/app", "/app/"]),
        "client": st.sampled_from([None, (), ("127.0.0.1", 1), ["::1", 0]]),
        "server": st.sampled_from([None, (), ("127.0.0.1", 80), ("/socket", None)]),
        "scheme": st.sampled_from(["https", ""]),
    },
)


def made(make, scope, body):
    """All that can be seen of a request, or of the error."""
    try:
        request = make(scope, body)
    except Exception as error:
        return type(error), str(error)
    if request is None:
        return None
    assert type(request) is ASGIRequest
    state = list(request.__dict__.items())
    return state, list(request.META.items()), [repr(getattr(request, name)) for name in LAZY]


@settings(deadline=None, database=None, max_examples=500)
@given(SCOPES)
@example({"method": "GET", "path": "/", "query_string": b"", "headers": [(b"cookie", b"a=b;")]})
@example({"method": "GET", "path": "/", "query_string": b"", "headers": USUAL[:1] * 2})
def test_a_request_is_the_same_or_none(scope):
    body = io.BytesIO()
    ours = made(requests.make_request, scope, body)
    if ours is not None:
        assert ours == made(ASGIRequest, scope, body)


@pytest.mark.parametrize("headers", [USUAL, USUAL[:1], USUAL[2:3] + USUAL[:2], []], ids=len)
def test_usual_requests_are_made_for_less(headers):
    body, scope = io.BytesIO(), scope_for("/a/?b=c") | {"headers": headers}
    assert made(requests.make_request, scope, body) == made(ASGIRequest, scope, body) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"root_path": "/app"},
        {"query_string": "text"},
        {"query_string": b"\xc3\xa9"},
        {"headers": iter(USUAL)},
        {"headers": [(b"x_a", b"")]},
        {"headers": [(b"x" * 65, b"")]},
        {"headers": [(b"\xe9", b"")]},
        {"headers": [(bytearray(b"host"), b"")]},
        {"headers": [(b"host", b"a"), (b"Host", b"b")]},
        {"headers": [(b"cookie", b"a=b; ")]},
    ],
    ids=repr,
)
def test_what_is_less_usual_is_djangos_to_make(change):
    assert requests.make_request({**scope_for(), **change}, io.BytesIO()) is None


def test_a_forced_script_name_is_djangos_to_look_at():
    with override_settings(FORCE_SCRIPT_NAME="/forced"):
        assert requests.make_request(scope_for(), io.BytesIO()) is None


def test_only_so_many_names_are_remembered(monkeypatch):
    monkeypatch.setattr(requests, "_meta_names", {})
    for number in range(2 * requests._MOST_NAMES):
        scope = {**scope_for(), "headers": [(b"x-%d" % number, b"1")]}
        request = requests.make_request(scope, io.BytesIO())
        assert request.META[f"HTTP_X_{number}"] == "1"
    assert len(requests._meta_names) <= requests._MOST_NAMES


class OwnRequest(ASGIRequest):
    """What tells a handler that it is used."""


async def which(request):
    return JsonResponse([type(request).__name__, getattr(request, "seen_by", "")], safe=False)


urlpatterns = [path("", which)]


class OwnClass(ASGIHandler):
    request_class = OwnRequest


class OwnMethod(ASGIHandler):
    def create_request(self, scope, body_file):
        request, response = super().create_request(scope, body_file)
        request.seen_by = "method"
        return request, response


@pytest.fixture
def patched_class(monkeypatch):
    original = ASGIRequest.__init__

    def init(self, scope, body_file):
        original(self, scope, body_file)
        self.seen_by = "patch"

    monkeypatch.setattr(ASGIRequest, "__init__", init)


@pytest.fixture
def patched_method(monkeypatch):
    original = DjangoASGIHandler.create_request

    def create_request(self, scope, body_file):
        request, response = original(self, scope, body_file)
        request.seen_by = "patch"
        return request, response

    monkeypatch.setattr(DjangoASGIHandler, "create_request", create_request)


class TestNoOverrideIsLost:
    @pytest.fixture(autouse=True)
    def _urls(self):
        with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]):
            yield

    @pytest.mark.parametrize(
        ("handler_class", "body"),
        [
            (ASGIHandler, b'["ASGIRequest", ""]'),
            (OwnClass, b'["OwnRequest", ""]'),
            (OwnMethod, b'["ASGIRequest", "method"]'),
        ],
    )
    async def test_of_a_handler(self, handler_class, body):
        assert (await drive(handler_class())).body == body

    async def test_patched_class(self, patched_class):
        assert (await drive(ASGIHandler())).body == b'["ASGIRequest", "patch"]'

    async def test_patched_method(self, patched_method):
        assert (await drive(ASGIHandler())).body == b'["ASGIRequest", "patch"]'


def test_a_class_that_was_not_reviewed_makes_its_requests_itself(monkeypatch):
    assert requests.is_djangos(ASGIRequest)
    _drift.is_reviewed.cache_clear()
    name = "django.core.handlers.asgi:ASGIRequest.__init__"
    with monkeypatch.context() as patch:
        patch.setitem(REVIEWED, name, {"0" * 16: "5.2"})
        assert not requests.is_djangos(ASGIRequest)
    _drift.is_reviewed.cache_clear()
    assert requests.is_djangos(ASGIRequest)


@pytest.mark.parametrize("headers", [USUAL, [*USUAL, *USUAL], [(b"host", b"a\xe9")]], ids=len)
async def test_answers_are_djangos(headers):
    await assert_same({**scope_for("/environment/"), "headers": headers})
