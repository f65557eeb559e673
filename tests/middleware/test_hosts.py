"""``CommonMiddleware`` asks Django about each ``Host`` header once, while the rules stay the same."""

from __future__ import annotations

import pytest
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpRequest
from django.http import request as http_request
from django.test import override_settings

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware._hosts import _LONGEST, _MOST, ValidHosts
from tests.driver import drive, plain_root_logger, scope_for, send_scope

COMMON = "django.middleware.common.CommonMiddleware"


def request(host="known.test", **meta):
    made = HttpRequest()
    made.META = {"HTTP_HOST": host, **meta}
    return made


@pytest.fixture
def hosts():
    """Knows one host."""
    with override_settings(ALLOWED_HOSTS=["known.test", ".other.test"]):
        hosts = ValidHosts()
        assert not hosts.knows(request())
        hosts.remember(request())
        assert hosts.knows(request())
        yield hosts


def test_another_host_is_not_known(hosts):
    assert not hosts.knows(request("www.other.test"))
    assert not hosts.knows(HttpRequest())


@pytest.mark.parametrize(
    "settings",
    [
        {"ALLOWED_HOSTS": ["known.test"]},
        {"ALLOWED_HOSTS": ["other.test"]},
        {"DEBUG": True},
        {"USE_X_FORWARDED_HOST": True},
    ],
    ids=str,
)
def test_other_rules_are_djangos_to_apply(hosts, settings):
    with override_settings(**settings):
        assert not hosts.knows(request())
        hosts.remember(request("www.other.test"))
        assert not hosts.knows(request())


def test_rules_that_change_in_place(hosts):
    from django.conf import settings

    settings.ALLOWED_HOSTS.remove("known.test")
    assert not hosts.knows(request())


@pytest.mark.parametrize("name", ["validate_host", "split_domain_port", "is_same_domain"])
def test_functions_that_somebody_replaces(hosts, monkeypatch, name):
    original = getattr(http_request, name)
    monkeypatch.setattr(http_request, name, lambda *args: original(*args))
    assert not hosts.knows(request())
    hosts.remember(request())
    assert not hosts.knows(request())


@pytest.mark.parametrize("name", ["get_host", "_get_raw_host"])
@pytest.mark.parametrize("where", ["class", "subclass", "instance"])
def test_methods_that_somebody_replaces(hosts, monkeypatch, name, where):
    class OwnRequest(HttpRequest):
        pass

    made = OwnRequest()
    made.META = {"HTTP_HOST": "known.test"}
    assert hosts.knows(made)
    owner = {"class": HttpRequest, "subclass": OwnRequest, "instance": made}[where]
    monkeypatch.setattr(owner, name, lambda *args: "own.test")
    assert not hosts.knows(made)


def test_a_method_replaced_before_it_is_remembered(hosts, monkeypatch):
    monkeypatch.setattr(HttpRequest, "get_host", lambda self: "own.test")
    made = ValidHosts()
    made.remember(request())
    assert not made.knows(request())


class Anything(str):
    """A pattern with rules of its own."""


@pytest.mark.parametrize("allowed", [("known.test",), [Anything("known.test")]], ids=repr)
def test_lists_of_other_kinds_are_djangos_to_look_at(allowed):
    hosts = ValidHosts()
    with override_settings(ALLOWED_HOSTS=allowed):
        hosts.remember(request())
        assert not hosts.knows(request())


def test_only_so_many_are_remembered():
    hosts = ValidHosts()
    for number in range(3 * _MOST):
        hosts.remember(request(f"{number}.test"))
        assert hosts.knows(request(f"{number}.test"))
        assert len(hosts._hosts) <= _MOST
    hosts.remember(request("a" * (_LONGEST + 1)))
    assert not hosts.knows(request("a" * (_LONGEST + 1)))


@pytest.mark.parametrize(
    "settings",
    [
        {"ALLOWED_HOSTS": ["good.test"]},
        {"ALLOWED_HOSTS": ["good.test"], "PREPEND_WWW": True},
        {"ALLOWED_HOSTS": [".test"], "USE_X_FORWARDED_HOST": True},
        {"ALLOWED_HOSTS": ["*"]},
        {"ALLOWED_HOSTS": [], "DEBUG": True},
    ],
    ids=["refused", "www", "forwarded", "any", "debug"],
)
async def test_answers_are_djangos_twice(settings):
    with override_settings(MIDDLEWARE=[COMMON], **settings), plain_root_logger():
        ours, stock = ASGIHandler(), DjangoASGIHandler()
        for host in ("good.test", "evil.example", "localhost", "good.test", "bad host", "") * 2:
            scope = scope_for("/", headers={"x-forwarded-host": "forwarded.test"})
            scope["headers"] = [(b"host", host.encode()), *scope["headers"][1:]]
            replies = [await send_scope(handler, dict(scope)) for handler in (ours, stock)]
            assert replies[0].status == replies[1].status
            assert replies[0].headers == replies[1].headers


async def test_a_user_agent_is_looked_at_every_time():
    import re

    agents = [re.compile("bad")]
    with override_settings(MIDDLEWARE=[COMMON], DISALLOWED_USER_AGENTS=agents), plain_root_logger():
        handler = ASGIHandler()
        statuses = [
            (await drive(handler, headers={"user-agent": agent})).status
            for agent in ("good", "bad", "good", "bad")
        ]
    assert statuses == [200, 403, 200, 403]


async def test_django_is_asked_once_for_each_host(monkeypatch):
    asked, original = [], ValidHosts.remember

    def remember(self, made):
        asked.append(made.META["HTTP_HOST"])
        original(self, made)

    monkeypatch.setattr(ValidHosts, "remember", remember)
    with override_settings(MIDDLEWARE=[COMMON]), plain_root_logger():
        handler = ASGIHandler()
        for _ in range(3):
            assert (await drive(handler)).status == 200
        with override_settings(ALLOWED_HOSTS=["other.test"]):
            assert (await drive(handler)).status == 400
    assert asked == ["testserver"]
