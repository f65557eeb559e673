"""Middleware that hops to a thread only for real I/O."""

from __future__ import annotations

from django_asynckit.middleware._hooks import non_blocking
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin

__all__ = ["AsyncMiddlewareMixin", "non_blocking"]
