"""``RedirectFallbackMiddleware`` and ``FlatpageFallbackMiddleware``: one hop for a 404, else none."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.flatpages.models import FlatPage
from django.contrib.redirects.models import Redirect
from django.contrib.sites.models import Site
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpResponse, HttpResponseNotFound, HttpResponsePermanentRedirect
from django.test import Client, override_settings
from django.urls import path

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware.redirects import RedirectFallbackMiddleware
from tests.driver import drive
from tests.middleware import stores
from tests.middleware.parity import header, same

REDIRECT = "django.contrib.redirects.middleware.RedirectFallbackMiddleware"
FLATPAGE = "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware"
PAGES = {
    "flatpages/default.html": "{{ flatpage.title }}: {{ flatpage.content }}",
    "broken.html": "{% now %}",
}
LOADER = ("django.template.loaders.locmem.Loader", PAGES)
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"loaders": [("django.template.loaders.cached.Loader", [LOADER])]},
    }
]


class NotingRedirect(HttpResponsePermanentRedirect):
    def __init__(self, url):
        stores.note("redirect")
        super().__init__(url)


class OwnClasses(RedirectFallbackMiddleware):
    response_redirect_class = NotingRedirect
    response_gone_class = HttpResponseNotFound


async def found(request):
    return HttpResponse("found")


async def raises(request):
    raise Http404("raised")


async def missing(request):
    return HttpResponseNotFound("missing")


urlpatterns = [path("", found), path("raises/", raises), path("moved/", missing)]


@pytest.fixture(autouse=True)
def _site(in_process_database):
    stores.calls.clear()
    with override_settings(
        ROOT_URLCONF=__name__, SITE_ID=1, TEMPLATES=TEMPLATES, MIDDLEWARE=[REDIRECT, FLATPAGE]
    ):
        site = Site.objects.get(pk=1)
        for old, new in {"/moved/": "/new/", "/gone": "", "/dir/": "/new/dir/"}.items():
            Redirect.objects.create(site=site, old_path=old, new_path=new)
        pages = [
            {"url": "/about/", "title": "About", "content": "<b>us</b>"},
            {"url": "/members/", "title": "Members", "registration_required": True},
            {"url": "/broken/", "title": "Broken", "template_name": "broken.html"},
        ]
        for fields in pages:
            FlatPage.objects.create(**fields).sites.add(site)
        yield
        Redirect.objects.all().delete()
        FlatPage.objects.all().delete()


@pytest.mark.parametrize("middleware", [[REDIRECT], [FLATPAGE], [REDIRECT, FLATPAGE]])
async def test_what_is_found_needs_no_hop(middleware):
    with override_settings(MIDDLEWARE=middleware):
        assert (await same()).body == b"found"


@pytest.mark.parametrize(
    ("url", "status", "location"),
    [
        ("/moved/", 301, "/new/"),
        ("/moved/?a=b", 404, None),
        ("/gone", 410, None),
        ("/dir", 301, "/new/dir/"),
        ("/nowhere", 404, None),
        ("/raises/", 404, None),
    ],
)
async def test_redirects_are_djangos(url, status, location):
    with override_settings(MIDDLEWARE=[REDIRECT]):
        reply = await same(url, hops=1)
    assert (reply.status, header(reply, "Location")) == (status, location)


@pytest.mark.parametrize(
    ("url", "status", "body"),
    [
        ("/about/", 200, b"About: <b>us</b>"),
        ("/about", 301, b""),
        ("/nowhere/", 404, None),
        ("/broken/", 404, None),
    ],
)
async def test_flatpages_are_djangos(url, status, body):
    with override_settings(MIDDLEWARE=[FLATPAGE]):
        reply = await same(url, hops=1)
    assert reply.status == status
    assert body is None or reply.body == body


async def test_a_broken_page_is_an_error_in_debug_mode():
    with override_settings(MIDDLEWARE=[FLATPAGE], DEBUG=True):
        assert (await drive(ASGIHandler(), "/broken/")).status == 500
        assert (await drive(ASGIHandler(), "/nowhere/")).status == 404


async def test_a_page_for_members_asks_for_the_user_in_the_thread():
    middleware = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        FLATPAGE,
    ]
    with override_settings(MIDDLEWARE=middleware):
        reply = await same("/members/", hops=1)
    assert header(reply, "Location") == "/accounts/login/?next=/members/"


async def test_a_404_that_both_look_at_takes_a_hop_each():
    assert (await same("/nowhere/", hops=2)).status == 404


async def test_response_classes_of_ones_own_are_made_off_the_loop():
    with override_settings(MIDDLEWARE=[f"{__name__}.OwnClasses"]):
        assert (await drive(ASGIHandler(), "/moved/")).status == 301
        assert (await drive(ASGIHandler(), "/gone")).status == 404
    assert stores.calls == [("redirect", False)]


def test_redirects_need_the_sites_app():
    apps = [app for app in settings.INSTALLED_APPS if app != "django.contrib.sites"]
    with override_settings(INSTALLED_APPS=apps), pytest.raises(ImproperlyConfigured, match="sites"):
        RedirectFallbackMiddleware(found)


def test_under_wsgi_all_is_djangos():
    assert Client().get("/moved/").status_code == 301
    assert Client().get("/about/").status_code == 200
