"""The middleware of django-tenants, and what projects make of it."""

from __future__ import annotations

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django_tenants.middleware.main import TenantMainMiddleware


class SyncOnly(TenantMainMiddleware):
    """For a stack that is not async."""

    async_capable = False


class Async(TenantMainMiddleware):
    """Written by hand."""

    sync_capable = False

    def __init__(self, get_response):
        self.get_response = get_response
        assert iscoroutinefunction(get_response)
        markcoroutinefunction(self)

    async def __call__(self, request):
        await sync_to_async(self.process_request)(request)
        return await self.get_response(request)


def carry(source, target):
    """ASYNCKIT_CARRY_CONNECTION_STATE."""
    target.set_tenant(source.tenant)
