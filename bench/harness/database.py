"""A database on a PostgreSQL server, for the time of a benchmark."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import psycopg

from harness.targets import BODY

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = (
    "CREATE TABLE django_content_type (id int PRIMARY KEY, app_label varchar(100), model varchar(100));"
    f"INSERT INTO django_content_type VALUES (1, 'bench', '{BODY.decode()}')"
)


def connect(name: str) -> psycopg.Connection:
    """As the settings of the benchmark do."""
    host, user = os.environ.get("PGHOST", "127.0.0.1"), os.environ.get("PGUSER", "postgres")
    return psycopg.connect(host=host, user=user, dbname=name, autocommit=True)


@contextlib.contextmanager
def empty_database() -> Iterator[psycopg.Connection]:
    """Create it, tell the servers its name, drop it; gives a connection beside it."""
    name = os.environ["BENCH_DATABASE_NAME"] = f"asynckit_bench_{os.getpid()}"
    with connect("postgres") as beside:
        beside.execute(f"CREATE DATABASE {name}")
        try:
            yield beside
        finally:
            beside.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def database() -> Iterator[psycopg.Connection]:
    """The same, with a table for one query."""
    with empty_database() as beside:
        with connect(os.environ["BENCH_DATABASE_NAME"]) as inside:
            inside.execute(TABLE)
        yield beside


def sessions(beside: psycopg.Connection, key: str) -> int:
    """How many the server of a target has now."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = %s"
    [count] = beside.execute(query, [os.environ["BENCH_DATABASE_NAME"], key]).fetchone()
    return count
