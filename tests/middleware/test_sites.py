"""``CurrentSiteMiddleware``: Django's site, with a hop only for one that is not in its cache."""

from __future__ import annotations

from functools import partial

import pytest
from django.conf import settings
from django.contrib.sites import models
from django.contrib.sites.models import Site
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path

from django_asynckit.handler.asgi import ASGIHandler
from tests.driver import drive
from tests.middleware import stores
from tests.middleware.parity import in_thread, same

CACHED = {
    "testserver": Site(pk=7, domain="testserver"),
    "other.example": Site(pk=8, domain="other.example"),
    9: Site(pk=9, domain="nine.example"),
    "ten": Site(pk=10, domain="ten.example"),
}


class Elsewhere(dict):
    """A cache that is not Django's."""

    def get(self, *args):
        raise NotImplementedError

    def __contains__(self, key):
        stores.note("asked")
        return super().__contains__(key)


class Number(int):
    """What some packages put into SITE_ID: it may look anything up."""

    def __hash__(self):
        stores.note("hashed")
        return super().__hash__()

    __eq__ = int.__eq__


async def view(request):
    return HttpResponse(f"{type(request.site).__name__} {request.site.domain}")


urlpatterns = [path("", view)]


@pytest.fixture(autouse=True)
def _site(monkeypatch):
    stores.calls.clear()
    monkeypatch.setattr(models, "SITE_CACHE", dict(CACHED))
    with override_settings(
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.contrib.sites.middleware.CurrentSiteMiddleware"],
    ):
        yield


async def test_a_host_that_is_cached_needs_no_hop():
    assert (await same()).body == b"Site testserver"


@pytest.mark.parametrize(("site_id", "domain"), [(9, b"nine.example"), ("ten", b"ten.example")])
async def test_an_id_that_is_cached_needs_no_hop(site_id, domain):
    with override_settings(SITE_ID=site_id):
        assert (await same()).body == b"Site " + domain


async def test_a_site_that_is_not_cached_is_read_off_the_loop_once(in_process_database):
    with override_settings(SITE_ID=1):
        assert (await same(hops=1, before=Site.objects.clear_cache)).body == b"Site example.com"
        assert (await same()).body == b"Site example.com"


async def test_a_host_that_is_not_cached_is_read_off_the_loop(in_process_database):
    """A second header would be joined to the first, so the server's name is used."""
    await in_thread(partial(Site.objects.filter(pk=1).update, domain="TestServer"))
    try:
        reply = await same(hops=1, before=Site.objects.clear_cache)
    finally:
        await in_thread(partial(Site.objects.filter(pk=1).update, domain="example.com"))
    assert reply.body == b"Site TestServer"


async def test_a_host_without_a_site_is_djangos_error(in_process_database):
    assert (await same(hops=1, before=Site.objects.clear_cache)).status == 500


async def test_a_host_that_is_not_allowed_is_djangos_error():
    with override_settings(ALLOWED_HOSTS=["other.example"]):
        assert (await same()).status == 400


async def test_without_the_app_the_request_is_the_site():
    apps = [app for app in settings.INSTALLED_APPS if app != "django.contrib.sites"]
    with override_settings(INSTALLED_APPS=apps):
        assert (await same()).body == b"RequestSite testserver"


async def test_a_cache_that_is_not_djangos_is_asked_off_the_loop(monkeypatch):
    monkeypatch.setattr(models, "SITE_CACHE", Elsewhere(CACHED))
    assert (await drive(ASGIHandler())).body == b"Site testserver"
    assert stores.calls == [("asked", False)]


async def test_a_site_id_that_is_not_plain_is_used_off_the_loop():
    with override_settings(SITE_ID=Number(9)):
        stores.calls.clear()
        assert (await drive(ASGIHandler())).body == b"Site nine.example"
    assert {on_loop for _, on_loop in stores.calls} == {False}


async def test_a_manager_that_is_not_djangos_is_asked_off_the_loop(monkeypatch):
    class Manager(models.SiteManager):
        def get_current(self, request=None):
            stores.note("current")
            return CACHED["other.example"]

    monkeypatch.setattr(Site, "objects", Manager())
    assert (await drive(ASGIHandler())).body == b"Site other.example"
    assert stores.calls == [("current", False)]


def test_under_wsgi_all_is_djangos():
    assert Client().get("/").content == b"Site testserver"
