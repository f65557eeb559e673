"""Chains of every kind of middleware call the same hooks in the same order as on Django's handler."""

from __future__ import annotations

import functools
import itertools
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpResponse
from django.test import override_settings

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.handler.chain import _sample, improve
from django_asynckit.middleware import AsyncMiddlewareMixin
from tests.driver import drive, scope_for
from tests.handler import site
from tests.handler.tools import assert_equal, calls, counted_crossings, observe

URLS = "tests.handler.site"
STYLES = (
    "django",
    "inline",
    "hop",
    "twin",
    "twinsync",
    "empty",
    "fsync",
    "fasync",
    "fboth",
    "synconly",
)
MAIN_STYLES = ("inline", "hop", "twin", "fasync", "synconly")
OWN = ("inline", "hop", "twin", "twinsync")
PLACES = (
    ("request", "/"),
    ("view", "/"),
    ("view", "/sync/"),
    ("response", "/"),
    ("response", "/nowhere/"),
    ("template", "/template/"),
    ("exception", "/broken/"),
    ("exception", "/template/bad/"),
)


async def assert_like_djangos(styles, behaviours=("", "", ""), path="/", **settings):
    """Ours, with these styles, does what stock does with Django's mixin in the place of our styles."""
    labels = "abcdefg"

    def paths(names):
        return [site.name(*item) for item in zip(names, labels, behaviours, strict=False)]

    reference = ["django" if style in OWN else style for style in styles]
    with override_settings(ROOT_URLCONF=URLS, **settings):
        with override_settings(MIDDLEWARE=paths(reference)):
            stock = await observe(DjangoASGIHandler(), scope_for(path), exceptions=True)
        with override_settings(MIDDLEWARE=paths(styles)):
            ours = await observe(ASGIHandler(), scope_for(path), exceptions=True)
    assert_equal(ours, stock)
    return ours


@pytest.mark.parametrize("top", MAIN_STYLES)
async def test_every_combination_of_three_main_styles(top):
    for middle, bottom in itertools.product(MAIN_STYLES, repeat=2):
        seen = await assert_like_djangos((top, middle, bottom))
        assert seen.reply.body == b"fine"


async def test_every_pair_of_styles():
    for styles in itertools.product(STYLES, repeat=2):
        await assert_like_djangos(styles, path="/template/")


@pytest.mark.parametrize("style", ["inline", "hop", "twin", "synconly"])
@pytest.mark.parametrize("outcome", ["raises", "responds", "denies", "falsy", "none"])
async def test_each_hook_at_each_layer(style, outcome):
    for (hook, path), layer in itertools.product(PLACES, (0, 2)):
        behaviours = ["", "", ""]
        behaviours[layer] = f"{hook}-{outcome}"
        await assert_like_djangos((style,) * 3, behaviours, path)


@pytest.mark.parametrize(
    "behaviour",
    ["response-raises", "view-raises", "exception-raises", "request-responds"],
)
@pytest.mark.parametrize("path", ["/", "/broken/"])
async def test_mixed_styles_with_a_fault_in_each(behaviour, path):
    for styles in itertools.permutations(("inline", "hop", "twin"), 3):
        for layer in (0, 2):
            behaviours = ["", "", ""]
            behaviours[layer] = behaviour
            await assert_like_djangos(styles, behaviours, path)


@pytest.mark.parametrize(
    "styles",
    [("inline",) * 3, ("twin", "hop", "inline"), ("inline", "synconly", "twin")],
)
@pytest.mark.parametrize("behaviour", ["request-raises", "response-raises", ""])
async def test_propagated_exceptions_are_signalled_once_per_layer(styles, behaviour):
    seen = await assert_like_djangos(
        styles, ("", "", behaviour), "/broken/", DEBUG_PROPAGATE_EXCEPTIONS=True
    )
    assert seen.error.startswith("ValueError(")
    assert len([signal for signal in seen.signals if signal[0] == "failed"]) >= 3


