"""Stacks like those of real projects: their packages, and middleware of the kinds that they wrote themselves."""

from __future__ import annotations

import importlib.util
import threading
import time
from contextvars import ContextVar
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.contrib.auth.middleware import RemoteUserMiddleware
from django.core.cache import cache
from django.http import Http404, HttpResponse, JsonResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path
from django.utils import translation
from django.utils.deprecation import MiddlewareMixin
from django.views.decorators.csrf import ensure_csrf_cookie
from ninja import NinjaAPI
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView
from whitenoise.middleware import WhiteNoiseMiddleware

from tests.integrations.audited_run import (
    AFTER,
    ALLAUTH,
    AUDITLOG,
    AUTH,
    AXES,
    BEFORE,
    COMMON,
    CORS,
    CSP,
    CSRF,
    FRAMES,
    HIJACK,
    HISTORY,
    HTMX,
    MESSAGES,
    SECURITY,
    SESSIONS,
    SILK,
    STARTPROJECT,
    STRUCTLOG,
    TELEMETRY,
    TOOLBAR,
    WAFFLE,
    WHITENOISE,
)

LOCALE = "django.middleware.locale.LocaleMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
SITES = "django.contrib.sites.middleware.CurrentSiteMiddleware"
REDIRECTS = "django.contrib.redirects.middleware.RedirectFallbackMiddleware"

current = threading.local()
scope: ContextVar[str] = ContextVar("scope")


def team_access(get_response):
    """Loads the user and what belongs to it, before each view."""

    def middleware(request):
        if request.user.is_authenticated:
            request.team = get_user_model().objects.get(pk=request.user.pk).username
        return get_response(request)

    return middleware


def team_access_late(get_response):
    """Loads the user after the view, and says so in a header."""

    def middleware(request):
        response = get_response(request)
        if request.user.is_authenticated:
            response["X-Version"] = "10"
        return response

    return middleware


def request_time(get_response):
    def middleware(request):
        request.request_time = time.time()
        return get_response(request)

    return middleware


class CurrentRequest:
    """Keeps the request where code without one finds it, and answers some errors."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        current.request = request
        try:
            response = self.get_response(request)
        finally:
            del current.request
        response["X-Request"] = "seen"
        return response

    def process_exception(self, request, exception):
        if isinstance(exception, LookupError):
            return HttpResponse("mended", status=503)
        return None


class EventScope:
    """Knows from the view's arguments what the request is about, and in which language."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        token = scope.set("none")
        try:
            with translation.override("de"):
                return self.get_response(request)
        finally:
            scope.reset(token)

    def process_view(self, request, view, args, kwargs):
        scope.set(view.__name__)

    def process_template_response(self, request, response):
        if getattr(response, "context_data", None) is not None:
            response.context_data["scope"] = scope.get()
        return response


class Maintenance(MiddlewareMixin):
    def process_request(self, request):
        if cache.get("maintenance"):
            return HttpResponse("closed", status=503)
        return None


class HeaderUser(RemoteUserMiddleware):
    """Says that it is sync, so its async code never runs."""

    async_capable = False
    header = "HTTP_X_USER"
    force_logout_if_no_header = False


class Assets(WhiteNoiseMiddleware):
    def immutable_file_test(self, path, url):
        return "hash" in url


def own(name: str) -> str:
    return f"{__name__}.{name}"


