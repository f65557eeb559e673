"""Closes a response at the end of its request, without a hop where nothing blocks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from django_asynckit._bridge import run_in_context, run_in_worker, uninterrupted
from django_asynckit._sync_frames import thread_is_in_use
from django_asynckit.handler.sending import pulled
from django_asynckit.handler.signals import finish_inline, finishes_inline, send_finished
from django_asynckit.middleware._files import OpenedFile
from django_asynckit.middleware._requests import is_in_memory
from django_asynckit.middleware._responses import Made, run_closers
from django_asynckit.workers.context import wait_patiently, worker_is_busy


async def close(response: HttpResponseBase) -> None:
    """Close ``response``: run its closers, then send ``request_finished``.

    Hops to the request's thread for closers that may block and receivers that are not Django's.
    A sync iterator is closed in the thread and the context in which it ran.
    """
    pull = pulled(response)
    if pull is not None:
        wait_patiently()
        await uninterrupted(run_in_context(pull.context, _close, response, pull.parts))
    elif _closes_in_memory(response) and finishes_inline(response._handler_class):  # type: ignore[attr-defined]
        for closer in response._resource_closers:  # type: ignore[attr-defined]
            try:  # noqa: SIM105
                closer()
            except Exception:  # noqa: S110
                pass  # As in Django's close().
        response._resource_closers.clear()  # type: ignore[attr-defined]
        response.closed = True
        await finish_inline(response._handler_class)  # type: ignore[attr-defined]
    else:
        wait_patiently()
        await uninterrupted(run_in_worker(response.close))


async def close_unanswered(request: HttpRequest, made: Made, sender: Any) -> None:
    """Close a request that got no response, with the response that was ``made`` for it all the same.

    In its own thread if it has one: a sync view whose request was cancelled still runs there, may
    read uploaded files, and may yet return a response. Sends ``request_finished`` once.
    """
    # As a whole: it may be cancelled again, between two of its steps.
    await uninterrupted(_close_unanswered(request, made, sender))


async def _close_unanswered(request: HttpRequest, made: Made, sender: Any) -> None:
    if thread_is_in_use() or worker_is_busy():
        wait_patiently()
        responses = await run_in_worker(made.end)
    else:
        responses = made.end()
    if not responses:
        await _close_request(request)
        await send_finished(sender)
        return
    newest, *others = responses
    # What the handler would have done to it.
    if request.close not in newest._resource_closers:  # type: ignore[attr-defined]
        newest._resource_closers.append(request.close)  # type: ignore[attr-defined]
    newest._handler_class = sender  # type: ignore[attr-defined]
    try:
        await close(newest)
    finally:
        if others:
            await close_lost(others)


async def close_lost(responses: Sequence[HttpResponseBase]) -> None:
    """Close what was made beside the response that ends the request: one hop."""
    wait_patiently()
    await uninterrupted(run_in_worker(run_closers, responses))


async def _close_request(request: HttpRequest) -> None:
    """Close the body and the uploaded files."""
    if _is_request_in_memory(request.close) and not thread_is_in_use():
        request.close()
    else:
        wait_patiently()
        await run_in_worker(request.close)


def _close(response: HttpResponseBase, parts: Generator[list[bytes]]) -> None:
    """Close ``response`` and what it was pulled with, which says in which thread."""
    parts.close()
    response.close()


def ends_on_the_loop(response: HttpResponseBase) -> bool:
    """Whether ``response`` is sent and closed without the request's thread, but for receivers of signals."""
    return not response.streaming and _closes_in_memory(response)


def _closes_in_memory(response: HttpResponseBase) -> bool:
    return (
        type(response).close is HttpResponseBase.close
        and "close" not in response.__dict__
        and all(map(_is_in_memory, response._resource_closers))  # type: ignore[attr-defined]
    )


def _is_in_memory(closer: Callable[..., Any]) -> bool:
    return _is_request_in_memory(closer) or _is_file_closed(closer)


def _is_file_closed(closer: Callable[..., Any]) -> bool:
    """Whether ``closer`` is the ``close`` of a file that we have closed already."""
    file = getattr(closer, "__self__", None)
    return isinstance(file, OpenedFile) and file.closed


def _is_request_in_memory(closer: Callable[..., Any]) -> bool:
    """Whether ``closer`` is Django's ``request.close`` of a request that has nothing on disk."""
    request = getattr(closer, "__self__", None)
    return (
        isinstance(request, ASGIRequest)
        and getattr(closer, "__func__", None) is ASGIRequest.close
        and holds_no_files(request)
    )


def holds_no_files(request: HttpRequest) -> bool:
    """Whether ``request`` has neither uploaded files nor a body on disk."""
    return not request.__dict__.get("_files") and is_in_memory(request._stream)
