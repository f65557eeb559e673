"""Walks the URLconf: every route with its view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, get_resolver


@dataclass(frozen=True)
class Route:
    """One URL pattern."""

    #: All parts of the pattern, as ``manage.py`` tools print it.
    pattern: str
    #: The name with its namespaces; empty if it has none.
    name: str
    view: Callable[..., Any]


def routes() -> Iterator[Route]:
    """Yield every route of ``ROOT_URLCONF``; raises what importing the URLconf raises."""
    yield from _walk(get_resolver().url_patterns, "", "")


def _walk(patterns: Any, prefix: str, namespace: str) -> Iterator[Route]:
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            name = f"{namespace}{pattern.name}" if pattern.name else ""
            yield Route(path, name, pattern.callback)
        else:
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern.url_patterns, path, inner)
