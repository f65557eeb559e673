"""What a connection class of one's own adds to Django's, and whether it is as before."""

from __future__ import annotations

import uuid

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.utils.functional import SimpleLazyObject, cached_property

from django_asynckit.workers.added import added_names, added_state, may_be_copied, stock_class

SETTINGS = {"NAME": "db.sqlite3", "OPTIONS": {}, "TIME_ZONE": None}


class Tenant:
    """One that compares equal to all others, and does not like to be asked."""

    def __init__(self, name=None, parent=None):
        self.name = name
        self.parent = parent

    def __eq__(self, other):
        raise AssertionError("nobody compares tenants")

    __hash__ = None


class Own(DatabaseWrapper):
    region = "here"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.value = None

    @cached_property
    def asked_once(self):
        return object()

    def method(self):
        """Not data."""


def own():
    return Own(SETTINGS, "default")


PARENT, ID = Tenant("parent"), uuid.uuid4()
#: Pairs of a value and what makes another of it.
CHANGES = {
    "none": (None, "ada"),
    "text": ("ada", "bob"),
    "number": (1, 2),
    "list": (["ada"], ["bob"]),
    "tuple": (("ada",), ["ada"]),
    "set": ({"ada"}, {"bob"}),
    "dict": ({"a": "ada"}, {"a": "bob"}),
    "key": ({"a": "ada"}, {"b": "ada"}),
    "nested": ([["ada"]], [["bob"]]),
    "object": (Tenant("ada"), Tenant("bob")),
    "kind": (Tenant("ada"), object()),
    "inside": (Tenant("ada", PARENT), Tenant("ada", Tenant("other"))),
    "without-attributes": (ID, uuid.uuid4()),
    "lazy": (None, SimpleLazyObject(lambda: 1 / 0)),
}


@pytest.mark.parametrize(("value", "other"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_and_nothing_else_is(value, other):
    connection = own()
    connection.value = value
    before = added_state(connection)
    assert added_state(connection) == before
    connection.value = other
    assert added_state(connection) != before
    connection.value = value
    assert added_state(connection) == before


def test_what_is_changed_in_place_is_seen():
    connection = own()
    for value, change in (
        (["ada"], lambda value: value.append("bob")),
        ({"a": []}, lambda value: value["a"].append("bob")),
        (Tenant("ada"), lambda value: setattr(value, "name", "bob")),
        (Tenant("ada", PARENT), lambda value: setattr(value.parent, "name", "bob")),
    ):
        connection.value = value
        before = added_state(connection)
        change(value)
        assert added_state(connection) != before


def test_what_is_set_beside_the_class_is_seen_too():
    connection = own()
    before = added_state(connection)
    assert before.keys() == {"value", "region"}
    connection.region = "there"
    assert added_state(connection) != before
    connection.region = "here"
    connection.asked_once  # noqa: B018
    connection.isolation_level = "set by Django when it connects"
    assert added_state(connection) == before
    connection.more = None
    assert added_state(connection) != before


def test_classes_of_django_add_nothing():
    connection = DatabaseWrapper(SETTINGS, "default")
    connection.tenant = "ada"
    assert added_state(connection) == {}
    assert added_names(connection) == []
    assert may_be_copied([connection])


def test_nor_does_one_that_is_not_made_of_one_of_djangos():
    class Other(BaseDatabaseWrapper):
        """Of another database."""

    assert stock_class(Other) is Other
    assert stock_class(Own) is DatabaseWrapper
    assert added_names(own()) == ["value"]


def test_connections_of_other_threads_are_compared_with_new_ones():
    connection = own()
    assert may_be_copied([connection])
    connection.value = Tenant("ada")
    assert not may_be_copied([DatabaseWrapper(SETTINGS, "default"), connection])


def test_what_all_connections_of_a_class_share_is_looked_at_too():
    class Shared(Own):
        paths = ["public"]

    connection = Shared(SETTINGS, "default")
    before = added_state(connection)
    assert added_state(connection) == before
    Shared.paths.append("ada")
    assert added_state(connection) != before


def test_what_contains_itself_is_looked_at_no_deeper_than_anything_else():
    connection = own()
    connection.value = {"name": "ada"}
    connection.value["self"] = connection.value
    before = added_state(connection)
    assert added_state(connection) == before
    connection.value["name"] = "bob"
    assert added_state(connection) != before
