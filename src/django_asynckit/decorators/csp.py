"""Decorators of ``django.views.decorators.csp``, Django's own; Django 6.0 brought them: older versions cannot import this."""

from __future__ import annotations

from django.views.decorators.csp import csp_override, csp_report_only_override

__all__ = ["csp_override", "csp_report_only_override"]
