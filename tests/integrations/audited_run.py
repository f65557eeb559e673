"""Audits stacks of real packages and counts real requests with them; prints both as JSON.

Started by ``test_audited_packages``, in a process of its own: the packages need to be installed apps.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import tempfile
from pathlib import Path

import django
from django.conf import settings

SECURITY = "django.middleware.security.SecurityMiddleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
MESSAGES = "django.contrib.messages.middleware.MessageMiddleware"
FRAMES = "django.middleware.clickjacking.XFrameOptionsMiddleware"
STARTPROJECT = [SECURITY, SESSIONS, COMMON, CSRF, AUTH, MESSAGES, FRAMES]

WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"
CORS = "corsheaders.middleware.CorsMiddleware"
ALLAUTH = "allauth.account.middleware.AccountMiddleware"
TOOLBAR = "debug_toolbar.middleware.DebugToolbarMiddleware"
CSP = "csp.middleware.CSPMiddleware"
WAFFLE = "waffle.middleware.WaffleMiddleware"
SILK = "silk.middleware.SilkyMiddleware"
HISTORY = "simple_history.middleware.HistoryRequestMiddleware"
HTMX = "django_htmx.middleware.HtmxMiddleware"
AUDITLOG = "auditlog.middleware.AuditlogMiddleware"
AXES = "axes.middleware.AxesMiddleware"
HIJACK = "hijack.middleware.HijackUserMiddleware"
STRUCTLOG = "django_structlog.middlewares.RequestMiddleware"
TELEMETRY = "opentelemetry.instrumentation.django.middleware.otel_middleware._DjangoMiddleware"
BEFORE = "django_prometheus.middleware.PrometheusBeforeMiddleware"
AFTER = "django_prometheus.middleware.PrometheusAfterMiddleware"

#: Each with the middleware that is declared free of I/O.
STACKS: dict[str, tuple[list[str], list[str]]] = {
    "whitenoise, as its docs say": ([SECURITY, WHITENOISE, *STARTPROJECT[1:]], []),
    "whitenoise alone": ([WHITENOISE], []),
    "whitenoise at the bottom": ([*STARTPROJECT, WHITENOISE], []),
    "corsheaders": ([CORS, *STARTPROJECT], []),
    "allauth": ([*STARTPROJECT, ALLAUTH], []),
    "debug-toolbar": ([TOOLBAR, *STARTPROJECT], []),
    "csp": ([SECURITY, CSP, *STARTPROJECT[1:]], []),
    "csp, declared": ([SECURITY, CSP, *STARTPROJECT[1:]], [CSP]),
    "waffle": ([*STARTPROJECT, WAFFLE], []),
    "waffle, declared": ([*STARTPROJECT, WAFFLE], [WAFFLE]),
    "silk": ([SILK, *STARTPROJECT], []),
    "simple-history": ([*STARTPROJECT, HISTORY], []),
    "htmx": ([*STARTPROJECT, HTMX], []),
    "auditlog": ([*STARTPROJECT, AUDITLOG], []),
    "axes": ([*STARTPROJECT, AXES], []),
    "hijack": ([*STARTPROJECT, HIJACK], []),
    "structlog": ([*STARTPROJECT, STRUCTLOG], []),
    "OpenTelemetry, where it puts itself": ([TELEMETRY, *STARTPROJECT], []),
    "OpenTelemetry, declared": ([TELEMETRY, *STARTPROJECT], [TELEMETRY]),
    "OpenTelemetry in the middle": ([*STARTPROJECT[:4], TELEMETRY, *STARTPROJECT[4:]], []),
    "two that are sync only": ([SILK, SECURITY, WHITENOISE, *STARTPROJECT[1:]], []),
    "two that are sync only, one declared": ([TELEMETRY, *STARTPROJECT, WHITENOISE], [TELEMETRY]),
    "what many sites have": (
        [CORS, SECURITY, WHITENOISE, *STARTPROJECT[1:], HTMX, ALLAUTH, HISTORY, AXES],
        [],
    ),
    "all that is async": ([CORS, TOOLBAR, *STARTPROJECT, HTMX, ALLAUTH, HISTORY, AXES], []),
    "all": (
        [
            *(TELEMETRY, CORS, SECURITY, CSP, WHITENOISE, *STARTPROJECT[1:], HIJACK, HTMX, ALLAUTH),
            *(HISTORY, AUDITLOG, WAFFLE, STRUCTLOG, AXES),
        ],
        [CSP, WAFFLE, TELEMETRY],
    ),
}
if importlib.util.find_spec("django_prometheus"):  # Django 6.1 is not allowed by it yet.
    STACKS["prometheus"] = ([BEFORE, *STARTPROJECT, AFTER], [])
    STACKS["prometheus, declared"] = ([BEFORE, *STARTPROJECT, AFTER], [BEFORE, AFTER])
    STACKS["prometheus and auditlog"] = ([BEFORE, *STARTPROJECT, AUDITLOG, AFTER], [])

APPS = [
    "allauth",
    "allauth.account",
    "auditlog",
    "axes",
    "corsheaders",
    "csp",
    "debug_toolbar",
    "django_htmx",
    "django_structlog",
    "hijack",
    "silk",
    "simple_history",
    "waffle",
]


def configure(database: Path) -> None:
    from tests import settings as site

    names = {name: getattr(site, name) for name in dir(site) if name.isupper()}
    settings.configure(
        **{
            **names,
            "INSTALLED_APPS": [*site.INSTALLED_APPS, *APPS],
            "MIDDLEWARE": [*STARTPROJECT, ALLAUTH],
            "ROOT_URLCONF": "tests.integrations.audited_urls",
            "DATABASES": {
                "default": {
                    "ENGINE": "django.db.backends.sqlite3",
                    "NAME": str(database),
                    "OPTIONS": {"init_command": "PRAGMA synchronous=OFF"},
                }
            },
            "AUTHENTICATION_BACKENDS": [
                "axes.backends.AxesStandaloneBackend",
                "django.contrib.auth.backends.ModelBackend",
            ],
            "CONTENT_SECURITY_POLICY": {"DIRECTIVES": {"default-src": ["'self'"]}},
            "SILENCED_SYSTEM_CHECKS": [],
            "LOGGING_CONFIG": None,
        }
    )
    django.setup()


@contextlib.contextmanager
def prepared():
    from django.core.management import call_command
    from django.test import override_settings
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.sdk.trace import TracerProvider

    call_command("migrate", "silk", verbosity=0)
    with override_settings():
        DjangoInstrumentor().instrument(tracer_provider=TracerProvider())
        yield


async def count(handler, path: str) -> int:
    from django_asynckit.trace import record_hops
    from tests.driver import drive

    reply = await drive(handler, path)
    assert reply.status == 200, reply
    with record_hops() as trace:
        await drive(handler, path)
    return len(trace.hops) + trace.unfinished


def audited_and_counted(stack: list[str], declared: list[str], *, sync_chain: bool):
    from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
    from django.test import override_settings

    from django_asynckit.audit.stack import audit_stack
    from django_asynckit.handler.asgi import ASGIHandler

    with override_settings(
        MIDDLEWARE=stack,
        ASYNCKIT_NON_BLOCKING_MIDDLEWARE=declared,
        ASYNCKIT_SYNC_CHAIN=sync_chain,
    ):
        counted = {}
        for name, handler_class in (("stock", DjangoASGIHandler), ("asynckit", ASGIHandler)):
            handler = handler_class()
            counted[name] = {
                "async_view": asyncio.run(count(handler, "/")),
                "sync_view": asyncio.run(count(handler, "/sync/")),
            }
        return {
            "counted": counted,
            "audited": audit_stack(makes=True).totals(),
            "looked at": audit_stack(makes=False).totals(),
        }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        configure(Path(folder) / "site.sqlite3")
        with prepared():
            results = {
                f"{name}, {'two chains' if sync_chain else 'one chain'}": audited_and_counted(
                    *stack, sync_chain=sync_chain
                )
                for name, stack in STACKS.items()
                for sync_chain in (True, False)
            }
        print(f"\n{json.dumps(results)}")  # Packages print things too.


if __name__ == "__main__":
    main()
