"""The site on one of its databases, for the time of a benchmark."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from harness.measure import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.server import Server
    from harness.targets import Target

    #: Gives a function that counts the sessions that a server has now.
    Counter = Callable[[Server], Callable[[], int]]

#: What the site is made of; each is a package of the group "bench".
PARTS = ("allauth", "corsheaders", "csp", "django_otp", "uvicorn", "whitenoise")


class Missing(Exception):
    """A service or package that a part of the benchmark needs."""


@dataclass
class Site:
    """What the pages need, and are compared with."""

    cookie: str
    queries: dict[str, int]
    sessions: Counter


def open_files(file: Path, pid: int) -> int:
    """How many times a process has it open: SQLite's connections."""
    found = 0
    for entry in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):  # Closed since.
            found += os.readlink(entry) == str(file)
    return found


@contextlib.contextmanager
def on_sqlite(place: Path) -> Iterator[Counter]:
    """A file of the place."""
    file = place / "db.sqlite3"
    yield lambda server: partial(open_files, file, server.pid())


@contextlib.contextmanager
def on_postgresql(place: Path) -> Iterator[Counter]:  # noqa: ARG001
    """A database of its own."""
    try:
        import psycopg
    except ImportError:
        raise Missing("psycopg is not installed") from None
    from harness.database import empty_database, sessions

    with contextlib.ExitStack() as stack:
        try:
            beside = stack.enter_context(empty_database())
        except psycopg.Error as error:
            raise Missing(f"no PostgreSQL that lets us make a database: {error}") from None
        yield lambda server: partial(sessions, beside, server.target.key)


ENGINES = {"sqlite": on_sqlite, "postgresql": on_postgresql}


@contextlib.contextmanager
def site(engine: str) -> Iterator[Site]:
    """Make it; servers and other processes that start meanwhile find it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        os.environ["BENCH_PLACE"] = str(place)
        with ENGINES[engine](place) as sessions:
            environment = {
                "BENCH_ENGINE": engine,
                "DJANGO_SETTINGS_MODULE": "site_like_real.settings",
            }
            made = run("harness.sites.prepare", environment=environment)
            yield Site(made["cookie"], made["queries"], sessions)


def missing_for(target: Target) -> str | None:
    """What a server needs and is not there."""
    if target.is_wsgi and not find_spec("gunicorn"):
        return "gunicorn is not installed"
    if target.database == "pool" and not find_spec("psycopg_pool"):
        return "psycopg-pool is not installed"
    return None


def check_parts(*more: str) -> None:
    """End with a word if the site cannot be built, or another package is missing."""
    lacking = [name for name in PARTS + more if not find_spec(name)]
    if lacking:
        raise SystemExit(f"Not installed: {', '.join(lacking)}. Try: pip install --group bench")
