"""Declared middleware that is known to do I/O."""

from __future__ import annotations

import os
import sys

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from django_asynckit.audit.known import KNOWN, Known
from django_asynckit.audit.promises import in_declared
from django_asynckit.audit.stack import audit_stack
from django_asynckit.checks import TAG
from tests.audit import stacks

KINDS = "tests.audit.stacks"
IO = "tests.audit.doing_io"


class Subclass(stacks.SyncClass):
    """Does what its base does."""


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(KNOWN, f"{KINDS}.SyncClass", Known("It reads files.", does_io=True))
    monkeypatch.setitem(KNOWN, f"{KINDS}.Hooks", Known("It is fine."))


def found(*paths, declared):
    with override_settings(MIDDLEWARE=paths, ASYNCKIT_NON_BLOCKING_MIDDLEWARE=declared):
        return list(in_declared(audit_stack(makes=False).entries))


@pytest.mark.parametrize("path", [f"{KINDS}.SyncClass", f"{__name__}.Subclass"])
@pytest.mark.parametrize("greenlet", [True, False])
def test_middleware_that_is_known_to_do_io_must_not_be_declared(path, greenlet, monkeypatch):
    if not greenlet:
        monkeypatch.setitem(sys.modules, "greenlet", None)
    [finding] = found(path, declared=[path])
    assert (finding.id, finding.where) == ("asynckit.W022", path)
    assert finding.message.startswith(f"{path} is declared free of I/O, but does some")
    assert finding.hint == "Take it out of ASYNCKIT_NON_BLOCKING_MIDDLEWARE. It reads files."


def test_what_is_not_declared_or_not_known_for_io_is_fine():
    assert found(f"{KINDS}.SyncClass", declared=[f"{KINDS}.sync_function"]) == []
    both = [f"{KINDS}.Hooks", f"{KINDS}.sync_function"]
    assert found(*both, declared=both) == []


def test_a_wrong_declaration_is_the_other_check_s_to_report():
    assert found(f"{KINDS}.SyncClass", declared=["no_such.Middleware"]) == []


@pytest.mark.parametrize("name", ["Redirects", "Tenants", "Maintenance", "ReadsUser"])
def test_middleware_whose_code_does_io_must_not_be_declared(name):
    path = f"{IO}.{name}"
    [finding] = found(path, declared=[path])
    assert (finding.id, finding.where) == ("asynckit.W022", path)
    assert "is declared free of I/O, but its code " in finding.message
    assert os.path.basename(finding.file) in ("doing_io.py", "helping_io.py")
    assert finding.line


def test_what_is_preloaded_may_be_read():
    preload = "django_asynckit.middleware.preload.PreloadUserMiddleware"
    for path in (f"{IO}.ReadsUser", f"{IO}.ReadsSession"):
        assert found(preload, path, declared=[path]) == []
        assert found(path, preload, declared=[path])
    redirects = f"{IO}.Redirects"
    assert found(preload, redirects, declared=[redirects])


def test_exactly_what_was_read_is_trusted(monkeypatch):
    path = f"{IO}.Redirects"
    monkeypatch.setitem(KNOWN, path, Known("It is fine."))
    assert found(path, declared=[path]) == []
    subclass = f"{IO}.InheritedHook"
    assert found(subclass, declared=[subclass])


def test_it_is_a_check():
    path = f"{KINDS}.SyncClass"
    with override_settings(
        MIDDLEWARE=[path],
        ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[path],
        ASGI_APPLICATION="tests.asgi_asynckit.application",
    ):
        assert [message.id for message in run_checks(tags=[TAG])] == ["asynckit.W022"]


@pytest.mark.parametrize(
    "path",
    [
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "silk.middleware.SilkyMiddleware",
        "auditlog.middleware.AuditlogMiddleware",
        "reversion.middleware.RevisionMiddleware",
        "hijack.middleware.HijackUserMiddleware",
        "allauth.usersessions.middleware.UserSessionsMiddleware",
        "stronghold.middleware.LoginRequiredMiddleware",
        "wagtail.contrib.redirects.middleware.RedirectMiddleware",
        "django_tenants.middleware.main.TenantMainMiddleware",
        "maintenance_mode.middleware.MaintenanceModeMiddleware",
    ],
)
def test_packages_that_do_io_are_known(path):
    assert KNOWN[path].does_io
