"""A large project is audited in less than two seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_60_middleware_and_5000_routes_take_less_than_two_seconds():
    slowing = ("COV", "PYTHONDEVMODE")
    run = subprocess.run(
        [sys.executable, "-m", "tests.audit.speed_run"],
        cwd=Path(__file__).parents[2],
        env={name: value for name, value in os.environ.items() if not name.startswith(slowing)},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert (result["middleware"], result["routes"]) == (60, 5000)
    assert result["took"] < 2
