"""What a request sets on its connection governs all its queries, and no query of another request."""

from __future__ import annotations

import random

import pytest

from tests.databases.client import ask
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
