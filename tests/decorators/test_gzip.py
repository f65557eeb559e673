"""``gzip_page()`` on async views: Django's bytes, large ones made in a thread."""

from __future__ import annotations

import gzip as standard_gzip

import pytest
from django.http import HttpResponse, StreamingHttpResponse

from django_asynckit.decorators.gzip import gzip_page
from django_asynckit.middleware.gzip import SMALL
from tests.decorators import tools

HEADERS = {"accept-encoding": "gzip"}


@pytest.mark.parametrize(("size", "hops"), [(SMALL, []), (SMALL + 1, ["process_response"])])
async def test_large_bodies_are_compressed_in_a_thread(size, hops):
    async def view(request):
        return HttpResponse(b"x" * size)

    decorated = gzip_page(view)
    (reply,) = await tools.ask(decorated, [("/", {"headers": HEADERS})])
    assert standard_gzip.decompress(reply.body) == b"x" * size
    assert (b"Content-Encoding", b"gzip") in reply.headers
    with tools.site(decorated):
        assert await tools.hops_of(decorated, headers=HEADERS) == hops
        assert await tools.hops_of(decorated) == []


async def test_a_stream_is_compressed_chunk_by_chunk():
    async def view(request):
        async def chunks():
            yield b"a" * 1000
            yield b"b" * (SMALL + 1)

        return StreamingHttpResponse(chunks())

    (reply,) = await tools.ask(gzip_page(view), [("/", {"headers": HEADERS})])
    assert standard_gzip.decompress(reply.body) == b"a" * 1000 + b"b" * (SMALL + 1)
