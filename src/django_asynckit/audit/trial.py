"""Tries a middleware on the event loop, as if it were declared free of I/O, and sees what would block.

What is seen: the calls that blockbuster knows, Django's guard of the database, and pages that fail. Not
what a library written in C waits for, unless Django's ORM asked for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.core.signals import got_request_exception
from django.test.utils import override_settings
from django.utils.module_loading import import_string

from django_asynckit._compat import greenlet_is_installed
from django_asynckit._declared import Style, fault, style_of
from django_asynckit.audit.findings import Place
from django_asynckit.audit.getting import NotAnswered, get, require_path, without_logs
from django_asynckit.audit.thread_locals import used_by
from django_asynckit.audit.watching import Blocking, NotWatched, watch
from django_asynckit.conf import conf
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.handler.loading import native_for

_REVIEWED: Final = ("django.", "django_asynckit.", "builtins")


class NotTried(Exception):
    """The middleware could not be tried; the message says why."""


@dataclass
class Page:
    """One GET request, with the middleware in a thread and on the event loop."""

    path: str
    before: int = 0
    after: int = 0
    blocking: set[Blocking] = field(default_factory=set)
    failure: str = ""

    @property
    def would_break(self) -> bool:
        return bool(self.blocking or self.failure or self.before != self.after)


@dataclass
class Trial:
    """What came of it."""

    middleware: str
    pages: list[Page]
    #: Where what is kept per thread is made: on the event loop requests would share it.
    thread_locals: list[Place]

    @property
    def would_break(self) -> bool:
        return bool(self.thread_locals) or any(page.would_break for page in self.pages)


def try_declared(
    path: str, urls: Sequence[str], tell: Callable[[str], None] = lambda _what: None
) -> Trial:
    """Send a GET request for each of ``urls`` with the middleware at ``path`` in a thread, and one with it on the loop.

    Not to be called where an event loop runs. The requests come from nobody, and are answered as in
    production: what middleware and views write is written. Nothing is logged meanwhile.
    ``tell`` is given each step before it is taken.

    Raises :class:`NotTried` where the middleware cannot be declared, is not used, or where what a trial
    needs is not installed, and :class:`~django_asynckit.audit.getting.NotAnswered` where a page cannot
    be had with the middleware in a thread.
    """
    middleware = _to_be_tried(path)
    for url in urls:
        require_path(url)
    pages = []
    with without_logs():
        for url in urls:
            tell(f"Trying {url}")
            try:
                pages.append(_try(path, middleware, url))
            except NotWatched as error:
                raise NotTried(str(error)) from error
    return Trial(path, pages, used_by(middleware))


def _to_be_tried(path: str) -> Any:
    if message := fault(path):
        raise NotTried(message.replace("ASYNCKIT_NON_BLOCKING_MIDDLEWARE", "--try-declare"))
    middleware = import_string(path)
    if all(import_string(one) is not middleware for one in settings.MIDDLEWARE):
        raise NotTried(f"{path} is not in MIDDLEWARE, so no request meets it.")
    if native_for(middleware) is not None:
        raise NotTried(f"{path} has a native class, which needs no declaration.")
    style = style_of(middleware)
    if style is Style.ASYNC:
        raise NotTried(f"{path} is async already, so a declaration changes nothing.")
    if style is Style.CALL and not greenlet_is_installed():
        raise NotTried(
            f"{path} runs on the event loop only with greenlet: pip install 'django-asynckit[greenlet]'"
        )
    return middleware


def _files_of(middleware: Any) -> frozenset[str]:
    """Return the files in which the code of the middleware is, without Django's."""
    parts = middleware.__mro__ if isinstance(middleware, type) else [inspect.unwrap(middleware)]
    files = set()
    for part in parts:
        with contextlib.suppress(TypeError):
            if not str(part.__module__).startswith(_REVIEWED):
                files.add(inspect.getfile(part))
    return frozenset(files)


def _try(path: str, middleware: Any, url: str) -> Page:
    others = [one for one in conf.non_blocking_middleware if import_string(one) is not middleware]
    page = Page(url, before=_status(url, others))
    with watch(_files_of(middleware)) as page.blocking, _exceptions() as raised:
        try:
            page.after = _status(url, [*others, path])
        except NotAnswered as error:
            page.failure = str(error)
        else:
            if raised and page.after != page.before and not page.blocking:
                page.failure = f"{type(raised[0]).__name__}: {raised[0]}"
    return page


def _status(url: str, declared: list[str]) -> int:
    """Send a GET request to a new handler, and return the status."""
    # A sync view would take the middleware with it into a thread.
    with override_settings(ASYNCKIT_NON_BLOCKING_MIDDLEWARE=declared, ASYNCKIT_SYNC_CHAIN=False):
        return asyncio.run(get(ASGIHandler(), url))


@contextlib.contextmanager
def _exceptions() -> Iterator[list[BaseException | None]]:
    """Collect what leads to error pages."""
    raised: list[BaseException | None] = []

    def note(**_kwargs: Any) -> None:
        raised.append(sys.exception())

    got_request_exception.connect(note)
    try:
        yield raised
    finally:
        got_request_exception.disconnect(note)
