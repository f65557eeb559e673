"""A process that forks after it used the database: nothing is shared, nothing is closed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.databases.conftest import variables
from tests.servers.harness import ROOT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Python has no fork here")
@pytest.mark.parametrize("age", [None, 0])
def test_child_has_a_connection_of_its_own_and_leaves_the_parents_alone(network_database, age):
    done = subprocess.run(
        # Threads and fork are what this is about; Python 3.12 warns of them.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.databases.fork_run"],
        cwd=ROOT,
        env=variables(network_database, {}, {"CONN_MAX_AGE": age}),
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said = json.loads(done.stdout)
    for child in said["children"]:
        assert child["status"] == 0
        assert child["inherited"] == 0
        assert said["parent"] not in child["sessions"]
        if age is None:
            assert len(set(child["sessions"])) == 1
            assert child["parent_after"] == said["parent"]
    assert network_database.wait_for_sessions(0) == []