#: Each with what else its project has set.
STACKS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "healthchecks": (
        [SECURITY, WHITENOISE, *STARTPROJECT[1:], own("team_access"), GZIP],
        {},
    ),
    "bakerydemo": ([*STARTPROJECT, WHITENOISE, SITES, REDIRECTS], {}),
    "djangopackages": (
        [SECURITY, WHITENOISE, SESSIONS, *STARTPROJECT[2:], own("Maintenance"), WAFFLE, ALLAUTH],
        {"ATOMIC_REQUESTS": True},
    ),
    "conversations": (
        [SECURITY, WHITENOISE, CORS, LOCALE, SESSIONS, COMMON, CSRF, CSP, AUTH, MESSAGES, WAFFLE],
        {"SESSION_ENGINE": "django.contrib.sessions.backends.cache"},
    ),
    "docs": (
        [SECURITY, WHITENOISE, CORS, LOCALE, *STARTPROJECT[1:], own("EventScope"), STRUCTLOG],
        {"SESSION_ENGINE": "django.contrib.sessions.backends.cached_db"},
    ),
    "netbox": (
        [
            *(CORS, SESSIONS, LOCALE, COMMON, CSRF, AUTH, MESSAGES, FRAMES, SECURITY, HTMX),
            *(own("HeaderUser"), own("CurrentRequest"), own("Maintenance")),
        ],
        {},
    ),
    "pretalx": (
        [
            *(
                SECURITY,
                own("Assets"),
                COMMON,
                SESSIONS,
                AUTH,
                CSP,
                own("EventScope"),
                CSRF,
                LOCALE,
            ),
            *(MESSAGES, FRAMES, own("CurrentRequest")),
        ],
        {"CSRF_USE_SESSIONS": True},
    ),
    "paperless": (
        [
            *(SECURITY, WHITENOISE, SESSIONS, CORS, LOCALE, COMMON, CSRF, own("team_access_late")),
            *(AUTH, MESSAGES, FRAMES, ALLAUTH, AUDITLOG),
        ],
        {},
    ),
    "gyrinx": (
        [
            *(SECURITY, WHITENOISE, *STARTPROJECT[1:], ALLAUTH, HISTORY, HTMX, HIJACK),
            *(own("CurrentRequest"), own("request_time")),
        ],
        {},
    ),
    "saleor": ([CORS, SECURITY, SESSIONS, COMMON, AUTH, MESSAGES, own("request_time")], {}),
    "toolbar": ([TOOLBAR, *STARTPROJECT, own("request_time")], {"INTERNAL_IPS": ["127.0.0.1"]}),
    "silk": ([SILK, *STARTPROJECT], {}),
    "telemetry": ([TELEMETRY, *STARTPROJECT, own("request_time"), AXES], {}),
    "all": (
        [
            *(TELEMETRY, CORS, SECURITY, CSP, WHITENOISE, *STARTPROJECT[1:], HIJACK, HTMX, ALLAUTH),
            *(HISTORY, AUDITLOG, WAFFLE, STRUCTLOG, own("CurrentRequest"), own("EventScope"), AXES),
        ],
        {"ATOMIC_REQUESTS": True},
    ),
}
if importlib.util.find_spec("django_prometheus"):  # Django 6.1 is not allowed by it yet.
    stack, options = STACKS["netbox"]
    STACKS["netbox, with metrics"] = ([BEFORE, *stack, AFTER], options)


PAGE = "{{ user.username }} {{ users }} {{ scope }} {{ name }} {% csrf_token %}{% for one in lazy %}{{ one }}{% endfor %}"


@ensure_csrf_cookie
def page(request):
    """Queries in the view, and again when it is rendered."""
    users = get_user_model().objects
    seen = getattr(getattr(current, "request", None), "path", "")
    context = {"users": users.count(), "lazy": users.all(), "name": seen}
    return TemplateResponse(request, engines["django"].from_string(PAGE), context)


def missing(request):
    raise Http404("there is none")


def fails(request):
    get_user_model().objects.count()
    raise ValueError("of the view")


def mended(request):
    raise LookupError("of the view")


@login_required
def secret(request):
    return HttpResponse(f"secret of {request.user}")


def form(request):
    return JsonResponse({"post": request.POST.dict(), "user": str(request.user)})


class Rest(APIView):
    authentication_classes = (SessionAuthentication,)
    permission_classes = (IsAuthenticated,)
    renderer_classes = (JSONRenderer,)

    def get(self, request):
        return Response({"user": str(request.user), "users": get_user_model().objects.count()})

    def post(self, request):
        return Response({"data": request.data}, status=201)


ninja = NinjaAPI(urls_namespace="real-stacks")


@ninja.get("/fine")
def ninja_fine(request, number: int):
    return {"number": number, "users": get_user_model().objects.count()}


@ninja.get("/fails")
def ninja_fails(request):
    raise ValueError("of ninja")


urlpatterns = [
    path("rest/", Rest.as_view()),
    path("ninja/", ninja.urls),
    path("admin/", admin.site.urls),
    path("page/", page),
    path("missing/", missing),
    path("fails/", fails),
    path("mended/", mended),
    path("secret/", secret),
    path("form/", form),
    path("", include("tests.integrations.audited_urls")),
]
