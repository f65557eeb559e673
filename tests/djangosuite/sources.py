"""Fetches the tests of a Django release: they are in its source distribution only."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path


def tests_of(version: str, cache: Path) -> Path:
    """Return the folder with the tests of Django ``version``, downloaded into ``cache`` once."""
    folder = cache / f"django-{version}" / "tests"
    if not folder.exists():
        _unpack(_download(version, cache), cache)
    return folder


def _download(version: str, cache: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += [
        "--no-binary=django",
        "--no-build-isolation",
        f"--dest={cache}",
        f"django=={version}",
    ]
    subprocess.run(command, check=True)
    (archive,) = cache.glob(f"[dD]jango-{version}.tar.gz")
    return archive


def _unpack(archive: Path, cache: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(cache, filter="data")
    archive.unlink()
