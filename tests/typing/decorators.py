"""Views keep their type when they are decorated: checked by ``mypy --strict``, not run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, assert_type

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.views import View

from django_asynckit.decorators import (
    asyncify_view,
    auth,
    cache,
    csrf,
    decorator_from_middleware,
    gzip,
    http,
    method_decorator,
    mixins,
    timezone,
    translation,
)
from django_asynckit.decorators.admin import staff_member_required

Async = Callable[[HttpRequest, int], Coroutine[Any, Any, HttpResponse]]
Sync = Callable[[HttpRequest, int], HttpResponse]


async def is_staff(user: AbstractBaseUser) -> bool:
    return user.is_active


async def tag(request: HttpRequest, number: int) -> str:
    return f"{number}"


@cache.cache_page(60, key_prefix="site")
@csrf.csrf_protect
@csrf.ensure_csrf_cookie
@gzip.gzip_page
@http.conditional_page
@http.condition(tag)
@http.require_GET
@http.require_http_methods(["GET"])
@auth.login_required
@auth.login_required(login_url="/in/")
@auth.permission_required(["app.view_thing"])
@auth.user_passes_test(is_staff)
@staff_member_required
@staff_member_required(login_url="/in/")
@translation.override("de")
@timezone.override("UTC")
@decorator_from_middleware(GZipMiddleware)
async def page(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(str(number))


@cache.cache_page(None)
@auth.login_required
@translation.override("de")
def sync_page(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(str(number))


async def check_types(request: HttpRequest) -> None:
    """Say what mypy must find."""
    as_async: Async = page
    as_sync: Sync = sync_page
    assert_type(await as_async(request, 1), HttpResponse)
    assert_type(as_sync(request, 1), HttpResponse)
    assert_type(await asyncify_view(sync_page)(request, 1), HttpResponse)
    assert_type(await asyncify_view(page)(request, 1), HttpResponse)
    await page(request, "1")  # type: ignore[arg-type]


@method_decorator(cache.never_cache, name="dispatch")
class Page(mixins.LoginRequiredMixin, mixins.UserPassesTestMixin, View):
    login_url = "/in/"

    async def test_func(self) -> bool:
        return True

    async def handle_no_permission(self) -> HttpResponse:  # type: ignore[override]
        return HttpResponse(status=403)

    @method_decorator(csrf.csrf_protect)
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(self.login_url)


async def check_class(page: Page, request: HttpRequest) -> None:
    """Say what mypy must find of a class."""
    assert_type(await page.get(request), HttpResponse)
