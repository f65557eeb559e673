"""What Django's tests ``transactions`` and ``transaction_hooks`` look at, in async code.

Each test has the name of Django's; docs/reference/db.md lists them.
"""

from __future__ import annotations

import contextlib
import functools
import logging

import pytest
from django.db import DatabaseError, Error, IntegrityError, connection, transaction

from django_asynckit.db import aatomic, aon_commit
from django_asynckit.workers import worker_lease
from tests.db.tools import Row, add, names, place
from tests.workers.tools import hop


class ForcedError(Exception):
    """An error that a test wants."""


@pytest.fixture
async def request_(kept):
    async with worker_lease():
        yield


def connection_set_autocommit(value):
    transaction.set_autocommit(value)


async def visible():
    """Return what there is, as the request itself sees it."""
    return {name async for name in Row.objects.values_list("model", flat=True)}


async def fail(*texts):
    """Write in a block that fails."""
    with contextlib.suppress(ForcedError):
        async with aatomic():
            await add(*texts)
            raise ForcedError


async def test_decorator_syntax_commit(request_):
    for decorator in (aatomic, aatomic()):
        await decorator(add)("a" if decorator is aatomic else "b")
    assert await names() == {"a", "b"}


async def test_decorator_syntax_rollback(request_):
    async def write():
        await add("a")
        raise ForcedError

    for decorator in (aatomic, aatomic()):
        with pytest.raises(ForcedError):
            await decorator(write)()
    assert await names() == set()


@pytest.mark.parametrize("savepoint", [True, False], ids=["nested", "merged"])
@pytest.mark.parametrize("inner", ["commit", "rollback"])
@pytest.mark.parametrize("outer", ["commit", "rollback"])
@pytest.mark.parametrize("reuses", [False, True], ids=["new", "reuse"])
async def test_nested_merged_and_reused_blocks(request_, savepoint, inner, outer, reuses):
    atomic = aatomic(savepoint=savepoint)
    with contextlib.suppress(ForcedError):
        async with atomic if reuses else aatomic():
            await add("a")
            with contextlib.suppress(ForcedError):
                async with atomic if reuses else aatomic(savepoint=savepoint):
                    await add("b")
                    if inner == "rollback":
                        raise ForcedError
            if outer == "rollback":
                raise ForcedError
    is_undone = inner == "rollback" and not savepoint
    expected = {"a"} | ({"b"} if inner == "commit" else set())
    if outer == "rollback" or is_undone:
        expected = set()
    assert await names() == expected


async def test_force_rollback(request_):
    async with aatomic():
        await add("a")
        assert not await hop(transaction.get_rollback)
        await hop(transaction.set_rollback, True)
    assert await names() == set()


async def test_prevent_rollback(request_):
    async with aatomic():
        await add("a")
        sid = await hop(connection_savepoint)
        with pytest.raises(DatabaseError):
            async with aatomic(savepoint=False):
                await hop(run_sql, "SELECT no_such_column FROM django_content_type")
        assert await hop(transaction.get_rollback)
        await hop(transaction.set_rollback, False)
        await hop(transaction.savepoint_rollback, sid)
    assert await names() == {"a"}


def connection_savepoint():
    return connection.savepoint()


