"""Resets of a session, as drivers do them; with the real ones in test_sessions.py."""

from __future__ import annotations

import contextlib
from collections import deque

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL

from django_asynckit.workers.resetting import clean_for_pool, reset

SETTINGS = {
    "NAME": "shop",
    "USER": "ada",
    "PASSWORD": "secret",
    "HOST": "",
    "PORT": "",
    "OPTIONS": {},
    "TIME_ZONE": None,
}


class Psycopg:
    """What of a driver's connection is used."""

    def __init__(self, **attributes):
        self.autocommit = False
        self.done = []
        vars(self).update(attributes)

    @contextlib.contextmanager
    def cursor(self):
        yield self

    def execute(self, sql, _params=None):
        assert self.autocommit
        self.done.append(sql)

    def rollback(self):
        self.done.append("ROLLBACK")

    def close(self):
        self.done.append("close")


class Prepared:
    """psycopg's list of prepared statements."""

    def __init__(self):
        self.is_clear = False

    def clear(self):
        self.is_clear = True


class Broken(Psycopg):
    def execute(self, sql, _params=None):
        raise OSError("gone")


class MySQLConnection:
    """What of mysqlclient's connection is used."""

    def __init__(self):
        self.done = []

    def change_user(self, *args):
        self.done.append(args)

    def set_character_set(self, charset):
        self.done.append(charset)


def wrapper(cls, raw, **options):
    found = cls({**SETTINGS, "OPTIONS": options}, "default")
    found.connection = raw
    return found


def test_prepared_statements_are_forgotten():
    raw = Psycopg(_prepared=Prepared(), prepare_threshold=5)
    assert reset(wrapper(PostgreSQL, raw))
    assert raw.done == ["DISCARD ALL"]
    assert raw._prepared.is_clear


def test_without_knowing_how_to_forget_them_there_is_no_reset():
    assert not reset(wrapper(PostgreSQL, Psycopg(prepare_threshold=5)))
    assert reset(wrapper(PostgreSQL, Psycopg(prepare_threshold=None)))


def test_what_the_driver_has_collected_goes_too():
    raw = Psycopg(
        notices=["of psycopg2"],
        notifies=["of psycopg2"],
        _notifies_backlog=deque(["of psycopg"]),
        _notice_handlers=[print],
        _notify_handlers=[print],
    )
    assert reset(wrapper(PostgreSQL, raw))
    assert not any(
        (
            raw.notices,
            raw.notifies,
            raw._notifies_backlog,
            raw._notice_handlers,
            raw._notify_handlers,
        )
    )


def test_a_connection_that_is_broken_is_not_reset():
    assert not reset(wrapper(PostgreSQL, Broken()))


def test_nor_is_one_of_a_pool_or_of_another_server():
    assert not reset(wrapper(PostgreSQL, Psycopg(_pool=object())))
    unknown = PostgreSQL(SETTINGS, "default")
    unknown.vendor = "unknown"
    assert not reset(unknown)


class WithRole(PostgreSQL):
    def get_new_connection(self, conn_params):
        """Would set a role, for example."""


def test_nor_is_one_that_is_made_by_code_of_the_project():
    raw = Psycopg()
    assert not reset(wrapper(WithRole, raw))
    assert raw.done == []


@pytest.fixture
def mysql():
    pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
    from django.db.backends.mysql.base import DatabaseWrapper

    return DatabaseWrapper


def test_mysql_changes_to_the_same_user(mysql):
    raw = MySQLConnection()
    assert reset(wrapper(mysql, raw))
    assert raw.done == [("ada", "secret", "shop"), "utf8mb4"]


@pytest.mark.parametrize("options", [{"init_command": "SET x"}, {"sql_mode": "ANSI"}, {"user": ""}])
def test_mysql_is_not_reset_if_more_was_set_when_it_connected(mysql, options):
    raw = MySQLConnection()
    assert not reset(wrapper(mysql, raw, **options))
    assert raw.done == []


def test_another_driver_of_mysql_has_no_reset(mysql):
    assert not reset(wrapper(mysql, object()))


class Pooled(BaseDatabaseWrapper):
    """What of Django's wrapper is used."""

    def __init__(self, raw):
        self.connection = raw
        self.configured = []

    def _configure_connection(self, raw):
        self.configured.append(raw)


def test_a_pool_gets_back_what_it_has_made():
    raw = Psycopg(_pool=object())
    connection = Pooled(raw)
    clean_for_pool(connection, was_handed_out=False)
    assert raw.done == ["ROLLBACK", "DISCARD ALL"]
    assert connection.configured == [raw]


@pytest.mark.parametrize("cls", [Psycopg, Broken])
def test_a_pool_gets_back_a_closed_connection_otherwise(cls):
    raw = cls(_pool=object())
    clean_for_pool(Pooled(raw), was_handed_out=cls is Psycopg)
    assert raw.done[-1] == "close"
