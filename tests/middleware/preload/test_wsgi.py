"""Under WSGI, and above sync-only middleware, session and user are loaded for async views only."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory, override_settings

from django_asynckit.handler.asgi import ASGIHandler
from tests.middleware.preload.site import PAIRS, STATES, stack
from tests.middleware.preload.tools import ask, cookie, cookie_with, engine, stored, user_data


def ask_wsgi(url, headers):
    request = RequestFactory().get(url, headers=headers)
    response = WSGIHandler().get_response(request)
    response.close()
    return response


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", ["db", "signed_cookies"])
def test_under_wsgi_async_views_can_read_too(name, state):
    for view in PAIRS:
        with engine(name):
            responses = []
            for url in (f"/{view}/sync/", f"/{view}/"):
                Session.objects.all().delete()
                response = ask_wsgi(url, cookie(state))
                cookies = [(one.key, one["max-age"]) for one in response.cookies.values()]
                responses.append(
                    (
                        response.status_code,
                        response.content,
                        response.get("Vary"),
                        cookies,
                        stored(),
                    )
                )
        assert responses[0] == responses[1], view


def test_under_wsgi_sync_views_load_what_they_read(django_assert_num_queries):
    with engine("db"):
        headers = cookie("ada")
        with django_assert_num_queries(0):
            ask_wsgi("/nothing/sync/", headers)
        with django_assert_num_queries(1):
            ask_wsgi("/reads_session/sync/", headers)
        with django_assert_num_queries(2):
            ask_wsgi("/reads_both/", headers)


def test_under_wsgi_other_stores_and_users_are_read():
    with engine("readselsewhere"):
        headers = cookie_with(user_data())
        assert ask_wsgi("/reads_user/", headers).content == b"ada True"
        assert ask_wsgi("/reads_user/", {}).content == b" False"
    with override_settings(MIDDLEWARE=stack("ReadsSessionMiddleware")), engine("db"):
        assert ask_wsgi("/reads_both/", cookie("ada")).content == b"red ada red"
    with override_settings(MIDDLEWARE=stack("OwnUserMiddleware")), engine("db"):
        assert ask_wsgi("/reads_user/", cookie("ada")).content == b"bob True"


@pytest.mark.parametrize("handler", [ASGIHandler, DjangoASGIHandler], ids=["ours", "Django"])
def test_above_sync_only_middleware_async_views_can_read_too(handler):
    with (
        engine("db"),
        override_settings(MIDDLEWARE=[*stack(), "tests.middleware.preload.site.sync_only"]),
    ):
        assert ask("/reads_both/", cookie("ada"), handler)[0].body == b"red ada red"
