"""With django-tenants, nobody ever sees rows of another tenant, or of the public schema."""

from __future__ import annotations

import random

import pytest

from tests.databases.client import ask
from tests.databases.conftest import manage
from tests.databases.servers import NAME

pytest.importorskip("django_tenants", reason="django-tenants is not installed")

TENANTS = ("t0", "t1", "t2", "t3")
VIEWS = [
    "orm",
    "gather",
    "parallel",
    "parallel_first",
    "nested",
    "group",
    "beside",
    "siblings",
    "own",
    "own_in_a_block",
    "stream",
    "stream_rows",
    "stream_sync",
    "sync",
    "sync_atomic",
    "sync_agather",
    "release",
    "other_schema",
    "raw",
    "straggle",
]
APPS = ["django_tenants", "django.contrib.contenttypes", "tests.databases.tenants"]
SETTINGS = {
    "INSTALLED_APPS": [*APPS, "tests.databases", "django_asynckit"],
    "SHARED_APPS": APPS,
    "TENANT_APPS": ["tests.databases"],
    "TENANT_MODEL": "tenants.Client",
    "TENANT_DOMAIN_MODEL": "tenants.Domain",
    "DATABASE_ROUTERS": ["django_tenants.routers.TenantSyncRouter"],
    "ROOT_URLCONF": "tests.databases.tenants.urls",
}
ENGINE = "django_tenants.postgresql_backend"
FILL = f"""
from django.db import connection
from tests.databases.tenants.models import Client, Domain
with connection.schema_editor() as editor:
    editor.create_model(Client)
    editor.create_model(Domain)
for name in {TENANTS}:
    client = Client.objects.create(schema_name="tenant_" + name)
    Domain.objects.create(domain=name + ".example", tenant=client)
public = Client.objects.create(schema_name="public")
Domain.objects.create(domain="test", tenant=public)
"""
MIDDLEWARE = [
    "django_tenants.middleware.main.TenantMainMiddleware",
    "tests.databases.tenants.middleware.SyncOnly",
    "tests.databases.tenants.middleware.Async",
]


@pytest.fixture(scope="module")
def tenants(postgresql):
    server = postgresql.server
    manage(postgresql, "shell", "-v0", "-c", FILL, settings=SETTINGS, ENGINE=ENGINE)
    for tenant in TENANTS:
        server.execute_in(NAME, f"CREATE SCHEMA tenant_{tenant}")
        server.execute_in(
            NAME,
            f"CREATE TABLE tenant_{tenant}.databases_note AS SELECT * FROM public.databases_note"
            f" WHERE tenant = '{tenant}'",
        )
    yield postgresql
    for tenant in TENANTS:
        server.execute_in(NAME, f"DROP SCHEMA tenant_{tenant} CASCADE")
    server.execute_in(NAME, "DROP TABLE tenants_domain, tenants_client")


def seen_by(bodies):
    return [set(body.split()) for body in bodies]


@pytest.mark.parametrize("carry", [False, True], ids=["alone", "carried"])
@pytest.mark.parametrize("workers", [2, None])
@pytest.mark.parametrize("age", [0, 60])
@pytest.mark.parametrize("middleware", MIDDLEWARE, ids=["main", "sync-only", "async"])
def test_nobody_sees_rows_of_another_tenant(
    tenants, start_only_site, middleware, age, workers, carry
):
    settings = {**SETTINGS, "MIDDLEWARE": [middleware], "ASYNCKIT_WORKERS": workers}
    if carry:
        settings["ASYNCKIT_CARRY_CONNECTION_STATE"] = "tests.databases.tenants.middleware.carry"
    server = start_only_site(tenants, settings, ENGINE=ENGINE, CONN_MAX_AGE=age)
    chosen = random.Random(age)
    requests = [(chosen.choice(TENANTS), view) for view in VIEWS for _ in range(8)]
    chosen.shuffle(requests)
    answers = ask(server, [f"http://{tenant}.example/{view}/" for tenant, view in requests], 4)
    wrong = [
        (*request, status, body)
        for request, status, body in zip(requests, answers.statuses, answers.bodies, strict=True)
        if (status, set(body.split())) != (200, {request[0]})
    ]
    assert wrong == [], server.output[-3000:]
    assert server.output.count("ASYNCKIT_CARRY_CONNECTION_STATE") <= 1


@pytest.mark.parametrize("limits", [False, True], ids=["always", "once"])
@pytest.mark.parametrize("hold", ["auto", "request", "call"])
def test_whatever_the_hold_is(tenants, start_only_site, hold, limits):
    """Also if the search path is set once for each connection, and not before each query."""
    settings = {
        "TENANT_LIMIT_SET_CALLS": limits,
        **SETTINGS,
        "MIDDLEWARE": [MIDDLEWARE[2]],
        "ASYNCKIT_WORKERS": 2,
        "ASYNCKIT_WORKER_HOLD": hold,
    }
    server = start_only_site(tenants, settings, ENGINE=ENGINE, CONN_MAX_AGE=60)
    requests = [tenant for tenant in TENANTS for _ in range(25)]
    answers = ask(server, [f"http://{tenant}.example/raw/" for tenant in requests], 8)
    assert answers.bodies == requests, server.output[-3000:]


def test_sessions_are_kept_for_the_next_tenant(tenants, start_only_site):
    settings = {**SETTINGS, "MIDDLEWARE": [MIDDLEWARE[0]], "ASYNCKIT_WORKERS": 2}
    server = start_only_site(tenants, settings, ENGINE=ENGINE, CONN_MAX_AGE=60)
    requests = [tenant for tenant in TENANTS for _ in range(25)]
    with tenants.watch() as watch:
        answers = ask(server, [f"http://{tenant}.example/orm/" for tenant in requests], 4)
    assert answers.bodies == requests, server.output[-3000:]
    assert len(watch.seen) <= 4
