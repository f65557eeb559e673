"""Decorators of ``django.views.decorators.vary``, which are right on async views: Django's own."""

from __future__ import annotations

from django.views.decorators.vary import vary_on_cookie, vary_on_headers

__all__ = ["vary_on_cookie", "vary_on_headers"]
