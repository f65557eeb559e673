"""What type checkers see of ``django_asynckit.db``: mypy reads it, nobody runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import assert_type

from django.contrib.auth.models import Group

from django_asynckit.db import TaskGroup, aatomic, agather, aon_commit, database_sync_to_async


@database_sync_to_async
def total(pk: int, *, tax: bool = False) -> float:
    return pk * 1.2 if tax else pk


@database_sync_to_async(atomic=True, using="default")
def rename(group: Group, name: str) -> Group:
    group.name = name
    group.save()
    return group


@database_sync_to_async
def names(count: int) -> Generator[str, None, None]:
    yield from ("a",) * count


@database_sync_to_async(chunk_size=10)
def numbers() -> Generator[int, None, None]:
    yield 1


class Shop:
    @database_sync_to_async
    def method(self, number: int) -> str:
        return str(number)

    @aatomic
    async def in_transaction(self, number: int) -> int:
        return number


@aatomic
async def bare(name: str) -> bytes:
    return name.encode()


@aatomic(using="default", durable=True)
async def with_options(name: str, /, times: int = 1) -> list[str]:
    return [name] * times


async def use(group: Group) -> None:
    assert_type(await total(1, tax=True), float)
    assert_type(await rename(group, "a"), Group)
    assert_type([name async for name in names(2)], list[str])
    assert_type([number async for number in numbers()], list[int])
    assert_type(await database_sync_to_async(len)("abc"), int)
    assert_type(await Shop().method(1), str)
    assert_type(await Shop().in_transaction(1), int)
    assert_type(await bare("a"), bytes)
    assert_type(await with_options("a", times=2), list[str])
    await total("1")  # type: ignore[arg-type]
    await rename(group)  # type: ignore[call-arg]
    await bare(1)  # type: ignore[arg-type]
    async with aatomic() as nothing:
        assert_type(nothing, None)
        await aon_commit(bare)  # type: ignore[arg-type]
        await aon_commit(lambda: 1, robust=True)


async def use_several() -> None:
    assert_type(await agather(total(1)), tuple[float])
    assert_type(await agather(total(1), bare("a"), limit=2), tuple[float, bytes])
    assert_type(
        await agather(total(1), bare("a"), total(2), bare("b"), total(3)),
        tuple[float, bytes, float, bytes, float],
    )
    assert_type(await agather(*(bare(name) for name in "abc")), tuple[bytes, ...])
    async with TaskGroup(limit=2) as group:
        assert_type(group.create_task(bare("a"), name="a"), asyncio.Task[bytes])
    await agather(asyncio.create_task(bare("a")))  # type: ignore[call-overload]
