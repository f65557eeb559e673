"""Session stores for the tests, and what they note about the calls they get."""

from __future__ import annotations

import threading

from django.contrib.sessions.backends import db, signed_cookies
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError

saved: dict[str, dict] = {}
calls: list[tuple[str, bool]] = []


def note(name):
    calls.append((name, threading.current_thread() is threading.main_thread()))


class AsyncStore(SessionBase):
    """A store whose async methods are its own."""

    def load(self):
        note("load")
        return saved.get(self.session_key, {})

    async def aload(self):
        note("aload")
        if self.session_key not in saved:
            self._session_key = None
            return {}
        return dict(saved[self.session_key])

    def exists(self, session_key):
        note("exists")
        return session_key in saved

    async def aexists(self, session_key):
        return session_key in saved

    def create(self):
        note("create")

    async def acreate(self):
        self._session_key = await self._aget_new_session_key()
        await self.asave(must_create=True)
        self.modified = True

    def save(self, must_create=False):
        note("save")

    async def asave(self, must_create=False):
        note("asave")
        if self.session_key is None:
            return await self.acreate()
        data = await self._aget_session(no_load=must_create)
        if must_create and self.session_key in saved:
            raise CreateError
        if not must_create and self.session_key not in saved:
            raise UpdateError
        saved[self.session_key] = dict(data)
        return None

    def delete(self, session_key=None):
        note("delete")

    async def adelete(self, session_key=None):
        saved.pop(session_key or self.session_key, None)


class SyncSaveOverridden(AsyncStore):
    """Overrides a sync method only: it decides."""

    def save(self, must_create=False):
        note("overridden save")
        if self.session_key is None:
            self._session_key = "k" * 32
        saved[self.session_key] = dict(self._get_session(no_load=must_create))


class SyncExpiryOverridden(AsyncStore):
    """Overrides a sync method that the middleware calls beside ``save()``."""

    def save(self, must_create=False):
        note("save")
        if self.session_key is None:
            self._session_key = "k" * 32

    def get_expiry_age(self, **kwargs):
        note("overridden get_expiry_age")
        return 77


class SignedSubclass(signed_cookies.SessionStore):
    """Not exactly Django's class, so not known to be free of I/O."""

    def save(self, must_create=False):
        note("signed save")
        super().save(must_create)


class ReadsElsewhere(signed_cookies.SessionStore):
    """Overrides how a session is read."""

    def get(self, key, default=None):
        note("overridden get")
        return super().get(key, default)


class MadeSlowly(signed_cookies.SessionStore):
    """Does something when it is made."""

    def __init__(self, session_key=None):
        note("made")
        super().__init__(session_key)


class LoadsHere(SessionBase):
    """A store with sync methods only."""

    def load(self):
        note("sync load")
        return dict(saved.get(self.session_key, {}))

    def save(self, must_create=False):
        note("sync save")

    def exists(self, session_key):
        return session_key in saved

    def create(self):
        note("sync create")

    def delete(self, session_key=None):
        note("sync delete")


class LoadsEmpty(db.SessionStore):
    """Overrides the async method only: the sync one would need a database."""

    async def aload(self):
        note("own aload")
        return {}
