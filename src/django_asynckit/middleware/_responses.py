"""Keeps the response that was made for a request, so that it is closed also if nobody gets it.

A thread goes on when its request is cancelled, since the client is gone, for example: what a sync view
then returns reaches nobody. Nor does a response that is on its way out through middleware.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_asynckit._bridge import run_and_tell, run_in_worker

_ATTRIBUTE: Final = "_asynckit_made"


class Made:
    """The newest response of one request, until that is over.

    Any thread may note one at any time: appending to a deque and taking from it need no lock.
    """

    def __init__(self) -> None:
        self._newest: deque[HttpResponseBase] = deque(maxlen=1)
        self._is_over = False

    def note(self, result: Any) -> None:
        """Keep ``result`` if it is a response; close it if the request is over."""
        # isinstance() would load a lazy object.
        if not issubclass(type(result), HttpResponseBase):
            return
        self._newest.append(result)
        if self._is_over:
            late = self._take()
            if late is not None:
                _run_closers(late)

    def end(self) -> HttpResponseBase | None:
        """Return the newest response, once, and keep no more."""
        self._is_over = True
        return self._take()

    def _take(self) -> HttpResponseBase | None:
        try:
            return self._newest.pop()
        except IndexError:
            return None


def _run_closers(response: HttpResponseBase) -> None:
    """Do what ``close()`` does but for its signal, which was sent."""
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
    return await run_and_tell(made.note, func, *args, **kwargs)
