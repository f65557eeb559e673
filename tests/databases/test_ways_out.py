"""The table of ``tests/db/test_ways_out.py`` on databases on which two connections write at a time."""

from __future__ import annotations

import pytest
from asgiref.sync import SyncToAsync
from django.contrib.contenttypes.models import ContentType
from django.db import connections

from django_asynckit.workers.context import POOL
from tests.db.places import PLACES, Place
from tests.db.ways import WAYS, Cell, Way


@pytest.fixture(scope="module")
def _table_of(request):
    """Databases which have the table of the rows."""
    return set()


@pytest.fixture
def rows(network_database, _table_of, monkeypatch, django_db_blocker, blockbuster):
    """A database with an empty table of rows, used in this process."""
    blockbuster.deactivate()
    POOL.shut_down(5)
    settings = {**connections.settings["default"], **network_database.settings, "OPTIONS": {}}
    monkeypatch.setitem(connections.settings, "default", {**settings, "CONN_MAX_AGE": None})
    with django_db_blocker.unblock():
        connection = connections.create_connection("default")
        if network_database.vendor not in _table_of:
            _table_of.add(network_database.vendor)
            if ContentType._meta.db_table not in connection.introspection.table_names():
                with connection.schema_editor() as editor:
                    editor.create_model(ContentType)
        with connection.cursor() as cursor:
            # MariaDB would lock what is beside rows that were deleted, until they are really gone.
            cursor.execute("TRUNCATE TABLE django_content_type")
        connection.close()
        yield
        POOL.shut_down(5)
        executor = SyncToAsync.single_thread_executor
        type(executor).submit(executor, forget).result(10)


def forget():
    """Let asgiref's thread for scripts make a connection anew, to the next database."""
    connections["default"].close()
    del connections["default"]


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_written_next_is_there(rows, way: Way, place: Place):
    Cell(way, place, two_may_write=True).run()
