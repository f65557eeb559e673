"""What holds for each decorator: kind, attributes and type of a view survive, in any order."""

from __future__ import annotations

import functools
import importlib
import itertools

import pytest
from asgiref.sync import iscoroutinefunction
from django.http import HttpResponse
from django.middleware.http import ConditionalGetMiddleware
from django.views import View

from django_asynckit._compat import HAS_CSP
from django_asynckit.decorators import (
    asyncify_view,
    auth,
    cache,
    clickjacking,
    common,
    csrf,
    debug,
    decorator_from_middleware,
    gzip,
    http,
    timezone,
    transaction,
    translation,
    vary,
)
from django_asynckit.decorators.admin import staff_member_required
from tests.decorators import tools
from tests.djangosuite.places import DECORATORS as PLACES

DECORATORS = {
    "cache_control": cache.cache_control(max_age=5),
    "cache_page": cache.cache_page(5),
    "never_cache": cache.never_cache,
    "csrf_exempt": csrf.csrf_exempt,
    "csrf_protect": csrf.csrf_protect,
    "ensure_csrf_cookie": csrf.ensure_csrf_cookie,
    "requires_csrf_token": csrf.requires_csrf_token,
    "gzip_page": gzip.gzip_page,
    "conditional_page": http.conditional_page,
    "condition": http.condition(lambda request: "tag", lambda request: None),
    "etag": http.etag(lambda request: "tag"),
    "last_modified": http.last_modified(lambda request: None),
    "require_http_methods": http.require_http_methods(["GET", "POST"]),
    "require_GET": http.require_GET,
    "require_POST": http.require_POST,
    "require_safe": http.require_safe,
    "vary_on_cookie": vary.vary_on_cookie,
    "vary_on_headers": vary.vary_on_headers("X-A"),
    "xframe_options_deny": clickjacking.xframe_options_deny,
    "xframe_options_exempt": clickjacking.xframe_options_exempt,
    "xframe_options_sameorigin": clickjacking.xframe_options_sameorigin,
    "no_append_slash": common.no_append_slash,
    "sensitive_post_parameters": debug.sensitive_post_parameters("password"),
    "sensitive_variables": debug.sensitive_variables("password"),
    "login_required": auth.login_required,
    "login_required()": auth.login_required(login_url="/in/"),
    "login_not_required": auth.login_not_required,
    "user_passes_test": auth.user_passes_test(lambda user: True),
    "permission_required": auth.permission_required("app.change_thing"),
    "staff_member_required": staff_member_required,
    "staff_member_required()": staff_member_required(login_url="/in/"),
    "decorator_from_middleware": decorator_from_middleware(ConditionalGetMiddleware),
    "translation.override": translation.override("en"),
    "timezone.override": timezone.override("UTC"),
    "non_atomic_requests": transaction.non_atomic_requests,
    "non_atomic_requests()": transaction.non_atomic_requests(using="other"),
}
if HAS_CSP:
    from django_asynckit.decorators import csp

    DECORATORS["csp_override"] = csp.csp_override({})
    DECORATORS["csp_report_only_override"] = csp.csp_report_only_override({})


def fresh(is_async):
    """Return a view with attributes, of its own for each test: some decorators mark what they get."""

    async def async_view(request, number=0):
        """Says hello."""
        return HttpResponse("hello")

    def sync_view(request, number=0):
        """Says hello."""
        return HttpResponse("hello")

    view = async_view if is_async else sync_view
    view.csrf_exempt = True
    view.own = "attribute"
    return view


@pytest.fixture(params=DECORATORS)
def decorator(request):
    return DECORATORS[request.param]


def test_every_public_name_is_in_these_tests():
    names = {
        name
        for module in PLACES
        if module and (module != ".csp" or HAS_CSP)
        for name in importlib.import_module(f"django_asynckit.decorators{module}").__all__
    }
    tested = {name.rpartition(".")[2].removesuffix("()") for name in DECORATORS}
    assert {name for name in names if not name.endswith("Mixin")} <= tested


@pytest.mark.parametrize("is_async", [True, False])
def test_a_coroutine_function_comes_out_exactly_where_one_goes_in(decorator, is_async):
    assert iscoroutinefunction(decorator(fresh(is_async))) is is_async


@pytest.mark.parametrize("is_async", [True, False])
def test_attributes_survive(decorator, is_async):
    view = fresh(is_async)
    decorated = decorator(view)
    assert (decorated.own, decorated.csrf_exempt) == ("attribute", True)
    assert (decorated.__name__, decorated.__doc__) == (view.__name__, "Says hello.")
    assert decorated.__module__ == __name__
    while hasattr(decorated, "__wrapped__"):
        decorated = decorated.__wrapped__
    assert decorated is view


def test_a_view_made_by_as_view_stays_async(decorator):
    class Page(View):
        async def get(self, request):
            return HttpResponse("page")

    decorated = decorator(Page.as_view())
    assert iscoroutinefunction(decorated)
    assert decorated.view_class is Page


def test_a_partial_stays_async(decorator):
    view = functools.partial(fresh(True), number=3)
    functools.update_wrapper(view, view.func)
    assert iscoroutinefunction(decorator(view))


STACK = ["login_required()", "cache_page", "csrf_protect"]


@pytest.mark.parametrize("order", list(itertools.permutations(STACK)), ids=", ".join)
async def test_decorators_stack_in_any_order(order):
    view = fresh(True)
    for name in order:
        view = DECORATORS[name](view)
    assert iscoroutinefunction(view)
    with tools.site(view, MIDDLEWARE=MIDDLEWARE):
        (reply,) = await tools.ask(view, [("/", {})], MIDDLEWARE=MIDDLEWARE)
        assert (reply.status, dict(reply.headers).get(b"Location")) == (302, b"/in/?next=/")
        assert await tools.hops_of(view) == []


MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


@pytest.mark.parametrize("is_async", [True, False])
def test_marks_that_other_code_reads_are_seen_through_a_stack(is_async):
    view = transaction.non_atomic_requests(fresh(is_async))
    view = auth.login_not_required(common.no_append_slash(csrf.csrf_exempt(view)))
    for decorator in DECORATORS.values():
        view = decorator(view)
    assert view.csrf_exempt
    assert view.login_required is False
    assert view.should_append_slash is False
    assert view._non_atomic_requests == {"default", "other"}


def test_asyncify_view_returns_what_is_async_as_it_is():
    view = fresh(True)
    assert asyncify_view(view) is view
