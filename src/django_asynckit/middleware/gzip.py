"""Drop-in for ``django.middleware.gzip``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from django.http import HttpRequest, StreamingHttpResponse
from django.middleware import gzip

from django_asynckit._bridge import run_in_pool, run_in_worker, uninterrupted
from django_asynckit.middleware._hooks import may_block
from django_asynckit.middleware._steps import Feed, Steps
from django_asynckit.middleware.mixin import AsyncMiddlewareMixin

#: Bytes that are compressed on the event loop: about half a millisecond, as much as four hops.
SMALL: Final = 2**15


class GZipMiddleware(AsyncMiddlewareMixin, gzip.GZipMiddleware):
    """Django's class; what is larger than ``SMALL`` is compressed in a thread, beside other requests.

    That is a whole body, or one chunk of an async stream. A sync stream is compressed where it is
    pulled, in the request's own thread.
    """

    async_capable = True

    async def aprocess_response(self, request: HttpRequest, response: Any) -> Any:
        hook = super().process_response
        if may_block(getattr(type(self), "max_random_bytes", None)):
            return await run_in_worker(hook, request, response)
        if _streams_async(response):
            stand_in: Any = _StandIn(response)
            result: Any = hook(request, stand_in)
            return stand_in.finished() if result is stand_in else result
        if _may_be_compressed(request, response) and len(response.content) > SMALL:
            return await run_in_pool(hook, request, response)
        return hook(request, response)


def _may_be_compressed(request: HttpRequest, response: Any) -> bool:
    return (
        "gzip" in request.META.get("HTTP_ACCEPT_ENCODING", "")
        and not response.streaming
        and not response.has_header("Content-Encoding")
    )


def _streams_async(response: Any) -> bool:
    return isinstance(response, StreamingHttpResponse) and response.is_async


class _StandIn:
    """An async stream in which Django's hook finds chunks that are handed over one by one."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._feed = Feed()
        self.streaming_content: Any = self._feed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    def finished(self) -> Any:
        """Return the response, which streams what the hook makes of its chunks, if anything."""
        if self.streaming_content is not self._feed:
            self._response.streaming_content = _compressed(
                self._response.streaming_content, self._feed, Steps(self.streaming_content)
            )
        return self._response


async def _compressed(
    chunks: AsyncIterator[bytes], feed: Feed, compressor: Steps
) -> AsyncIterator[bytes]:
    """Yield what Django's ``compressor`` makes of ``chunks``, large ones in a thread."""
    try:
        for part in compressor.advance():
            yield part
        async for chunk in chunks:
            feed.hand_over(chunk)
            if len(chunk) > SMALL:
                parts = await uninterrupted(run_in_pool(compressor.advance))
            else:
                parts = compressor.advance()
            for part in parts:
                yield part
        feed.end()
        for part in compressor.advance():
            yield part
    finally:
        compressor.close()
