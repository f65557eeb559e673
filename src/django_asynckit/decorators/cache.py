"""Decorators of ``django.views.decorators.cache``."""

from __future__ import annotations

from django.middleware.cache import CacheMiddleware
from django.views.decorators.cache import cache_control, never_cache

from django_asynckit.decorators._calling import Decorator
from django_asynckit.decorators._from_middleware import decorator_from_middleware_with_args

__all__ = ["cache_control", "cache_page", "never_cache"]

_cache_page = decorator_from_middleware_with_args(CacheMiddleware)


def cache_page(
    timeout: float | None, *, cache: str | None = None, key_prefix: str | None = None
) -> Decorator:
    """Keep the responses of a view in the cache for ``timeout`` seconds, ``None`` being for ever.

    ``cache`` is the alias of a cache, ``key_prefix`` is put before its keys. Follows
    :func:`django.views.decorators.cache.cache_page`. On an async view the cache is awaited if its
    async methods are its own, used inline if it is in memory, and else used in one hop to look and
    one to store. A ``TemplateResponse`` is stored in the thread where it is rendered.
    """
    return _cache_page(page_timeout=timeout, cache_alias=cache, key_prefix=key_prefix)
