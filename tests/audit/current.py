"""Middleware that keeps something per thread in another module."""

from __future__ import annotations

from django_asynckit._compat import MiddlewareMixin
from tests.audit import current_user
from tests.audit.current_user import given, set_user, use
from tests.audit.stacks import Native, SyncClass

[kept] = given


class CurrentUser(SyncClass):
    def __call__(self, request):
        set_user(request.user)
        return self.get_response(request)


class CurrentUserHooks(MiddlewareMixin):
    def process_request(self, request):
        current_user.set_user(request.user)


class CurrentUserAsync(Native):
    async def __acall__(self, request):
        set_user(None)
        return await self.get_response(request)


class ByAttribute(SyncClass):
    def __call__(self, request):
        self.keep(request.user)
        return self.get_response(request)

    keep = staticmethod(set_user)


class Given(SyncClass):
    def __call__(self, request):
        kept.user = request.user  # found
        return self.get_response(request)


class ImportsOnly(SyncClass):
    def __call__(self, request):
        use(request)
        return self.get_response(request)


class Kind(type):
    """Its classes cannot be in a set."""

    __hash__ = None


class Unhashable(SyncClass, metaclass=Kind):
    """Its source cannot be followed."""


def current_user_middleware(get_response):
    def middleware(request):
        set_user(request.user)
        return get_response(request)

    return middleware
