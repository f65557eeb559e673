"""A site on django-tenants: each host has a schema of its own."""
