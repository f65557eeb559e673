"""Drop-in for ``django.contrib.sites.middleware``."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sites import middleware
from django.http import HttpRequest

from django_asynckit._bridge import run_in_worker
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin


class CurrentSiteMiddleware(AsyncMiddlewareMixin, middleware.CurrentSiteMiddleware):
    """Django's class; it leaves the event loop only for a site that is not in Django's cache yet."""

    async_capable = True

    async def aprocess_request(self, request: HttpRequest) -> None:
        if not apps.is_installed("django.contrib.sites"):
            super().process_request(request)  # Looks at the request only.
        elif (site := _cached_site(request)) is not None:
            request.site = site
        else:
            await run_in_worker(super().process_request, request)


def _cached_site(request: HttpRequest) -> Any:
    """Return the site that Django would find in its cache; another thread may empty it meanwhile."""
    from django.contrib.sites import models  # Only where the app is installed.

    key = getattr(settings, "SITE_ID", "") or request.get_host()
    is_djangos = type(models.Site.objects) is models.SiteManager and type(models.SITE_CACHE) is dict
    return models.SITE_CACHE.get(key) if is_djangos and type(key) in (int, str) else None
