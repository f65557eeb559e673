"""``SecurityMiddleware``: the headers of Django's, whatever the settings and the response."""

from __future__ import annotations

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpResponse
from django.http.response import BadHeaderError, ResponseHeaders
from django.test import RequestFactory, override_settings
from django.urls import path

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware.security import SecurityMiddleware
from tests.driver import drive


class OwnSetdefault(HttpResponse):
    def setdefault(self, key, value):
        super().setdefault(key, f"own {value}")


class OwnHeaders(ResponseHeaders):
    pass


async def plain(request):
    return HttpResponse("plain")


async def has_some(request):
    return HttpResponse(headers={"referrer-policy": "no-referrer", "X-CONTENT-TYPE-OPTIONS": "x"})


async def own_setdefault(request):
    return OwnSetdefault("own")


async def own_headers(request):
    response = HttpResponse("own")
    response.headers = OwnHeaders({"Content-Type": "text/plain"})
    return response


urlpatterns = [
    path("", plain),
    path("some/", has_some),
    path("setdefault/", own_setdefault),
    path("headers/", own_headers),
]


@pytest.mark.parametrize("url", ["/", "/some/", "/setdefault/", "/headers/"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"SECURE_CONTENT_TYPE_NOSNIFF": False},
        {"SECURE_REFERRER_POLICY": "origin , same-origin"},
        {"SECURE_REFERRER_POLICY": ["origin", "same-origin"]},
        {"SECURE_REFERRER_POLICY": None, "SECURE_CROSS_ORIGIN_OPENER_POLICY": None},
        {"SECURE_HSTS_SECONDS": 60, "SECURE_PROXY_SSL_HEADER": ("HTTP_X", "yes")},
        {"SECURE_SSL_REDIRECT": True},
    ],
    ids=str,
)
async def test_headers_are_djangos(settings, url):
    with override_settings(ROOT_URLCONF=__name__, **settings):
        ours, stock = ASGIHandler(), DjangoASGIHandler()
        for _ in range(2):
            replies = [await drive(handler, url, headers={"x": "yes"}) for handler in (ours, stock)]
            assert replies[0].headers == replies[1].headers
            assert replies[0].status == replies[1].status


def test_a_policy_that_is_changed_later_is_used():
    middleware = SecurityMiddleware(lambda request: HttpResponse())
    request = RequestFactory().get("/")
    assert middleware(request)["Referrer-Policy"] == "same-origin"
    middleware.referrer_policy = "origin"
    assert middleware(request)["Referrer-Policy"] == "origin"


def test_an_invalid_policy_is_an_error():
    middleware = SecurityMiddleware(lambda request: HttpResponse())
    middleware.cross_origin_opener_policy = "a\nb"
    with pytest.raises(BadHeaderError):
        middleware(RequestFactory().get("/"))
