"""``BrokenLinkEmailsMiddleware``: Django's emails, sent off the event loop, and a hop only to send one."""

from __future__ import annotations

import re

import django
import pytest
from django.conf import settings
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.http import HttpResponse, HttpResponseNotFound
from django.test import Client, override_settings
from django.urls import path

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware.common import BrokenLinkEmailsMiddleware
from django_asynckit.trace import record_hops
from tests.driver import drive, plain_root_logger
from tests.middleware import stores
from tests.middleware.parity import same

HAS_MAILERS = django.VERSION >= (6, 1)
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
ELSEWHERE = {"referer": "http://elsewhere.example/page"}


class NotingBackend(EmailBackend):
    def send_messages(self, messages):
        stores.note("sent")
        return super().send_messages(messages)


class OwnIgnorable(BrokenLinkEmailsMiddleware):
    def is_ignorable_request(self, request, uri, domain, referer):
        stores.note("ignorable")
        return super().is_ignorable_request(request, uri, domain, referer)


async def found(request):
    return HttpResponse("found")


async def missing(request):
    return HttpResponseNotFound("missing")


urlpatterns = [path("", found), path("missing/", missing), path("favicon.ico", missing)]


@pytest.fixture(autouse=True)
def _site():
    stores.calls.clear()
    mail.outbox = []
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.middleware.common.BrokenLinkEmailsMiddleware"],
        MANAGERS=MANAGERS,
        IGNORABLE_404_URLS=[re.compile(r"^/favicon")],
        **backend(LOCMEM),
    ):
        yield


#: From 6.0 on an address, before that a pair.
MANAGERS = ["a@example.test"] if django.VERSION >= (6, 0) else [("A", "a@example.test")]


def backend(path):
    """Return the setting that names the email backend: in Django 6.1 the old one warns."""
    return {"MAILERS": {"default": {"BACKEND": path}}} if HAS_MAILERS else {"EMAIL_BACKEND": path}


def sent():
    return [(message.subject, message.body) for message in mail.outbox]


@pytest.mark.parametrize(
    ("url", "headers", "emails"),
    [
        ("/", ELSEWHERE, 0),
        ("/missing/", {}, 0),
        ("/missing/", ELSEWHERE, 1),
        ("/missing/", {"referer": "http://testserver/page"}, 1),
        ("/missing/", {"referer": "http://testserver/missing/"}, 0),
        ("/missing/", {"referer": "/missing"}, 0),
        ("/missing/", {"referer": "http://elsewhere.example/?q=x"}, 0),
        ("/favicon.ico", ELSEWHERE, 0),
    ],
)
async def test_emails_are_djangos(url, headers, emails):
    await same(url, headers={**headers, "user-agent": "test"}, hops=emails)
    assert len(sent()) == 2 * emails
    assert sent()[:emails] == sent()[emails:]


async def test_no_email_is_sent_in_debug_mode():
    with override_settings(DEBUG=True):
        await same("/missing/", headers=ELSEWHERE)
    assert sent() == []


async def threads_that_sent():
    application = ASGIHandler()
    with plain_root_logger(), record_hops() as trace:
        await drive(application, "/missing/", headers=ELSEWHERE)
    assert len(mail.outbox) == 1
    return [hop.thread for hop in trace.hops if not hop.target.endswith(".close")]


async def test_djangos_backends_send_beside_other_code():
    (thread,) = await threads_that_sent()
    assert thread.startswith("asynckit-beside-")


@pytest.mark.skipif(not HAS_MAILERS, reason="Django before 6.1 has no MAILERS.")
@pytest.mark.filterwarnings("ignore:Django 2028 will not have a default mailer")
async def test_the_setting_before_mailers_counts_too():
    with override_settings():
        del settings.MAILERS
        (thread,) = await threads_that_sent()
    assert thread.startswith("asynckit-beside-")


async def test_another_backend_sends_in_the_requests_thread():
    with override_settings(**backend(f"{__name__}.NotingBackend")):
        (thread,) = await threads_that_sent()
    assert not thread.startswith("asynckit-beside-")
    assert stores.calls == [("sent", False)]


@pytest.mark.skipif(not HAS_MAILERS, reason="Django before 6.1 has no MAILERS.")
@pytest.mark.parametrize(
    ("others", "in_pool"),
    [
        ({}, True),
        ({"smtp": {}}, True),
        ({"other": {"BACKEND": f"{__name__}.NotingBackend"}}, False),
    ],
)
async def test_every_mailer_counts(others, in_pool):
    with override_settings(MAILERS={"default": {"BACKEND": LOCMEM}, **others}):
        (thread,) = await threads_that_sent()
    assert thread.startswith("asynckit-beside-") is in_pool


async def test_a_host_that_is_not_allowed_is_djangos_error():
    with override_settings(ALLOWED_HOSTS=["other.example"]):
        assert (await same("/missing/", headers=ELSEWHERE)).status == 400


async def test_an_overridden_filter_runs_once_off_the_loop():
    with override_settings(MIDDLEWARE=[f"{__name__}.OwnIgnorable"]):
        await drive(ASGIHandler(), "/missing/", headers=ELSEWHERE)
    assert stores.calls == [("ignorable", False)]
    assert len(sent()) == 1


def test_under_wsgi_all_is_djangos():
    Client().get("/missing/", headers=ELSEWHERE)
    assert len(sent()) == 1
