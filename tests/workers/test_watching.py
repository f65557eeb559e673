"""What counts as more than the ORM's own statements, and what does not."""

from __future__ import annotations

import asyncio
import functools
import sqlite3

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections, transaction
from django.db.backends.signals import connection_created
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    Func,
    Max,
    OuterRef,
    Q,
    Subquery,
    Transform,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Lower, Now

from django_asynckit.workers import keeps_no_connection_state, resetting, worker_lease
from tests.workers.tools import driver, hop, until_idle

objects = ContentType.objects


class Own(Func):
    function = "lower"


class OwnTransform(Transform):
    lookup_name = "own"
    template = "lower(%(expressions)s)"


class Named(Lower):
    """One of Django's under another name."""


def watch():
    return vars(connections["default"])["_asynckit_watch"]


def noticed():
    return watch().has_changed, watch().was_handed_out


async def notice(func):
    """Return what is noticed of ``func``: whether the session changed, and the driver's object."""
    async with worker_lease():
        await ContentType.objects.acount()
        await hop(func)
        found = await hop(noticed)
    await until_idle()
    return found


def fetch(queryset):
    return functools.partial(list, queryset)


def nested_atomic():
    with transaction.atomic(), transaction.atomic():
        objects.create(app_label="a", model="b")
    with pytest.raises(ValueError, match="back"), transaction.atomic(), transaction.atomic():
        raise ValueError("back")


OF_THE_ORM = {
    "all": fetch(objects.all()),
    "iterator": lambda: list(objects.iterator(chunk_size=1)),
    "count": lambda: objects.filter(Q(model="a") | ~Q(model__startswith="b")).count(),
    "functions": fetch(
        objects.annotate(a=Lower("model"), b=Coalesce("model", Value("x")), c=Now())
    ),
    "aggregate": lambda: objects.aggregate(a=Max("pk"), b=Count("pk", filter=Q(model="x"))),
    "named": fetch(objects.annotate(a=Named("model"))),
    "subquery": fetch(objects.annotate(a=Subquery(objects.filter(pk=OuterRef("pk")).values("pk")))),
    "case": fetch(objects.annotate(a=Case(When(pk=1, then=1), default=2))),
    "exists": fetch(objects.filter(Exists(objects.filter(pk=OuterRef("pk"))))),
    "union": fetch(objects.values("pk").union(objects.values("pk"))),
    "update": lambda: objects.filter(pk=1).update(model=F("app_label")),
    "delete": lambda: objects.filter(pk=1).delete(),
    "atomic": nested_atomic,
    "explain": lambda: objects.all().explain(),
    "commit": lambda: transaction.on_commit(lambda: None),
}


@pytest.mark.parametrize("func", OF_THE_ORM.values(), ids=OF_THE_ORM)
async def test_what_django_writes_is_not_noticed(kept, func):
    assert await notice(func) == (False, False)


OF_THE_USER = {
    "raw": lambda: list(objects.raw("SELECT * FROM django_content_type")),
    "raw-sql": fetch(objects.annotate(a=RawSQL("1", ()))),
    "order": fetch(objects.order_by(RawSQL("1", ()))),
    "filter": fetch(objects.filter(model=RawSQL("1", ()))),
    "extra": fetch(objects.extra(select={"a": "1"})),
    "extra-where": fetch(objects.extra(where=["1 = 1"])),
    "extra-tables": fetch(objects.extra(tables=["django_content_type"]).values("pk")),
    "function": fetch(objects.annotate(a=Func("model", function="lower"))),
    "template": fetch(objects.annotate(a=Lower("model", template="lower(model)"))),
    "subquery": fetch(
        objects.annotate(a=Exists(objects.filter(pk=1), template="NOT EXISTS(%(subquery)s)"))
    ),
    "case": fetch(
        objects.annotate(a=Case(When(pk=1, then=1), template="CASE %(cases)s ELSE 2 END"))
    ),
    "own": fetch(objects.annotate(a=Own("model"))),
    "own-transform": fetch(objects.annotate(a=OwnTransform("model"))),
    "inside": fetch(objects.filter(Exists(objects.filter(model=Own(OuterRef("model")))))),
    "union": fetch(objects.values("pk").union(objects.annotate(a=Own("model")).values("a"))),
    "update": lambda: objects.update(model=Own("model")),
    "delete": lambda: objects.filter(model=Own("model")).delete(),
    "cursor": lambda: connection.cursor().close(),
    "chunked": lambda: connection.chunked_cursor().close(),
    "temporary": lambda: connection.temporary_connection().__enter__().close(),
    "schema-editor": lambda: connection.schema_editor(),
    "no-checks": lambda: connection.disable_constraint_checking(),
    "constraint-checks-disabled": lambda: connection.constraint_checks_disabled().__enter__(),
    "introspection": lambda: connection.introspection.table_names(),
}


@pytest.mark.parametrize("func", OF_THE_USER.values(), ids=OF_THE_USER)
async def test_what_a_user_writes_is_noticed(kept, func):
    assert await notice(func) == (True, False)


