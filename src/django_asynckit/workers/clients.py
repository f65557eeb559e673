"""The cache clients of a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache import BaseCache, caches, close_caches
from django.core.signals import request_finished

from django_asynckit._asgiref import local_values
from django_asynckit.workers.signals import is_connected


class CacheClients:
    """Keeps one client per cache alias, which Django makes anew for each request under ASGI.

    They are in ``caches`` only while a job of their worker runs: a client need not be thread-safe.
    """

    def __init__(self) -> None:
        self._clients: dict[str, BaseCache] = {}
        self._caches: object = None

    def lend(self, call: Callable[[], Any]) -> Any:
        """Call ``call`` with the clients in ``caches``, and take them out again, new ones too."""
        found: Any = caches._connections  # type: ignore[attr-defined]
        if found is not self._caches:
            # Django begins anew when CACHES changes, as it does in tests.
            self._caches, self._clients = found, {}
        before = set(local_values(found, caches))
        for alias in self._clients.keys() - before:
            setattr(found, alias, self._clients[alias])
        try:
            return call()
        finally:
            for alias, client in list(local_values(found, caches).items()):
                if alias not in before:
                    self._clients[alias] = client
                    delattr(found, alias)

    def are_kept(self) -> bool:
        """Whether the end of a request does nothing to any of them."""
        return all(type(client).close is BaseCache.close for client in self._clients.values())

    def close(self) -> None:
        """Do what Django does with all clients at the end of a request."""
        if is_connected(request_finished, close_caches):
            for client in self._clients.values():
                client.close()
