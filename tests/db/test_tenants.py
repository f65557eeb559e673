"""A request that has set something on a connection class of its own gets no second connection."""

from __future__ import annotations

import asyncio
import logging

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.test import override_settings

from django_asynckit.db import TaskGroup, aatomic, agather, database_sync_to_async, parallel
from django_asynckit.workers import release_worker, worker_lease
from tests.db.tools import add, names, no_lease, place
from tests.workers.tools import hop, thread, until_idle

CARRY = f"{__name__}.carry"


class Tenant:
    def __init__(self, name):
        self.name = name


class OfATenant(DatabaseWrapper):
    """What django-tenants and its like make of Django's class."""

    zone = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.tenant = Tenant("public")
        self.paths = ["public"]
        self.options = {"zone": "public"}


def carry(source, target):
    target.tenant = source.tenant


def set_tenant(name="ada"):
    connection.tenant = Tenant(name)


def change_in_place():
    connections["default"].tenant.name = "ada"


def append():
    connection.paths.append("ada")


def set_option():
    connection.options["zone"] = "ada"


def set_by_class():
    connection.zone = "ada"


def add_attribute():
    connection.region = "ada"


CHANGES = [set_tenant, change_in_place, append, set_option, set_by_class, add_attribute]


def tenant():
    return connection.tenant.name


@pytest.fixture(autouse=True)
def own_class(kept, monkeypatch):
    def create(alias):
        return OfATenant(connections.settings[alias], alias)

    monkeypatch.setattr(connections, "create_connection", create)
    parallel._tell_how_to_carry.cache_clear()


class Counter:
    """How many run at the same time."""

    def __init__(self):
        self.now = self.most = 0

    async def __call__(self):
        self.now += 1
        self.most = max(self.most, self.now)
        found = await hop(tenant), await hop(thread)
        await asyncio.sleep(0.01)
        self.now -= 1
        return found


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
async def test_branches_run_one_after_the_other_and_that_is_told_once(change, caplog):
    async with worker_lease():
        await hop(change)
        name, own = await hop(tenant), await hop(thread)
        counter = Counter()
        assert await agather(counter(), counter(), counter()) == ((name, own),) * 3
        async with TaskGroup() as group:
            tasks = [group.create_task(counter()) for _ in range(3)]
        assert [one.result() for one in tasks] == [(name, own)] * 3
        assert counter.most == 1
    await until_idle()
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("django_asynckit.db", logging.WARNING)
    assert "ASYNCKIT_CARRY_CONNECTION_STATE" in record.getMessage()


async def test_what_was_not_changed_may_be_copied(caplog):
    async with worker_lease():
        own = await hop(thread)
        counter = Counter()
        found = await agather(counter(), counter(), counter())
        assert own not in {place for _, place in found}
        assert counter.most == 3
    await until_idle()
    assert caplog.records == []


async def test_the_next_request_has_its_parallel_queries():
    async with worker_lease():
        await hop(set_tenant)
    await until_idle()
    async with worker_lease():
        assert await hop(tenant) == "public"
        counter = Counter()
        await agather(counter(), counter())
        assert counter.most == 2
    await until_idle()


@override_settings(ASYNCKIT_CARRY_CONNECTION_STATE=CARRY)
async def test_what_is_carried_runs_at_the_same_time():
    async with worker_lease():
        await hop(set_tenant)
        counter = Counter()
        found = await agather(counter(), counter(), counter())
        assert {name for name, _ in found} == {"ada"}
        assert counter.most == 3
        assert await database_sync_to_async(tenant, own_connection=True)() == "ada"
    await until_idle()


async def test_a_branch_that_changes_its_own_connection_is_alone_there():
    """It is its own; what it runs at the same time inside sees no other."""

    async def branch(name):
        await sync_to_async(set_tenant)(name)
        return await agather(Counter()(), Counter()())

    async with worker_lease():
        found = await agather(branch("ada"), branch("bob"))
        assert [{name for name, _ in one} for one in found] == [{"ada"}, {"bob"}]
        assert await hop(tenant) == "public"
    await until_idle()


async def test_a_failing_branch_lets_the_next_one_run():
    async def fail():
        raise ValueError("broken")

    async with worker_lease():
        await hop(set_tenant)
        with pytest.raises(ExceptionGroup):
            await agather(fail(), Counter()())
        assert await agather(Counter()()) == (("ada", await hop(thread)),)
    await until_idle()


