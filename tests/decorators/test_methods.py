"""``method_decorator()``: on a method, on ``dispatch()``, on a class; of sync and async views."""

from __future__ import annotations

import gc

import pytest
from asgiref.sync import iscoroutinefunction
from django.http import HttpResponse
from django.utils import decorators as djangos
from django.utils.translation import get_language
from django.views import View
from django.views.generic import TemplateView

from django_asynckit.decorators import auth, cache, csrf, http, method_decorator, translation
from tests.decorators import tools
from tests.decorators.users import SITE


def header(name):
    """Return a decorator for sync and async views that sets a header."""

    def decorator(view):
        if iscoroutinefunction(view):

            async def wrapper(request, *args, **kwargs):
                response = await view(request, *args, **kwargs)
                response[name] = str(len(response.headers))
                return response
        else:

            def wrapper(request, *args, **kwargs):
                response = view(request, *args, **kwargs)
                response[name] = str(len(response.headers))
                return response

        wrapper.marked = name
        return wrapper

    return decorator


def make(decorate, is_async):
    """Return views of one kind, decorated in each way, of a module's ``method_decorator``."""
    if is_async:

        class Base(View):
            async def get(self, request):
                return HttpResponse("page")
    else:

        class Base(View):
            def get(self, request):
                return HttpResponse("page")

    both = [header("X-Outer"), header("X-Inner")]

    @decorate(header("X-One"), name="dispatch")
    class OnClass(Base):
        pass

    @decorate(both, name="dispatch")
    class Several(Base):
        pass

    class OnMethod(Base):
        @decorate(both)
        def dispatch(self, *args, **kwargs):
            return super().dispatch(*args, **kwargs)

    @decorate(header("X-One"), name="get")
    class OnGet(Base):
        pass

    @decorate(header("X-One"), name="options")
    class OnOptions(Base):
        pass

    @decorate(header("X-One"), name="http_method_not_allowed")
    class OnNotAllowed(Base):
        pass

    class Inherited(OnClass):
        pass

    names = {name: value for name, value in locals().items() if isinstance(value, type)}
    return {name: value for name, value in names.items() if issubclass(value, View)}


OURS, STOCK, OURS_SYNC = (
    make(method_decorator, True),
    make(djangos.method_decorator, False),
    make(method_decorator, False),
)


@pytest.mark.parametrize("kind", OURS)
async def test_answers_are_those_of_djangos_on_a_sync_view(kind):
    requests = [("/", {"method": method}) for method in ("GET", "OPTIONS", "POST")]
    stock = STOCK[kind].as_view()
    for ours in (OURS[kind].as_view(), OURS_SYNC[kind].as_view()):
        await tools.assert_same(ours, stock, requests)
        assert getattr(ours, "marked", "") == getattr(stock, "marked", "")
    assert iscoroutinefunction(OURS[kind].as_view())


async def collected(coroutine):
    result = await coroutine
    gc.collect()  # Finds what was never awaited.
    return result


async def test_djangos_own_breaks_on_dispatch_of_an_async_view():
    broken = make(djangos.method_decorator, True)["OnClass"].as_view()
    with pytest.warns(RuntimeWarning, match="never awaited"):
        (reply,) = await collected(tools.ask(broken, [("/", {})]))
    assert reply.status == 500
    (reply,) = await tools.ask(OURS["OnClass"].as_view(), [("/", {})])
    assert reply.status == 200


@pytest.mark.parametrize(
    "decorator",
    [
        auth.login_required,
        auth.login_required(login_url="/in/"),
        auth.permission_required("auth.add_group"),
    ],
    ids=["login_required", "login_required()", "permission_required"],
)
async def test_the_decorators_of_this_package_are_right_on_dispatch(decorator):
    class Page(View):
        async def get(self, request):
            return HttpResponse("secret")

    view = method_decorator(decorator, name="dispatch")(Page).as_view()
    with tools.site(view, **SITE):
        (reply,) = await tools.ask(view, [("/", {})], **SITE)
        assert reply.status == 302
        assert await tools.hops_of(view) == []


async def test_a_sync_and_an_async_view_can_share_a_decorated_base():
    @method_decorator([cache.never_cache, translation.override("de")], name="dispatch")
    class Base(View):
        pass

    class Async(Base):
        async def get(self, request):
            return HttpResponse(get_language())

    class Sync(Base):
        def get(self, request):
            return HttpResponse(get_language())

    for view in (Async, Sync):
        (reply,) = await tools.ask(view.as_view(), [("/", {})])
        assert reply.body == b"de"
        assert b"no-store" in dict(reply.headers)[b"Cache-Control"]
    assert get_language() == "en-us"


def test_marks_come_through_as_view():
    @method_decorator(csrf.csrf_exempt, name="dispatch")
    class Page(View):
        async def get(self, request):
            return HttpResponse("page")

    assert Page.as_view().csrf_exempt


async def test_a_method_is_decorated_in_the_body_of_a_class():
    class Page(View):
        @method_decorator(http.require_safe)
        async def get(self, request):
            return HttpResponse("page")

        post = get

    replies = await tools.ask(Page.as_view(), [("/", {}), ("/", {"method": "POST"})])
    assert [reply.status for reply in replies] == [200, 405]


async def test_an_async_method_that_is_named_is_a_coroutine_function_still():
    @method_decorator(http.require_GET, name="get")
    class Page(View):
        async def get(self, request):
            return HttpResponse("page")

    assert iscoroutinefunction(Page.get)
    assert Page.view_is_async


async def test_an_async_dispatch_is_decorated_as_django_does():
    @method_decorator(header("X-One"), name="dispatch")
    class Page(View):
        async def dispatch(self, request):
            return HttpResponse("dispatched")

        async def get(self, request):
            raise NotImplementedError

    (reply,) = await tools.ask(Page.as_view(), [("/", {})])
    assert reply.body == b"dispatched"


@pytest.mark.parametrize(
    "decorate", [method_decorator, djangos.method_decorator], ids=["ours", "djangos"]
)
def test_errors_are_djangos(decorate):
    with pytest.raises(ValueError, match="must be the name of a method"):
        decorate(header("X"))(TemplateView)
    with pytest.raises(ValueError, match="Got 'nothing' instead"):
        decorate(header("X"), name="nothing")(TemplateView)
    with pytest.raises(TypeError, match="isn't a callable attribute"):
        decorate(header("X"), name="template_name")(TemplateView)
    with pytest.raises(TypeError):
        decorate({header("X")}, name="dispatch")(TemplateView)


def test_the_decorator_has_djangos_name():
    assert method_decorator(csrf.csrf_exempt).__name__ == "method_decorator(csrf_exempt)"
