"""Finds database backends whose connections keep something of the request, such as its tenant."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from django_asynckit.audit.findings import Finding, Place, Rule
from django_asynckit.conf import worker_settings
from django_asynckit.dropins import dotted_path
from django_asynckit.workers.added import HOW_TO_CARRY, added_names

NOT_CARRIED: Final = Rule(
    id="asynckit.W027",
    hint=f"{HOW_TO_CARRY} If there is nothing to carry, name one that does nothing.",
)


def in_databases() -> Iterator[Finding]:
    """Yield the databases whose connection class adds attributes that nothing carries to a second one."""
    if _carries():
        return
    for alias in connections:
        with contextlib.suppress(Exception):  # Django reports a backend that cannot be loaded.
            connection = connections.create_connection(alias)
            names = added_names(connection)
            if names:
                yield _found(alias, type(connection), names)


def _found(alias: str, cls: type, names: list[str]) -> Finding:
    return NOT_CARRIED.found(
        Place(f"DATABASES[{alias!r}]"),
        f"{dotted_path(cls)} keeps something on each connection that Django does not know of "
        f"({', '.join(names)}). A request that changes it gets no second connection: agather runs one "
        "query after the other, and own_connection=True raises.",
    )


def _carries() -> bool:
    try:
        return worker_settings().carry is not None
    except ImproperlyConfigured:  # E001 reports it.
        return True
