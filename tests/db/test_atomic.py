"""``aatomic`` does for async code what ``transaction.atomic`` does."""

from __future__ import annotations

import asyncio

import pytest
from django.utils.connection import ConnectionDoesNotExist

from django_asynckit.db import aatomic
from django_asynckit.trace import record_hops
from django_asynckit.workers import worker_lease
from tests.db.tools import add, names, no_lease, place

pytestmark = pytest.mark.usefixtures("kept")


@pytest.fixture(params=[worker_lease, no_lease], ids=["worker", "script"], autouse=True)
def surroundings(request):
    """Return the context manager in which code of a request, or of a script, runs."""
    return request.param


async def test_a_block_commits(surroundings):
    async with surroundings():
        async with aatomic():
            await add("a")
            assert (await place())[1]
            assert await names() == set()
        assert not (await place())[1]
        assert await names() == {"a"}


async def test_an_error_rolls_back(surroundings):
    async with surroundings():
        with pytest.raises(ValueError, match="wrong"):
            async with aatomic():
                await add("a")
                raise ValueError("wrong")
        await add("b")
        assert await names() == {"b"}


async def test_a_nested_block_is_a_savepoint(surroundings):
    async with surroundings():
        async with aatomic():
            await add("a")
            with pytest.raises(ValueError, match="wrong"):
                async with aatomic():
                    await add("b")
                    raise ValueError("wrong")
            async with aatomic():
                await add("c")
        assert await names() == {"a", "c"}


async def test_it_decorates_async_functions(surroundings):
    @aatomic
    async def bare(name):
        """Say what it does."""
        await add(name)
        return name

    @aatomic(using="default", savepoint=False)
    async def failing(name):
        await add(name)
        raise ValueError(name)

    assert (bare.__name__, bare.__doc__) == ("bare", "Say what it does.")
    async with surroundings():
        assert await bare("a") == "a"
        with pytest.raises(ValueError, match="b"):
            await failing("b")
        assert await names() == {"a"}


async def synchronous():
    yield


@pytest.mark.parametrize("func", [place.func, synchronous, 1], ids=["sync", "generator", "none"])
def test_it_decorates_nothing_else(func):
    with pytest.raises(TypeError, match="can only be applied to async functions"):
        aatomic()(func)


def test_a_sync_with_is_told_what_to_write():
    block = aatomic()
    with pytest.raises(TypeError, match="use `async with`, not `with`"), block:
        raise AssertionError("it must not be entered")


async def test_an_unknown_database_is_djangos_error(surroundings):
    async with surroundings():
        with pytest.raises(ConnectionDoesNotExist):
            async with aatomic(using="nowhere"):
                raise AssertionError("it must not be entered")
        async with aatomic():
            await add("a")
        assert await names() == {"a"}


async def test_a_block_makes_two_hops(surroundings):
    async with surroundings():
        with record_hops() as trace:
            async with aatomic():
                pass
        assert len(trace.hops) == 2


async def test_a_generator_that_is_closed_in_other_code_leaves_its_own_block(kept):
    """Python closes one that was forgotten at any time, so in any context."""

    async def generate():
        async with transaction_for_all:
            yield

    async def forgets():
        async with worker_lease():
            generator = generate()
            await anext(generator)
            return generator

    transaction_for_all = aatomic()
    generator = await asyncio.create_task(forgets())
    async with worker_lease():
        async with transaction_for_all:
            await add("a")
            await generator.aclose()
            await add("b")
            assert await names() == set()
        assert await names() == {"a", "b"}
