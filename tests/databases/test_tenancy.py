"""What a request sets on its connection governs all its queries, and no query of another request."""

from __future__ import annotations

import random
from urllib.parse import quote

import pytest

from tests.databases.client import ask, ask_one
from tests.databases.servers import NAME, ROLE

TENANTS = ("t0", "t1", "t2", "t3")
EVERYBODY = " ".join(TENANTS)
MIDDLEWARE = ("tenant_sync", "tenant_async")


@pytest.fixture(scope="module")
def tenants(postgresql):
    """Rows that only their tenant sees: by a role, by a variable, or by a schema of its own."""
    server = postgresql.server
    statements = [
        "ALTER TABLE databases_note ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY own ON databases_note USING "
        "(tenant IN (right(current_user, 2), current_setting('app.tenant', true)))",
        f'CREATE ROLE "{ROLE}app"',
        f'GRANT SELECT ON databases_note TO "{ROLE}app"',
    ]
    for tenant in TENANTS:
        statements += [
            f'CREATE ROLE "{ROLE}{tenant}"',
            f'GRANT SELECT ON databases_note TO "{ROLE}{tenant}"',
            f'CREATE SCHEMA "{tenant}"',
            f'CREATE TABLE "{tenant}".databases_note AS SELECT * FROM public.databases_note'
            f" WHERE tenant = '{tenant}'",
        ]
    for statement in statements:
        server.execute_in(NAME, statement)
    yield postgresql
    for role in ("app", *TENANTS):
        server.execute_in(NAME, f'DROP OWNED BY "{ROLE}{role}"')
        server.execute_in(NAME, f'DROP ROLE "{ROLE}{role}"')
    for tenant in TENANTS:
        server.execute_in(NAME, f'DROP SCHEMA "{tenant}" CASCADE')
    server.execute_in(NAME, "DROP POLICY own ON databases_note")
    server.execute_in(NAME, "ALTER TABLE databases_note DISABLE ROW LEVEL SECURITY")


def some_requests(how: str, number: int) -> list[str | None]:
    """Return the tenant of each request; ``None`` for those that set nothing."""
    chosen = random.Random(how)
    return [chosen.choice((*TENANTS, None)) for _ in range(number)]


@pytest.mark.parametrize("hold", ["auto", "request"])
@pytest.mark.parametrize("middleware", MIDDLEWARE)
@pytest.mark.parametrize("how", ["role", "path"])
def test_nobody_sees_rows_of_others(tenants, start_site, middleware, hold, how):
    server = start_site(
        tenants,
        {
            "MIDDLEWARE": [f"tests.databases.middleware.{middleware}"],
            "ASYNCKIT_WORKER_HOLD": hold,
            "ASYNCKIT_WORKERS": 4,
        },
        CONN_MAX_AGE=None,
    )
    requests = some_requests(how, 300)
    targets = [
        "/tenants/" if tenant is None else f"/tenants/?tenant={tenant}&how={how}"
        for tenant in requests
    ]
    answers = ask(server, targets, concurrency=30)
    assert answers.counted() == {200: len(targets)}, server.output[-3000:]
    assert answers.bodies == [EVERYBODY if tenant is None else tenant for tenant in requests]


@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_variable_of_a_session_is_no_other_requests(tenants, start_site, middleware):
    """As a role that sees nothing without the variable."""
    server = start_site(
        tenants,
        {
            "MIDDLEWARE": [f"tests.databases.middleware.{middleware}"],
            "ASYNCKIT_WORKERS": 4,
        },
        CONN_MAX_AGE=None,
        OPTIONS={"assume_role": f"{ROLE}app"},
    )
    requests = some_requests("variable", 300)
    targets = [
        "/tenants/" if tenant is None else f"/tenants/?tenant={tenant}&how=variable"
        for tenant in requests
    ]
    answers = ask(server, targets, concurrency=30)
    assert answers.counted() == {200: len(targets)}, server.output[-3000:]
    assert answers.bodies == [tenant or "" for tenant in requests]


@pytest.mark.parametrize("hold", ["auto", "request"])
@pytest.mark.parametrize("middleware", MIDDLEWARE)
def test_execute_wrapper_sees_all_queries_of_its_request_only(
    network_database, start_site, middleware, hold
):
    server = start_site(
        network_database,
        {
            "MIDDLEWARE": [f"tests.databases.middleware.{middleware}"],
            "ASYNCKIT_WORKER_HOLD": hold,
            "ASYNCKIT_WORKERS": 4,
        },
        CONN_MAX_AGE=None,
    )
    targets = ["/wrapped/?tenant=t0&how=wrapper", "/wrapped/"] * 100
    answers = ask(server, targets, concurrency=30)
    assert answers.counted() == {200: len(targets)}, server.output[-3000:]
    assert answers.bodies == ["3 queries", "not wrapped"] * 100


LASTING = [
    ("postgresql", "SET statement_timeout = '7s'", "SHOW statement_timeout", "0"),
    (
        "postgresql",
        "SELECT set_config('a.b', 'c', false)",
        "SELECT current_setting('a.b', true)",
        "None",
    ),
    ("postgresql", "CREATE TEMP TABLE mine (number int)", "SELECT to_regclass('mine')", "None"),
    (
        "postgresql",
        "SELECT pg_advisory_lock(7)",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
        "0",
    ),
    ("postgresql", "LISTEN news", "SELECT count(*) FROM pg_listening_channels()", "0"),
    ("mariadb", "SET SESSION lock_wait_timeout = 7", "SELECT @@lock_wait_timeout", "86400"),
    ("mariadb", "SET @tenant = 7", "SELECT @tenant", "None"),
    ("mariadb", "SELECT GET_LOCK('mine', 0)", "SELECT IS_USED_LOCK('mine')", "None"),
    (
        "mariadb",
        "CREATE TEMPORARY TABLE mine (number int)",
        "SELECT count(*) FROM information_schema.tables WHERE table_name = 'mine'",
        "0",
    ),
]


@pytest.mark.parametrize(("name", "sql", "look", "expected"), LASTING)
def test_session_that_sql_changed_is_not_kept(request, start_site, name, sql, look, expected):
    database = request.getfixturevalue(name)
    server = start_site(database, {"ASYNCKIT_WORKERS": 1}, CONN_MAX_AGE=None)
    before = ask_one(server, "/session/")
    ask_one(server, f"/sql/?sql={quote(sql)}")
    assert ask_one(server, f"/sql/?sql={quote(look)}") == expected
    assert ask_one(server, "/session/") != before


@pytest.mark.parametrize(
    "target",
    [
        "/sql/?sql=SELECT+1",
        "/sql/?sql=SELECT+count(*)+FROM+databases_note",
        "/sql/?declared=1&sql=SET+statement_timeout+%3D+0",
        "/fail/",
    ],
)
def test_session_that_nothing_changed_is_kept(postgresql, start_site, target):
    server = start_site(postgresql, {"ASYNCKIT_WORKERS": 1}, CONN_MAX_AGE=None)
    before = ask_one(server, "/session/")
    ask(server, [target])
    assert ask_one(server, "/session/") == before
