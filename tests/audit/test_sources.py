"""Where something is defined, and which hops a coroutine function makes."""

from __future__ import annotations

import asyncio
import functools

import pytest
from asgiref.sync import sync_to_async

from django_asynckit.audit import chain
from django_asynckit.audit.hooks import has
from django_asynckit.audit.sources import OwnHops, inner_hops, locate, own_hops, parse
from tests.audit import stacks


def work():
    """Blocks."""


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


def test_places_of_classes_functions_and_what_is_neither():
    assert locate(Owner.always, "x").line == Owner.always.__code__.co_firstlineno
    assert locate(Owner().always, "x").file == __file__
    assert locate(functools.wraps(work)(lambda: None), "x").line == work.__code__.co_firstlineno
    place = locate(Owner(), "x")
    assert (place.where, place.file) == ("x", __file__)
    with open(__file__, encoding="utf-8") as file:
        assert file.read().splitlines()[place.line - 1] == "class Owner:"
    assert locate(len, "len") == locate(3, "len")
    assert locate(3, "len").file == ""


def test_a_class_that_is_made_by_code_has_no_line():
    made = type("Made", (), {"__module__": __name__})
    assert locate(made, "x").line == 0


def test_files_that_cannot_be_parsed_are_none(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("def (")
    assert parse(str(broken)) is None
    assert parse(str(tmp_path / "missing.py")) is None


def test_a_hook_that_fails_to_be_looked_up_is_none():
    class Failing:
        @property
        def process_view(self):
            raise ValueError

    assert not has(Failing(), "process_view")


async def test_the_samples_are_never_to_be_called():
    with pytest.raises(NotImplementedError):
        await chain._async_sample(None)
    with pytest.raises(NotImplementedError):
        chain._sync_sample(None)
