"""Views that say whose rows they see, asked in all the ways that there are."""

from __future__ import annotations

import asyncio
import random

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, transaction
from django.http import StreamingHttpResponse
from django.urls import path
from django_tenants.utils import schema_context

from django_asynckit.db import TaskGroup, aatomic, agather, database_sync_to_async
from django_asynckit.workers import release_worker
from tests.databases.models import Note
from tests.databases.urls import text

tasks: set[asyncio.Task] = set()


def names_now() -> str:
    return " ".join(sorted(set(Note.objects.values_list("tenant", flat=True))))


async def names() -> str:
    await asyncio.sleep(random.random() / 100)
    return " ".join(sorted({one async for one in Note.objects.values_list("tenant", flat=True)}))


def all_of(found) -> str:
    """One name if all are the same, and there are as many as there should be."""
    return " | ".join(sorted(set(found)))


def check(error: RuntimeError) -> None:
    """What is refused is refused because of the tenant."""
    if "the tenant, for example" not in str(error):
        raise error


async def orm(request):
    return text(all_of([await names() for _ in range(3)]))


async def gather(request):
    return text(all_of(await asyncio.gather(*(names() for _ in range(4)))))


async def parallel(request):
    first = all_of(await agather(*(names() for _ in range(4))))
    return text(all_of([first, *await agather(names(), names(), limit=1)]))


async def parallel_first(request):
    """No query of the view's before, only what the middleware did."""
    return text(all_of(await agather(*(names() for _ in range(3)))))


async def nested(request):
    async def inner():
        return all_of(await agather(names(), names()))

    return text(all_of(await agather(inner(), inner())))


async def group(request):
    async with TaskGroup() as group:
        found = [group.create_task(names()) for _ in range(4)]
    return text(all_of([one.result() for one in found]))


async def beside(request):
    """A task that was begun before the block, and queries while it is open."""
    is_open = asyncio.Event()

    async def other():
        await is_open.wait()
        try:
            return await names()
        except RuntimeError as error:
            check(error)
            return await names_after()

    async def names_after():
        await is_closed.wait()
        return await names()

    is_closed = asyncio.Event()
    task = asyncio.create_task(other())
    async with aatomic():
        found = [await names()]
        is_open.set()
        await asyncio.sleep(0.02)
        found += await agather(names(), names())
    is_closed.set()
    return text(all_of([*found, await task, await names()]))


async def siblings(request):
    """Blocks at the same time: none of them may see what is another's."""

    async def block():
        async with aatomic():
            return await names()

    found = await asyncio.gather(block(), block(), block(), return_exceptions=True)
    refused = [one for one in found if isinstance(one, RuntimeError)]
    for one in refused:
        check(one)
    return text(all_of([one for one in found if one not in refused]))


async def own(request):
    try:
        return text(await database_sync_to_async(names_now, own_connection=True)())
    except RuntimeError as error:
        check(error)
    return text(await names())


async def own_in_a_block(request):
    async with aatomic():
        return await own(request)


async def stream(request):
    async def lines():
        for _ in range(3):
            yield await names()
            await asyncio.sleep(random.random() / 50)
            yield "\n"
        for one in await agather(names(), names()):
            yield f"{one}\n"

    return StreamingHttpResponse(lines())


async def stream_rows(request):
    async def lines():
        async for note in Note.objects.order_by("pk").aiterator(chunk_size=2):
            yield f"{note.tenant}\n"
            await asyncio.sleep(0.001)

    return StreamingHttpResponse(lines())


def stream_sync(request):
    def lines():
        for _ in range(3):
            yield f"{names_now()}\n"

    return StreamingHttpResponse(lines())


def sync(request):
    return text(all_of([names_now() for _ in range(3)]))


def sync_atomic(request):
    with transaction.atomic():
        return text(all_of([names_now(), *async_to_sync(agather)(names(), names())]))


def sync_agather(request):
    return text(all_of(async_to_sync(agather)(names(), names(), names())))


async def release(request):
    """Give the connection away: the next one would be nobody's."""
    await names()
    try:
        release_worker()
    except RuntimeError:
        return text(await names())
    return text("released")


async def other_schema(request):
    """Code that works for another tenant for a while, on its own branch."""

    def of_other():
        with schema_context("tenant_t0"):
            return names_now()

    async def branch():
        return await sync_to_async(of_other)()

    assert await agather(branch(), branch()) == ("t0", "t0")
    return text(all_of(await agather(names(), names())))


async def raw(request):
    def query():
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT tenant FROM databases_note ORDER BY tenant")
            return " ".join(tenant for (tenant,) in cursor.fetchall())

    return text(all_of([await sync_to_async(query)(), await names()]))


async def straggle(request):
    """A task that works on while the response is sent."""
    task = asyncio.create_task(names())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return text(await names())


VIEWS = [
    orm,
    gather,
    parallel,
    parallel_first,
    nested,
    group,
    beside,
    siblings,
    own,
    own_in_a_block,
    stream,
    stream_rows,
    stream_sync,
    sync,
    sync_atomic,
    sync_agather,
    release,
    other_schema,
    raw,
    straggle,
]
urlpatterns = [
    path("", lambda request: text("here")),
    *(path(f"{view.__name__}/", view) for view in VIEWS),
]
