"""What we know of asgiref. Canaries, not promises: what we use of its internals has this shape."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading

import pytest
import uvloop
from asgiref.local import Local
from asgiref.sync import (
    SyncToAsync,
    ThreadSensitiveContext,
    async_to_sync,
    sync_to_async,
)
from django.core.cache import caches
from django.urls import base

from django_asynckit import _asgiref, _bridge, _sync_frames


@pytest.mark.parametrize(
    "local",
    [_sync_frames._EXECUTORS, caches._connections, base._prefixes, base._urlconfs],
    ids=["executors", "caches", "prefixes", "urlconfs"],
)
def test_the_locals_that_we_read_are_not_thread_critical(local):
    assert type(local) is type(Local())
    assert "never_set" not in _asgiref.local_values(local, ())


def test_a_value_is_read_as_asgiref_reads_it():
    local = Local()
    assert _asgiref.local_values(local, ()) == {}
    local.name = "value"
    assert _asgiref.local_values(local, ()) == {"name": local.name} == {"name": "value"}
    del local.name
    assert _asgiref.local_values(local, ()) == {}


def test_a_value_of_another_thread_is_not_seen():
    local = Local()
    local.name = "value"
    context, seen = contextvars.copy_context(), []
    thread = threading.Thread(
        target=lambda: seen.append(context.run(_asgiref.local_values, local, ()))
    )
    thread.start()
    thread.join()
    assert seen == [{}]


def test_values_are_set_and_deleted_as_asgiref_does():
    ours, stock = Local(), Local()
    for name, value in (("a", 1), ("b", 2), ("a", 3)):
        _asgiref.set_local_value(ours, name, value)
        setattr(stock, name, value)
        assert _asgiref.local_values(ours, ()) == _asgiref.local_values(stock, ())
        assert getattr(ours, name) == value
    for name in ("a", "missing"):
        _asgiref.delete_local_value(ours, name)
    del stock.a
    assert _asgiref.local_values(ours, ()) == _asgiref.local_values(stock, ()) == {"b": 2}
    assert not hasattr(ours, "a")
    ours.b = 4
    assert _asgiref.local_values(ours, ()) == {"b": 4}


def test_what_is_changed_stays_in_its_context():
    local = Local()
    local.name = "outer"
    contextvars.copy_context().run(_asgiref.set_local_value, local, "name", "inner")
    contextvars.copy_context().run(_asgiref.delete_local_value, local, "name")
    assert local.name == "outer"


def test_values_of_another_thread_are_replaced_not_kept():
    local = Local()
    local.other = "value"
    context, seen = contextvars.copy_context(), []

    def inside():
        _asgiref.set_local_value(local, "name", "value")
        seen.append((getattr(local, "name", None), getattr(local, "other", None)))

    thread = threading.Thread(target=context.run, args=(inside,))
    thread.start()
    thread.join()
    assert seen == [("value", None)]
    assert _asgiref.local_values(local, ()) == {"other": "value"}


class Noting:
    """An executor that runs jobs at once, and notes them."""

    def __init__(self):
        self.jobs = []

    def submit(self, call, /, *args):
        assert args == ()
        self.jobs.append(call)
        future = asyncio.get_running_loop().create_future()
        try:
            future.set_result(call())
        except ValueError as error:
            future.set_exception(error)
        return future


@pytest.fixture
def noting():
    executors = SyncToAsync.context_to_thread_executor
    before, executor = executors.get(_asgiref.REQUEST_KEY), Noting()
    _asgiref.register_executor(executor)
    yield executor
    executors.pop(_asgiref.REQUEST_KEY)
    if before is not None:
        _asgiref.register_executor(before)


def collect(*args, **kwargs):
    return args, kwargs


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
class TestExecutor:
    def test_a_job_tells_what_it_calls(self, noting, run):
        """The layout of the partial that sync_to_async makes, and that loops hand on as it is."""

        async def main():
            before = _asgiref.route_to_workers()
            assert await sync_to_async(collect)(1, 2, name=3) == ((1, 2), {"name": 3})
            _bridge.reset(before)

        run(main())
        (job,) = noting.jobs
        assert _asgiref.called_by(job) is collect
        assert _asgiref.called_with(job) == (1, 2)

    def test_a_call_is_wrapped_inside_its_context(self, noting, run):
        variable = contextvars.ContextVar("variable", default="outside")

        def wrap(call):
            assert variable.get() == "inside"
            variable.set("set by the wrapper")
            return ["wrapped", call()]

        async def main():
            _asgiref.route_to_workers()
            variable.set("inside")
            await sync_to_async(collect)(1, name=2)
            return contextvars.copy_context()

        run(main())
        wrapped = _asgiref.wrap_call(noting.jobs[0], wrap)
        assert contextvars.Context().run(wrapped) == ["wrapped", ((1,), {"name": 2})]
        assert variable.get() == "outside"

    def test_errors_and_an_asyncio_future_are_handed_on(self, noting, run):
        def fail():
            raise ValueError("wrong")

        async def main():
            _asgiref.route_to_workers()
            with pytest.raises(ValueError, match="wrong"):
                await sync_to_async(fail)()
            await asyncio.create_task(_bridge.run_in_worker(collect))

        run(main())
        assert len(noting.jobs) == 2

    def test_the_route_is_taken_back(self, noting, run):
        async def main():
            async with ThreadSensitiveContext():
                before = _asgiref.route_to_workers()
                _bridge.reset(before)
                await sync_to_async(collect)()

        run(main())
        assert noting.jobs == []

    def test_a_thread_that_waits_comes_first(self, noting, run):
        async def main():
            _asgiref.route_to_workers()
            return await sync_to_async(threading.get_ident)()

        # What it sets in the context comes back to the caller.
        context = contextvars.copy_context()
        assert context.run(async_to_sync(main)) == threading.get_ident()
        assert noting.jobs == []


def test_the_key_has_what_asgiref_asks_for():
    """It refuses calls under a key that has exited, and keeps keys weakly."""
    with pytest.raises(AttributeError):
        asyncio.run(call_under(type("Key", (), {})()))
    exited = type("Key", (), {"_exited": True})()
    with pytest.raises(RuntimeError, match="exited"):
        asyncio.run(call_under(exited))
    assert _asgiref.REQUEST_KEY._exited is False


async def call_under(key):
    SyncToAsync.thread_sensitive_context.set(key)
    await sync_to_async(collect)()


def test_other_jobs_call_nothing_that_we_know():
    assert _asgiref.called_by(collect) is None
    assert _asgiref.called_with(collect) == ()
    assert _asgiref.called_by(functools.partial(collect, 1)) is None
    wrapped = _asgiref.wrap_call(functools.partial(collect, 1), lambda call: ["wrapped", call()])
    assert wrapped() == ["wrapped", ((1,), {})]


class TestContextHasThread:
    async def test_without_a_context(self):
        assert not _asgiref.context_has_thread()

    async def test_of_an_outer_application(self):
        async with ThreadSensitiveContext():
            assert not _asgiref.context_has_thread()
            await _bridge.run_in_worker(int)
            assert _asgiref.context_has_thread()

    async def test_a_route_of_ours_is_none(self, noting):
        async with ThreadSensitiveContext():
            await _bridge.run_in_worker(int)
            before = _asgiref.route_to_workers()
            assert not _asgiref.context_has_thread()
            assert not _sync_frames.thread_is_in_use()
            _bridge.reset(before)