def run_sql(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


async def test_failure_on_exit_transaction(request_):
    async with aatomic():
        with pytest.raises(DatabaseError):
            async with aatomic():
                await add("a")
                await hop(lambda: connection.savepoint_ids.append("no_such_savepoint"))
        with pytest.raises(transaction.TransactionManagementError):
            await visible()
        await hop(lambda: connection.savepoint_ids.pop())
    assert await names() == set()
    async with aatomic():
        await add("b")
    assert await names() == {"b"}


async def test_without_autocommit_the_transaction_goes_on(request_):
    await hop(connection_set_autocommit, False)
    await add("a")
    await fail("b")
    async with aatomic():
        await add("c")
    assert await visible() == {"a", "c"}
    assert await names() == set()
    await hop(transaction.commit)
    await hop(connection_set_autocommit, True)
    assert await names() == {"a", "c"}


async def test_merged_outer_rollback(request_):
    async with aatomic():
        await add("a")
        async with aatomic(savepoint=False):
            await add("b")
            with contextlib.suppress(ForcedError):
                async with aatomic(savepoint=False):
                    await add("c")
                    raise ForcedError
            assert await hop(transaction.get_rollback)
            await hop(transaction.set_rollback, True)
        assert await hop(transaction.get_rollback)
    assert await names() == set()


async def test_merged_inner_savepoint_rollback(request_):
    async with aatomic():
        await add("a")
        async with aatomic():
            await add("b")
            with contextlib.suppress(ForcedError):
                async with aatomic(savepoint=False):
                    await add("c")
                    raise ForcedError
        assert await visible() == {"a"}
    assert await names() == {"a"}


@pytest.mark.parametrize("autocommit", [True, False])
async def test_atomic_prevents_setting_autocommit(request_, autocommit):
    async with aatomic():
        with pytest.raises(
            transaction.TransactionManagementError, match="forbidden when an 'atomic'"
        ):
            await hop(transaction.set_autocommit, autocommit)


@pytest.mark.parametrize("method", [transaction.commit, transaction.rollback])
async def test_atomic_prevents_calling_transaction_methods(request_, method):
    async with aatomic():
        with pytest.raises(
            transaction.TransactionManagementError, match="forbidden when an 'atomic'"
        ):
            await hop(method)


async def test_atomic_prevents_queries_in_broken_transaction(request_):
    await add("a")
    async with aatomic():
        with pytest.raises(IntegrityError):
            await add("a")
        with pytest.raises(transaction.TransactionManagementError, match="until the end of the"):
            await add("b")
    assert await names() == {"a"}


async def test_atomic_allows_queries_after_fixing_transaction(request_):
    await add("a")
    async with aatomic():
        with pytest.raises(IntegrityError):
            await add("a")
        await hop(transaction.set_rollback, False)
        await add("b")
    assert await names() == {"a", "b"}


async def test_atomic_prevents_queries_in_broken_transaction_after_client_close(request_):
    async with aatomic():
        await add("a")
        await hop(close)
        with pytest.raises(Error):
            await add("b")
    assert await names() == set()
    assert not (await place())[1]


def close():
    connection.close()


async def test_wrap_callable_instance(request_):
    class Callable:
        async def __call__(self, name):
            await add(name)
            return (await place())[1]

    assert await aatomic(Callable())("a")
    assert await names() == {"a"}


async def test_atomic_does_not_leak_savepoints_on_failure(request_):
    with pytest.raises(ForcedError):
        async with aatomic():
            with pytest.raises(DatabaseError):
                async with aatomic():
                    sid = await hop(lambda: connection.savepoint_ids[-1])
                    raise DatabaseError(sid)
            with pytest.raises(DatabaseError):
                await hop(transaction.savepoint_rollback, sid)
            raise ForcedError


async def test_mark_for_rollback_on_error_in_transaction(request_):
    def mark():
        with transaction.mark_for_rollback_on_error():
            raise ForcedError

    async with aatomic(savepoint=False):
        with pytest.raises(ForcedError):
            await hop(mark)
        assert await hop(transaction.get_rollback)
        with pytest.raises(transaction.TransactionManagementError):
            await add("a")
    assert await names() == set()


async def test_mark_for_rollback_on_error_in_autocommit(request_):
    def mark():
        with transaction.mark_for_rollback_on_error():
            raise ForcedError

    with pytest.raises(ForcedError):
        await hop(mark)
    await add("a")
    assert await names() == {"a"}


async def test_nested_outer_durable(request_):
    async with aatomic(durable=True):
        await add("a")
        async with aatomic():
            await add("b")
    assert await names() == {"a", "b"}


@pytest.mark.parametrize("durable", [True, False], ids=["both", "inner"])
async def test_nested_both_and_inner_durable(request_, durable):
    with pytest.raises(RuntimeError, match="durable atomic block cannot be nested"):
        async with aatomic(durable=durable):
            async with aatomic(durable=True):
                raise AssertionError("it must not be entered")
    assert not (await place())[1]


async def test_sequence_of_durables(request_):
    for name in "ab":
        async with aatomic(durable=True):
            await add(name)
    assert await names() == {"a", "b"}


def note(called, number, fails=False):
    called.append(number)
    if fails:
        raise ForcedError("robust")


async def do(called, number):
    """Write, and note when that is committed."""
    await add(f"w{number}")
    await aon_commit(functools.partial(note, called, number))


async def test_executes_immediately_if_no_transaction(request_):
    called = []
    await do(called, 1)
    assert called == [1]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_robust_if_no_transaction_and_in_a_transaction(request_, caplog, kind):
    called = []

    def sync():
        note(called, "robust", fails=True)

    async def asynchronous():
        sync()

    callback = sync if kind == "sync" else asynchronous
    with caplog.at_level(logging.ERROR, logger="django.db.backends.base"):
        await aon_commit(callback, robust=True)
        async with aatomic():
            await aon_commit(callback, robust=True)
            await do(called, 1)
    assert called == ["robust", "robust", 1]
    assert len(caplog.records) == 2
    assert all("robust" in record.getMessage() for record in caplog.records)


async def test_delays_execution_until_after_transaction_commit(request_):
    called = []
    async with aatomic():
        await do(called, 1)
        assert called == []
    assert called == [1]


async def test_does_not_execute_if_transaction_rolled_back(request_):
    called = []
    with contextlib.suppress(ForcedError):
        async with aatomic():
            await do(called, 1)
            raise ForcedError
    assert called == []


async def test_executes_only_after_final_transaction_committed(request_):
    called = []
    async with aatomic():
        async with aatomic():
            await do(called, 1)
        assert called == []
    assert called == [1]


async def test_discards_hooks_from_rolled_back_savepoint(request_):
    called = []
    async with aatomic():
        async with aatomic():
            await do(called, 1)
        with contextlib.suppress(ForcedError):
            async with aatomic():
                await do(called, 2)
                raise ForcedError
        async with aatomic():
            await do(called, 3)
    assert called == [1, 3]


async def test_no_hooks_run_from_failed_transaction(request_):
    called = []
    with contextlib.suppress(ForcedError):
        async with aatomic():
            async with aatomic():
                await do(called, 1)
            raise ForcedError
    assert called == []


async def test_inner_savepoint_rolled_back_with_outer(request_):
    called = []
    async with aatomic():
        with contextlib.suppress(ForcedError):
            async with aatomic():
                async with aatomic():
                    await do(called, 1)
                raise ForcedError
        await do(called, 2)
    assert called == [2]


async def test_no_savepoints_atomic_merged_with_outer(request_):
    called = []
    async with aatomic():
        async with aatomic():
            await do(called, 1)
            with contextlib.suppress(ForcedError):
                async with aatomic(savepoint=False):
                    raise ForcedError
    assert called == []


async def test_inner_savepoint_does_not_affect_outer(request_):
    called = []
    async with aatomic():
        async with aatomic():
            await do(called, 1)
            with contextlib.suppress(ForcedError):
                async with aatomic():
                    raise ForcedError
    assert called == [1]


async def test_runs_hooks_in_order_registered(request_):
    called = []
    async with aatomic():
        await do(called, 1)
        async with aatomic():
            await do(called, 2)
        await do(called, 3)
    assert called == [1, 2, 3]


async def test_hooks_cleared_after_commit_and_rollback(request_):
    called = []
    for number, error in ((1, None), (2, ForcedError), (3, None)):
        with contextlib.suppress(ForcedError):
            async with aatomic():
                await do(called, number)
                if error:
                    raise error
    assert called == [1, 3]


async def test_hooks_cleared_on_reconnect(request_):
    called = []
    async with aatomic():
        await do(called, 1)
        await hop(close)
    async with aatomic():
        await do(called, 2)
    assert called == [2]


async def test_error_in_hook_doesnt_prevent_clearing_hooks(request_):
    called = []
    with pytest.raises(ForcedError):
        async with aatomic():
            await aon_commit(functools.partial(note, called, 1, fails=True))
    async with aatomic():
        await do(called, 2)
    assert called == [1, 2]


async def test_db_query_in_hook(request_):
    called = []

    async def query():
        called.append(await visible())

    async with aatomic():
        await add("a")
        await aon_commit(query)
    assert called == [{"a"}]


async def test_transaction_in_hook(request_):
    async def write():
        async with aatomic():
            await add("b")

    async with aatomic():
        await add("a")
        await aon_commit(write)
    assert await names() == {"a", "b"}


async def test_hook_in_hook(request_):
    called = []

    async def write(more):
        await do(called, 2 if more else 3)
        if more:
            await aon_commit(functools.partial(write, False))

    async with aatomic():
        await do(called, 1)
        await aon_commit(functools.partial(write, True))
    assert called == [1, 2, 3]


async def test_raises_exception_non_autocommit_mode(request_):
    await hop(connection_set_autocommit, False)
    try:
        with pytest.raises(
            transaction.TransactionManagementError, match="cannot be used in manual"
        ):
            await aon_commit(list)
    finally:
        await hop(transaction.rollback)
        await hop(connection_set_autocommit, True)


async def test_raises_exception_non_callable(request_):
    with pytest.raises(TypeError, match="callback must be a callable"):
        await aon_commit(None)
