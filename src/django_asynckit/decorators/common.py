"""Decorators of ``django.views.decorators.common``, which are right on async views: Django's own."""

from __future__ import annotations

from django.views.decorators.common import no_append_slash

__all__ = ["no_append_slash"]
