"""Worker threads that outlive requests and keep their database connections."""

from __future__ import annotations

from django_asynckit.workers.context import release_worker, statistics, worker_lease
from django_asynckit.workers.job import keeps_no_connection_state
from django_asynckit.workers.statistics import Statistics

__all__ = [
    "Statistics",
    "keeps_no_connection_state",
    "release_worker",
    "statistics",
    "worker_lease",
]
