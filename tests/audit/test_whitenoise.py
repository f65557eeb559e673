"""What is said of WhiteNoise's middleware: where our native class stands in, it is not sync only."""

from __future__ import annotations

import sys

import pytest
from django.test import override_settings

from django_asynckit import _drift
from django_asynckit._mirrored import REVIEWED
from django_asynckit.audit.stack import audit_stack
from django_asynckit.checks.declared import check_declared

middleware = pytest.importorskip(
    "whitenoise.middleware", reason="whitenoise is not installed: --group packages"
)

PATH = "whitenoise.middleware.WhiteNoiseMiddleware"
NATIVE = "django_asynckit.middleware.whitenoise.WhiteNoiseMiddleware"


class Subclass(middleware.WhiteNoiseMiddleware):
    """A project's own."""


def audited(path=PATH, *, makes=False, **settings):
    with override_settings(MIDDLEWARE=[path], STATIC_URL="/static/", **settings):
        stack = audit_stack(makes=makes)
    [entry] = stack.entries
    return entry, {finding.id for finding in stack.findings}


@pytest.mark.parametrize("makes", [True, False], ids=["made", "looked at"])
def test_our_handler_uses_the_native_class(makes):
    entry, found = audited(makes=makes)
    assert (entry.stock.pins_thread, entry.asynckit.pins_thread) == (True, False)
    assert (entry.stock.hops, entry.asynckit.hops) == (2, 0)
    assert entry.fix == f"Our handler uses {NATIVE} in its place."
    assert found == set()


@pytest.mark.parametrize("settings", [{"DEBUG": True}, {"WHITENOISE_AUTOREFRESH": True}])
@pytest.mark.parametrize("path", [PATH, f"{__name__}.Subclass"])
def test_with_autorefresh_it_stays_and_is_sync_only(path, settings):
    entry, found = audited(path, **settings)
    assert entry.asynckit.pins_thread
    assert "unless WHITENOISE_AUTOREFRESH is on, as it is with DEBUG" in entry.fix
    assert found == {"asynckit.W003"}


def test_a_subclass_is_told_what_to_derive_from():
    entry, found = audited(f"{__name__}.Subclass")
    assert f"derive it from {NATIVE}" in entry.fix
    assert found == {"asynckit.W003"}


def test_the_setting_that_switches_it_off_is_named():
    entry, found = audited(ASYNCKIT_NATIVE_MIDDLEWARE=False)
    assert "Set ASYNCKIT_NATIVE_MIDDLEWARE to True" in entry.fix
    assert found == {"asynckit.W003"}


def test_the_check_is_named_that_says_what_was_not_reviewed(monkeypatch):
    monkeypatch.setitem(REVIEWED, "whitenoise.responders:Redirect", {"0" * 16: "6.9.0"})
    _drift.is_reviewed.cache_clear()
    try:
        entry, found = audited()
    finally:
        _drift.is_reviewed.cache_clear()
    assert "as asynckit.W001 says" in entry.fix
    assert found == {"asynckit.W003"}


def test_named_by_its_path_it_makes_a_hop_in_some_requests_only():
    entry, found = audited(NATIVE)
    assert (entry.stock.hops, entry.asynckit.hops) == (0, 0)
    assert found == set()


def test_declared_it_runs_as_if_it_were_not():
    entry, found = audited(ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[PATH])
    assert (entry.native, entry.is_declared) == (NATIVE, False)
    assert found == set()


def test_a_wrong_setting_is_the_other_check_s_to_report():
    with override_settings(
        MIDDLEWARE=[PATH],
        ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[PATH],
        ASYNCKIT_NATIVE_MIDDLEWARE="wrong",
    ):
        assert check_declared() == []


@pytest.mark.parametrize("autorefresh", [True, False])
def test_a_check_says_whether_its_declaration_changes_anything(autorefresh, monkeypatch):
    monkeypatch.setitem(sys.modules, "greenlet", None)
    with override_settings(
        MIDDLEWARE=[PATH],
        ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[PATH],
        WHITENOISE_AUTOREFRESH=autorefresh,
    ):
        [message] = check_declared()
    if autorefresh:
        assert message.id == "asynckit.W002"
    else:
        assert message.id == "asynckit.I001"
        assert message.msg.startswith(f"Our handler puts a native class in the place of {PATH}")