async def test_a_connection_of_its_own_is_refused():
    async with worker_lease():
        await hop(set_tenant)
        with pytest.raises(RuntimeError, match="ASYNCKIT_CARRY_CONNECTION_STATE"):
            await database_sync_to_async(tenant, own_connection=True)()
        async with aatomic():
            with pytest.raises(RuntimeError, match="ASYNCKIT_CARRY_CONNECTION_STATE"):
                await database_sync_to_async(tenant, own_connection=True)()
    await until_idle()


async def test_so_it_is_for_what_is_set_beside_the_request():
    """In a block beside another one, on a connection of its own."""

    async def block(is_open, go_on):
        async with aatomic():
            is_open.set()
            await go_on.wait()

    is_open, go_on = asyncio.Event(), asyncio.Event()
    async with worker_lease():
        await place()
        task = asyncio.create_task(block(is_open, go_on))
        await is_open.wait()
        async with aatomic():
            await hop(set_tenant)
            with pytest.raises(RuntimeError, match="ASYNCKIT_CARRY_CONNECTION_STATE"):
                await database_sync_to_async(tenant, own_connection=True)()
        go_on.set()
        await task
    await until_idle()


async def test_a_call_beside_a_block_is_refused():
    is_open = asyncio.Event()

    async def beside():
        await is_open.wait()
        with pytest.raises(RuntimeError, match="beside an open aatomic block"):
            await place()
        with pytest.raises(RuntimeError, match="beside an open aatomic block"):
            async with aatomic():
                pass
        return "refused"

    async with worker_lease():
        await hop(set_tenant)
        task = asyncio.create_task(beside())
        async with aatomic():
            await add("a")
            is_open.set()
            assert await task == "refused"
        assert await names() == {"a"}
    await until_idle()


async def test_what_was_set_while_a_branch_waited_for_its_first_query_is_not_missed():
    is_set = asyncio.Event()

    async def late():
        await is_set.wait()
        with pytest.raises(RuntimeError, match="A call beside others"):
            await hop(tenant)

    async with worker_lease():
        await place()
        async with TaskGroup() as group:
            group.create_task(late())
            await asyncio.sleep(0)
            await hop(set_tenant)
            is_set.set()
    await until_idle()


@pytest.mark.parametrize("hold", ["auto", "request", "call"])
async def test_the_worker_stays_with_what_was_set(hold):
    with override_settings(ASYNCKIT_WORKER_HOLD=hold):
        async with worker_lease():
            await hop(set_tenant)
            own = await hop(thread)
            with pytest.raises(RuntimeError, match="the tenant, for example"):
                release_worker()
            async with worker_lease():
                assert await hop(tenant) == "public"
            assert (await hop(tenant), await hop(thread)) == ("ada", own)
    await until_idle()


def in_sync_code():
    set_tenant()
    counter = Counter()
    found = async_to_sync(agather)(counter(), counter())
    return {name for name, _ in found}, counter.most


async def test_so_it_is_in_sync_code_that_waits():
    async with worker_lease():
        assert await hop(in_sync_code) == ({"ada"}, 1)

        def refused():
            with pytest.raises(RuntimeError, match="ASYNCKIT_CARRY_CONNECTION_STATE"):
                async_to_sync(database_sync_to_async(tenant, own_connection=True))()
            with (
                transaction.atomic(),
                pytest.raises(RuntimeError, match="ASYNCKIT_CARRY_CONNECTION_STATE"),
            ):
                async_to_sync(database_sync_to_async(tenant, own_connection=True))()

        await hop(refused)
    await until_idle()


def forget():
    """The thread has a wrapper from other tests, of another class."""
    connections["default"].close()
    del connections["default"]


async def test_so_it_is_in_a_thread_that_is_no_worker():
    async with no_lease():
        await hop(forget)
        own = await hop(thread)
        counter = Counter()
        assert own not in {place for _, place in await agather(counter(), counter())}
        await hop(set_tenant)
        found = await agather(counter(), counter())
        assert found == (("ada", own), ("ada", own))
        with pytest.raises(RuntimeError, match="ASYNCKIT_CARRY_CONNECTION_STATE"):
            await database_sync_to_async(tenant, own_connection=True)()
        await hop(forget)
    await until_idle()
