"""Decorators of ``django.views.decorators.clickjacking``, which are right on async views: Django's own."""

from __future__ import annotations

from django.views.decorators.clickjacking import (
    xframe_options_deny,
    xframe_options_exempt,
    xframe_options_sameorigin,
)

__all__ = ["xframe_options_deny", "xframe_options_exempt", "xframe_options_sameorigin"]
