"""Which SQL may leave something on its session, and how a connection hears of it."""

from __future__ import annotations

import pytest
from django.db import connection, connections
from django.db.backends.utils import CursorWrapper

from django_asynckit.workers.sql import SESSION_CHANGED, may_outlast, watch

PASSING = [
    "SELECT 1 FROM app",
    "  insert into app values (1)",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "UPDATE app SET a = 1",
    "SAVEPOINT a",
    "COMMIT",
    "SET LOCAL ROLE tenant",
    "SELECT set_config('role', 'tenant', true)",
    "SELECT pg_advisory_xact_lock(7)",
]
LASTING = [
    "SET search_path TO tenant",
    "SELECT set_config('role', 'tenant', false)",
    "SELECT pg_advisory_lock(7)",
    "SELECT GET_LOCK('a', 1)",
    "SELECT @total := 1",
    "SELECT a FROM app INTO @a",
    "SELECT leave_something()",
    "SELECT * FROM leave_something()",
    "SELECT 1 FROM app; SET search_path TO tenant",
    "CREATE TEMPORARY TABLE a (b int)",
    "LISTEN channel",
    "BEGIN",
    "START TRANSACTION",
    b"SELECT 1 FROM app",
]


@pytest.mark.parametrize("sql", PASSING)
def test_what_reads_and_writes_rows_passes(sql):
    assert not may_outlast(sql)


@pytest.mark.parametrize("sql", LASTING)
def test_what_may_change_the_session_lasts(sql):
    assert may_outlast(sql)


def execute(cursor, sql):
    cursor.execute(sql)


def executemany(cursor, sql):
    cursor.executemany(sql, [])


def callproc(cursor, sql):
    with pytest.raises(AttributeError):
        cursor.callproc(sql)  # SQLite has no procedures.


@pytest.mark.parametrize(
    ("run", "sql", "changed"),
    [
        (execute, "SELECT 1 FROM django_content_type", False),
        (execute, "PRAGMA foreign_keys = ON", True),
        (executemany, "UPDATE django_content_type SET model = model", False),
        (executemany, "REINDEX", True),
        (callproc, "SELECT", True),
    ],
)
@pytest.mark.django_db
def test_a_connection_hears_of_it(run, sql, changed, monkeypatch):
    monkeypatch.setitem(vars(connections["default"]), SESSION_CHANGED, False)
    with watch(connection.cursor(), connections["default"]) as cursor:
        assert isinstance(cursor, CursorWrapper)
        run(cursor, sql)
    assert vars(connections["default"])[SESSION_CHANGED] is changed


@pytest.mark.django_db
def test_a_cursor_of_another_kind_may_have_run_anything(monkeypatch):
    monkeypatch.setitem(vars(connections["default"]), SESSION_CHANGED, False)
    with connection.cursor() as wrapped:
        assert watch(wrapped.cursor, connections["default"]) is wrapped.cursor
    assert vars(connections["default"])[SESSION_CHANGED]
