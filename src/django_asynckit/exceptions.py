"""The exceptions that django-asynckit raises."""

from __future__ import annotations


class WorkerTimeout(TimeoutError):
    """A query waited for a database connection longer than ``ASYNCKIT_WORKER_WAIT_SECONDS``."""
