"""Middleware that stands in the way, or sets on the connection whose rows a request may see."""

from __future__ import annotations

import os

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.db import connection

#: The role of a tenant on the server; the name of the database makes it this run's own.
ROLE = os.environ.get("TESTS_ROLES", "")


def sync_only(get_response):
    def middleware(request):
        return get_response(request)

    return middleware


def set_tenant(request) -> None:
    """Set something that lasts, and take nothing back at the end."""
    tenant, how = request.GET.get("tenant"), request.GET.get("how", "role")
    if tenant is None:
        return
    if how == "wrapper":
        request.seen = []
        connection.execute_wrappers.append(Recorder(request.seen))
        return
    with connection.cursor() as cursor:
        if how == "role":
            cursor.execute(f'SET ROLE "{ROLE}{tenant}"')
        elif how == "path":
            cursor.execute(f'SET search_path TO "{tenant}", public')
        else:
            cursor.execute("SELECT set_config('app.tenant', %s, false)", [tenant])


class Recorder:
    """Notes each query of its request."""

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    def __call__(self, execute, sql, params, many, context):
        # Not what the driver says to a new connection.
        self.seen.extend([sql] if "databases_note" in sql else [])
        return execute(sql, params, many, context)


def tenant_sync(get_response):
    def middleware(request):
        set_tenant(request)
        return get_response(request)

    return middleware


def tenant_async(get_response):
    async def middleware(request):
        await sync_to_async(set_tenant)(request)
        return await get_response(request)

    markcoroutinefunction(middleware)
    return middleware


tenant_async.async_capable = True
tenant_async.sync_capable = False
