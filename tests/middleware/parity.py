"""The same request through Django's handler with Django's classes, and through ours with native ones."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.db import connections

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.trace import record_hops
from tests.driver import Reply, drive, plain_root_logger


def nothing() -> None: ...


async def same(url="/", *, hops=0, before=nothing, **request) -> Reply:
    """Assert that both answer alike, ours with this many hops beside closing; return the answer.

    ``before`` is called before each request.
    """
    with plain_root_logger():
        before()
        stock = await drive(DjangoASGIHandler(), url, **request)
        before()
        application = ASGIHandler()
        with record_hops() as trace:
            ours = await drive(application, url, **request)
    assert (ours.status, ours.headers, ours.body) == (stock.status, stock.headers, stock.body)
    made = [hop.target for hop in trace.hops if not hop.target.endswith(".close")]
    assert len(made) == hops, made
    return ours


async def in_thread(func):
    """Run ``func`` where it may use the database; asgiref's thread is one for all tests."""

    def run():
        try:
            return func()
        finally:
            connections.close_all()

    return await sync_to_async(run)()


def header(reply: Reply, name: str) -> str | None:
    values = [value for key, value in reply.headers if key.lower() == name.lower().encode()]
    return b", ".join(values).decode() if values else None
