"""Decorators of ``django.views.decorators.gzip``."""

from __future__ import annotations

from django.middleware.gzip import GZipMiddleware

from django_asynckit.decorators._calling import Decorator
from django_asynckit.decorators._from_middleware import decorator_from_middleware

__all__ = ["gzip_page"]

gzip_page: Decorator = decorator_from_middleware(GZipMiddleware)
gzip_page.__doc__ = """Compress the responses of a view where the client understands it.

Follows :func:`django.views.decorators.gzip.gzip_page`. On an async view, what is larger than 32 KiB
is compressed in a thread.
"""
