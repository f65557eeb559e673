"""``CommonMiddleware`` asks Django about each ``Host`` header once."""

from __future__ import annotations

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpRequest
from django.test import override_settings

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware._hosts import _MOST, ValidHosts
from tests.driver import plain_root_logger, scope_for, send_scope


def request(host="known.test", **meta):
    made = HttpRequest()
    made.META = {"HTTP_HOST": host, **meta}
    return made


@pytest.fixture
def asked(monkeypatch):
    """The hosts that Django was asked about."""
    seen, original = [], HttpRequest.get_host

    def get_host(self):
        seen.append(self.META["HTTP_HOST"])
        return original(self)

    monkeypatch.setattr(HttpRequest, "get_host", get_host)
    return seen


def test_a_host_is_looked_at_once(asked):
    hosts = ValidHosts()
    assert [hosts.knows(request()) for _ in range(3)] == [True] * 3
    assert asked == ["known.test"]


def test_a_refused_host_is_never_known(asked):
    hosts = ValidHosts()
    with override_settings(ALLOWED_HOSTS=["other.test"]):
        assert [hosts.knows(request()) for _ in range(2)] == [False] * 2
    assert len(asked) == 2


def test_new_rules_are_looked_at_anew(asked):
    hosts = ValidHosts()
    assert hosts.knows(request())
    with override_settings(ALLOWED_HOSTS=["other.test"]):
        assert not hosts.knows(request())
    with override_settings(DEBUG=True):
        assert hosts.knows(request())
    assert len(asked) == 3


def test_only_so_many_are_remembered():
    hosts = ValidHosts()
    for number in range(3 * _MOST):
        assert hosts.knows(request(f"{number}.test"))
        assert len(hosts._hosts) <= _MOST


def test_what_else_decides_is_djangos_to_look_at():
    hosts = ValidHosts()

    class OwnRequest(HttpRequest):
        def get_host(self):
            return "own.test"

    own = OwnRequest()
    own.META = {"HTTP_HOST": "known.test"}
    assert not hosts.knows(own)
    assert not hosts.knows(HttpRequest())
    with override_settings(USE_X_FORWARDED_HOST=True):
        assert not hosts.knows(request(HTTP_X_FORWARDED_HOST="evil.test"))


@pytest.mark.parametrize(
    "settings",
    [
        {"ALLOWED_HOSTS": ["good.test"]},
        {"ALLOWED_HOSTS": ["good.test"], "PREPEND_WWW": True},
        {"ALLOWED_HOSTS": [".test"], "USE_X_FORWARDED_HOST": True},
        {"ALLOWED_HOSTS": [], "DEBUG": True},
    ],
    ids=["refused", "www", "forwarded", "debug"],
)
async def test_answers_are_djangos_twice(settings):
    with override_settings(**settings), plain_root_logger():
        ours, stock = ASGIHandler(), DjangoASGIHandler()
        for host in ("good.test", "evil.example", "localhost", "good.test", "bad host", ""):
            scope = scope_for("/", headers={"x-forwarded-host": "forwarded.test"})
            scope["headers"] = [(b"host", host.encode()), *scope["headers"][1:]]
            replies = [await send_scope(handler, dict(scope)) for handler in (ours, stock)]
            assert replies[0].status == replies[1].status
            assert replies[0].headers == replies[1].headers
