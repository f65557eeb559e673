"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig


class AsynckitConfig(AppConfig):
    """Registers the system checks of django-asynckit."""

    name = "django_asynckit"
    label = "asynckit"
    verbose_name = "django-asynckit"
