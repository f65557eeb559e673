"""The exceptions that django-asynckit raises."""

from __future__ import annotations


class WorkerTimeout(TimeoutError):
    """A call waited for a free worker longer than ``ASYNCKIT_WORKER_WAIT_SECONDS``."""
