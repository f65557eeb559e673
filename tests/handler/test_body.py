"""Request bodies are what Django reads; large ones are on disk and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import io
import warnings
from tempfile import SpooledTemporaryFile

import pytest
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.signals import request_started
from django.test import override_settings

from django_asynckit.handler import body
from django_asynckit.handler.asgi import ASGIHandler
from tests.driver import drive, scope_for
from tests.handler.tools import assert_same, counted_crossings

FORM = {"content-type": "application/x-www-form-urlencoded"}
BOUNDARY = "boundary"
UPLOAD = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
MULTIPART = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n'
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n{"x" * 50}\r\n'
    f"--{BOUNDARY}--\r\n"
).encode()


@pytest.fixture(autouse=True)
def urls():
    with override_settings(ROOT_URLCONF="tests.handler.site", MIDDLEWARE=[]):
        yield


async def read(*messages):
    waiting = list(messages)

    async def receive():
        return waiting.pop(0)

    return await body.read_body(receive)


def part(data, more=False):
    return {"type": "http.request", "body": data, "more_body": more}


@pytest.mark.parametrize("limit", [0, 1, 4, 5, 6, 10_000])
@pytest.mark.parametrize(
    "chunks",
    [
        (b"",),
        (b"a=123",),
        (b"a=", b"1", b"", b"23"),
        (b"", b""),
        (b"a=123", b"456", b"789"),
    ],
)
async def test_bodies_are_what_django_reads(limit, chunks, blockbuster):
    blockbuster.deactivate()  # Django's handler writes to disk on the event loop.
    for headers in ({}, FORM, {**FORM, "content-length": str(sum(map(len, chunks)))}):
        await assert_same(
            scope_for("/echo/", "POST", headers),
            chunks,
            FILE_UPLOAD_MAX_MEMORY_SIZE=limit,
        )


@pytest.mark.parametrize("limit", [0, 10, 10_000])
@pytest.mark.parametrize("size", [7, 10_000])
async def test_uploads_are_what_django_reads(limit, size, blockbuster):
    blockbuster.deactivate()
    chunks = tuple(MULTIPART[i : i + size] for i in range(0, len(MULTIPART), size))
    headers = {**UPLOAD, "content-length": str(len(MULTIPART))}
    seen = await assert_same(
        scope_for("/files/sync/", "POST", headers),
        chunks,
        FILE_UPLOAD_MAX_MEMORY_SIZE=limit,
    )
    assert seen.reply.body.startswith(b"file=a.txt:xxx")


@pytest.mark.parametrize(("size", "on_disk"), [(4, False), (5, False), (6, True)])
@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_body_above_the_limit_is_on_disk(size, on_disk, pieces):
    data = b"x" * size
    messages = [part(data)] if pieces == 1 else [part(data[:3], True), part(data[3:])]
    with override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=5), counted_crossings() as count:
        file = await read(*messages)
    assert type(file) is (SpooledTemporaryFile if on_disk else io.BytesIO)
    assert count.hops == on_disk
    assert await asyncio.to_thread(file.read) == data
    await body.close_body(file)
    assert file.closed


async def test_writes_to_disk_take_a_hop_each():
    with override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=1), counted_crossings() as count:
        file = await read(part(b"12", True), part(b"34", True), part(b"56"))
    assert count.hops == 3
    assert await asyncio.to_thread(file.read) == b"123456"
    await body.close_body(file)


async def test_messages_without_a_body():
    assert (await read({"type": "http.request"})).read() == b""
    assert (await read({"type": "http.request", "more_body": True}, part(b"x"))).read() == b"x"


@pytest.mark.parametrize("limit", [1, 1000])
async def test_a_client_that_goes_away_while_sending(limit, monkeypatch):
    closed = []
    original = body.close_body

    async def close_body(file):
        await original(file)
        closed.append(file.closed)

    monkeypatch.setattr(body, "close_body", close_body)
    with (
        override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=limit),
        pytest.raises(RequestAborted),
    ):
        await read(part(b"123", True), {"type": "http.disconnect"})
    assert closed == [True]


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
@pytest.mark.parametrize("before", [0, 1])
async def test_an_early_disconnect_is_not_answered(handler_class, before):
    waiting = [*([part(b"x", True)] * before), {"type": "http.disconnect"}]

    async def receive():
        return waiting.pop(0)

    async def send(message):
        raise AssertionError("nothing is sent")

    await handler_class()(scope_for("/echo/", "POST"), receive, send)
    assert waiting == []


async def test_the_file_of_a_body_is_closed_at_the_end(monkeypatch):
    files = []
    original = body.read_body

    async def read_body(receive):
        files.append(await original(receive))
        return files[-1]

    monkeypatch.setattr(body, "read_body", read_body)
    with override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=5):
        for path in ("/", "/nowhere/", "/sync/"):
            for chunks in ((b"1",), (b"1" * 10,)):
                await drive(ASGIHandler(), path, method="POST", chunks=chunks)
    assert len(files) == 6
    assert all(file.closed for file in files)


@pytest.mark.parametrize("ends", ["fails", "is cancelled"])
async def test_the_file_of_a_body_is_closed_although_there_never_was_a_request(ends):
    """Django's ``request.close()`` closes it too, but here there is nothing to close."""

    class Handler(ASGIHandler):
        async def read_body(self, receive):
            files.append(await super().read_body(receive))
            return files[-1]

    async def started(**_):
        has_started.set()
        if ends == "fails":
            raise ValueError("of a receiver")
        await asyncio.Event().wait()

    files, has_started = [], asyncio.Event()
    request_started.connect(started)
    try:
        with override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=5):
            task = asyncio.create_task(drive(Handler(), method="POST", chunks=(b"1" * 10,)))
            await has_started.wait()
            if ends == "is cancelled":
                task.cancel()
            await asyncio.wait([task])
    finally:
        request_started.disconnect(started)
    assert task.cancelled() or isinstance(task.exception(), ValueError)
    (file,) = files
    assert type(file) is SpooledTemporaryFile
    assert file.closed


@pytest.mark.parametrize("length", [b"11", b"junk"])
async def test_too_large_a_body_is_refused(length):
    await assert_same(
        scope_for("/echo/", "POST", {**FORM, "content-length": length.decode()}),
        (b"a=123456789",),
        DATA_UPLOAD_MAX_MEMORY_SIZE=10,
    )


async def test_a_cancelled_write_to_disk_leaves_no_open_file():
    """A file that nobody closes is reported by Python as a ResourceWarning."""
    with (
        warnings.catch_warnings(record=True) as caught,
        override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=1),
    ):
        warnings.simplefilter("always")
        task = asyncio.create_task(read(part(b"12345", True), part(b"6")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        await asyncio.sleep(0.05)
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
