"""Random nestings of all that takes a worker, a thread or a transaction, for a minute in CI.

``python -m tests.databases.nestings_run --help`` runs one program again, or more of them.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from tests.databases.conftest import variables
from tests.servers.harness import ROOT

SECONDS = float(os.environ.get("TESTS_NESTINGS_SECONDS", "15"))
SYNC_ONLY = "tests.databases.nestings.sync_only"
#: What the programs run with: settings, options of the database, arguments.
KINDS = {
    "fixed seed": ({}, {}, ["--seed", "1"]),
    "random seed": ({}, {}, ["--seed", str(random.randrange(10**6))]),
    "sync-only middleware": ({"MIDDLEWARE": [SYNC_ONLY]}, {}, ["--seed", "2"]),
    "ATOMIC_REQUESTS": ({}, {"ATOMIC_REQUESTS": True, "CONN_MAX_AGE": 0}, ["--seed", "3", "--uvloop"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_no_program_hangs_loses_a_write_or_leaves_something_open(postgresql, kind):
    settings, options, arguments = KINDS[kind]
    settings = {
        "ROOT_URLCONF": "tests.databases.nestings",
        "ASYNCKIT_WORKERS": 3,
        "ASYNCKIT_WORKER_WAIT_SECONDS": 10,
        **settings,
    }
    environment = variables(postgresql, settings, {"CONN_MAX_AGE": None, **options})
    command = [sys.executable, "-m", "tests.databases.nestings_run", "--seconds", str(SECONDS)]
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " programs ran" in done.stdout
