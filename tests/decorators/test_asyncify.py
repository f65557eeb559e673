"""``asyncify_view()`` runs a sync view whole in one thread, and keeps what is known about it."""

from __future__ import annotations

import threading

import pytest
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth.models import Group
from django.db import connection, connections
from django.http import HttpResponse
from django.views import View

from django_asynckit.decorators import asyncify_view, csrf, transaction
from tests.decorators import tools

threads: list[threading.Thread] = []


def view(request, number=0):
    threads.append(threading.current_thread())
    return HttpResponse(f"number {number}")


@pytest.fixture
def atomic_requests(in_process_database):
    settings = connections.settings["default"]
    settings["ATOMIC_REQUESTS"] = True
    yield
    settings["ATOMIC_REQUESTS"] = False


async def test_the_view_runs_in_one_hop():
    decorated = asyncify_view(view)
    assert iscoroutinefunction(decorated)
    with tools.site(decorated):
        assert len(await tools.hops_of(decorated)) == 1
    assert threads.pop() is not threading.main_thread()
    await tools.assert_same(decorated, view, [("/", {}), ("/", {"method": "POST"})])


def test_attributes_are_kept():
    marked = csrf.csrf_exempt(view)
    decorated = asyncify_view(marked)
    assert (decorated.csrf_exempt, decorated.__name__) == (True, "view")
    assert decorated.__wrapped__ is marked


async def test_a_class_based_view_is_given_as_a_function():
    class Page(View):
        def get(self, request):
            return HttpResponse("page")

    with pytest.raises(TypeError, match=r"such as Page\.as_view\(\)"):
        asyncify_view(Page)
    decorated = asyncify_view(Page.as_view())
    assert decorated.view_class is Page
    (reply,) = await tools.ask(decorated, [("/", {})])
    assert reply.body == b"page"


async def test_an_object_with_an_async_call_must_say_so():
    class Page:
        async def __call__(self, request):
            return HttpResponse("page")

    with pytest.raises(TypeError, match=r"(?s)Page object .*markcoroutinefunction\(\)"):
        asyncify_view(Page())
    page = Page()
    markcoroutinefunction(page)
    assert asyncify_view(page) is page


def in_transaction(request):
    body = f"in transaction: {connection.in_atomic_block}"
    if "write" in request.GET:
        Group.objects.create(name="written")
        raise ValueError
    return HttpResponse(body)


@pytest.mark.usefixtures("atomic_requests")
async def test_atomic_requests_hold_as_before():
    ok, failed = await tools.ask(asyncify_view(in_transaction), [("/", {}), ("/?write", {})])
    assert ok.body == b"in transaction: True"
    assert failed.status == 500
    assert not await tools.in_thread(Group.objects.filter(name="written").exists)


@pytest.mark.usefixtures("atomic_requests")
@pytest.mark.parametrize("outside", [True, False])
async def test_non_atomic_requests_are_kept(outside):
    mark = transaction.non_atomic_requests
    decorated = mark(asyncify_view(of_own())) if outside else asyncify_view(mark(of_own()))
    (reply,) = await tools.ask(decorated, [("/", {})])
    assert reply.body == b"in transaction: False"


def of_own():
    """Return a view that no other test marks."""
    return lambda request: in_transaction(request)


@pytest.mark.usefixtures("atomic_requests")
async def test_its_transaction_begins_and_ends_in_its_one_hop():
    decorated = asyncify_view(in_transaction)
    with tools.site(decorated):
        assert len(await tools.hops_of(decorated)) == 1
