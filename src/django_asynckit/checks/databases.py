"""Reports databases that take too few connections, where Django may connect to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage

from django_asynckit.audit.project import databases_for_checks
from django_asynckit.checks.audit import as_message


def check_databases(databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """W019: a process may ask for more connections than the server has. ``check --database`` only."""
    return [as_message(finding) for finding in databases_for_checks(databases or ())]
