"""Runs a sync function in the thread that the options of ``database_sync_to_async`` ask for."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, close_old_connections, transaction

from django_asynckit._bridge import adapt, uninterrupted
from django_asynckit._sync_frames import executor_in_charge, thread_that_waits
from django_asynckit.db._homes import find_home_with_connections
from django_asynckit.workers.added import no_second_connection
from django_asynckit.workers.job import copy_declaration
from django_asynckit.workers.routes import ROUTER, branch, innermost
from django_asynckit.workers.threads import ThreadSeat


@dataclass(frozen=True)
class Options:
    """What ``database_sync_to_async`` was given."""

    thread_sensitive: bool
    executor: ThreadPoolExecutor | None
    context: contextvars.Context | None
    atomic: bool
    using: str | None
    savepoint: bool
    durable: bool
    own_connection: bool
    chunk_size: int
    warn_if_lazy: bool


class Runner:
    """Runs ``func`` in the thread that ``options`` ask for."""

    def __init__(self, options: Options, func: Callable[..., Any]) -> None:
        self._options = options
        self._func = func
        self._transaction: Callable[..., Any] | None = None
        if options.atomic:
            alias = options.using or DEFAULT_DB_ALIAS
            atomic = transaction.atomic(alias, options.savepoint, options.durable)
            self._transaction = atomic(func)
        self._adapt = functools.partial(
            adapt,
            thread_sensitive=options.thread_sensitive,
            executor=options.executor,
            context=options.context,
        )
        self._adapted = self._adapt(func)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._options.own_connection:
            return await self._run(*args, **kwargs)
        home = await find_home_with_connections()
        if home.is_shared and not (isinstance(home, ThreadSeat) and home.lease):
            return await self._run(*args, **kwargs)  # There is one connection.

        block = innermost()
        seats = [home] if block is None else [home, block.seat]
        if not all(seat.may_be_copied() for seat in seats):
            raise no_second_connection("own_connection=True")

        async def run() -> Any:
            with branch(home, must_not_wait=block is not None or home.is_shared):
                return await self._run(*args, **kwargs)

        return await asyncio.create_task(run())

    async def _run(self, *args: Any, **kwargs: Any) -> Any:
        is_cleaning = self._is_cleaning()
        if self._transaction is not None:
            return await self._run_in_transaction(is_cleaning, *args, **kwargs)
        if is_cleaning:
            return await self._adapt(_cleaning(self._func))(*args, **kwargs)
        return await self._adapted(*args, **kwargs)

    async def _run_in_transaction(self, is_cleaning: bool, *args: Any, **kwargs: Any) -> Any:
        has_begun = False
        transaction = self._transaction
        assert transaction is not None

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal has_begun
            has_begun = True
            return transaction(*args, **kwargs)

        call = _cleaning(call) if is_cleaning else copy_declaration(self._func, call)
        adapted = self._adapt(call)
        return await uninterrupted(adapted(*args, **kwargs), may_stop=lambda: not has_begun)

    def _is_cleaning(self) -> bool:
        """Whether nobody else closes connections that are old, in the thread that will be used."""
        if not self._options.thread_sensitive:
            return True
        executor = executor_in_charge()
        return executor is not ROUTER and not thread_that_waits(executor) and innermost() is None


def _cleaning(func: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        close_old_connections()
        try:
            return func(*args, **kwargs)
        finally:
            close_old_connections()

    return call
