"""How long it takes to make a session as good as new, against a new connection.

    python bench/sessions.py

PostgreSQL and MariaDB as ``tests/databases/servers.py`` finds them.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent))

ROUNDS = 300


def measure(function) -> float:
    """Return the median in microseconds."""
    times = []
    for _ in range(ROUNDS):
        began = perf_counter()
        function()
        times.append(perf_counter() - began)
    return statistics.median(times) * 1e6


def main() -> None:
    import django
    from django.conf import settings
    from tests.databases.servers import MariaDB, PostgreSQL

    servers = {"postgresql": PostgreSQL(), "mariadb": MariaDB()}
    names = {"postgresql": "postgres", "mariadb": "mysql"}
    databases = {
        alias: {**server.settings, "NAME": names[alias], "CONN_MAX_AGE": None}
        for alias, server in servers.items()
    }
    settings.configure(DATABASES={"default": databases["postgresql"], **databases}, USE_TZ=True)
    django.setup()
    from django.db import connections

    from django_asynckit.workers.connections import Connections

    def query(alias: str) -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")

    ours = Connections(lambda _function: None)
    ours.prepare()
    print("| | a new connection | a reset | one SELECT |\n|---|---|---|---|")
    for alias in servers:

        def anew(alias: str = alias) -> None:
            connections[alias].close()
            connections[alias].connect()

        def reset(alias: str = alias) -> None:
            ours._begin_session(alias)

        query(alias)
        select = measure(lambda alias=alias: query(alias))
        print(f"| {alias} | {measure(anew):.0f} µs | {measure(reset):.0f} µs | {select:.0f} µs |")


if __name__ == "__main__":
    main()
