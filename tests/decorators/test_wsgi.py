"""Under WSGI: sync views are decorated by Django's code, and async views work."""

from __future__ import annotations

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

from django_asynckit.decorators import asyncify_view
from tests.decorators import tools
from tests.decorators.test_every_decorator import DECORATORS, MIDDLEWARE, fresh

# The thread of a test may have a connection of an earlier one, which the beginning of a request looks at.
pytestmark = pytest.mark.django_db
#: The admin's page is in no URLconf here.
NAMES = [name for name in DECORATORS if name != "staff_member_required"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
def test_views_are_answered(name, is_async):
    view = DECORATORS[name](fresh(is_async))
    assert answer(view) == (405 if name == "require_POST" else answer_of_nobody(name))


def test_an_asyncified_view_is_answered():
    assert answer(asyncify_view(fresh(is_async=False))) == 200


def answer_of_nobody(name):
    about_users = ("login_required", "permission_required", "staff_member_required")
    return 302 if name.startswith(about_users) else 200


def answer(view):
    with tools.site(view, MIDDLEWARE=MIDDLEWARE, LOGIN_URL="/in/", ALLOWED_HOSTS=["*"]):
        environ = RequestFactory().get("/").environ
        statuses = []
        body = WSGIHandler()(environ, lambda status, headers: statuses.append(status))
        body.close()
    return int(statuses[0].split()[0])
