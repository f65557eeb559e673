"""Notes how native classes are made: one that no test made proves nothing."""

from __future__ import annotations

import os
from pathlib import Path

from asgiref.sync import iscoroutinefunction

from django_asynckit.dropins import dotted_path

_noted: set[str] = set()


def note(cls: type, how: str) -> None:
    """Write a line to the file of this run, once in each process."""
    line = f"{dotted_path(cls)} {how}\n"
    if line not in _noted:
        _noted.add(line)
        with Path(os.environ["DJANGOSUITE_USES"]).open("a") as file:
            file.write(line)


def note_uses(native: type) -> None:
    """Note that ``native`` is in place, and later whether it is made around a sync or an async function."""
    note(native, "in place")
    original = native.__init__

    def __init__(self, get_response, *args, **kwargs):
        note(native, "async" if iscoroutinefunction(get_response) else "sync")
        original(self, get_response, *args, **kwargs)

    native.__init__ = __init__
