"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from django_asynckit.checks import TAG
from django_asynckit.checks.audit import check_audit
from django_asynckit.checks.databases import check_databases
from django_asynckit.checks.declared import check_declared
from django_asynckit.checks.drift import check_asgiref, check_drift
from django_asynckit.checks.security import check_security
from django_asynckit.checks.settings import check_settings


class AsynckitConfig(AppConfig):
    """Registers the system checks of django-asynckit."""

    name = "django_asynckit"
    label = "asynckit"
    verbose_name = "django-asynckit"

    def ready(self) -> None:
        register(check_asgiref, TAG)
        register(check_audit, TAG)
        register(check_databases, Tags.database, TAG)
        register(check_declared, TAG)
        register(check_drift, TAG)
        register(check_security, Tags.security, TAG, deploy=True)
        register(check_settings, TAG)
