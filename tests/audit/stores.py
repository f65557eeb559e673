"""Sessions, messages and a cache that are not known to be free of I/O."""

from __future__ import annotations

from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends import signed_cookies
from django.core.cache.backends.dummy import DummyCache


class SessionStore(signed_cookies.SessionStore):
    """May do I/O when it is made and when it is looked at."""

    def __init__(self, session_key=None):
        super().__init__(session_key)

    def is_empty(self):
        return super().is_empty()


class Storage(CookieStorage):
    """Of a user's own."""


class SlowCache(DummyCache):
    """May do I/O in whatever it does."""


class ClosingCache(SlowCache):
    """Has clients to close at the end of each request, as that of Memcached."""

    def close(self, **kwargs):
        """Does I/O."""


class AsyncCache(SlowCache):
    """Can be awaited."""

    async def aget(self, *args, **kwargs):
        """Awaited."""

    async def aset(self, *args, **kwargs):
        """Awaited."""
