"""Finds ``PreloadUserMiddleware`` where it is listed before what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django_asynckit.audit.findings import Finding, Rule
from django_asynckit.audit.stack import Entry
from django_asynckit.dropins import dotted_path

TOO_EARLY: Final = Rule(
    id="asynckit.W021",
    hint="List it after SessionMiddleware and AuthenticationMiddleware.",
)
_PRELOAD: Final = "django_asynckit.middleware.preload.PreloadUserMiddleware"
_NEEDED: Final = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)


def in_wrong_order(entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield what is listed before something that it needs; subclasses are taken for their bases."""
    bases = [_bases(entry.factory) for entry in entries]
    for index, entry in enumerate(entries):
        above, below = set().union(*bases[:index]), set().union(*bases[index + 1 :])
        late = [path for path in _NEEDED if path in below - above]
        if _PRELOAD in bases[index] and late:
            names = " and ".join(path.rpartition(".")[2] for path in late)
            yield TOO_EARLY.found(
                entry.place,
                f"{entry.path} is listed before {names}: each request raises ImproperlyConfigured.",
            )


def is_preload(factory: Any) -> bool:
    """Whether ``factory`` makes a ``PreloadUserMiddleware``, after which session and user are loaded."""
    return _PRELOAD in _bases(factory)


def _bases(factory: Any) -> set[str]:
    return set(map(dotted_path, factory.__mro__)) if isinstance(factory, type) else set()
