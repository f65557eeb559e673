"""Measures decorators of Django's and of ours on async views: do they work, hop, block the loop?"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.contrib.admin.views import decorators as django_admin
from django.contrib.auth import decorators as django_auth
from django.contrib.auth import mixins as django_mixins
from django.db import transaction as django_transaction
from django.http import HttpResponse
from django.test import AsyncRequestFactory, override_settings
from django.utils import decorators as django_decorators
from django.utils import timezone as django_timezone
from django.utils import translation as django_translation
from django.views.decorators import cache as django_cache
from django.views.decorators import clickjacking as django_clickjacking
from django.views.decorators import common as django_common
from django.views.decorators import csrf as django_csrf
from django.views.decorators import debug as django_debug
from django.views.decorators import gzip as django_gzip
from django.views.decorators import http as django_http
from django.views.decorators import vary as django_vary

from django_asynckit import decorators
from django_asynckit.decorators import (
    admin,
    auth,
    cache,
    clickjacking,
    common,
    csrf,
    debug,
    gzip,
    http,
    mixins,
    timezone,
    transaction,
    translation,
    vary,
)
from django_asynckit.trace import record_hops
from tests.decorators import tools
from tests.middleware import caches as backends

COLUMNS = (
    "stock: works",
    "hops",
    "blocks the loop",
    "ours: works",
    "hops",
    "blocks the loop",
)
STOCK = SimpleNamespace(
    admin=django_admin,
    auth=django_auth,
    cache=django_cache,
    clickjacking=django_clickjacking,
    common=django_common,
    csrf=django_csrf,
    debug=django_debug,
    gzip=django_gzip,
    http=django_http,
    mixins=django_mixins,
    timezone=django_timezone,
    transaction=django_transaction,
    translation=django_translation,
    utils=django_decorators,
    vary=django_vary,
)
OURS = SimpleNamespace(
    admin=admin,
    auth=auth,
    cache=cache,
    clickjacking=clickjacking,
    common=common,
    csrf=csrf,
    debug=debug,
    gzip=gzip,
    http=http,
    mixins=mixins,
    timezone=timezone,
    transaction=transaction,
    translation=translation,
    utils=decorators,
    vary=vary,
)
#: Functions in C that work on many bytes.
HEAVY = {"compress", "openssl_md5", "md5"}


async def page(request, *args, **kwargs):
    return HttpResponse("page")


def is_ok(response):
    return response.status_code == 200


@dataclass
class Case:
    """A decorated async view, a request for it, and what tells that the answer is right."""

    name: str
    make: Callable[[Any], Any]
    request: dict[str, Any] = field(default_factory=dict)
    is_right: Callable[[Any], bool] = is_ok
    settings: dict[str, Any] = field(default_factory=dict)
    user: Any = None
    #: Whether work in C on the event loop's thread counts; on small things it may be done there.
    is_heavy: bool = False

    def measure(self, namespace: Any) -> list[str]:
        """Return the cells for the decorators in ``namespace``."""
        with override_settings(**self.settings):
            try:
                view = self.make(namespace)
                works = iscoroutinefunction(view) and asyncio.run(self._works(view))
                hops, blocks = asyncio.run(self._count(view)) if works else (0, False)
            except Exception:
                works = False
        if not works:
            return ["no", "-", "-"]
        return ["yes", str(hops), "yes" if blocks else "never"]

    async def _works(self, view) -> bool:
        return self.is_right(await view(self._request(), **self.request.get("kwargs", {})))

    async def _count(self, view):
        tools.calls.clear()
        backends.forget()
        request = self._request()
        with heavy_work() as heavy, record_hops() as trace:
            await view(request, **self.request.get("kwargs", {}))
        probes = [*tools.calls, *backends.calls]
        return len(trace.hops), (self.is_heavy and bool(heavy)) or any(
            on_loop and not name.startswith("a") for name, on_loop in probes
        )

    def _request(self):
        factory = AsyncRequestFactory()
        options = {key: value for key, value in self.request.items() if key != "kwargs"}
        request = factory.generic(options.pop("method", "GET"), options.pop("path", "/"), **options)
        request.COOKIES["csrftoken"] = "s" * 32
        request._stream = io.BytesIO(self.request.get("data", b""))
        user = request.user = copy.deepcopy(self.user)  # Nobody knows its permissions yet.

        async def auser():
            return user

        request.auser = auser
        return request


@contextlib.contextmanager
def heavy_work():
    """Note calls of heavy functions in this thread, which is the event loop's."""
    found: list[str] = []

    def profile(_frame, event, arg):
        if event == "c_call" and arg.__name__ in HEAVY:
            found.append(arg.__name__)

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield found
    finally:
        sys.setprofile(before)
