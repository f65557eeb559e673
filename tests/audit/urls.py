"""Views with the mistakes that the audit knows, each beside its healthy twin."""

from __future__ import annotations

import functools

from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import transaction
from django.http import HttpResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt


async def page(request):
    return HttpResponse("fine")


def sync_page(request):
    return HttpResponse("fine")


def timed(view):
    """Sync, and unaware of async views."""

    @functools.wraps(view)
    def wrapper(request):
        return view(request)

    return wrapper


def anonymous_wrapper(view):
    """Copies nothing but names what it wraps."""

    def wrapper(request):
        return view(request)

    wrapper.__wrapped__ = view
    return wrapper


class AsyncView(View):
    async def get(self, request):
        return HttpResponse("fine")


class SyncView(View):
    def get(self, request):
        return HttpResponse("fine")


@method_decorator([login_required, csrf_exempt], name="dispatch")
class DecoratedDispatch(AsyncView):
    pass


class WrappedDispatch(AsyncView):
    @functools.partial(method_decorator, csrf_exempt)()
    def dispatch(self, *args, **kwargs):
        return super().dispatch(*args, **kwargs)


class TimedDispatch(AsyncView):
    dispatch = timed(AsyncView.dispatch)


class AsyncDispatch(AsyncView):
    @method_decorator(never_cache)
    async def dispatch(self, *args, **kwargs):
        return await super().dispatch(*args, **kwargs)


@method_decorator(csrf_exempt, name="dispatch")
class ExemptDispatch(AsyncView):
    pass


@method_decorator(login_required, name="get")
class DecoratedGet(AsyncView):
    pass


@method_decorator(login_required, name="dispatch")
class SyncDecoratedDispatch(SyncView):
    pass


class NeedsLogin(LoginRequiredMixin, AsyncView):
    pass


class SyncNeedsLogin(LoginRequiredMixin, SyncView):
    pass


class Instance:
    async def __call__(self, request):
        return HttpResponse("fine")


inner = [path("page/", page, name="page"), path("nameless/", sync_page)]
urlpatterns = [
    path("", page, name="home"),
    path("sync/", sync_page),
    path("again/", sync_page),
    path("nested/", include((inner, "shop"), namespace="eu")),
    path("plain/", include(inner)),
    path("hidden/", timed(page)),
    path("hidden/adapted/", async_to_sync(page)),
    path("hidden/partial/", functools.partial(timed(page))),
    path("login/", login_required(page)),
    path("wrapped/sync/", timed(sync_page)),
    path("adapted/", sync_to_async(sync_page)),
    path("exempt/", csrf_exempt(page)),
    path("exempt/kept/", timed(csrf_exempt(sync_page))),
    path("exempt/lost/", anonymous_wrapper(csrf_exempt(sync_page))),
    path("exempt/adapted/", sync_to_async(csrf_exempt(sync_page))),
    path("exempt/lost/partial/", functools.partial(csrf_exempt(sync_page))),
    path("class/", AsyncView.as_view()),
    path("class/sync/", SyncView.as_view()),
    path("class/dispatch/", DecoratedDispatch.as_view()),
    path("class/dispatch/wrapped/", WrappedDispatch.as_view()),
    path("class/dispatch/timed/", TimedDispatch.as_view()),
    path("class/dispatch/async/", AsyncDispatch.as_view()),
    path("class/dispatch/exempt/", ExemptDispatch.as_view()),
    path("class/dispatch/sync/", SyncDecoratedDispatch.as_view()),
    path("class/get/", DecoratedGet.as_view()),
    path("class/login/", NeedsLogin.as_view()),
    path("class/login/sync/", SyncNeedsLogin.as_view()),
    path("instance/", Instance()),
    path("atomic/no/", transaction.non_atomic_requests(timed(sync_page))),
]
