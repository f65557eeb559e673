"""A virtualenv with this checkout and uvicorn in it."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from demotools.steps import run, step

REPOSITORY = Path(__file__).resolve().parents[2]
VENV = REPOSITORY / ".venv-example"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed.txt"

VENV_HINT = "On Debian and Ubuntu, `apt install python3-venv` brings what is missing."
PIP_HINT = (
    "pip needs the network, or a local index (PIP_INDEX_URL, PIP_FIND_LINKS). "
    "If you have Django, uvicorn and this package already, run `python example/demo.py --no-venv`."
)


def checkout() -> str:
    """A digest of this Python and of what pip would install, to see whether it has to."""
    digest = hashlib.sha256(sys.version.encode())
    for file in [
        REPOSITORY / "pyproject.toml",
        *sorted(REPOSITORY.glob("src/**/*.py")),
    ]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def create_venv() -> None:
    """Make the virtualenv anew."""
    run([sys.executable, "-m", "venv", "--clear", str(VENV)], VENV_HINT)
    # Python writes this file itself from 3.13 on.
    (VENV / ".gitignore").write_text("*\n")


def install() -> None:
    """Put the checkout and uvicorn into the virtualenv."""
    pip = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    run([*pip, str(REPOSITORY), "uvicorn[standard]"], PIP_HINT)
    STAMP.write_text(checkout())


def prepare() -> str:
    """The virtualenv's Python; what is there and current is used again."""
    current = PYTHON.exists() and STAMP.exists() and STAMP.read_text() == checkout()
    if not current:
        with step(f"Creating {VENV.name}"):
            create_venv()
        with step("Installing django-asynckit and uvicorn into it"):
            install()
    return str(PYTHON)
