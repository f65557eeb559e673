"""Fixtures for all tests."""

from __future__ import annotations

import gc
import os
import signal

import django
import pytest
from asgiref.sync import SyncToAsync
from blockbuster import blockbuster_ctx
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.template import engines

from tests.database import in_process_database, site_database

__all__ = ["in_process_database", "site_database"]


def pytest_configure():
    """Let servers be stopped: jobs in the background of a shell, and all they start, ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish():
    """Keep what is there for the whole run from being looked at by each collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def blockbuster():
    """Raise ``BlockingError`` where code blocks the event loop."""
    engines.all()  # Reads files when it is first called, and again after TEMPLATES was overridden.
    with blockbuster_ctx() as detector:
        for function in detector.functions.values():
            # Tests make handlers inside a running loop; servers do so before they serve.
            function.can_block_in("django/core/handlers/base.py", {"load_middleware"})
            function.can_block_in("django_asynckit/handler/base.py", {"_warm"})
            function.can_block_in("django_asynckit/handler/requests.py", {"warm"})
            function.can_block_in("<frozen importlib._bootstrap>", {"_find_and_load"})
            # In a finalizer, for a moment, where coverage is measured.
            function.can_block_in("coverage/collector.py", {"lock_data"})
        yield detector


@pytest.fixture(autouse=True)
def closed_bodies(monkeypatch):
    """Close what Django's handler leaves open before 6.1 when an error reaches the server."""
    files = []
    if django.VERSION < (6, 1):
        original = DjangoASGIHandler.read_body

        async def read_body(self, receive):
            files.append(await original(self, receive))
            return files[-1]

        monkeypatch.setattr(DjangoASGIHandler, "read_body", read_body)
    yield
    for file in files:
        file.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown():
    """Close what is open in asgiref's thread for code outside of requests, which outlives the test."""
    try:
        return (yield)
    finally:
        executor = SyncToAsync.single_thread_executor
        type(executor).submit(executor, close_connections).result(10)


def close_connections():
    for connection in connections.all(initialized_only=True):
        BaseDatabaseWrapper.close(connection)  # SQLite's own keeps a database in memory.


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return fail_skips_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return fail_skips_in_ci((yield))


def fail_skips_in_ci(report):
    """On a newcomer's machine a test skips where a service is absent; in CI none may be."""
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        *_, reason = report.longrepr
        if not reason.removeprefix("Skipped: ").startswith(("Django", "Python")):
            report.outcome = "failed"
            report.longrepr = f"A test may not skip in CI. {reason}"
    return report
