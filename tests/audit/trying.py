"""Middleware that is tried on the event loop: some of it blocks, and some only on one page."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.http import HttpResponseForbidden

from django_asynckit._compat import MiddlewareMixin

state = threading.local()


class Quick(MiddlewareMixin):
    def process_response(self, request, response):
        response["X-Quick"] = "yes"
        return response


class Sleeping(MiddlewareMixin):
    """Sleeps on one page only."""

    def process_request(self, request):
        if request.path == "/sleep/":
            time.sleep(0.001)


class Helped(Sleeping):
    """What blocks is in a class that it builds on."""


class Querying:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.count = User.objects.count()
        return self.get_response(request)


class Swallowing(MiddlewareMixin):
    """What is refused is caught, and the answer is as if nobody was logged in."""

    def process_request(self, request):
        try:
            request.count = User.objects.count()
        except Exception:
            request.count = 0


def reading(get_response):
    def middleware(request):
        request.source = Path(__file__).read_text(encoding="utf-8")
        return get_response(request)

    return middleware


def quick(get_response):
    def middleware(request):
        response = get_response(request)
        response["X-Quick"] = "yes"
        return response

    return middleware


class Awaiting(MiddlewareMixin):
    """async_to_sync fails where an event loop runs."""

    def process_request(self, request):
        async_to_sync(request.auser)()


class Keeping(MiddlewareMixin):
    def process_request(self, request):
        state.path = request.path


class Raising(MiddlewareMixin):
    """Fails on the event loop alone, and outside of all that makes error pages."""

    def process_request(self, request):
        if threading.current_thread() is threading.main_thread():
            raise SystemError


class Denying(MiddlewareMixin):
    """Answers otherwise on the event loop."""

    def process_request(self, request):
        if threading.current_thread() is threading.main_thread():
            return HttpResponseForbidden()
        return None
