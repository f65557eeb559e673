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
def database() -> Iterator[psycopg.Connection]:
    """Create it and its table, tell the servers its name, drop it; gives a connection beside it."""
    name = os.environ["BENCH_DATABASE_NAME"] = f"asynckit_bench_{os.getpid()}"
    with connect("postgres") as beside:
        beside.execute(f"CREATE DATABASE {name}")
        try:
            with connect(name) as inside:
                inside.execute(TABLE)
            yield beside
        finally:
            beside.execute(f"DROP DATABASE {name} WITH (FORCE)")
