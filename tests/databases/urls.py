"""Views that use the database in all the ways that the tests ask for."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time

from asgiref.sync import async_to_sync, sync_to_async
from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from django_asynckit.workers import keeps_no_connection_state, release_worker, statistics
from django_asynckit.workers.lease import Lease
from tests.databases.models import Note

#: Tasks that outlive the requests which began them.
tasks: set[asyncio.Task] = set()
locks: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}
outcomes: list[str] = []

SLEEP = {"postgresql": "SELECT pg_sleep(%s)", "mysql": "SELECT SLEEP(%s)"}
SESSION = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}


def text(value) -> HttpResponse:
    body = str(value)
    return HttpResponse(body, headers={"Content-Length": str(len(body))})


async def count(request):
    """One query of the ORM, and nothing else."""
    return text(await Note.objects.acount())


def count_sync(request):
    return text(Note.objects.count())


@keeps_no_connection_state
def session_of_server():
    with connection.cursor() as cursor:
        cursor.execute(SESSION[connection.vendor])
        return cursor.fetchone()[0]


async def session(request):
    """Which session of the server answers, asked by a function that leaves nothing on it."""
    return text(await sync_to_async(session_of_server)())


async def twice(request):
    """Query, wait, query."""
    before = await Note.objects.acount()
    await asyncio.sleep(float(request.GET.get("seconds", 2)))
    after = await Note.objects.acount()
    return text(before if before == after else f"{before} {after}")


async def only_wait(request):
    await asyncio.sleep(float(request.GET.get("seconds", 2)))
    return text("waited")


@sync_to_async
def run_raw_query() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def locked(request):
    """Share a lock around a query, which asks for a worker while others hold theirs."""
    if "raw" in request.GET:
        await run_raw_query()
    else:
        await Note.objects.acount()
    async with locks.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        await asyncio.sleep(0.01)
        return text(await Note.objects.acount())


async def ask_own_server(request):
    """Query, ask this very server for a query, query."""
    if "raw" in request.GET:
        await run_raw_query()
    await Note.objects.acount()
    host, port = request.scope["server"]
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /count/ HTTP/1.0\r\nHost: test\r\n\r\n")
    answer = (await reader.read()).decode()
    writer.close()
    assert answer.endswith(f"\r\n{await Note.objects.acount()}"), answer
    return text("asked")


def run_in_sync_view(request):
    """What must not be done; it is to be told so."""
    try:
        asyncio.run(Note.objects.acount())
    except RuntimeError as error:
        return text(error)
    return text("no error")


def nested(request):
    """Sync, async, sync."""
    return text(async_to_sync(Note.objects.acount)())


async def nested_async(request):
    """Async, sync, async, sync."""
    return text(await sync_to_async(lambda: async_to_sync(Note.objects.acount)())())


async def straggle(request):
    """Answer at once; a task goes on after the request, and queries."""

    async def later() -> None:
        try:
            await asyncio.sleep(float(request.GET.get("seconds", 0.2)))
            outcomes.append(str(await Note.objects.acount()))
        except Exception as error:
            outcomes.append(repr(error))

    await Note.objects.acount()
    task = asyncio.create_task(later())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return text("begun")


async def outcomes_of_stragglers(request):
    await asyncio.gather(*tasks)
    counted = {outcome: outcomes.count(outcome) for outcome in outcomes}
    outcomes.clear()
    return JsonResponse(counted)


@sync_to_async
def sleep(request):
    """Wait for something else in a thread, with a connection or without."""
    if "query" in request.GET:
        Note.objects.count()
    time.sleep(float(request.GET["seconds"]))
    return text("slept")


@sync_to_async
def query_for(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SLEEP[connection.vendor], [seconds])
        cursor.fetchall()


async def long_query(request):
    await query_for(float(request.GET.get("seconds", 2)))
    return text("queried")


async def release(request):
    await Note.objects.acount()
    release_worker()
    await asyncio.sleep(float(request.GET.get("seconds", 0)))
    return text(await Note.objects.acount())


async def stream(request):
    """Query, send a line, wait, send another."""

    async def lines():
        yield f"{await Note.objects.acount()}\n"
        await asyncio.sleep(float(request.GET.get("seconds", 1)))
        yield "end\n"

    await Note.objects.acount()
    return StreamingHttpResponse(lines())


async def stream_rows(request):
    """Send rows of one query, with a wait after each: its cursor stays open."""

    async def lines():
        async for note in Note.objects.order_by("pk").aiterator(chunk_size=2):
            yield f"{note.pk}\n"
            await asyncio.sleep(float(request.GET.get("seconds", 0.1)))

    return StreamingHttpResponse(lines())


def leave_transaction_open(request):
    transaction.set_autocommit(False)
    Note.objects.create(tenant="nobody", text="never committed")
    return text("left")


def leave_atomic_open(request):
    """As code that is interrupted in the middle of an atomic block, and swallows that."""
    transaction.atomic().__enter__()
    Note.objects.create(tenant="nobody", text="never committed")
    return text("left")


def leave_begin_open(request):
    """A transaction of which Django knows nothing."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
    Note.objects.create(tenant="nobody", text="never committed")
    return text("left")


@transaction.atomic
def write_and_fail(request):
    Note.objects.create(tenant="nobody", text="never committed")
    raise ValueError("broken in a transaction")


async def tenants(request):
    """Whose rows a request sees in three queries, two of them after a wait."""
    seen = set()
    for _ in range(3):
        seen.update([tenant async for tenant in Note.objects.values_list("tenant", flat=True)])
        await asyncio.sleep(random.random() / 10)
    return text(" ".join(sorted(seen)))


async def wrapped(request):
    """How many queries the wrapper saw that a middleware set."""
    for _ in range(3):
        await Note.objects.acount()
        await asyncio.sleep(random.random() / 20)
    return text(f"{len(request.seen)} queries" if hasattr(request, "seen") else "not wrapped")


def run_sql(sql: str):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None


@keeps_no_connection_state
def run_declared_sql(sql: str):
    return run_sql(sql)


async def any_sql(request):
    run = run_declared_sql if "declared" in request.GET else run_sql
    return text(await sync_to_async(run)(request.GET["sql"]))


def use_cache(request):
    cache.set("key", "value", 10)
    return text(cache.get("key"))


async def state(request):
    """What there is in this process; leases that nobody needs any more are not counted."""
    gc.collect()
    numbers = vars(statistics())
    leases = [one for one in gc.get_objects() if type(one) is Lease]
    return JsonResponse(
        {
            **numbers,
            "leases": len(leases),
            "leased": sum(lease.worker is not None for lease in leases),
            "threads": threading.active_count(),
            "tasks": len(tasks),
        }
    )


urlpatterns = [
    path("", lambda request: text("here")),
    path("count/", count),
    path("count/sync/", count_sync),
    path("session/", session),
    path("twice/", twice),
    path("wait/", only_wait),
    path("locked/", locked),
    path("self/", ask_own_server),
    path("run/", run_in_sync_view),
    path("nested/", nested),
    path("nested/async/", nested_async),
    path("straggle/", straggle),
    path("outcomes/", outcomes_of_stragglers),
    path("long/", long_query),
    path("sleep/", sleep),
    path("release/", release),
    path("stream/", stream),
    path("stream/rows/", stream_rows),
    path("open/", leave_transaction_open),
    path("left/", leave_atomic_open),
    path("begin/", leave_begin_open),
    path("fail/", write_and_fail),
    path("tenants/", tenants),
    path("wrapped/", wrapped),
    path("sql/", any_sql),
    path("cache/", use_cache),
    path("state/", state),
]
