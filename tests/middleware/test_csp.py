"""``ContentSecurityPolicyMiddleware``: Django's policies and nonces, without a hop."""

from __future__ import annotations

import re

import pytest
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from django_asynckit._compat import HAS_CSP
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.driver import drive
from tests.middleware.parity import header, same

if not HAS_CSP:
    pytest.skip("Django before 6.0 has no CSP middleware.", allow_module_level=True)

from django.utils.csp import CSP
from django.views.decorators.csp import csp_override, csp_report_only_override

POLICY = {"default-src": [CSP.SELF], "script-src": [CSP.SELF, CSP.NONCE]}


async def plain(request):
    return HttpResponse("plain")


async def nonce(request):
    return HttpResponse(str(request._csp_nonce))


async def own_header(request):
    return HttpResponse("own", headers={"Content-Security-Policy": "default-src 'none'"})


@csp_override({"default-src": [CSP.NONE]})
@csp_report_only_override({})
async def overridden(request):
    return HttpResponse("overridden")


async def broken(request):
    raise ValueError("broken")


urlpatterns = [
    path("", plain),
    path("nonce/", nonce),
    path("own/", own_header),
    path("overridden/", overridden),
    path("broken/", broken),
]


@pytest.fixture(autouse=True)
def _site():
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.middleware.csp.ContentSecurityPolicyMiddleware"],
        SECURE_CSP=POLICY,
        SECURE_CSP_REPORT_ONLY={"img-src": [CSP.NONE]},
    ):
        yield


@pytest.mark.parametrize(
    ("url", "policy", "report_only"),
    [
        ("/", "default-src 'self'; script-src 'self'", "img-src 'none'"),
        ("/own/", "default-src 'none'", "img-src 'none'"),
        ("/overridden/", "default-src 'none'", None),
    ],
)
async def test_policies_are_djangos(url, policy, report_only):
    reply = await same(url)
    assert header(reply, "Content-Security-Policy") == policy
    assert header(reply, "Content-Security-Policy-Report-Only") == report_only


async def test_a_nonce_that_was_used_is_in_the_policy():
    application = ASGIHandler()
    with record_hops() as trace:
        reply = await drive(application, "/nonce/")
    assert f"'nonce-{reply.body.decode()}'" in header(reply, "Content-Security-Policy")
    assert re.fullmatch(r"[\w-]{22}", reply.body.decode())
    assert trace.hops == []


async def test_without_policies_there_are_no_headers():
    with override_settings(SECURE_CSP={}, SECURE_CSP_REPORT_ONLY={}):
        assert header(await same("/"), "Content-Security-Policy") is None


async def test_debug_pages_have_no_policy():
    with override_settings(DEBUG=True):
        reply = await drive(ASGIHandler(), "/broken/")
    assert (reply.status, header(reply, "Content-Security-Policy")) == (500, None)
