"""Runs Django's tests with our classes, and compares what failed with stock Django."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import django

from django_asynckit.dropins import DROPINS
from tests.djangosuite import folders
from tests.djangosuite.allowed import ALLOWED
from tests.djangosuite.places import exists
from tests.djangosuite.sources import tests_of

ROOT = Path(__file__).parents[2]
PROCESSES = os.cpu_count() or 1


class Run:
    """One run of Django's ``runtests.py``."""

    def __init__(self, tests: Path, mode: str, labels: list[str]) -> None:
        self.mode = mode
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as directory:
            self._run(tests, labels, Path(directory))
        self.seconds = round(time.monotonic() - started)

    def _run(self, tests: Path, labels: list[str], directory: Path) -> None:
        results, used = directory / "results", directory / "used"
        used.touch()
        environment = {
            **os.environ,
            "DJANGOSUITE_MODE": self.mode,
            "DJANGOSUITE_RESULTS": str(results),
            "DJANGOSUITE_USED": str(used),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        command = [sys.executable, "runtests.py", "--settings=tests.djangosuite.settings"]
        command += [f"--parallel={PROCESSES}", "--noinput", *labels]
        process = subprocess.run(
            command, cwd=tests, env=environment, capture_output=True, text=True, check=False
        )
        self.output = process.stdout + process.stderr
        if not results.exists():
            sys.exit(f"Django's tests did not run.\n{self.output}")
        found = json.loads(results.read_text())
        self.ran: int = found["ran"]
        self.failed: set[str] = set(found["failed"])
        self.used = set(used.read_text().splitlines())
