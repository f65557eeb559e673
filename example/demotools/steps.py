"""Progress on the terminal, and commands whose failure is explained."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LAST_LINES = 15


class DemoError(Exception):
    """Something that the reader can put right; its text says how."""


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say what is going on, and how long it took."""
    print(f"{text} ... ", end="", flush=True)
    started = time.perf_counter()
    try:
        yield
    except BaseException:
        print()
        raise
    print(f"{time.perf_counter() - started:.1f} s", flush=True)


def progress(text: str) -> None:
    """A line that the next one overwrites; nothing where output goes to a file."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="", flush=True)


def tail(text: str) -> str:
    """The end of a log, indented."""
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-LAST_LINES:])


def run(command: list[str], hint: str, **options: object) -> None:
    """Run a command; if it fails, show the end of its output and the hint."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    if done.returncode:
        raise DemoError(f"{' '.join(command)} failed:\n\n{tail(done.stdout)}\n\n{hint}")
