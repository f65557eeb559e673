"""Cache clients: one per worker, seen by nobody else."""

from __future__ import annotations

import pytest
from django.core.cache import BaseCache, caches, close_caches
from django.core.signals import request_finished
from django.test import override_settings

from django_asynckit._asgiref import local_values
from django_asynckit.workers import worker_lease
from tests.workers.tools import hop, thread, until_idle

made, closed = [], []


class Client(BaseCache):
    def __init__(self, location, params):
        super().__init__(params)
        made.append(self)

    def close(self, **_):
        closed.append((self, thread()))


@pytest.fixture(autouse=True)
def clients():
    made.clear()
    closed.clear()
    with override_settings(CACHES={"default": {"BACKEND": f"{__name__}.Client"}}):
        yield


def client():
    return caches["default"]


def in_context():
    return dict(local_values(caches._connections, caches))


async def test_a_worker_keeps_its_client():
    async with worker_lease():
        first = await hop(client)
        assert in_context() == {}, "not seen on the loop"
        assert await hop(client) is first
    await until_idle()
    async with worker_lease():
        assert await hop(client) is first
    assert made == [first]


async def test_workers_have_clients_of_their_own():
    async with worker_lease():
        first = await hop(client)
        async with worker_lease():
            assert await hop(client) is not first


async def test_a_client_of_the_loop_is_the_requests():
    async with worker_lease():
        mine = caches["default"]
        assert await hop(client) is mine
        assert caches["default"] is mine
    del caches["default"]
    await until_idle()
    async with worker_lease():
        assert await hop(client) is not mine
    assert len(made) == 2


async def test_clients_are_taken_out_after_an_error_too():
    def fail():
        client()
        raise ValueError("wrong")

    async with worker_lease():
        with pytest.raises(ValueError, match="wrong"):
            await hop(fail)
        assert in_context() == {}
        assert await hop(client) is made[0]


async def test_what_a_function_takes_out_stays_out():
    def remove():
        client()
        del caches["default"]

    async with worker_lease():
        await hop(remove)
        assert await hop(client) is made[1]


async def test_clients_are_closed_at_the_end_in_their_thread():
    async with worker_lease():
        first = await hop(client)
        name = await hop()
        assert closed == []
    await until_idle()
    assert closed == [(first, name)]


async def test_unless_django_does_not_close_them():
    request_finished.disconnect(close_caches)
    try:
        async with worker_lease():
            await hop(client)
        await until_idle()
    finally:
        request_finished.connect(close_caches)
    assert closed == []


async def test_clients_of_other_settings_are_not_used():
    async with worker_lease():
        first = await hop(client)
    await until_idle()
    with override_settings(CACHES={"default": {"BACKEND": f"{__name__}.Client", "TIMEOUT": 1}}):
        async with worker_lease():
            assert await hop(client) is not first
