"""A migrated database in a file, with one user in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections

from django_asynckit.workers.routes import POOL


@contextlib.contextmanager
def database_file(name: Path, blocker) -> Iterator[None]:
    """Let all threads of this process use a file as their database, so that each can have a connection."""
    settings, original = connections.settings["default"], connections["default"]
    saved = {key: settings[key] for key in ("NAME", "OPTIONS")}
    settings.update(NAME=str(name), OPTIONS={"init_command": "PRAGMA synchronous=OFF"})
    connections["default"] = connections.create_connection("default")
    try:
        with blocker.unblock():
            yield
            # They close their connections, which with the other settings they would not.
            POOL.shut_down(10)
            connections["default"].close()
    finally:
        settings.update(saved)
        connections["default"] = original


@pytest.fixture(scope="session")
def site_database(tmp_path_factory, django_db_blocker) -> Path:
    """A migrated database with the user ``ada``, an administrator."""
    name = tmp_path_factory.mktemp("site") / "site.sqlite3"
    with database_file(name, django_db_blocker):
        call_command("migrate", verbosity=0)
        get_user_model().objects.create_superuser("ada", "ada@example.test", "secret")
    return name


@pytest.fixture
def in_process_database(site_database, django_db_blocker) -> Iterator[None]:
    with database_file(site_database, django_db_blocker):
        yield