def wrapped():
    def wrapper(execute, sql, params, many, context):
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        objects.count()


async def test_what_may_change_each_statement_is_noticed(kept):
    assert await notice(wrapped) == (True, False)


def drivers_cursor(name):
    with connection.cursor() as cursor:
        getattr(cursor, name)


HANDED_OUT = {
    "proxy": lambda: connection.connection,
    "handler": lambda: connections["default"].connection,
    "getattr": lambda: getattr(connections["default"], "connection", None),
    "private": lambda: connection._cursor().close(),
    "create": lambda: connection.create_cursor().close(),
    "cursor": lambda: drivers_cursor("cursor"),
    "of-cursor": lambda: drivers_cursor("connection"),
}


@pytest.mark.parametrize("func", HANDED_OUT.values(), ids=HANDED_OUT)
async def test_the_drivers_object_is_noticed_when_it_is_handed_out(kept, func):
    assert await notice(func) == (True, True)
    assert await notice(keeps_no_connection_state(lambda: func())) == (False, False)


async def test_there_is_nothing_to_hand_out_before_a_connection_is_made(kept):
    async with worker_lease():
        assert await hop(lambda: connection.connection) is None
        assert await hop(noticed) == (False, False)


class Bare:
    """A cursor that is not one of Django's."""

    def close(self):
        pass


class OfAnotherKind(DatabaseWrapper):
    def make_cursor(self, cursor):
        return Bare()


async def test_a_cursor_of_another_kind_may_hand_out_anything(kept, monkeypatch):
    monkeypatch.setattr(
        connections,
        "create_connection",
        lambda alias: OfAnotherKind(connections.settings[alias], alias),
    )

    async with worker_lease():
        await hop(lambda: connection.cursor().close())
        assert await hop(noticed) == (True, True)


class Wrapping(DatabaseWrapper):
    """A backend that does something with each cursor of the driver."""

    def chunked_cursor(self):
        cursor = super().chunked_cursor()
        cursor.cursor = cursor.cursor
        assert self.connection is not None
        return cursor


async def test_the_backends_own_code_may_have_the_drivers_objects(kept, monkeypatch):
    monkeypatch.setattr(
        connections, "create_connection", lambda alias: Wrapping(connections.settings[alias], alias)
    )
    async with worker_lease():
        await ContentType.objects.acount()
        await hop(lambda: connection.chunked_cursor().close())
        assert await hop(noticed) == (True, False)
        assert [one async for one in ContentType.objects.aiterator()] == []


async def test_a_watched_wrapper_is_of_the_class_that_it_was(kept):
    senders = []

    def receiver(sender, connection, **_):
        senders.append((sender, connection.connection is not None))

    def look():
        copy = connections["default"].copy()
        return connections["default"].__class__, isinstance(copy, DatabaseWrapper), type(copy)

    connection_created.connect(receiver, sender=DatabaseWrapper)
    try:
        async with worker_lease():
            await ContentType.objects.acount()
            assert await hop(look) == (DatabaseWrapper, True, DatabaseWrapper)
            # What receivers do is not the request's doing.
            assert await hop(noticed) == (False, False)
    finally:
        connection_created.disconnect(receiver, sender=DatabaseWrapper)
    assert senders == [(DatabaseWrapper, True)]


async def test_a_database_in_memory_keeps_its_data(database, monkeypatch):
    """Django never closes it."""
    monkeypatch.setitem(database, "NAME", "file:in_memory?mode=memory&cache=shared")

    def make():
        with connection.schema_editor() as editor:
            editor.create_model(ContentType)

    async with worker_lease():
        await hop(make)
        first = await hop(driver)
    await until_idle()
    async with worker_lease():
        assert await ContentType.objects.acount() == 0
        assert await hop(driver) is first
        await hop(first.close)  # Else Python complains.


async def test_a_connection_that_could_not_be_set_up_again_is_closed(kept, monkeypatch):
    """With the error, since the next request that connects has it too."""
    fails = []
    monkeypatch.setitem(resetting._RESETS, "sqlite", lambda _connection: True)

    def receiver(connection, **_):
        if fails:
            raise ValueError("cannot be set up")

    def connect():
        connection.ensure_connection()

    connection_created.connect(receiver)
    try:
        async with worker_lease():
            await hop(connect)
            first = await hop(driver)
            await hop(lambda: connection.cursor().close())
        await until_idle()
        async with worker_lease():
            assert await hop(driver) is first  # It was kept.
            await hop(lambda: connection.cursor().close())
            fails.append("from now on")
        await until_idle()
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            await asyncio.to_thread(first.execute, "SELECT 1")
        async with worker_lease():
            with pytest.raises(ValueError, match="cannot be set up"):
                await hop(connect)
    finally:
        connection_created.disconnect(receiver)


async def test_sessions_are_closed_where_the_driver_has_no_reset(kept):
    async with worker_lease():
        await ContentType.objects.acount()
        first = await hop(driver)
        await hop(lambda: connection.cursor().close())
    await until_idle()
    async with worker_lease():
        assert await hop(driver) is None
        await ContentType.objects.acount()
        assert await hop(driver) is not first
