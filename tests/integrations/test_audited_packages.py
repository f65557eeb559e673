"""What the audit says about stacks of real packages is what real requests count."""

from __future__ import annotations

import pytest

from tests.integrations.runs import told_by

pytest.importorskip("silk", reason="the packages are not installed: --group packages")


@pytest.fixture(scope="module")
def results():
    """Audited and counted hops of each stack."""
    return told_by("audited_run", seconds=55)


def test_audited_hops_are_those_of_real_requests(results):
    wrong = {name: row for name, row in results.items() if row["audited"] != row["counted"]}
    assert wrong == {}
    assert len(results) >= 2 * 20


def test_a_sync_view_makes_one_hop_where_there_are_two_chains(results):
    hops = {
        row["counted"]["asynckit"]["sync_view"]
        for name, row in results.items()
        if name.endswith("two chains")
    }
    assert hops == {1}


def test_classes_alone_tell_the_same(results):
    wrong = {name: row for name, row in results.items() if row["looked at"] != row["counted"]}
    assert wrong == {}
