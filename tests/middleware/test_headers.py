"""``X-Frame-Options`` and ``Content-Length``: Django's, whatever the response is."""

from __future__ import annotations

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpResponse, HttpResponseNotFound, StreamingHttpResponse
from django.http.response import BadHeaderError, ResponseHeaders
from django.test import override_settings
from django.urls import path
from django.views.decorators.clickjacking import xframe_options_exempt, xframe_options_sameorigin

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import non_blocking
from django_asynckit.middleware._headers import header_store, valid_entry
from django_asynckit.middleware.auth import AuthenticationMiddleware
from django_asynckit.middleware.clickjacking import XFrameOptionsMiddleware
from django_asynckit.middleware.common import CommonMiddleware
from django_asynckit.middleware.messages import MessageMiddleware
from django_asynckit.middleware.security import SecurityMiddleware
from django_asynckit.middleware.sessions import SessionMiddleware
from tests.driver import drive, plain_root_logger

CLICKJACKING = "django.middleware.clickjacking.XFrameOptionsMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"


class OwnHas(HttpResponse):
    def has_header(self, header):
        return header != "Content-Length" or "X-Length" in self.headers


class OwnGet(HttpResponse):
    def get(self, header, alternate=None):
        return "own" if header == "X-Frame-Options" else super().get(header, alternate)


class OwnHeaders(ResponseHeaders):
    def __setitem__(self, key, value):
        super().__setitem__(key, f"own {value}")


def own_headers():
    response = HttpResponse("own")
    response.headers = OwnHeaders({"Content-Type": "text/plain"})
    return response


RESPONSES = {
    "plain": lambda: HttpResponse("plain"),
    "empty": lambda: HttpResponse(status=204),
    "parts": lambda: HttpResponse(["a", "b"]),
    "has-frame": lambda: HttpResponse(headers={"x-frame-OPTIONS": ""}),
    "has-length": lambda: HttpResponse("plain", headers={"content-LENGTH": "1"}),
    "missing": lambda: HttpResponseNotFound("missing"),
    "stream": lambda: StreamingHttpResponse(_parts()),
    "own-has": lambda: OwnHas("own"),
    "own-has-length": lambda: OwnHas("own", headers={"X-Length": "1"}),
    "own-get": lambda: OwnGet("own"),
    "own-headers": own_headers,
}


async def _parts():
    yield b"part"


def _view(make):
    async def view(request):
        return make()

    return view


urlpatterns = [
    *(path(f"{name}/", _view(make)) for name, make in RESPONSES.items()),
    path("exempt/", xframe_options_exempt(_view(RESPONSES["plain"]))),
    path("same/", xframe_options_sameorigin(_view(RESPONSES["plain"]))),
    path("slash/", _view(RESPONSES["plain"])),
]


@pytest.mark.parametrize(
    "url", [*(f"/{name}/" for name in RESPONSES), "/exempt/", "/same/", "/slash"]
)
@pytest.mark.parametrize("value", ["DENY", "sameorigin", "caf\xe9", "\u20ac"])
async def test_headers_are_djangos(url, value):
    settings = {"ROOT_URLCONF": __name__, "MIDDLEWARE": [CLICKJACKING, COMMON]}
    with override_settings(X_FRAME_OPTIONS=value, **settings), plain_root_logger():
        ours, stock = ASGIHandler(), DjangoASGIHandler()
        for _ in range(2):
            replies = [await drive(handler, url) for handler in (ours, stock)]
            assert replies[0].headers == replies[1].headers
            assert replies[0].status == replies[1].status


class Varies(XFrameOptionsMiddleware):
    """An override that may run inline."""

    @non_blocking
    def get_xframe_options_value(self, request, response):
        return int(request.GET["value"]) if "value" in request.GET else "own"


async def test_a_value_of_ones_own_is_used():
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[f"{__name__}.Varies"]):
        handler = ASGIHandler()
        assert (b"X-Frame-Options", b"own") in (await drive(handler, "/plain/")).headers
        assert (b"X-Frame-Options", b"7") in (await drive(handler, "/plain/?value=7")).headers


def _loud(native, hook):
    """A mixin that overrides a hook of Django's class, and comes after ours in the order of bases."""
    django_class = native.__mro__[2]

    def override(self, *args):
        seen.append(hook)
        return getattr(django_class, hook)(self, *args)

    return type("Loud", (native, type("Mixin", (django_class,), {hook: override})), {})


seen: list[str] = []
HOOKS = [
    (SecurityMiddleware, "process_response"),
    (CommonMiddleware, "process_request"),
    (CommonMiddleware, "process_response"),
    (XFrameOptionsMiddleware, "process_response"),
    (SessionMiddleware, "process_request"),
    (SessionMiddleware, "process_response"),
    (AuthenticationMiddleware, "process_request"),
    (MessageMiddleware, "process_request"),
    (MessageMiddleware, "process_response"),
]


def stack(native, path):
    """Put ``path`` behind the sessions that it needs."""
    sessions = "django.contrib.sessions.middleware.SessionMiddleware"
    return [path] if native is SessionMiddleware else [sessions, path]


@pytest.mark.parametrize(("native", "hook"), HOOKS)
async def test_classes_between_ours_and_djangos_run(native, hook, monkeypatch):
    monkeypatch.setitem(globals(), "Loud", _loud(native, hook))
    seen.clear()
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=stack(native, f"{__name__}.Loud")):
        handler = ASGIHandler()
        for _ in range(2):
            assert (await drive(handler, "/plain/")).status == 200
    assert seen == [hook] * 2


@pytest.mark.parametrize(("native", "hook"), HOOKS)
async def test_patches_of_djangos_classes_run(native, hook, monkeypatch):
    django_class = native.__mro__[2]
    original = getattr(django_class, hook)

    def patched(self, *args):
        seen.append(hook)
        return original(self, *args)

    path = f"{django_class.__module__}.{django_class.__qualname__}"
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=stack(native, path)):
        handler = ASGIHandler()
        await drive(handler, "/plain/")
        seen.clear()
        monkeypatch.setattr(django_class, hook, patched)
        for _ in range(2):
            assert (await drive(handler, "/plain/")).status == 200
    assert seen == [hook] * 2


def test_an_invalid_value_is_an_error_every_time():
    for _ in range(2):
        with pytest.raises(BadHeaderError):
            valid_entry("X-Frame-Options", "a\nb")


def test_only_djangos_way_to_keep_headers_is_known():
    response = HttpResponse()
    assert header_store(response) is response.headers._store
    assert header_store(object()) is None
