"""What asynccheck says of real packages: which are to be declared, and which do I/O."""

from __future__ import annotations

import os
from importlib import import_module

import pytest
from django.test import override_settings

from django_asynckit.audit.advice import advice_for
from django_asynckit.audit.blocking import io_in
from django_asynckit.audit.known import KNOWN
from django_asynckit.audit.promises import in_declared
from django_asynckit.audit.stack import audit_stack
from django_asynckit.report.github import as_github
from tests.report.audits import audit

whitenoise = pytest.importorskip(
    "whitenoise.middleware", reason="the packages are not installed: --group packages"
)

# One connects a receiver where it is imported, which other tests would count.
SAFE = [
    path
    for path, known in KNOWN.items()
    if not (known.does_io or known.own_hops or path.startswith("log_request_id."))
]


class Assets(whitenoise.WhiteNoiseMiddleware):
    """Builds on WhiteNoise's class, as real sites do."""

    def immutable_file_test(self, path, url):
        return "hash" in url


def imported(path):
    module, _, name = path.rpartition(".")
    if module.startswith("django_prometheus"):
        pytest.importorskip(
            "django_prometheus", reason="Django 6.1 is refused by django-prometheus"
        )
    return getattr(import_module(module), name)


@pytest.mark.parametrize("path", SAFE)
def test_nothing_is_seen_in_packages_that_were_read_and_they_are_to_be_declared(path):
    factory = imported(path)
    assert io_in(factory) == []
    assert "add it to ASYNCKIT_NON_BLOCKING_MIDDLEWARE" in advice_for(factory)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("whitenoise.middleware.WhiteNoiseMiddleware", "uses files"),
        ("auditlog.middleware.AuditlogMiddleware", "loads request.user"),
        ("hijack.middleware.HijackUserMiddleware", "loads request.user"),
        ("allauth.usersessions.middleware.UserSessionsMiddleware", "asks the database"),
    ],
)
def test_what_packages_do_is_seen_in_their_source(path, what):
    assert io_in(imported(path))[0].what == what


def test_a_subclass_of_whitenoise_s_is_not_to_be_declared():
    path = f"{__name__}.Assets"
    assert advice_for(Assets).startswith("It builds on WhiteNoiseMiddleware. It reads files.")
    with override_settings(MIDDLEWARE=[path], ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[path]):
        [finding] = in_declared(audit_stack(makes=False).entries)
    assert (finding.id, finding.where) == ("asynckit.W022", path)


def test_annotations_have_no_path_of_this_machine():
    text = as_github(audit("auditlog.middleware.AuditlogMiddleware", f"{__name__}.Assets"))
    assert "%0Aauditlog/middleware.py:" in text
    assert "file=tests/integrations/test_io_of_packages.py," in text
    assert os.getcwd() not in text
    assert "site-packages" not in text
