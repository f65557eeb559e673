"""Which way each hook runs: no override is lost, none is assumed harmless."""

from __future__ import annotations

import functools

import pytest
from django.http import HttpResponse, HttpResponseGone

from django_asynckit.middleware import AsyncMiddlewareMixin, non_blocking
from django_asynckit.middleware._hooks import Mode, awaitable_hook, is_non_blocking, resolve


async def get_response(request):
    raise NotImplementedError


class Inline(AsyncMiddlewareMixin):
    @non_blocking
    def process_request(self, request): ...

    def helper(self): ...

    @property
    def setting(self): ...


class Twin(AsyncMiddlewareMixin):
    def process_request(self, request): ...

    async def aprocess_request(self, request): ...

    def helper(self): ...


class Plain(AsyncMiddlewareMixin):
    def process_request(self, request): ...


class OverridesInline(Inline):
    def process_request(self, request): ...


class OverridesTwinsSync(Twin):
    def process_request(self, request): ...


class OverridesBoth(Twin):
    def process_request(self, request): ...

    async def aprocess_request(self, request): ...


class LogMixin:
    def process_request(self, request): ...


class MixedIn(LogMixin, Twin): ...


class MixedInBehind(Twin, LogMixin): ...


class OverridesHelper(Inline):
    def helper(self): ...


class OverridesProperty(Inline):
    @property
    def setting(self): ...


class OverridesWithStatic(Inline):
    @staticmethod
    def helper(): ...


class OverridesHelperMarked(Inline):
    @non_blocking
    def helper(self): ...


class OverridesHelperAsync(Inline):
    async def helper(self): ...


class OverridesHelperWithData(Inline):
    helper = "text"


class OverridesHelperWithClass(Inline):
    helper = dict


class OverridesTwinsHelper(Twin):
    def helper(self): ...


class AsyncHook(AsyncMiddlewareMixin):
    async def process_request(self, request): ...


class TwinOnly(AsyncMiddlewareMixin):
    async def aprocess_request(self, request): ...

    def helper(self): ...


class TwinOnlyHelper(TwinOnly):
    def helper(self): ...


class Delegating(AsyncMiddlewareMixin):
    def __getattr__(self, name):
        if name == "process_request":
            return lambda request: None
        raise AttributeError(name)


@pytest.mark.parametrize(
    ("cls", "mode"),
    [
        (AsyncMiddlewareMixin, Mode.ABSENT),
        (Inline, Mode.INLINE),
        (Twin, Mode.TWIN),
        (Plain, Mode.HOP),
        (OverridesInline, Mode.HOP),
        (OverridesTwinsSync, Mode.HOP),
        (OverridesBoth, Mode.TWIN),
        (MixedIn, Mode.HOP),
        (MixedInBehind, Mode.TWIN),
        (OverridesHelper, Mode.HOP),
        (OverridesProperty, Mode.HOP),
        (OverridesWithStatic, Mode.HOP),
        (OverridesHelperMarked, Mode.INLINE),
        (OverridesHelperAsync, Mode.INLINE),
        (OverridesHelperWithData, Mode.INLINE),
        (OverridesHelperWithClass, Mode.INLINE),
        (OverridesTwinsHelper, Mode.HOP),
        (AsyncHook, Mode.TWIN),
        (TwinOnly, Mode.TWIN),
        (TwinOnlyHelper, Mode.TWIN),
        (Delegating, Mode.HOP),
    ],
)
def test_positions_decide(cls, mode):
    assert resolve(cls(get_response), "process_request") is mode


def test_an_attribute_of_the_instance_comes_before_all_classes():
    middleware = Twin(get_response)
    middleware.process_request = lambda request: None
    assert resolve(middleware, "process_request") is Mode.HOP


def test_on_a_tie_on_the_instance_the_twin_wins():
    async def twin(request): ...

    middleware = Plain(get_response)
    middleware.process_request = lambda request: None
    middleware.aprocess_request = twin
    assert resolve(middleware, "process_request") is Mode.TWIN


def test_an_attribute_set_after_super_init_is_seen():
    class Sets(Twin):
        def __init__(self, get_response):
            super().__init__(get_response)
            self.process_request = lambda request: None

    assert Sets(get_response)._mode("process_request") is Mode.HOP


def test_a_wrapper_that_copied_the_mark_is_not_marked():
    @non_blocking
    def marked(): ...

    @functools.wraps(marked)
    def wrapper(): ...

    assert is_non_blocking(marked)
    assert not is_non_blocking(wrapper)


def test_bound_methods_are_marked():
    assert is_non_blocking(Inline(get_response).process_request)


def test_coroutine_functions_need_no_mark():
    with pytest.raises(TypeError, match="is awaited and needs no @non_blocking"):

        @non_blocking
        async def hook(self, request): ...


@pytest.mark.parametrize("value", [property(lambda self: None), "text", functools.partial(print)])
def test_only_functions_are_marked(value):
    with pytest.raises(TypeError, match="marks functions and methods"):
        non_blocking(value)


class AsyncOverTwin(Twin):
    async def process_request(self, request):
        return "override"


class SlowHelper(Inline):
    helper = functools.partialmethod(print)


async def test_an_async_override_of_the_sync_name_is_what_runs():
    middleware = AsyncOverTwin(get_response)
    assert resolve(middleware, "process_request") is Mode.TWIN
    assert await awaitable_hook(middleware, "process_request")(None) == "override"


class MakesResponse(AsyncMiddlewareMixin):
    response_class = HttpResponse

    @non_blocking
    def process_request(self, request):
        return self.response_class("made")


class Teapot(HttpResponse):
    status_code = 418


class Noting(HttpResponse):
    def __init__(self, *args):
        super().__init__(*args)


class Counting(type(HttpResponse)):
    pass


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        (HttpResponseGone, Mode.INLINE),
        (Teapot, Mode.INLINE),
        (Noting, Mode.HOP),
        (Counting("Counted", (HttpResponse,), {}), Mode.HOP),
        (lambda self, content: None, Mode.HOP),
    ],
)
def test_a_class_whose_making_runs_somebodys_code_may_block(value, mode):
    cls = type("Mine", (MakesResponse,), {"response_class": value})
    assert resolve(cls(get_response), "process_request") is mode


def test_any_descriptor_may_block():
    assert resolve(SlowHelper(get_response), "process_request") is Mode.HOP
