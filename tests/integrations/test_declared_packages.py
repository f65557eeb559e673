"""Real packages whose middleware does no I/O answer as on stock when declared, without a hop.

The how-to "Declare third-party middleware" lists them; each name there is tested here.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.signals import request_finished
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import override_settings
from django.urls import path

from django_asynckit.handler.asgi import ASGIHandler
from tests.driver import drive, plain_root_logger, scope_for, send_scope
from tests.handler.tools import assert_same, counted_crossings

HERE = __name__
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "declare-middleware.md"
OPENTELEMETRY = "opentelemetry.instrumentation.django.middleware.otel_middleware._DjangoMiddleware"


@dataclass
class Package:
    """Middleware of a package, with what it needs to do something that can be seen."""

    paths: list[str]
    shows: bytes
    url: str = "/"
    headers: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    #: Hops that are left, of a signal receiver that the package connects.
    hops: int = 0

    @property
    def module(self) -> str:
        return self.paths[0].rpartition(".")[0]

    def declared(self, **extra: Any) -> dict[str, Any]:
        return {
            "ROOT_URLCONF": HERE,
            "MIDDLEWARE": self.paths,
            "ASYNCKIT_NON_BLOCKING_MIDDLEWARE": self.paths,
            **self.settings,
            **extra,
        }

    def scope(self, url: str) -> dict[str, Any]:
        scope = scope_for(url or self.url, headers=self.headers)
        # The last one is the host: a client sends one only.
        scope["headers"] = list(dict(scope["headers"]).items())
        return scope


POLICY = {"DIRECTIVES": {"default-src": ["'self'"]}}
PACKAGES = [
    Package(
        ["csp.middleware.CSPMiddleware"],
        b"default-src 'self'",
        settings={"CONTENT_SECURITY_POLICY": POLICY},
    ),
    Package(
        ["csp.contrib.rate_limiting.RateLimitedCSPMiddleware"],
        b"report-uri /reports/",
        settings={
            "CONTENT_SECURITY_POLICY": {
                "DIRECTIVES": {**POLICY["DIRECTIVES"], "report-uri": "/reports/"}
            }
        },
    ),
    Package(["waffle.middleware.WaffleMiddleware"], b"dwf_flag=True", "/waffle/"),
    Package(
        [
            "django_prometheus.middleware.PrometheusBeforeMiddleware",
            "django_prometheus.middleware.PrometheusAfterMiddleware",
        ],
        b"fine",
    ),
    Package(
        [
            "django_hosts.middleware.HostsRequestMiddleware",
            "django_hosts.middleware.HostsResponseMiddleware",
        ],
        b"host any",
        "/host/",
        settings={"ROOT_HOSTCONF": "tests.integrations.hosts", "DEFAULT_HOST": "any"},
    ),
    Package(
        ["log_request_id.middleware.RequestIDMiddleware"],
        b"id from a header",
        "/request-id/",
        {"X-Request-ID": "from a header"},
        {
            "LOG_REQUEST_ID_HEADER": "HTTP_X_REQUEST_ID",
            "REQUEST_ID_RESPONSE_HEADER": "X-Request-ID",
        },
        hops=1,
    ),
    Package(
        ["django_user_agents.middleware.UserAgentMiddleware"],
        b"Firefox",
        "/user-agent/",
        {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
    ),
    Package(
        ["xff.middleware.XForwardedForMiddleware"],
        b"from 192.0.2.7",
        "/address/",
        {"X-Forwarded-For": "192.0.2.7"},
        {"XFF_TRUSTED_PROXY_DEPTH": 1},
    ),
    Package(
        ["allow_cidr.middleware.AllowCIDRMiddleware"],
        b"fine",
        headers={"Host": "10.1.2.3"},
        settings={"ALLOWED_HOSTS": ["example.test"], "ALLOWED_CIDR_NETS": ["10.0.0.0/8"]},
    ),
    Package(
        ["cid.middleware.CidMiddleware"],
        b"upstream",
        "/correlation-id/",
        {"X-Correlation-ID": "upstream"},
        {"CID_HEADER": "HTTP_X_CORRELATION_ID", "CID_RESPONSE_HEADER": "X-Correlation-ID"},
    ),
    Package([OPENTELEMETRY], b"fine"),
]
LISTED = [path for package in PACKAGES for path in package.paths]
LISTED_MODULES = [package.module for package in PACKAGES]
NEEDS_GREENLET = [
    "log_request_id",
    "django_user_agents",
    "xff",
    "allow_cidr",
    "cid",
    "opentelemetry",
]


@pytest.fixture(autouse=True)
def own_receivers():
    """Take away what packages connect to signals when they are imported."""
    before = list(request_finished.receivers)
    yield
    request_finished.receivers = before


@pytest.fixture(params=PACKAGES, ids=lambda package: package.paths[0])
def package(request):
    """A package that is installed, as it is when it was just imported."""
    package = request.param
    module = pytest.importorskip(package.module, reason=skip_reason(package))
    top = package.module.partition(".")[0]
    if top in ("allow_cidr", "log_request_id"):
        importlib.reload(module)
    if top == "opentelemetry":
        request.getfixturevalue("instrumented")
    return package


def skip_reason(package: Package) -> str:
    if package.module.startswith("django_prometheus"):
        return "Django 6.1 is not yet allowed by django-prometheus"
    return f"{package.module} is not installed"


@pytest.fixture
def instrumented():
    """OpenTelemetry with a provider of its own; the middleware gets its tracer by instrument()."""
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.sdk.trace import TracerProvider

    with override_settings():
        DjangoInstrumentor().instrument(tracer_provider=TracerProvider())
        try:
            yield
        finally:
            DjangoInstrumentor().uninstrument()


@pytest.mark.parametrize("url", ["", "/sync/", "/broken/", "/template/", "/nowhere/"])
async def test_answers_are_those_of_stock(package, url):
    seen = await assert_same(package.scope(url), **package.declared())
    if not url:
        assert package.shows in b"".join(
            [seen.reply.body, *(b"; %b" % value for _, value in seen.reply.headers)]
        )


@pytest.mark.parametrize("url", ["", "/broken/", "/nowhere/"])
async def test_there_is_no_hop(package, url):
    hops = []
    with plain_root_logger():
        for declared in (package.paths, []):
            settings = package.declared(ASYNCKIT_NON_BLOCKING_MIDDLEWARE=declared)
            with override_settings(**settings):
                handler = ASGIHandler()
                await send_scope(handler, package.scope(url))
                with counted_crossings() as count:
                    await send_scope(handler, package.scope(url))
            hops.append(count)
    assert hops[0].hops == package.hops
    assert hops[0].threads <= package.hops
    assert hops[1].hops > hops[0].hops


async def test_a_nonce_of_django_csp_is_that_of_the_header():
    constants = pytest.importorskip("csp.constants", reason="django-csp is not installed")
    policy = {"DIRECTIVES": {"script-src": [constants.NONCE]}}
    with override_settings(**PACKAGES[0].declared(CONTENT_SECURITY_POLICY=policy)):
        reply = await drive(ASGIHandler(), "/nonce/")
    header = dict(reply.headers)[b"Content-Security-Policy"]
    assert b"script-src 'nonce-%b'" % reply.body in header.split(b"; ")


async def test_django_prometheus_counts_as_on_stock():
    pytest.importorskip(
        "django_prometheus",
        reason=skip_reason(PACKAGES[LISTED_MODULES.index("django_prometheus.middleware")]),
    )
    from prometheus_client import REGISTRY

    def samples():
        found = Counter()
        for sample in itertools.chain(*(metric.samples for metric in REGISTRY.collect())):
            # The template of the view is another object each time.
            labels = {**sample.labels, "templatename": ""}
            if not re.search("latency|_created$", sample.name):
                found[(sample.name, *labels.items())] += sample.value
        return found

    counted = []
    for handler_class in (DjangoASGIHandler, ASGIHandler):
        with override_settings(
            **PACKAGES[LISTED_MODULES.index("django_prometheus.middleware")].declared()
        ):
            handler = handler_class()
            before = await asyncio.to_thread(samples)  # Some metrics are read from files.
            for url in ("/", "/broken/", "/template/"):
                await drive(handler, url)
        after = await asyncio.to_thread(samples)
        counted.append({key: after[key] - before[key] for key in after if "django_http" in key[0]})
    assert counted[0] == counted[1]
    assert sum(counted[0].values()) > 20


async def test_django_allow_cidr_refuses_other_hosts():
    package = PACKAGES[LISTED_MODULES.index("allow_cidr.middleware")]
    module = pytest.importorskip(package.module, reason=skip_reason(package))
    importlib.reload(module)
    package = replace(package, headers={"Host": "11.1.2.3"})
    seen = await assert_same(package.scope("/"), **package.declared())
    assert seen.reply.status == 400


def test_the_how_to_lists_what_is_tested():
    rows = re.findall(
        r"^\| [^|]+ \| `([\w.]+)` \| (hooks|call) \|", HOW_TO.read_text("utf-8"), re.MULTILINE
    )
    assert [path for path, _ in rows] == LISTED
    assert {path for path, style in rows if style == "call"} == {
        path for path in LISTED if path.partition(".")[0] in NEEDS_GREENLET
    }


# The site of these tests.


async def waffles(request):
    request.waffles = {"flag": (True, False)}
    return HttpResponse("fine")


async def user_agent(request):
    return HttpResponse(request.user_agent.browser.family)


async def broken(request):
    raise ValueError("view")


def shows(attribute):
    async def view(request):
        return HttpResponse(attribute(request))

    return view


def sync(request):
    return HttpResponse("fine")


async def template(request):
    return TemplateResponse(request, engines["django"].from_string("rendered"))


urlpatterns = [
    path("", shows(lambda request: "fine")),
    path("sync/", sync),
    path("broken/", broken),
    path("template/", template),
    path("waffle/", waffles),
    path("host/", shows(lambda request: f"host {request.host.name}")),
    path("nonce/", shows(lambda request: request.csp_nonce)),
    path("request-id/", shows(lambda request: f"id {request.id}")),
    path("user-agent/", user_agent),
    path("address/", shows(lambda request: f"from {request.META['REMOTE_ADDR']}")),
    path("correlation-id/", shows(lambda request: request.correlation_id)),
]
