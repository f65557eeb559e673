"""A middleware is tried on the event loop, and what of it blocks is told."""

from __future__ import annotations

import sys
import time

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path
from django.utils import asyncio as guard

from django_asynckit.audit.getting import NotAnswered
from django_asynckit.audit.trial import NotTried, try_declared
from tests.audit import trying
from tests.driver import plain_root_logger
from tests.management.test_asynccheck import run

MIDDLEWARE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)


def page(request):
    return HttpResponse("fine")


def broken(request):
    raise ValueError("no page")


async def slow(request):
    time.sleep(0.001)
    return HttpResponse("slow")


urlpatterns = [path("slow/", slow), path("", page), path("sleep/", page), path("broken/", broken)]


@pytest.fixture(autouse=True)
def _unwatched(blockbuster):
    blockbuster.deactivate()  # It would be watched twice.


def tried(name, *urls, **settings):
    whole = f"{trying.__name__}.{name}"
    names = {"MIDDLEWARE": [*MIDDLEWARE, whole], "ROOT_URLCONF": __name__, **settings}
    with override_settings(**names), plain_root_logger():
        return try_declared(whole, urls or ["/"])


@pytest.mark.parametrize("name", ["Quick", "quick"])
def test_what_does_not_block_is_told(name):
    trial = tried(name, "/", "/broken/", "/nowhere/")
    assert not trial.would_break
    statuses = [(one.before, one.after, one.blocking) for one in trial.pages]
    assert statuses == [(200, 200, set()), (500, 500, set()), (404, 404, set())]


@pytest.mark.parametrize("name", ["Sleeping", "Helped"])
def test_what_blocks_on_one_page_only_is_seen_there(name):
    quiet, slow = tried(name, "/", "/sleep/").pages
    assert not quiet.would_break
    [seen] = slow.blocking
    assert (seen.what, seen.file) == ("time.sleep", trying.__file__)
    assert (slow.before, slow.after) == (200, 200)


@pytest.mark.usefixtures("in_process_database")
@pytest.mark.parametrize(("name", "status"), [("Querying", 500), ("Swallowing", 200)])
def test_what_django_refuses_is_seen_also_if_it_is_caught(name, status):
    [asked] = tried(name).pages
    assert {one.what for one in asked.blocking} == {"SynchronousOnlyOperation"}
    assert (asked.before, asked.after) == (200, status)
    assert guard.SynchronousOnlyOperation is SynchronousOnlyOperation


def test_what_blocks_elsewhere_is_not_its_fault():
    assert not tried("quick", "/slow/").would_break


def test_files_are_seen():
    [asked] = tried("reading").pages
    assert {one.file for one in asked.blocking} == {trying.__file__}


def test_a_page_that_fails_says_why():
    [asked] = tried("Awaiting").pages
    assert asked.failure.startswith("RuntimeError: You cannot use AsyncToSync")
    [asked] = tried("Raising", DEBUG_PROPAGATE_EXCEPTIONS=True).pages
    assert asked.failure == "/ raised SystemError: "


def test_what_is_kept_per_thread_is_told():
    trial = tried("Keeping")
    assert not trial.pages[0].would_break
    assert trial.would_break


def test_what_is_declared_already_is_tried_all_the_same():
    declared = [f"{trying.__name__}.Sleeping"]
    [asked] = tried("Sleeping", "/sleep/", ASYNCKIT_NON_BLOCKING_MIDDLEWARE=declared).pages
    assert asked.blocking


@pytest.mark.parametrize(
    ("middleware", "message"),
    [
        (
            "nowhere.Middleware",
            "--try-declare names 'nowhere.Middleware', which cannot be imported",
        ),
        (MIDDLEWARE[0], "which is not third-party"),
        ("whitenoise.middleware.WhiteNoiseMiddleware", "has a native class"),
        ("tests.audit.stacks.Native", "is async already"),
        ("tests.audit.stacks.Hooks", "is not in MIDDLEWARE"),
    ],
)
def test_what_cannot_be_declared_is_not_tried(middleware, message):
    used = [one for one in (middleware,) if "Hooks" not in one and "nowhere" not in one]
    with override_settings(MIDDLEWARE=used), pytest.raises(NotTried, match=message):
        try_declared(middleware, ["/"])


@pytest.mark.parametrize(("name", "needed"), [("quick", "greenlet"), ("Quick", "blockbuster")])
def test_what_a_trial_needs_is_named(monkeypatch, name, needed):
    monkeypatch.setitem(sys.modules, needed, None)
    with pytest.raises(NotTried, match=rf"pip install 'django-asynckit\[{needed}\]'"):
        tried(name)


def test_a_page_that_cannot_be_had_is_told():
    with pytest.raises(NotAnswered, match="must begin with a slash"):
        tried("Quick", "nowhere")
    with pytest.raises(NotAnswered, match="no page"):
        tried("Quick", "/broken/", DEBUG_PROPAGATE_EXCEPTIONS=True)


def commanded(name, *arguments):
    whole = f"{trying.__name__}.{name}"
    with override_settings(MIDDLEWARE=[whole], ROOT_URLCONF=__name__):
        return run("--try-declare", whole, *arguments)


def test_the_command_says_what_it_is_worth():
    text = commanded("Quick")
    assert "  GET /  status 200, nothing blocks\n" in text
    assert "That is no proof" in text
    assert "hops" not in text


def test_the_command_fails_for_what_blocks(capsys):
    whole = f"{trying.__name__}.Sleeping"
    with (
        override_settings(MIDDLEWARE=[whole], ROOT_URLCONF=__name__),
        plain_root_logger(),
        pytest.raises(CommandError, match="It blocks the event loop, or fails there"),
    ):
        call_command("asynccheck", "--try-declare", whole, "--url", "/", "--url", "/sleep/")
    text = capsys.readouterr().out
    assert "  GET /  status 200, nothing blocks\n" in text
    assert "  GET /sleep/  status 200, blocks\n      time.sleep: tests/audit/trying.py" in text
    assert text.endswith(f"Do not declare {whole}.\n")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Awaiting", "  GET /  fails: RuntimeError: You cannot use AsyncToSync"),
        ("Keeping", "  keeps something per thread: tests/audit/trying.py, line "),
        ("Denying", "  GET /  status 403 in the place of 200"),
    ],
)
def test_the_command_tells_each_kind(capsys, name, line):
    with pytest.raises(CommandError):
        call_command_for(name)
    assert line in capsys.readouterr().out


def call_command_for(name):
    whole = f"{trying.__name__}.{name}"
    with (
        override_settings(MIDDLEWARE=[*MIDDLEWARE, whole], ROOT_URLCONF=__name__),
        plain_root_logger(),
    ):
        call_command("asynccheck", "--try-declare", whole)


def test_the_command_says_what_cannot_be_tried():
    with pytest.raises(CommandError, match="Not tried: --try-declare names 'nowhere'"):
        run("--try-declare", "nowhere")
