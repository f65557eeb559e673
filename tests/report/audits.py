"""Makes audits of small sites."""

from __future__ import annotations

from django.test import override_settings

from django_asynckit.audit.findings import Finding, Level
from django_asynckit.audit.measure import Measurement, Side
from django_asynckit.audit.project import audit_project

KINDS = "tests.audit.stacks"
EVERY_STYLE = [
    "django.middleware.security.SecurityMiddleware",
    f"{KINDS}.Hooks",
    f"{KINDS}.Hopping",
    f"{KINDS}.NotUsed",
    f"{KINDS}.SyncClass",
    f"{KINDS}.Ours",
    f"{KINDS}.async_only",
]


def audit(*paths, **settings):
    with override_settings(MIDDLEWARE=list(paths), **settings):
        return audit_project()


def measurement():
    steady, noisy = Side(15, 2, 200, [2000.0] * 4), Side(0, 0, 200, [100.0, 200.0, 300.0, 400.0])
    return Measurement("/", 50, steady, noisy)


def finding(**values):
    return Finding(
        **{
            "id": "asynckit.W003",
            "level": Level.WARNING,
            "where": "a.b",
            "message": "It is sync: 100%",
            "hint": "Make it async.\nReally.",
            **values,
        }
    )
