"""A page is measured with both handlers; what cannot be measured says why."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from django.core import mail
from django.http import HttpResponse, HttpResponseRedirect, HttpResponseServerError
from django.test import override_settings
from django.urls import path

from django_asynckit.audit import getting
from django_asynckit.audit import measure as module
from django_asynckit.audit.getting import NotAnswered
from django_asynckit.audit.measure import Measurement, Side, measure
from tests.driver import plain_root_logger

hosts: list[str] = []
methods: set[str] = set()


async def page(request):
    hosts.append(request.get_host())
    methods.add(request.method)
    return HttpResponse(request.GET.get("text", "fine"))


async def endless(request):
    await asyncio.Event().wait()


async def broken(request):
    raise ValueError("no page")


async def failing(request):
    return HttpResponseServerError("broken")


async def moved(request):
    return HttpResponseRedirect("/")


async def slow(request):
    await asyncio.sleep(0.05)
    return HttpResponse("slow")


urlpatterns = [
    path("", page),
    path("endless/", endless),
    path("broken/", broken),
    path("failing/", failing),
    path("moved/", moved),
    path("slow/", slow),
]


@pytest.fixture(autouse=True)
def site():
    with override_settings(ROOT_URLCONF=__name__):
        yield


def quick(url):
    with plain_root_logger():
        return measure(url, rounds=2, seconds=0.001)


def test_hops_threads_and_time_of_both_handlers():
    measured = quick("/?text=yes")
    assert (measured.path, measured.stock.status) == ("/?text=yes", 200)
    assert (measured.stock.hops, measured.stock.threads) == (15, 2)
    assert (measured.asynckit.hops, measured.asynckit.threads) == (0, 0)
    assert measured.requests >= 1
    assert len(measured.stock.rounds) == len(measured.asynckit.rounds) == 2
    assert measured.ratio == measured.stock.cpu_us / measured.asynckit.cpu_us
    assert methods == {"GET"}


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        (["*"], "localhost"),
        ([".example.test"], "www.example.test"),
        (["a.test", "b.test"], "a.test"),
    ],
)
def test_the_host_is_one_that_django_allows(allowed, host):
    with override_settings(ALLOWED_HOSTS=allowed):
        assert quick("/").stock.status == 200
    assert hosts[-1] == host


def test_a_page_that_is_not_there_is_measured_and_remarked():
    measured = quick("/nowhere/")
    assert measured.stock.status == 404
    assert any("status 404" in remark for remark in measured.remarks)


def test_a_path_begins_with_a_slash():
    with pytest.raises(NotAnswered, match="must begin with a slash"):
        quick("nowhere")


def test_an_endless_page_is_given_up(monkeypatch):
    monkeypatch.setattr(getting, "_PATIENCE", 0.01)
    with pytest.raises(NotAnswered, match="did not end"):
        quick("/endless/")


@override_settings(DEBUG_PROPAGATE_EXCEPTIONS=True)
def test_what_a_page_raises_is_told():
    with pytest.raises(NotAnswered, match="ValueError: no page"):
        quick("/broken/")


@override_settings(MIDDLEWARE=["tests.audit.stacks.Failing"])
def test_a_site_that_does_not_start_is_not_measured():
    with pytest.raises(NotAnswered, match="does not start: ValueError: no key"):
        quick("/")


def test_figures_that_differ_a_lot_are_called_noisy():
    steady, noisy = Side(rounds=[10, 10, 10, 10]), Side(rounds=[1, 10, 30, 40])
    assert not steady.is_noisy
    assert noisy.is_noisy
    assert Measurement("/", 1, steady, steady).remarks == []
    assert "Try again" in Measurement("/", 1, steady, noisy).remarks[0]
    with override_settings(DEBUG=True):
        assert "DEBUG" in Measurement("/", 1, steady, steady).remarks[0]


def test_different_statuses_are_remarked():
    sides = Side(status=200, rounds=[1, 1]), Side(status=500, rounds=[1, 1])
    assert "different" in Measurement("/", 1, *sides).remarks[0]


@pytest.mark.parametrize(("url", "status"), [("/failing/", 500), ("/moved/", 302)])
def test_another_answer_than_a_page_is_pointed_out(url, status):
    assert f"The page answered with status {status}." in quick(url).remarks


@override_settings(ADMINS=["admin@example.test"], DEBUG=False)
def test_a_page_that_fails_mails_and_logs_nothing(caplog):
    quick("/failing/")
    assert mail.outbox == []
    assert caplog.records == []
    logging.getLogger(__name__).error("afterwards")
    assert len(caplog.records) == 1


def test_a_slow_page_is_measured_less_often(monkeypatch):
    monkeypatch.setattr(module, "_LONGEST", 0.5)
    began = time.monotonic()
    with plain_root_logger():
        measured = measure("/slow/")
    assert time.monotonic() - began < 10
    assert measured.is_cut
    assert len(measured.stock.rounds) == len(measured.asynckit.rounds) == 3
    assert "The page is slow" in " ".join(measured.remarks)
