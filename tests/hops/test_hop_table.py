"""The hop table of the docs says what is measured.

``TESTS_WRITE_HOP_TABLE=1`` writes the numbers of the installed Django into the docs; run it once
with each supported Django.
"""

from __future__ import annotations

import os

import pytest
from django.test import override_settings

from django_asynckit.audit.stack import audit_stack
from tests.docs_table import DocsTable
from tests.fuzz.stacks import EVERY
from tests.hops.measure import COLUMNS, full_stack, measure

TABLE = DocsTable("explanation/thread-hops.md", "hop table", COLUMNS)


@pytest.mark.usefixtures("fuzz_site")
def test_the_docs_say_how_many_hops_the_full_stack_makes():
    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.db"):
        measured = measure()
    if os.environ.get("TESTS_WRITE_HOP_TABLE"):
        names = [f"`{path.rpartition('.')[2]}`" for path in EVERY]
        known = TABLE.read()
        first, *_, hops, threads = measured
        rows = [
            first,
            *(name for name in names if name in measured or name in known),
            hops,
            threads,
        ]
        TABLE.update(measured, rows)
    assert TABLE.of_this_version() == measured


@pytest.mark.usefixtures("fuzz_site")
def test_the_audit_says_the_same_for_somebody_who_is_not_logged_in():
    rows = TABLE.of_this_version()
    with override_settings(
        MIDDLEWARE=full_stack(), SESSION_ENGINE="django.contrib.sessions.backends.db"
    ):
        stack = audit_stack(makes=True)
    audited = {
        f"`{entry.path.rpartition('.')[2]}`": [str(entry.stock.hops), str(entry.asynckit.hops)]
        for entry in stack.entries
    }
    assert audited == {name: rows[name][:2] for name in audited}
    assert len(audited) == len(full_stack())
    sums = [str(stack.totals()[handler]["async_view"]) for handler in ("stock", "asynckit")]
    assert sums == rows["**sum of hops**"][:2]


def test_a_cell_may_have_a_number_for_each_version():
    cells = (
        {"5.2": "3", "6.0": "2", "6.1": "2"},
        {"5.2": None, "6.0": "0", "6.1": "0"},
        dict.fromkeys(("5.2", "6.0", "6.1"), "1"),
    )
    texts = [TABLE.format(cell) for cell in cells]
    assert texts == ["5.2: 3; 6.0, 6.1: 2", "5.2: -; 6.0, 6.1: 0", "1"]
    assert tuple(map(TABLE.parse, texts)) == cells
