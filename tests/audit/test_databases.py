"""Databases that are asked how many connections they take; those with a limit are in tests/databases."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.test import override_settings

from django_asynckit.audit.databases import audit_databases, connections_per_process
from django_asynckit.audit.project import audit_project, findings_for_checks
from django_asynckit.audit.tenants import in_databases
from django_asynckit.checks.databases import check_databases


@pytest.mark.django_db
def test_sqlite_has_no_limit():
    [finding] = audit_databases(["default"])
    assert finding.id == "asynckit.I016"
    assert "is not asked" in finding.message


def test_a_database_that_is_not_there_is_found():
    [finding] = audit_databases(["missing"])
    assert finding.id == "asynckit.E011"
    assert finding.where == "DATABASES['missing']"
    assert "ConnectionDoesNotExist" in finding.message


def test_a_database_that_may_not_be_used_is_no_check():
    """``migrate`` runs the check too, and tells of such a database itself."""
    assert check_databases(["missing"]) == check_databases(None) == check_databases([]) == []


@override_settings(ASYNCKIT_WORKERS=7)
def test_each_worker_opens_a_connection():
    assert connections_per_process("default") == 7


def test_middleware_that_holds_workers_leaves_no_limit_but_that_of_a_pool(monkeypatch):
    assert connections_per_process("default", ["some.Middleware"]) is None
    monkeypatch.setitem(connections["default"].settings_dict, "OPTIONS", {"pool": True})
    assert connections_per_process("default", ["some.Middleware"]) == 4


class OfATenant(DatabaseWrapper):
    """As django-tenants makes one."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.tenant = None


class OfNothing(DatabaseWrapper):
    """Adds nothing that belongs to a request."""


def carry(source, target):
    """ASYNCKIT_CARRY_CONNECTION_STATE."""


def of_class(monkeypatch, cls):
    def create(alias):
        return cls(connections.settings[alias], alias)

    monkeypatch.setattr(connections, "create_connection", create)


def test_connections_that_keep_a_tenant_are_found(monkeypatch):
    of_class(monkeypatch, OfATenant)
    first, *_ = in_databases()
    assert (first.id, first.where) == ("asynckit.W027", "DATABASES['default']")
    assert f"{__name__}.OfATenant keeps something" in first.message
    assert "(tenant)" in first.message
    assert "ASYNCKIT_CARRY_CONNECTION_STATE" in first.hint
    with override_settings(ASGI_APPLICATION="tests.asgi_asynckit.application"):
        assert first in findings_for_checks()
        assert first in audit_project().findings


@override_settings(ASYNCKIT_CARRY_CONNECTION_STATE=f"{__name__}.carry")
def test_what_is_carried_is_fine(monkeypatch):
    of_class(monkeypatch, OfATenant)
    assert list(in_databases()) == []


@override_settings(ASYNCKIT_CARRY_CONNECTION_STATE="no_such.function")
def test_a_wrong_setting_is_the_other_check_s_to_report(monkeypatch):
    of_class(monkeypatch, OfATenant)
    assert list(in_databases()) == []


@pytest.mark.parametrize("cls", [DatabaseWrapper, OfNothing])
def test_connections_that_keep_nothing_are_fine(monkeypatch, cls):
    of_class(monkeypatch, cls)
    assert list(in_databases()) == []


def test_a_backend_that_cannot_be_loaded_is_djangos_to_report(monkeypatch):
    def create(alias):
        raise ImproperlyConfigured("no such backend")

    monkeypatch.setattr(connections, "create_connection", create)
    assert list(in_databases()) == []
