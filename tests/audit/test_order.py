"""``PreloadUserMiddleware`` is found where it is listed too early."""

from __future__ import annotations

import pytest
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.test import override_settings

from django_asynckit.audit.order import in_wrong_order
from django_asynckit.audit.project import audit_project, findings_for_checks
from django_asynckit.audit.stack import audit_stack
from django_asynckit.middleware.preload import PreloadUserMiddleware

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
NATIVE = "django_asynckit.middleware.auth.AuthenticationMiddleware"
PRELOAD = "django_asynckit.middleware.preload.PreloadUserMiddleware"
FUNCTION = "tests.audit.stacks.sync_function"


class OwnAuth(AuthenticationMiddleware):
    pass


class OwnPreload(PreloadUserMiddleware):
    pass


def found(*paths):
    with override_settings(MIDDLEWARE=list(paths)):
        return [finding.message for finding in in_wrong_order(audit_stack(makes=False).entries)]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        ([PRELOAD, SESSIONS, AUTH], "SessionMiddleware and AuthenticationMiddleware"),
        ([SESSIONS, PRELOAD, AUTH], "AuthenticationMiddleware"),
        ([AUTH, PRELOAD, SESSIONS], "SessionMiddleware"),
        ([SESSIONS, PRELOAD, NATIVE], "AuthenticationMiddleware"),
        ([SESSIONS, PRELOAD, f"{__name__}.OwnAuth"], "AuthenticationMiddleware"),
    ],
)
def test_it_is_found_above_what_it_needs(paths, names):
    assert found(*paths) == [
        f"{PRELOAD} is listed before {names}: each request raises ImproperlyConfigured."
    ]


def test_a_subclass_needs_the_same():
    assert len(found(f"{__name__}.OwnPreload", SESSIONS, AUTH)) == 1


@pytest.mark.parametrize(
    "paths",
    [
        [SESSIONS, AUTH, PRELOAD],
        [SESSIONS, FUNCTION, f"{__name__}.OwnAuth", PRELOAD, FUNCTION],
        [SESSIONS, NATIVE, PRELOAD, "no_such.Middleware"],
        # Something of the project may set both.
        [FUNCTION, PRELOAD],
        [SESSIONS, AUTH],
    ],
)
def test_it_is_fine_below_and_where_others_may_set_them(paths):
    assert found(*paths) == []


def test_command_and_checks_report_it():
    with override_settings(
        MIDDLEWARE=[PRELOAD, SESSIONS, AUTH], ASGI_APPLICATION="tests.asgi_asynckit.application"
    ):
        for findings in (audit_project().findings, findings_for_checks()):
            assert [one.id for one in findings].count("asynckit.W021") == 1
