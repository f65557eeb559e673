"""Runs the Python examples of the docs and the README: ``python -m pytest -p no:randomly docs README.md``."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from asgiref.sync import async_to_sync  # noqa: TID251
from django.db import connection

if find_spec("sybil"):  # The environments that only run the tests do without it.
    from sybil import Sybil
    from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

    def name_module(namespace: dict[str, object]) -> None:
        """Django asks views for their module, as if the examples of a page were one."""
        namespace["__name__"] = "docs_example"

    pytest_collect_file = Sybil(
        parsers=[PythonCodeBlockParser(), SkipParser()],
        patterns=["docs/*.md", "docs/*/*.md", "docs/*/*/*.md", "README.md"],
        setup=name_module,
        fixtures=["run_with_database"],
    ).pytest()


@pytest.fixture
def run_with_database(django_db_blocker):
    """Return a function that runs an async example with a database in memory, with one table."""

    from django.contrib.auth.models import Group

    def run(function):
        with django_db_blocker.unblock():
            with connection.schema_editor() as editor:
                editor.create_model(Group)
            async_to_sync(function)()
            with connection.schema_editor() as editor:
                editor.delete_model(Group)
            connection.close()

    return run
