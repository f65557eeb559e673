"""Django's session stores, with async methods that make one hop where Django's block or make several."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.sessions.backends import cache, cached_db, db, file
from django.contrib.sessions.backends.base import SessionBase

from django_asynckit._bridge import run_in_worker
from django_asynckit.middleware._caches import awaitable


class OneHop(SessionBase):
    """Put before a store of Django's: its async methods run its sync ones in the request's thread.

    Django's ``file`` store blocks the event loop instead, and so does ``cached_db`` where it looks
    for a key; the others hop for each query and each call of the cache.
    """

    def _is_awaited(self) -> bool:
        """Whether Django's async methods need no hop for the cache."""
        return False

    async def aload(self) -> Any:
        return await self._run("load")

    async def asave(self, must_create: bool = False) -> None:
        await self._run("save", must_create)

    async def acreate(self) -> None:
        await self._run("create")

    async def adelete(self, session_key: str | None = None) -> None:
        await self._run("delete", session_key)

    async def aexists(self, session_key: str) -> bool:
        exists: bool = await self._run("exists", session_key)
        return exists

    async def acycle_key(self) -> None:
        await self._run("cycle_key")

    async def _run(self, name: str, *args: Any) -> Any:
        if self._is_awaited():
            return await getattr(super(), f"a{name}")(*args)
        return await run_in_worker(getattr(self, name), *args)


class DatabaseStore(OneHop, db.SessionStore):
    pass


class FileStore(OneHop, file.SessionStore):
    @classmethod
    def _get_storage_path(cls) -> str:
        # Django's class remembers it, also for those who make sessions outside of a request.
        path: str = file.SessionStore._get_storage_path()  # type: ignore[attr-defined]
        return path


class _Cached(OneHop):
    """A store with a cache, which is awaited if all that the store calls can be."""

    _cache: Any
    cache_key_prefix: str

    def _is_awaited(self) -> bool:
        return all(awaitable(self._cache, name) for name in ("get", "set", "add", "delete"))


class CacheStore(_Cached, cache.SessionStore):
    pass


class CachedDatabaseStore(_Cached, cached_db.SessionStore):
    async def aexists(self, session_key: str) -> bool:
        # Django's asks the cache in sync code.
        if self._is_awaited():
            key = f"{self.cache_key_prefix}{session_key}"
            if session_key and await self._cache.ahas_key(key):
                return True
            return await db.SessionStore.aexists(self, session_key)
        return await super().aexists(session_key)


_NATIVE: Final[dict[Any, Any]] = {
    db.SessionStore: DatabaseStore,
    cache.SessionStore: CacheStore,
    cached_db.SessionStore: CachedDatabaseStore,
    file.SessionStore: FileStore,
}
NATIVE: Final[tuple[Any, ...]] = tuple(_NATIVE.values())
for _djangos, _ours in _NATIVE.items():
    # Django signs sessions with it: those of before must be read, and by code that has Django's class.
    _ours.__qualname__ = _djangos.__qualname__


def native_store(store: Any) -> Any:
    """Return the class to use for ``store``, if that is exactly one of Django's."""
    return _NATIVE.get(store, store)
