"""``aon_commit``: Django's ``transaction.on_commit`` for async code."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.db import transaction

from django_asynckit._bridge import run_in_worker, to_sync
from django_asynckit.db._functions import is_async
from django_asynckit.workers.routes import outlive_thread


async def aon_commit(
    func: Callable[[], object], using: str | None = None, robust: bool = False
) -> None:
    """Have ``func`` called after the outermost transaction on the database ``using`` has committed.

    ``func`` is a sync function, which runs in the thread of the connection, or an async one, which
    runs on the event loop. Callbacks run one after the other, in the order of registration, before
    the block ends; those of a rollback are dropped. Without a transaction ``func`` is called at once.

    It is Django's ``on_commit``: an exception of ``func`` is raised where the block ends, and stops
    the callbacks behind it, unless ``robust``: then it is logged. The data is committed all the same.
    Raises ``TypeError`` if ``func`` cannot be called.
    """
    callback = _run_async(func) if is_async(func) else func
    await run_in_worker(_register, callback, using, robust)


def _register(callback: Callable[[], object], using: str | None, robust: bool) -> None:
    transaction.on_commit(callback, using, robust)


def _run_async(func: Any) -> Callable[[], object]:
    async def call() -> object:
        with outlive_thread():
            return await func()

    @functools.wraps(func)
    def run() -> object:
        return to_sync(call)()

    return run
