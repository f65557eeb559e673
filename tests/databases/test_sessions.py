"""What a request leaves on the session of its connection, nobody else sees; and the session stays."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest

from tests.databases.client import ask, ask_one
from tests.databases.servers import NAME, ROLE

SETTINGS = {"ROOT_URLCONF": "tests.databases.left_urls", "ASYNCKIT_WORKERS": 1}
LEFT = "SELECT current_setting('app.left', true)"
NOTHING = ("", "None")
FUNCTIONS = """
CREATE FUNCTION leave() RETURNS text LANGUAGE plpgsql AS $$
BEGIN PERFORM set_config('app.left', 'mine', false); RETURN ''; END $$
"""


@pytest.fixture(scope="module")
def functions(postgresql):
    """PostgreSQL with a function that leaves something, and a role."""
    server = postgresql.server
    server.execute_in(NAME, FUNCTIONS)
    server.execute_in(NAME, f'CREATE ROLE "{ROLE}other"')
    yield postgresql
    server.execute_in(NAME, f'DROP ROLE "{ROLE}other"')
    server.execute_in(NAME, "DROP FUNCTION leave()")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT set_config('app.left', 'mine', false)",
        "SELECT leave(), 'mail from me'",
        "SELECT id FROM databases_note, LATERAL leave()",
        "SELECT id FROM databases_note JOIN leave() ON true",
        "WITH a AS (SELECT leave()) SELECT * FROM a",
        "VALUES (leave())",
        "UPDATE databases_note SET text = text || leave()",
        "SET app.\"left\" = 'mine'",
        "DO $$ BEGIN PERFORM leave(); END $$",
    ],
)
def test_what_sql_has_set_is_gone(functions, start_site, sql):
    server = start_site(functions, SETTINGS, CONN_MAX_AGE=None)
    before = ask_one(server, "/session/")
    ask_one(server, f"/leave/sql/?sql={quote(sql)}")
    assert ask_one(server, f"/look/?sql={quote(LEFT)}") in NOTHING
    assert ask_one(server, "/session/") == before


@pytest.mark.parametrize(
    ("sql", "look", "expected"),
    [
        ("SET statement_timeout = '7s'", "SHOW statement_timeout", "0"),
        ("SET search_path TO pg_catalog", "SHOW search_path", '"$user", public'),
        ("SET TIME ZONE 'Asia/Tokyo'", "SHOW timezone", "UTC"),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SHOW default_transaction_read_only",
            "off",
        ),
        ("CREATE TEMP TABLE mine (number int)", "SELECT to_regclass('mine')", "None"),
        ("SELECT 1 AS one INTO pg_temp.mine", "SELECT to_regclass('mine')", "None"),
        (
            "SELECT pg_advisory_lock(7)",
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
            "0",
        ),
        ("LISTEN news", "SELECT count(*) FROM pg_listening_channels()", "0"),
        ("PREPARE mine AS SELECT 1", "SELECT count(*) FROM pg_prepared_statements", "0"),
        (
            "DECLARE mine CURSOR WITH HOLD FOR SELECT 1",
            "SELECT count(*) FROM pg_cursors",
            "0",
        ),
        (f'SET ROLE "{ROLE}other"', "SELECT current_user = session_user", "True"),
        (
            f'SET SESSION AUTHORIZATION "{ROLE}other"',
            f"SELECT session_user = '{ROLE}other'",
            "False",
        ),
    ],
)
def test_nothing_else_of_a_session_is_left(functions, start_site, sql, look, expected):
    server = start_site(functions, SETTINGS, CONN_MAX_AGE=None)
    before = ask_one(server, "/session/")
    ask_one(server, f"/leave/sql/?sql={quote(sql)}")
    assert ask_one(server, f"/look/?sql={quote(look)}") == expected
    assert ask_one(server, "/session/") == before


@pytest.mark.parametrize("chain", ["leave", "leave-sync"])
@pytest.mark.parametrize("binding", [False, True], ids=["client", "server"])
@pytest.mark.parametrize(
    "how",
    [
        "func",
        "template",
        "raw-sql",
        "filter",
        "order",
        "extra",
        "extra-where",
        "own-func",
        "own-transform",
        "values",
        "aggregate",
        "update",
        "subquery",
        "union",
        "exists",
        "raw",
        "wrapper",
        "temporary",
        "prepared",
        "schema-editor",
    ],
)
def test_what_a_user_wrote_into_the_orm_is_gone(functions, start_site, how, binding, chain):
    options = {"server_side_binding": binding, "prepare_threshold": 3}
    server = start_site(functions, SETTINGS, CONN_MAX_AGE=None, OPTIONS=options)
    before = ask_one(server, "/session/")
    for _ in range(2):
        ask_one(server, f"/{chain}/{how}/")
        assert ask_one(server, f"/look/?sql={quote(LEFT)}") in NOTHING
    assert ask_one(server, "/session/") == before


@pytest.mark.parametrize(
    "how", ["drivers-cursor", "drivers-connection", "row-factory", "row-factory-of-result"]
)
def test_a_connection_whose_drivers_object_was_handed_out_is_closed(functions, start_site, how):
    """Nobody knows what was set on the object, and no SQL takes it back."""
    server = start_site(functions, SETTINGS, CONN_MAX_AGE=None)
    before = ask_one(server, "/session/")
    ask_one(server, f"/leave/{how}/")
    assert ask_one(server, f"/look/?sql={quote(LEFT)}") in NOTHING
    assert ask_one(server, "/session/") != before


@pytest.mark.parametrize(
    ("sql", "look", "expected"),
    [
        ("SET SESSION lock_wait_timeout = 7", "SELECT @@lock_wait_timeout", "86400"),
        ("SET @mine = 7", "SELECT @mine", "None"),
        ("SELECT @mine := 7", "SELECT @mine", "None"),
        ("SELECT 7 INTO @mine", "SELECT @mine", "None"),
        ("SELECT GET_LOCK('mine', 0)", "SELECT IS_USED_LOCK('mine')", "None"),
        ("SET SESSION TRANSACTION READ ONLY", "SELECT @@tx_read_only", "0"),
        ("SET foreign_key_checks = 0", "SELECT @@foreign_key_checks", "1"),
        ("SET NAMES latin1", "SELECT @@character_set_client", "utf8mb4"),
        (
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SELECT @@tx_isolation",
            "READ-COMMITTED",
        ),
        ("BEGIN", "SELECT @@in_transaction", "0"),
        ("SET autocommit = 0", "SELECT @@autocommit", "1"),
        ("USE information_schema", "SELECT DATABASE()", NAME),
        (
            "CREATE TEMPORARY TABLE mine (number int)",
            "SELECT count(*) FROM information_schema.tables WHERE table_name = 'mine'",
            "0",
        ),
    ],
)
def test_mariadb_is_reset_too(mariadb, start_site, sql, look, expected):
    server = start_site(mariadb, SETTINGS, CONN_MAX_AGE=None)
    before = ask_one(server, "/session/")
    ask_one(server, f"/leave/sql/?sql={quote(sql)}")
    assert ask_one(server, f"/look/?sql={quote(look)}") == expected
    assert ask_one(server, "/session/") == before


def test_the_next_transaction_of_mariadb_may_write(mariadb, start_site):
    """SET TRANSACTION is about the next transaction of the session, whosever it is."""
    server = start_site(mariadb, SETTINGS, CONN_MAX_AGE=None)
    ask_one(server, f"/leave/sql/?sql={quote('SET TRANSACTION READ ONLY')}")
    sql = "UPDATE databases_note SET text = 'written' WHERE id = 1"
    ask_one(server, f"/leave/sql/?sql={quote(sql)}")


@pytest.mark.parametrize(
    ("name", "look"),
    [("mariadb", "SELECT @@foreign_key_checks"), ("sqlite", "PRAGMA foreign_keys")],
)
def test_constraints_are_checked_again(request, start_site, name, look):
    server = start_site(request.getfixturevalue(name), SETTINGS, CONN_MAX_AGE=None)
    ask_one(server, "/leave/no-constraints/")
    assert ask_one(server, f"/look/?sql={quote(look)}") == "1"


@pytest.mark.parametrize(
    ("sql", "look", "expected"),
    [
        (
            "CREATE TEMP TABLE mine (number int)",
            "SELECT count(*) FROM sqlite_temp_master",
            "0",
        ),
        ("PRAGMA query_only = ON", "PRAGMA query_only", "0"),
    ],
)
def test_sqlite_is_closed(sqlite, start_site, sql, look, expected):
    server = start_site(sqlite, SETTINGS, CONN_MAX_AGE=None)
    ask_one(server, f"/leave/sql/?sql={quote(sql)}")
    assert ask_one(server, f"/look/?sql={quote(look)}") == expected


@pytest.mark.parametrize("target", ["/pid/", "/pid/sync/"])
@pytest.mark.parametrize("workers", [1, 3, None])
def test_raw_sql_in_each_request_needs_no_more_sessions_than_workers(
    functions, start_site, workers, target
):
    settings = {**SETTINGS, "ASYNCKIT_WORKERS": workers}
    server = start_site(functions, settings, CONN_MAX_AGE=None)
    answers = ask(server, [target] * 200, concurrency=20)
    assert answers.counted() == {200: 200}, server.output[-3000:]
    assert len(set(answers.bodies)) <= (workers or 32)
    if workers is not None:
        assert len(set(answers.bodies)) <= workers


def test_a_pool_gets_back_clean_sessions(functions, start_site):
    pytest.importorskip("psycopg_pool")
    options = {"pool": {"min_size": 1, "max_size": 1, "timeout": 5}}
    server = start_site(functions, SETTINGS, OPTIONS=options)
    before = ask_one(server, "/session/")
    for sql in ("SELECT leave(), 'mail from me'", "SET TIME ZONE 'Asia/Tokyo'"):
        ask_one(server, f"/leave/sql/?sql={quote(sql)}")
        assert ask_one(server, f"/look/?sql={quote(LEFT)}") in NOTHING
        assert ask_one(server, "/look/?sql=SHOW+timezone") == "UTC"
    assert ask_one(server, "/session/") == before
    ask_one(server, "/leave/drivers-connection/")
    assert ask_one(server, f"/look/?sql={quote(LEFT)}") in NOTHING


def test_what_receivers_do_to_a_new_connection_is_done_once(functions, start_site):
    server = start_site(functions, SETTINGS, CONN_MAX_AGE=None)
    before = ask_one(server, "/session/")
    assert ask_one(server, "/received/") == "1 1 yes"
    for sql in ("RESET app.set_up", "SET app.set_up = 'no'", "SELECT 1"):
        ask_one(server, f"/leave/sql/?sql={quote(sql)}")
        assert ask_one(server, "/received/") == "1 1 yes"
    assert ask_one(server, "/session/") == before


def test_a_function_that_is_declared_is_believed(functions, start_only_site):
    """And so nothing is reset."""
    server = start_only_site(functions, SETTINGS, CONN_MAX_AGE=None)
    before = ask_one(server, "/session/")
    sql = quote("SELECT set_config('app.left', 'mine', false)")
    ask_one(server, f"/look/?sql={sql}")
    assert ask(server, ["/fail/"]).statuses == [500]
    assert ask_one(server, f"/look/?sql={quote(LEFT)}") == "mine"
    assert ask_one(server, "/session/") == before
    ask_one(server, "/leave/sql/?sql=SELECT+1")
    assert ask_one(server, f"/look/?sql={quote(LEFT)}") in NOTHING


def test_a_transaction_that_sql_has_begun_is_rolled_back(functions, start_site):
    server = start_site(functions, SETTINGS, CONN_MAX_AGE=None)
    ask_one(server, "/leave/sql/?sql=BEGIN")
    assert ask_one(server, f"/look/?sql={quote(LEFT)}") in NOTHING
    assert "A request ended inside a transaction" in server.output


@pytest.mark.parametrize("name", ["functions", "mariadb"])
def test_a_session_that_is_reset_grows_old_all_the_same(request, start_site, name):
    server = start_site(request.getfixturevalue(name), SETTINGS, CONN_MAX_AGE=2)
    before, until = ask_one(server, "/session/"), time.monotonic() + 10
    while ask_one(server, "/session/") == before and time.monotonic() < until:
        ask_one(server, "/leave/sql/?sql=SELECT+1")
        time.sleep(0.3)
    assert ask_one(server, "/session/") != before


def test_settings_of_the_role_hold_after_a_reset(functions, start_site):
    alter = f'ALTER ROLE "{ROLE}login" '
    database = functions.server
    database.execute(f'CREATE ROLE "{ROLE}login" LOGIN SUPERUSER')
    try:
        database.execute(f"{alter} SET statement_timeout = '88s'")
        server = start_site(functions, SETTINGS, CONN_MAX_AGE=None, USER=f"{ROLE}login")
        before = ask_one(server, "/session/")
        ask_one(server, f"/leave/sql/?sql={quote('SET statement_timeout = 0')}")
        assert ask_one(server, "/look/?sql=SHOW+statement_timeout") == "88s"
        assert ask_one(server, "/session/") == before
    finally:
        database.execute(f'DROP ROLE "{ROLE}login"')


def test_what_the_settings_say_of_a_session_holds_after_a_reset(functions, start_site):
    options = {"assume_role": f"{ROLE}other", "options": "-c statement_timeout=77s"}
    server = start_site(
        functions, SETTINGS, CONN_MAX_AGE=None, OPTIONS=options, TIME_ZONE="Asia/Tokyo"
    )
    before = ask_one(server, "/session/")
    for sql in ("RESET ROLE", "SET TIME ZONE 'UTC'", "SET statement_timeout = 0"):
        ask_one(server, f"/leave/sql/?sql={quote(sql)}")
        looks = ("SHOW role", "SHOW timezone", "SHOW statement_timeout")
        assert [ask_one(server, f"/look/?sql={quote(one)}") for one in looks] == [
            f"{ROLE}other",
            "Asia/Tokyo",
            "77s",
        ]
    assert ask_one(server, "/session/") == before
