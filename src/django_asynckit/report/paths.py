"""How a report calls a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from django_asynckit.audit.sources import short

#: Folders of packages that are not the project's, also where they are inside of its folder.
_PACKAGES: Final = frozenset({"site-packages", "dist-packages"})


def in_project(file: str) -> str:
    """Return ``file`` relative to this directory; empty if it is elsewhere, or in an installed package."""
    path, here = Path(os.path.realpath(file)), Path(os.path.realpath(os.curdir))
    if not file or not path.is_relative_to(here) or _PACKAGES & {*path.parts}:
        return ""
    return path.relative_to(here).as_posix()


def for_others(file: str) -> str:
    """Return ``file`` without what is of interest on this machine only."""
    return in_project(file) or short(file)
