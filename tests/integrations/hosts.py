"""The hosts that django-hosts reads in its test."""

from __future__ import annotations

from django_hosts import host, patterns

host_patterns = patterns("", host(r".*", "tests.integrations.test_declared_packages", name="any"))
