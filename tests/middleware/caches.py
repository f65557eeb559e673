"""Cache backends for the tests, and what they note about the calls they get."""

from __future__ import annotations

import asyncio
import pickle
import threading
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache

from django_asynckit.middleware import non_blocking

stored: dict[str, bytes] = {}
#: ``(name of the method, whether it ran where the event loop does)``
calls: list[tuple[str, bool]] = []


def note(name):
    calls.append((name, threading.current_thread() is threading.main_thread()))


def names():
    return [name for name, _ in calls]


def on_loop():
    return {where for _, where in calls}


def forget():
    calls.clear()
    stored.clear()


class _Backend(BaseCache):
    def __init__(self, location, params):
        super().__init__(params)

    def clear(self):
        stored.clear()

    def _read(self, key, default, version):
        pickled = stored.get(self.make_and_validate_key(key, version=version))
        return default if pickled is None else pickle.loads(pickled)

    def _write(self, key, value, version):
        stored[self.make_and_validate_key(key, version=version)] = pickle.dumps(value)

    def _add(self, key, value, version):
        if self.make_key(key, version) in stored:
            return False
        self._write(key, value, version)
        return True

    def _delete(self, key, version):
        return stored.pop(self.make_key(key, version), None) is not None


class SyncCache(_Backend):
    """Has the sync methods only."""

    def get(self, key, default=None, version=None):
        note("get")
        return self._read(key, default, version)

    def set(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        note("set")
        self._write(key, value, version)

    def add(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        note("add")
        return self._add(key, value, version)

    def delete(self, key, version=None):
        note("delete")
        return self._delete(key, version)


class AsyncCache(_Backend):
    """Has the async methods only."""

    async def aget(self, key, default=None, version=None):
        note("aget")
        await asyncio.sleep(0)
        return self._read(key, default, version)

    async def aset(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        note("aset")
        await asyncio.sleep(0)
        self._write(key, value, version)

    async def aadd(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        note("aadd")
        return self._add(key, value, version)

    async def adelete(self, key, version=None):
        note("adelete")
        return self._delete(key, version)


class AsyncUnderSyncNames(_Backend):
    """Has coroutine functions where Django has sync methods."""

    async def get(self, key, default=None, version=None):
        note("async get")
        return self._read(key, default, version)

    async def set(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        note("async set")
        self._write(key, value, version)


class BothCache(SyncCache):
    """Has both, the async ones are its own."""

    aget = AsyncCache.aget
    aset = AsyncCache.aset
    aadd = AsyncCache.aadd
    adelete = AsyncCache.adelete


class GetOverridden(BothCache):
    """A user's override of a sync method only."""

    def get(self, key, default=None, version=None):
        note("overridden get")
        return super().get(key, default, version)


class SetOverridden(BothCache):
    """A user's override of a sync method only."""

    def set(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        note("overridden set")
        super().set(key, value, timeout, version)


class KeysOverridden(BothCache):
    """A user's keys, made for a thread that knows the tenant."""

    def make_key(self, key, version=None):
        note("make_key")
        return super().make_key(key, version)


class LocMemSubclass(LocMemCache):
    """Not exactly Django's class, so not known to be free of I/O."""

    def get(self, key, default=None, version=None):
        note("get")
        return super().get(key, default, version)

    def set(self, key, value, timeout=DEFAULT_TIMEOUT, version=None):
        note("set")
        super().set(key, value, timeout, version)


def make_cache(location, params):
    """Makes a backend without being one."""
    return SyncCache(location, params)


def tenant_key(key, prefix, version):
    note("key")
    return f"tenant:{prefix}:{version}:{key}"


@non_blocking
def plain_key(key, prefix, version):
    note("key")
    return f"plain:{prefix}:{version}:{key}"


class Lazy:
    """Something that reads a database when it is pickled."""

    def __reduce__(self) -> Any:
        note("pickled")
        return (Lazy, ())
