"""The ORM in async code: transactions, calls of sync code, and queries at the same time."""

from __future__ import annotations

from django_asynckit.db.on_commit import aon_commit
from django_asynckit.db.parallel import TaskGroup, agather
from django_asynckit.db.sync import database_sync_to_async
from django_asynckit.db.transaction import AsyncAtomic, aatomic

__all__ = [
    "AsyncAtomic",
    "TaskGroup",
    "aatomic",
    "agather",
    "aon_commit",
    "database_sync_to_async",
]