async def test_a_propagated_exception_without_receivers_passes_the_fused_layers_inline():
    with override_settings(
        ROOT_URLCONF=URLS,
        MIDDLEWARE=[site.name("inline", label) for label in "abc"],
        DEBUG_PROPAGATE_EXCEPTIONS=True,
    ):
        seen = await observe(ASGIHandler(), scope_for("/broken/"))
    assert seen.error == "ValueError('view')"
    assert seen.calls == ["a.request", "b.request", "c.request", "a.view", "b.view", "c.view", "view",
                          "c.exception", "b.exception", "a.exception"]  # fmt: skip


@pytest.mark.parametrize("style", ["acall", "call"])
async def test_an_overridden_call_is_run(style):
    with override_settings(
        ROOT_URLCONF=URLS,
        MIDDLEWARE=[
            site.name("inline", "a"),
            site.name(style, "b"),
            site.name("inline", "c"),
        ],
    ):
        stock = await observe(DjangoASGIHandler(), scope_for())
        ours = await observe(ASGIHandler(), scope_for())
    assert ours == stock
    assert ours.calls[:3] == ["a.request", f"b.{style}", "b.request"]


async def test_an_acall_of_the_instance_is_run():
    class Middleware(AsyncMiddlewareMixin):
        def __init__(self, get_response):
            super().__init__(get_response)
            self.__acall__ = self.instead

        async def instead(self, request):
            return "instead"

    async def get_response(request):
        return "response"

    chain = improve(
        convert_exception_to_response(Middleware(convert_exception_to_response(get_response)))
    )
    assert await chain(None) == "instead"


async def test_unused_middleware_is_left_out():
    seen = await assert_like_djangos(("inline", "unused", "twin"))
    assert seen.calls[:2] == ["a.request", "c.request"]


@pytest.mark.parametrize("handler_class", [DjangoASGIHandler, ASGIHandler], ids=["stock", "ours"])
def test_a_factory_must_return_something(handler_class):
    path = site.name("fnone")
    with (
        override_settings(MIDDLEWARE=[path]),
        pytest.raises(ImproperlyConfigured) as raised,
    ):
        handler_class()
    assert str(raised.value) == f"Middleware factory {path} returned None."


async def test_sync_only_middleware_alone_hops_no_more_than_on_stock():
    counts = []
    for handler_class in (DjangoASGIHandler, ASGIHandler):
        with override_settings(ROOT_URLCONF=URLS, MIDDLEWARE=[site.name("fsync")]):
            handler = handler_class()
            await drive(handler)
            with counted_crossings() as count:
                await drive(handler)
        counts.append(count.hops)
    assert counts[1] < counts[0]


async def test_a_wrapped_get_response_is_called():
    """A middleware may put a function of its own around ``get_response``, with functools.wraps."""

    class Outer(AsyncMiddlewareMixin):
        def __init__(self, get_response):
            @functools.wraps(get_response)
            async def noted(request):
                calls.append("noted")
                return await get_response(request)

            super().__init__(noted)

    async def view(request):
        return "response"

    async def fused(request):
        return await view(request)

    calls.clear()
    inner = improve(
        convert_exception_to_response(site.CLASSES["empty"](convert_exception_to_response(view)))
    )
    chain = improve(convert_exception_to_response(Outer(inner)))
    assert await chain(None) == "response"
    assert calls == ["noted"]


async def test_a_proxy_around_djangos_wrapper_stays():
    """Tracing tools put objects around functions that pass all attributes on, ``__code__`` too."""

    class Proxy:
        def __init__(self, wrapped):
            self.__wrapped__ = wrapped

        def __getattr__(self, name):
            return getattr(self.__wrapped__, name)

        async def __call__(self, request):
            return await self.__wrapped__(request)

    proxy = Proxy(convert_exception_to_response(_sample))
    assert improve(proxy) is proxy


def test_other_functions_are_left_alone():
    def view(request):
        return HttpResponse()

    assert improve(view) is view


async def test_the_sample_is_never_called_as_a_view():
    with pytest.raises(NotImplementedError):
        await _sample(SimpleNamespace())
