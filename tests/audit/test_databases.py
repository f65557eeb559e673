"""Databases that are asked how many connections they take; those with a limit are in tests/databases."""

from __future__ import annotations

import pytest
from django.db import connections
from django.test import override_settings

from django_asynckit.audit.databases import audit_databases, connections_per_process
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
