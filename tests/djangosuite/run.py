"""One run of Django's ``runtests.py`` in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: A run that takes longer hangs.
SECONDS = 1800


@dataclass
class Result:
    """What the run found."""

    ran: int
    failed: set[str]
    #: Lines of ``uses.note()``.
    uses: set[str]
    output: str


def run(tests: Path, mode: str, labels: Iterable[str], *, processes: int = 1) -> Result:
    """Run the tests in ``labels``; exit if the runner itself fails."""
    with tempfile.TemporaryDirectory() as directory:
        results, uses = Path(directory) / "results", Path(directory) / "uses"
        uses.touch()
        process = subprocess.run(
            [
                *(sys.executable, "runtests.py", "--settings=tests.djangosuite.settings"),
                *(f"--parallel={processes}", "--noinput", *labels),
            ],
            cwd=tests,
            env={
                **os.environ,
                "DJANGOSUITE_MODE": mode,
                "DJANGOSUITE_RESULTS": str(results),
                "DJANGOSUITE_USES": str(uses),
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        if not results.exists() and processes > 1:
            # What failed cannot always be sent from one process to another.
            return run(tests, mode, labels)
        if not results.exists():
            sys.exit(f"{process.stdout}\nDjango's tests did not run to their end.")
        found = json.loads(results.read_text())
        lines = set(uses.read_text().splitlines())
        return Result(found["ran"], set(found["failed"]), lines, process.stdout)
