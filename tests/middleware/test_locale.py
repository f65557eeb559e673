"""``LocaleMiddleware``: the language of Django's, and a hop only to read a language's files."""

from __future__ import annotations

import asyncio
import sys
import threading
import types

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.http import HttpResponse, HttpResponseRedirect
from django.test import Client, override_settings
from django.urls import path
from django.utils import translation
from django.utils.translation import gettext, trans_real

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware.locale import LocaleMiddleware
from django_asynckit.trace import record_hops
from tests.driver import drive
from tests.middleware import stores
from tests.middleware.parity import header, same

LANGUAGES = [(code, code) for code in ("de", "en", "fr", "pt-br", "zh-hans")]


async def view(request):
    await asyncio.sleep(0)
    return HttpResponse(
        " ".join([request.LANGUAGE_CODE, translation.get_language(), gettext("Monday")])
    )


class Redirect(HttpResponseRedirect):
    def __init__(self, url):
        stores.note("redirect")
        super().__init__(url)


class RedirectsOwnWay(LocaleMiddleware):
    response_redirect_class = Redirect


def urls(*patterns):
    """Return a URLconf; Django keeps one for each name what it found in it."""
    module = types.ModuleType(f"{__name__}.urls{len(sys.modules)}")
    module.urlpatterns = [path("plain/", view), *patterns]
    sys.modules[module.__name__] = module
    return module.__name__


PLAIN = urls(path("", view), path("API/", view))
PREFIXED = urls(*i18n_patterns(path("page/", view)))
DEFAULT_UNPREFIXED = urls(*i18n_patterns(path("page/", view), prefix_default_language=False))


def forget_languages():
    """Forget all but what the views read; Django's middleware reads "en" only."""
    for cache in ("check_for_language", "translation_catalog_exists"):
        getattr(getattr(trans_real, cache, None), "cache_clear", lambda: None)()
    trans_real._translations = {"en-us": trans_real.translation("en-us")}


@pytest.fixture(autouse=True)
def _site(monkeypatch):
    stores.calls.clear()
    monkeypatch.setattr(trans_real, "_translations", {})
    # It keeps what it found under the settings of other tests, such as USE_I18N = False.
    vars(translation._trans).clear()
    with override_settings(
        ROOT_URLCONF=PLAIN,
        MIDDLEWARE=["django.middleware.locale.LocaleMiddleware"],
        LANGUAGES=LANGUAGES,
    ):
        forget_languages()
        yield


ACCEPTS = [
    None,
    "de",
    "de-AT,de;q=0.9,en;q=0.8",
    "DE",
    "pt",
    "zh-CN",
    "tlh,fr;q=0.1",
    "*",
    "nonsense;;;",
]


@pytest.mark.parametrize("cookie", [None, "fr", "FR", "zz", "pt-BR"])
@pytest.mark.parametrize(
    ("urlconf", "url"),
    [
        (PLAIN, "/plain/"),
        (PLAIN, "/API/"),
        (PREFIXED, "/de/page/"),
        (PREFIXED, "/DE/page/"),
        (PREFIXED, "/page/"),
        (PREFIXED, "/page"),
        (PREFIXED, "/nowhere/"),
        (DEFAULT_UNPREFIXED, "/page/"),
        (DEFAULT_UNPREFIXED, "/fr/page/"),
    ],
)
async def test_languages_are_djangos(urlconf, url, cookie):
    with override_settings(ROOT_URLCONF=urlconf):
        ours, stock = ASGIHandler(), DjangoASGIHandler()
        for accept in ACCEPTS:
            headers = {"accept-language": accept, "cookie": cookie and f"django_language={cookie}"}
            headers = {name: value for name, value in headers.items() if value}
            reply = await drive(ours, url, headers=headers)
            expected = await drive(stock, url, headers=headers)
            assert (reply.status, reply.headers) == (expected.status, expected.headers)
            assert reply.body == expected.body


