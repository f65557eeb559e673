"""Who the tenants are, and their hosts."""

from __future__ import annotations

from django_tenants.models import DomainMixin, TenantMixin


class Client(TenantMixin):
    """A tenant."""

    auto_create_schema = False

    class Meta:
        app_label = "tenants"


class Domain(DomainMixin):
    """A host of a tenant."""

    class Meta:
        app_label = "tenants"
