"""Decorators of ``django.views.decorators.debug``, which are right on async views: Django's own."""

from __future__ import annotations

from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

__all__ = ["sensitive_post_parameters", "sensitive_variables"]
