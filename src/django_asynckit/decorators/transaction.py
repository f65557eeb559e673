"""Decorators of ``django.db.transaction``, which are right on async views: Django's own."""

from __future__ import annotations

from django.db.transaction import non_atomic_requests

__all__ = ["non_atomic_requests"]
