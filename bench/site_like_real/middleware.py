"""Three of its own, as projects write them that never ran on an event loop."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from site_like_real.models import Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    GetResponse = Callable[[HttpRequest], HttpResponse]

SEEN_EVERY_SECONDS = 60

#: Where log filters of such projects find the request's id.
local = threading.local()


class RequestIdMiddleware(MiddlewareMixin):
    """Hooks, and sync only by its own word."""

    async_capable = False

    def process_request(self, request: HttpRequest) -> None:
        local.request_id = request.headers.get("X-Request-ID") or uuid.uuid4().hex

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:  # noqa: ARG002
        response["X-Request-ID"] = local.request_id
        del local.request_id
        return response


def maintenance(get_response: GetResponse) -> GetResponse:
    """A function: a file says whether the site is closed."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if settings.MAINTENANCE_FILE.exists():
            return HttpResponse("Back soon.", status=503)
        return get_response(request)

    return middleware


class LastSeenMiddleware:
    """A class without a mixin: notes now and then when a user was here."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated and cache.add(f"seen-{user.pk}", True, SEEN_EVERY_SECONDS):
            Visit.objects.update_or_create(user_id=user.pk, defaults={"last": timezone.now()})
        return self.get_response(request)
