"""The table of the docs says what is measured, and ours always works and never blocks.

``TESTS_WRITE_DECORATOR_TABLE=1`` writes what the installed Django does into the docs; run it once
with each supported Django.
"""

from __future__ import annotations

import gc
import os
import warnings

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import caches
from django.core.management import call_command
from django.test import override_settings
from django.utils import translation
from django.utils.translation import trans_real

from tests.decorators import users
from tests.decorators.cases import every_case
from tests.decorators.measure import COLUMNS, OURS, STOCK
from tests.decorators.test_http import remote_log
from tests.docs_table import DocsTable
from tests.driver import plain_root_logger

TABLE = DocsTable(
    "reference/decorators.md", "decorator table", COLUMNS, "on an async view", absent="none"
)


@pytest.fixture
def measured(in_process_database, blockbuster):
    users.fill()
    call_command("createcachetable", "decorated_pages", verbosity=0)
    for code in ("de", translation.get_language()):
        trans_real.translation(code)  # Reading files is another test.
    people = [get_user_model().objects.get(username=name) for name in ("plain", "permitted")]
    blockbuster.deactivate()  # Here blocking is measured.
    rows = {}
    with (
        plain_root_logger(),
        override_settings(LOGIN_URL="/in/"),
        warnings.catch_warnings(),
    ):
        # Stock decorators leave coroutines that are never awaited.
        warnings.simplefilter("ignore", RuntimeWarning)
        for case in every_case(*people):
            cells = []
            for namespace in (STOCK, OURS):
                with remote_log() as seen:
                    texts = case.measure(namespace)
                # A record that a handler of an unknown kind got on the event loop.
                if texts[0] == "yes" and any(on_loop for *_, on_loop in seen):
                    texts[2] = "yes"
                cells += texts
            rows[case.name] = cells
        gc.collect()
    for cache in caches.all():
        cache.close()
    return rows


def test_the_docs_say_what_is_measured_and_ours_is_right_everywhere(measured):
    if os.environ.get("TESTS_WRITE_DECORATOR_TABLE"):
        TABLE.update(measured, list(dict.fromkeys([*measured, *TABLE.read()])))
    assert TABLE.of_this_version() == measured
    assert {(works, blocks) for *_, works, _, blocks in measured.values()} == {("yes", "never")}


def test_a_cell_may_have_a_text_for_each_version():
    cells = (
        {"5.2": "1", "6.0": "2", "6.1": "2"},
        {"5.2": None, "6.0": "yes", "6.1": "yes"},
        dict.fromkeys(("5.2", "6.0", "6.1"), "never"),
    )
    texts = [TABLE.format(cell) for cell in cells]
    assert texts == ["5.2: 1; 6.0, 6.1: 2", "5.2: none; 6.0, 6.1: yes", "never"]
    assert tuple(map(TABLE.parse, texts)) == cells
