"""``PreloadUserMiddleware``: async code reads session and user, and nobody else notices."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.contrib.auth import (
    HASH_SESSION_KEY,
)
from django.contrib.sessions.models import Session
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpResponse
from django.test import override_settings

from django_asynckit.handler.asgi import ASGIHandler
from tests import settings as project
from tests.middleware import stores
from tests.middleware.preload.site import ENGINES, OLD_KEY, PAIRS, STATES, urlpatterns
from tests.middleware.preload.tools import (
    answer,
    ask,
    cookie,
    cookie_with,
    deletes_cookie,
    engine,
    stored,
    user_data,
)
from tests.middleware.test_auth import ALICE
from tests.middleware.test_auth import __name__ as auth_tests


def same_answers(name, state, view, handler, blockbuster):
    """Ask a sync view of stock Django, then the async one behind the middleware; return both."""
    with engine(name), override_settings(MIDDLEWARE=project.MIDDLEWARE):
        Session.objects.all().delete()
        blockbuster.deactivate()
        stock, _ = ask(f"/{view}/sync/", cookie(state), DjangoASGIHandler)
        blockbuster.activate()
        before = stored()
    with engine(name):
        Session.objects.all().delete()
        ours, _ = ask(f"/{view}/", cookie(state), handler)
    return (answer(ours), stored()), (answer(stock), before)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", ENGINES)
def test_answers_are_those_of_a_sync_view_without_it(blockbuster, name, state):
    """Cookies, ``Vary`` and stored sessions too, whether the page reads the session or not."""
    for view in PAIRS:
        ours, stock = same_answers(name, state, view, ASGIHandler, blockbuster)
        assert ours == stock, view


@pytest.mark.parametrize("state", STATES)
def test_answers_are_the_same_on_djangos_handler(blockbuster, state):
    for view in PAIRS:
        ours, stock = same_answers("db", state, view, DjangoASGIHandler, blockbuster)
        assert ours == stock, view


@pytest.mark.parametrize(
    ("name", "state", "expected"),
    [
        *((name, "none", 0) for name in ENGINES),
        ("signed_cookies", "anonymous", 0),
        ("signed_cookies", "ada", 1),
        ("signed_cookies", "stale", 1),
        *((name, state, 1) for name in ENGINES[:4] for state in ("anonymous", "ada", "unknown")),
        # Unlike others, these are saved and deleted where they do I/O.
        ("db", "stale", 2),
        ("db", "rotated", 3),
    ],
)
def test_session_and_user_take_one_hop(name, state, expected):
    with engine(name):
        _, hops = ask("/reads_user/", cookie(state))
    assert len([hop for hop in hops if not hop.target.endswith(".close")]) == expected


def test_awaiting_the_user_makes_no_further_hop():
    reply, hops = ask("/awaits_user/", cookie("ada"))
    assert (reply.body, len(hops)) == (b"ada True", 1)


def test_awaiting_the_session_makes_no_further_hop():
    with engine("db"):
        reply, hops = ask("/awaits_session/", cookie("anonymous"))
    assert (reply.body, len(hops)) == (b"red red", 1)


def test_permissions_can_be_loaded_for_a_template():
    assert ask("/permissions/", cookie("ada"))[0].body == b"TrueTrue"  # An administrator.


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/signs_in/", b"ada bob bob"),
        ("/forgets_user/", b"AnonymousUser AnonymousUser"),
        ("/signs_out/", b"AnonymousUser AnonymousUser"),
        ("/other_session/", b"AnonymousUser"),
        ("/no_session/", b"none"),
        ("/streams/", b"ada"),
        ("/later/", b"ada|red|"),
    ],
)
@pytest.mark.parametrize("save", [False, True])
def test_what_the_view_does_to_session_and_user_counts(url, expected, save):
    with override_settings(SESSION_SAVE_EVERY_REQUEST=save), engine("db"):
        assert ask(url, cookie("ada"))[0].body == expected


def test_a_view_that_signs_in_keeps_its_session_when_the_old_one_is_dropped():
    """The session of the old password is deleted at the end, not the one that was made since."""
    with engine("db"):
        reply, _ = ask("/signs_in/", cookie("stale"))
        (row,) = Session.objects.all()
    assert reply.body == b" bob bob"
    assert reply.cookies["sessionid"] == row.session_key
    assert "color" not in row.get_decoded()


def test_a_session_that_was_flushed_meanwhile_gets_no_new_key():
    with engine("db"):
        headers = cookie("rotated")
        assert ask("/reads_and_signs_out/", headers)[0].body == b"ada AnonymousUser"
        assert stored() == []


def test_a_session_nobody_read_is_loaded_anew_to_be_saved(monkeypatch):
    """So that what other requests wrote since is not lost, as on stock Django."""
    with engine("db"), override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        headers = cookie("ada")
        key = headers["cookie"].partition("=")[2]

        def write_elsewhere(request):
            store = import_module("django.contrib.sessions.backends.db").SessionStore(key)
            store["color"] = "blue"
            store.save()
            return HttpResponse("written")

        monkeypatch.setattr(urlpatterns[0], "callback", write_elsewhere)
        ask("/nothing/", headers)
        assert Session.objects.get(pk=key).get_decoded()["color"] == "blue"


@pytest.mark.parametrize("name", ["signed_cookies", "asyncstore"])
@pytest.mark.parametrize("state", ["stale", "rotated"])
def test_what_finding_a_user_does_to_a_session_is_awaited_where_it_can_be(name, state, settings):
    settings.AUTHENTICATION_BACKENDS = [f"{auth_tests}.AsyncBackend"]
    data = user_data("AsyncBackend")
    data[HASH_SESSION_KEY] = "of another password"
    if state == "rotated":
        with override_settings(SECRET_KEY=OLD_KEY):
            data[HASH_SESSION_KEY] = ALICE.get_session_auth_hash()
    with engine(name):
        stores.saved["k" * 32] = data
        headers = {"cookie": "sessionid=" + "k" * 32}
        if name == "signed_cookies":
            headers = cookie_with(data)
        reply, hops = ask("/reads_user/", headers)
        assert hops == []
        assert "k" * 32 not in stores.saved or name == "signed_cookies"
        if state == "stale":
            assert (reply.body, deletes_cookie(reply)) == (b" False", True)
        else:
            assert reply.body == b"alice True"
            again, _ = ask("/reads_user/", {"cookie": f"sessionid={reply.cookies['sessionid']}"})
            assert again.body == b"alice True"
            assert not again.cookies  # Nothing is left to be done.
