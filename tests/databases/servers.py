"""Database servers as the tests see them from outside: their sessions, and how to end one."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HOST = os.environ.get("TESTS_DATABASE_HOST", "127.0.0.1")
#: Nobody else's, also when tests run twice at a time.
NAME = f"asynckit_tests_{os.getpid()}"
#: What the names of roles begin with.
ROLE = f"{NAME}_"
NOTES = 20


class PostgreSQL:
    """Reached as the user ``postgres`` without a password, or as libpq's variables say."""

    vendor = "postgresql"

    def __init__(self) -> None:
        import psycopg

        user = os.environ.get("PGUSER", "postgres")
        self._connection = psycopg.connect(
            host=HOST, user=user, dbname="postgres", autocommit=True, connect_timeout=5
        )
        self.settings = {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": HOST,
            "USER": user,
            "PASSWORD": os.environ.get("PGPASSWORD", ""),
        }

    def close(self) -> None:
        self._connection.close()

    def execute(self, sql: str) -> list[Any]:
        cursor = self._connection.execute(sql)
        return cursor.fetchall() if cursor.description else []

    def execute_in(self, name: str, sql: str) -> None:
        import psycopg

        info = self._connection.info
        with psycopg.connect(
            host=HOST, user=info.user, password=info.password, dbname=name, autocommit=True
        ) as connection:
            connection.execute(sql)

    def create(self, name: str) -> None:
        self.execute(f'CREATE DATABASE "{name}"')

    def drop(self, name: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def sessions(self, name: str) -> list[int]:
        rows = self.execute(f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}'")
        return [pid for (pid,) in rows]

    def sleeping(self, name: str) -> int:
        """How many sessions run a query that sleeps."""
        rows = self.execute(
            f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
            " AND state = 'active' AND query LIKE '%sleep%'"
        )
        return int(rows[0][0])

    def kill(self, session: int) -> None:
        self.execute(f"SELECT pg_terminate_backend({session})")


class MariaDB:
    """Reached as the user ``root``, with the password in ``MYSQL_PWD`` if there is one."""

    vendor = "mysql"

    def __init__(self) -> None:
        import MySQLdb

        self._lock = threading.Lock()
        password = os.environ.get("MYSQL_PWD", "")
        self._connection = MySQLdb.connect(
            host=HOST, user="root", password=password, autocommit=True, connect_timeout=5
        )
        self.settings = {
            "ENGINE": "django.db.backends.mysql",
            "HOST": HOST,
            "USER": "root",
            "PASSWORD": password,
        }

    def close(self) -> None:
        self._connection.close()

    def execute(self, sql: str) -> list[Any]:
        with self._lock, contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def create(self, name: str) -> None:
        self.execute(f"CREATE DATABASE `{name}`")

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS `{name}`")

    def sessions(self, name: str) -> list[int]:
        rows = self.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{name}'")
        return [int(session) for (session,) in rows]

    def sleeping(self, name: str) -> int:
        """How many sessions run a query that sleeps."""
        rows = self.execute(
            f"SELECT count(*) FROM information_schema.processlist WHERE db = '{name}'"
            " AND command = 'Query' AND info LIKE '%sleep%'"
        )
        return int(rows[0][0])

    def kill(self, session: int) -> None:
        import MySQLdb

        # It may have ended meanwhile.
        with contextlib.suppress(MySQLdb.OperationalError):
            self.execute(f"KILL {session}")


class SQLite:
    """A file; its sessions are what the processes of the site have open."""

    vendor = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.settings = {"ENGINE": "django.db.backends.sqlite3"}

    def close(self) -> None:
        """Nothing is open."""

    def create(self, name: str) -> None:
        """It comes into being when it is opened."""

    def drop(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def sessions(self, name: str) -> list[str]:
        """Return one entry for each open file, of whatever process."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):
                if os.readlink(entry).endswith(f"/{name}"):
                    found.append(str(entry))
        return found


class Database:
    """One database on a server, with the table of the site in it."""

    def __init__(self, server: Any, name: str, path: str) -> None:
        self.server, self.name = server, name
        self.vendor: str = server.vendor
        self.settings = {**server.settings, "NAME": path}

    def sessions(self) -> list[Any]:
        return self.server.sessions(self.name)

    def wait_for_sessions(self, at_most: int, seconds: float = 10) -> list[Any]:
        """Servers notice a client that has gone a moment later."""
        until = time.monotonic() + seconds
        while len(sessions := self.sessions()) > at_most and time.monotonic() < until:
            time.sleep(0.05)
        return sessions

    def wait_for_sleeping(self, count: int, seconds: float = 30) -> None:
        """Return once ``count`` sessions run a query that sleeps."""
        until = time.monotonic() + seconds
        while (found := self.server.sleeping(self.name)) != count and time.monotonic() < until:
            time.sleep(0.05)
        assert found == count, f"{found} of {count} sessions run their query."

    def kill_all(self) -> None:
        for session in self.sessions():
            self.server.kill(session)

    @contextlib.contextmanager
    def watch(self) -> Iterator[Watch]:
        """Look at the sessions all the time while the block runs."""
        watch = Watch(self)
        watch.start()
        try:
            yield watch
        finally:
            watch.is_over.set()
            watch.join()


class Watch(threading.Thread):
    """Counts sessions: how many there were at once, and all that there were."""

    def __init__(self, database: Database) -> None:
        super().__init__(daemon=True)
        self.database, self.is_over = database, threading.Event()
        self.most, self.seen = 0, set()

    def run(self) -> None:
        while not self.is_over.wait(0.05):
            sessions = self.database.sessions()
            self.most = max(self.most, len(sessions))
            self.seen.update(sessions)
