"""Which hops a coroutine function makes, as its source shows."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async

from django_asynckit.audit.own_hops import OwnHops, inner_hops, own_hops
from django_asynckit.db import agather
from tests.audit import stacks


def work():
    """Blocks."""


@sync_to_async
def decorated():
    """Blocks, in a thread."""


class Owner:
    async def always(self):
        await sync_to_async(work)()
        await asyncio.to_thread(work)
        await asyncio.sleep(0)
        future = asyncio.ensure_future(asyncio.sleep(0))
        await future

    async def by_way_of_others(self, other):
        await self.always()
        await self.missing()
        await other.always()
        await self.plain()

    def plain(self):
        """Not async."""

    async def in_branches(self, items):
        while await self.once():
            await self.once()
        for _ in await self.once():
            await self.once()
        value = await self.once() if await self.once() else None
        value = await self.once() and await self.once()
        match await self.once():
            case 1:
                await self.once()
        return value

    async def once(self):
        await sync_to_async(work)()

    async def after_a_return(self, request):
        await self.once()
        if not request.path.startswith("/admin/"):
            return None
        return await self.once()

    async def nested(self):
        async def inner():
            await self.once()

        return [lambda: work(), inner]

    async def endless(self):
        await self.endless()

    async def in_variables(self):
        load = sync_to_async(work)
        await load()
        other: object = sync_to_async(work, thread_sensitive=False)
        if await other():
            await load()
        coroutine = self.once()
        await coroutine
        task = asyncio.create_task(load())
        return await task

    async def in_what_is_not_known(self, load):
        if load is None:
            load = sync_to_async(work)
        for each in (load, self.once):
            await each()
        load = self.once
        await load()
        again = asyncio.shield(again)  # noqa: F821
        await again

    async def together(self):
        await asyncio.gather(self.once(), sync_to_async(work)(), asyncio.sleep(0))
        await agather(decorated(), limit=2)
        await asyncio.wait_for(asyncio.shield(self.once()), 5)
        if self:
            await asyncio.gather(self.once(), self.once())

    async def in_comprehensions(self):
        await asyncio.gather(*(self.once() for _ in range(3)))
        many = [decorated() for _ in range(3)]
        await asyncio.gather(decorated(), *many)

    @sync_to_async
    def thread(self):
        """Blocks, in a thread."""

    async def of_the_class(self):
        await self.thread()
        await decorated()
        await self.gather(decorated())

    async def gather(self, other):
        """Awaits nothing."""


@pytest.mark.parametrize(
    ("name", "always", "sometimes"),
    [
        ("always", 2, 0),
        ("by_way_of_others", 2, 0),
        ("in_branches", 5, 5),
        ("after_a_return", 1, 1),
        ("nested", 0, 0),
        ("endless", 0, 0),
        ("plain", 0, 0),
        ("in_variables", 4, 1),
        ("in_what_is_not_known", 0, 0),
        ("together", 4, 2),
        ("in_comprehensions", 1, 2),
        ("of_the_class", 2, 0),
    ],
)
def test_hops_are_counted_where_they_are_written(name, always, sometimes):
    assert own_hops(getattr(Owner, name), Owner()) == OwnHops(always, sometimes)
    assert own_hops(getattr(Owner(), name), Owner) == OwnHops(always, sometimes)


def test_what_has_no_source_has_no_hops():
    namespace = {}
    exec("async def made(): await sync_to_async(len)()", namespace)
    assert own_hops(namespace["made"]) == own_hops(len) == inner_hops(len) == OwnHops()


def test_a_factory_that_makes_several_coroutines_is_not_guessed():
    def factory(get_response):
        async def first(request):
            await sync_to_async(work)()

        async def second(request):
            await sync_to_async(work)()

        return first or second

    assert inner_hops(factory) == OwnHops()
    assert inner_hops(stacks.both) == OwnHops(always=1)


def test_variables_of_a_factory_are_known_in_its_coroutine():
    def factory(get_response):
        load = sync_to_async(work)

        async def middleware(request):
            await load()
            return await get_response(request)

        return middleware

    assert inner_hops(factory) == OwnHops(always=1)