async def test_the_default_language_needs_no_hop():
    assert (await same(before=forget_languages)).body == b"en en Monday"


async def test_a_language_is_read_once_off_the_loop():
    request = {"headers": {"accept-language": "de"}}
    reply = await same(hops=1, before=forget_languages, **request)
    assert reply.body == b"de de Montag"
    assert header(reply, "Content-Language") == "de"
    assert (await same(**request)).body == b"de de Montag"


@pytest.mark.parametrize("headers", [{"cookie": "django_language=DE"}, {"accept-language": "DE"}])
async def test_a_spelling_of_ones_own_is_looked_for_off_the_loop(headers):
    """A blocking call on the loop raises here. The header's spelling is not the client's."""
    await drive(ASGIHandler(), headers={"accept-language": "de"})
    hops = int("cookie" in headers)
    assert (await same(headers=headers, hops=hops)).body.endswith(b"Montag")


async def test_other_words_in_urls_are_not_taken_for_languages():
    assert (await same("/API/")).body == b"en en Monday"


async def test_a_language_that_is_active_ends_with_its_request():
    application = ASGIHandler()
    accepts = ["de", "fr", None, "de", "en", None] * 3
    replies = await asyncio.gather(
        *(drive(application, headers={"accept-language": one} if one else {}) for one in accepts)
    )
    expected = {"de": b"de de Montag", "fr": b"fr fr lundi", "en": b"en en Monday"}
    assert [reply.body for reply in replies] == [expected[one or "en"] for one in accepts]
    assert translation.get_language() == "en-us"


@pytest.mark.parametrize(
    ("url", "location"),
    [("/page/", "/fr/page/"), ("/page", "/fr/page/"), ("/page/?a=b", "/fr/page/?a=b")],
)
async def test_a_missing_prefix_is_added_without_a_hop(url, location):
    headers = {"accept-language": "fr"}
    with override_settings(ROOT_URLCONF=PREFIXED):
        await drive(ASGIHandler(), headers=headers)
        reply = await same(url, headers=headers)
    assert (reply.status, header(reply, "Location")) == (302, location)


async def test_the_request_may_have_a_urlconf_of_its_own():
    middleware = [f"{__name__}.set_urlconf", "django.middleware.locale.LocaleMiddleware"]
    with override_settings(MIDDLEWARE=middleware):
        reply = await drive(ASGIHandler(), "/page/")
        stock = await drive(DjangoASGIHandler(), "/page/")
    assert (reply.status, reply.headers) == (stock.status, stock.headers)
    assert header(reply, "Location") == "/en/page/"


def set_urlconf(get_response):
    async def middleware(request):
        request.urlconf = PREFIXED
        return await get_response(request)

    return middleware


set_urlconf.async_capable = True


async def test_without_i18n_nothing_is_read(monkeypatch):
    monkeypatch.setattr(translation, "_trans", type(translation._trans)())
    with override_settings(USE_I18N=False):
        assert (await same(headers={"accept-language": "de"})).body == b"en-us en-us Monday"


async def test_a_default_language_without_files_is_djangos_error():
    with override_settings(LANGUAGE_CODE="xx", LANGUAGES=[("xx", "xx")]):
        reply = await same(hops=1)
    assert reply.status == 500


async def test_a_redirect_class_of_ones_own_is_made_off_the_loop():
    with override_settings(ROOT_URLCONF=PREFIXED, MIDDLEWARE=[f"{__name__}.RedirectsOwnWay"]):
        application = ASGIHandler()
        with record_hops() as trace:
            reply = await drive(application, "/page/")
    assert (reply.status, stores.calls) == (302, [("redirect", False)])
    assert [hop.thread == threading.current_thread().name for hop in trace.hops] == [
        False,
        False,
    ]


def test_under_wsgi_all_is_djangos():
    assert Client().get("/", headers={"accept-language": "de"}).content == b"de de Montag"
