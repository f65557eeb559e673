"""Keeps the response that was made for a request, so that it is closed also if nobody gets it.

A thread goes on when its request is cancelled, since the client is gone, for example: what a sync view
then returns reaches nobody. Nor does a response that is on its way out through middleware.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_asynckit._bridge import run_and_tell, run_in_pool, run_in_worker

_ATTRIBUTE: Final = "_asynckit_made"


class Made:
    """The responses that were made for one request, until that is over.

    Any thread may note one at any time: appending to a list and taking from it need no lock.
    """

    _is_over = False
    #: Whether the call of one was cancelled, by the end of the request or by a timeout.
    has_lost = False

    def __init__(self) -> None:
        # Each request has one: all else that it starts with is the class's.
        self._kept: list[HttpResponseBase] = []

    def note(self, result: Any) -> None:
        """Keep ``result`` if it is a response; close it if the request is over."""
        # isinstance() would load a lazy object.
        if issubclass(type(result), HttpResponseBase):
            self._kept.append(result)
            if self._is_over:
                run_closers(self.end())

    def end(self) -> list[HttpResponseBase]:
        """Keep no more, and return each that was kept, the newest first; none is returned twice."""
        self._is_over = True
        taken: list[HttpResponseBase] = []
        while self._kept:
            with contextlib.suppress(IndexError):  # Another thread may take the last one.
                taken.append(self._kept.pop())
        return list({id(one): one for one in taken}.values())

    def end_with(self, answer: HttpResponseBase) -> list[HttpResponseBase]:
        """Do so, and return what was lost: nobody was given it, and ``answer`` was sent.

        What a middleware has replaced by another response is not lost: Django leaves it as it is.
        """
        if self.has_lost:
            return [one for one in self.end() if one is not answer]
        self._is_over = True
        self._kept.clear()
        return []


def run_closers(responses: Iterable[HttpResponseBase]) -> None:
    """Do what ``close()`` does but for its signal, which is sent once for a request."""
    for response in responses:
        for closer in response._resource_closers:  # type: ignore[attr-defined]
            with contextlib.suppress(Exception):  # As in Django's close().
                closer()
        response._resource_closers.clear()  # type: ignore[attr-defined]
        response.closed = True


def keep_responses(request: HttpRequest) -> Made:
    """Keep the responses that are made for ``request`` from now on."""
    made = Made()
    setattr(request, _ATTRIBUTE, made)
    return made


def note(request: HttpRequest, result: Any) -> None:
    """Note what was returned for ``request``, if its responses are kept."""
    made: Made | None = getattr(request, _ATTRIBUTE, None)
    if made is not None:
        made.note(result)


async def run_for_response(
    request: HttpRequest, func: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Any:
    """Run ``func``, which may make the response for ``request``, in its worker: one hop."""
    made: Made | None = getattr(request, _ATTRIBUTE, None)
    if made is None:
        return await run_in_worker(func, *args, **kwargs)
    with _losing(made):
        return await run_and_tell(made.note, func, *args, **kwargs)


async def run_in_pool_for_response(
    request: HttpRequest, func: Callable[..., Any], /, *args: Any
) -> Any:
    """Like :func:`run_for_response`, beside other requests. For our, Django's and WhiteNoise's code alone."""
    made: Made = getattr(request, _ATTRIBUTE, None) or Made()

    def run() -> Any:
        response = func(*args)
        made.note(response)
        return response

    with _losing(made):
        return await run_in_pool(run)


@contextlib.contextmanager
def _losing(made: Made) -> Iterator[None]:
    """Remember if the block, which makes a response, is cancelled: nobody gets it then."""
    try:
        yield
    except asyncio.CancelledError:
        made.has_lost = True
        raise
