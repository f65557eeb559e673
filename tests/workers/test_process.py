"""Workers where their process forks or ends."""

from __future__ import annotations

import atexit
import os
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from django_asynckit.workers import process

SETUP = """
    import asyncio, os, sys, threading, time
    import django
    from django.conf import settings
    settings.configure(
        DATABASES={"default": {
            "ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1], "CONN_MAX_AGE": None,
        }},
        INSTALLED_APPS=["django.contrib.contenttypes", "django_asynckit"],
        ASYNCKIT_WORKER_IDLE_SECONDS=60,
    )
    django.setup()
    from asgiref.sync import sync_to_async
    from django.db import connection, connections, transaction
    from django.contrib.contenttypes.models import ContentType
    from django_asynckit.workers import statistics, worker_lease
    from django_asynckit.workers.context import POOL

    async def hop(func, *args):
        return await sync_to_async(func)(*args)

    async def query():
        async with worker_lease():
            return await ContentType.objects.acount(), await hop(identity)

    def identity():
        return id(vars(connections["default"])["connection"])
"""


def run(tmp_path, body, timeout=30):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SETUP) + textwrap.dedent(body))
    database = tmp_path / "db.sqlite3"
    with sqlite3.connect(database) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS django_content_type"
            " (id integer PRIMARY KEY, app_label varchar(100), model varchar(100))"
        )
    connection.close()
    environment = {**os.environ, "PYTHONWARNINGS": "error,ignore:This process:DeprecationWarning"}
    done = subprocess.run(
        [sys.executable, str(script), str(database)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_idle_workers_end_with_the_process(tmp_path):
    script = """
        from django_asynckit.workers.connections import Connections
        clear = Connections.clear
        Connections.clear = lambda self: (clear(self), print("closed", flush=True))
        assert asyncio.run(query())[0] == 0
        print("ending", flush=True)
    """
    assert run(tmp_path, script) == ["ending", "closed"]


def test_the_end_of_the_process_does_not_wait_for_ever(tmp_path):
    script = """
        async def main():
            async with worker_lease():
                asyncio.ensure_future(hop(time.sleep, 60))
                await asyncio.sleep(0.1)

        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        print("ending", flush=True)
    """
    assert run(tmp_path, script, timeout=20) == ["ending"]


needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="Python has no os.fork() on this system"
)


@needs_fork
def test_a_child_has_workers_and_connections_of_its_own(tmp_path):
    script = """
        count, before = asyncio.run(query())
        while statistics().idle == 0:
            time.sleep(0.01)
        (worker,) = POOL.workers()
        raw = worker.connections.raw()[0]
        child = os.fork()
        if not child:
            assert statistics().workers == 0 and not POOL.workers()
            assert raw is not None
            count, after = asyncio.run(query())
            POOL.shut_down(5)
            print("child", count, flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        count, after = asyncio.run(query())
        print("parent", status, count, after == before, statistics().workers, flush=True)
    """
    assert run(tmp_path, script) == ["child", "0", "parent", "0", "0", "True", "1"]


@needs_fork
def test_a_connection_of_the_parent_is_not_closed_in_the_child(tmp_path):
    """SQLite says no goodbye, but a file lock of the parent would be lost: closing is what matters."""
    script = """
        import gc

        asyncio.run(query())
        while statistics().idle == 0:
            time.sleep(0.01)
        (worker,) = POOL.workers()
        raw = worker.connections.raw()[0]
        references = sys.getrefcount(raw)
        child = os.fork()
        if not child:
            print(sys.getrefcount(raw) - references, flush=True)
            del worker
            gc.collect()
            raw.in_transaction  # Raises if it was closed.
            os._exit(0)
        print(os.waitpid(child, 0)[1], sys.getrefcount(raw) - references, flush=True)
    """
    assert run(tmp_path, script) == ["1", "0", "0"]


@needs_fork
def test_a_worker_may_fork(tmp_path):
    script = """
        def fork():
            before = connections["default"]
            before.ensure_connection()
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA user_version")
            child = os.fork()
            if not child:
                assert connections["default"] is not before
                assert before.connection is not None
                print("child", ContentType.objects.count(), flush=True)
                os._exit(0)
            assert connections["default"] is before
            return os.waitpid(child, 0)[1], ContentType.objects.count()

        async def main():
            async with worker_lease():
                return await hop(fork)

        print("parent", *asyncio.run(main()), flush=True)
    """
    assert run(tmp_path, script) == ["child", "0", "parent", "0", "0"]


@needs_fork
def test_fork_while_calls_wait_and_run(tmp_path):
    script = """
        import logging

        logging.disable()
        settings.ASYNCKIT_WORKERS = 1

        async def main():
            tasks = [asyncio.create_task(query()) for _ in range(5)]
            for _ in range(20):
                await asyncio.sleep(0.001)
                child = os.fork()
                if not child:
                    os._exit(0 if statistics().workers == statistics().waiting == 0 else 1)
                assert os.waitpid(child, 0)[1] == 0
            return [count for count, _ in await asyncio.gather(*tasks)]

        print(*asyncio.run(main()), flush=True)
    """
    assert run(tmp_path, script) == ["0"] * 5


@needs_fork
def test_a_child_of_a_request_does_not_wait_for_the_workers_of_the_parent(tmp_path):
    """multiprocessing runs its target in the context of the request."""
    script = """
        def run(number):
            print("child", number, asyncio.run(ContentType.objects.acount()), flush=True)
            os._exit(0)

        async def main():
            async with worker_lease():
                await ContentType.objects.acount()
                child = os.fork()
                if not child:
                    threading.Thread(target=contextvars.copy_context().run, args=(run, 1)).start()
                    time.sleep(20)
                print(os.waitpid(child, 0)[1], await ContentType.objects.acount(), flush=True)

        import contextvars
        asyncio.run(main())
    """
    assert run(tmp_path, script) == ["child", "1", "0", "0", "0"]


@needs_fork
def test_a_child_can_have_blocks_though_one_was_about_to_begin(tmp_path):
    script = """
        from django_asynckit.db import aatomic
        from django_asynckit.workers.routes import LOCK

        async def block():
            async with worker_lease(), aatomic():
                return await ContentType.objects.acount()

        def hold():
            with LOCK:  # As for a moment, when a block begins.
                held.set()
                time.sleep(0.3)

        held = threading.Event()
        threading.Thread(target=hold).start()
        held.wait()
        child = os.fork()
        if not child:
            print("child", asyncio.run(block()), flush=True)
            os._exit(0)
        print(os.waitpid(child, 0)[1], asyncio.run(block()), flush=True)
    """
    assert run(tmp_path, script) == ["child", "0", "0", "0"]


def test_where_there_is_no_fork_nothing_is_registered(monkeypatch):
    registered = []
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    monkeypatch.setattr(atexit, "register", lambda *args: registered.append(args))
    pool = type("Pool", (), {"shut_down": print})()
    process.watch(pool)
    assert registered == [(pool.shut_down, process.JOIN_SECONDS)]
