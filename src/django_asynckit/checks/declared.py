"""Checks what ASYNCKIT_NON_BLOCKING_MIDDLEWARE declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_asynckit._compat import greenlet_is_installed
from django_asynckit._declared import Style, fault, style_of
from django_asynckit.conf import conf
from django_asynckit.handler.loading import native_for


def check_declared(**_kwargs: Any) -> list[CheckMessage]:
    """E002: a wrong declaration. W002: greenlet is missing. I001: a declaration changes nothing."""
    try:
        paths = dict.fromkeys(conf.non_blocking_middleware)
        _ = conf.native_middleware
    except ImproperlyConfigured:
        return []  # E001 reports it.
    used = list(_used()) if paths else []
    return [message for path in paths for message in _messages(path, used)]


def _used() -> Iterator[tuple[str, Any]]:
    """Yield path and object of each entry of MIDDLEWARE."""
    entries: Any = settings.MIDDLEWARE
    for path in entries if isinstance(entries, list | tuple) else ():
        try:
            yield path, import_string(path)
        except Exception:  # noqa: S112
            continue  # Others report it. A module may raise anything.


def _messages(path: str, used: list[tuple[str, Any]]) -> Iterator[CheckMessage]:
    if message := fault(path):
        yield Error(
            message,
            hint="Declare only third-party middleware that is sync and does no I/O.",
            obj=path,
            id="asynckit.E002",
        )
        return
    declared = import_string(path)
    if any(middleware is declared for _, middleware in used):
        yield from _effect(path, declared)
    else:
        yield from _subclasses(path, declared, used)


def _effect(path: str, declared: Any) -> Iterator[CheckMessage]:
    style = style_of(declared)
    if native_for(declared):
        yield _info(
            path,
            f"Our handler puts a native class in the place of {path}, so its declaration changes "
            "nothing.",
            "Take it out of ASYNCKIT_NON_BLOCKING_MIDDLEWARE.",
        )
    elif style is Style.CALL and not greenlet_is_installed():
        yield CheckWarning(
            f"{path} is declared free of I/O, but runs in a thread: greenlet is not installed.",
            hint="pip install 'django-asynckit[greenlet]', or take the declaration out.",
            obj=path,
            id="asynckit.W002",
        )
    elif style is Style.ASYNC:
        yield _info(
            path,
            f"{path} says that it is async itself, so its declaration changes nothing.",
            "Take it out of ASYNCKIT_NON_BLOCKING_MIDDLEWARE.",
        )


def _subclasses(path: str, declared: Any, used: list[tuple[str, Any]]) -> Iterator[CheckMessage]:
    for name, middleware in used:
        if isinstance(declared, type) and declared in getattr(middleware, "__mro__", ()):
            yield _info(
                path,
                f"{path} is declared free of I/O, but MIDDLEWARE has {name}, a subclass of it, "
                "which is not.",
                f"Declare {name} if its own code does no I/O either.",
            )


def _info(path: str, message: str, hint: str) -> CheckMessage:
    return Info(message, hint=hint, obj=path, id="asynckit.I001")
