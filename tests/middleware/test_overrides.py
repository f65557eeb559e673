"""A user's subclass of each native class sees each of its overrides run, exactly once, off the loop."""

from __future__ import annotations

import inspect
import threading

import pytest
from django.contrib.auth.decorators import login_not_required
from django.contrib.sites import models as sites
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path
from django.utils.module_loading import import_string

from django_asynckit._compat import REMOTE_USER_HAS_HOOKS
from django_asynckit.dropins import DROPINS
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware._hooks import HOOKS
from tests.driver import drive

NATIVE = {name.rpartition(".")[2]: name for name in DROPINS.values()}
STOCK = {ours: stock for stock, ours in DROPINS.items()}
#: Methods of Django's classes that a hook calls; what makes them run; whether they may be async.
HELPERS = [
    ("XFrameOptionsMiddleware", "get_xframe_options_value", "/"),
    ("CommonMiddleware", "should_redirect_with_slash", "/nowhere"),
    ("CommonMiddleware", "get_full_path_with_slash", "/slash"),
    ("CsrfViewMiddleware", "_get_secret", "/"),
    ("CsrfViewMiddleware", "_set_csrf_cookie", "/token/"),
    ("CsrfViewMiddleware", "_accept", "/"),
    ("ConditionalGetMiddleware", "needs_etag", "/"),
    ("LoginRequiredMiddleware", "get_login_url", "/nowhere/protected/"),
    ("LoginRequiredMiddleware", "get_redirect_field_name", "/nowhere/protected/"),
    ("LoginRequiredMiddleware", "handle_no_permission", "/nowhere/protected/"),
    ("BrokenLinkEmailsMiddleware", "is_ignorable_request", "/nowhere"),
]
threads: list[str] = []


@login_not_required
async def view(request):
    return HttpResponse("ok")


@login_not_required
async def token(request):
    request.META.update({"CSRF_COOKIE": "x" * 32, "CSRF_COOKIE_NEEDS_UPDATE": True})
    return HttpResponse("ok")


async def protected(request):
    raise NotImplementedError


urlpatterns = [
    path("", view),
    path("slash/", view),
    path("token/", token),
    path("nowhere/protected/", protected),
]
#: Subclasses made by the tests are put here, for their dotted path.
holder: dict[str, type] = {}


def __getattr__(name):
    try:
        return holder[name]
    except KeyError:
        raise AttributeError(name) from None


def overriding(class_name, method_name):
    """Make a subclass of the native class whose override notes its thread and calls ``super()``."""
    base = import_string(NATIVE[class_name])

    def override(self, *args):
        threads.append(threading.current_thread().name)
        return getattr(super(cls, self), method_name)(*args)

    cls = type(f"My{class_name}", (base,), {method_name: override, "__module__": __name__})
    holder[cls.__name__] = cls
    return f"{__name__}.{cls.__name__}"


#: Classes that run before all others.
OUTERMOST = (
    "UpdateCacheMiddleware",
    "FetchFromCacheMiddleware",
    "CacheMiddleware",
    "GZipMiddleware",
)


def stack(class_name, replacement):
    """Startproject's middleware with one class replaced, or put in front of or behind the others."""
    from tests.settings import MIDDLEWARE

    if any(path.endswith(f".{class_name}") for path in MIDDLEWARE):
        return [replacement if path.endswith(f".{class_name}") else path for path in MIDDLEWARE]
    if class_name in OUTERMOST:
        return [replacement, *MIDDLEWARE]
    return [*MIDDLEWARE, replacement]


@pytest.fixture(autouse=True)
def _site(monkeypatch):
    monkeypatch.setitem(sites.SITE_CACHE, "testserver", sites.Site(domain="testserver"))


def hooks():
    for class_name, native_path in NATIVE.items():
        django_class = import_string(STOCK[native_path])
        for hook in HOOKS:
            if hasattr(django_class, hook):
                yield class_name, hook


async def drive_with(class_name, method_name, url):
    threads.clear()
    middleware = stack(class_name, overriding(class_name, method_name))
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=middleware):
        return await drive(ASGIHandler(), url)


def test_there_are_hooks_to_try():
    without_csp = [hook for hook in hooks() if hook[0] != "ContentSecurityPolicyMiddleware"]
    assert len(without_csp) == 27 + 2 * REMOTE_USER_HAS_HOOKS


@pytest.mark.parametrize(("class_name", "hook"), list(hooks()))
async def test_an_overridden_hook_runs_once_off_the_loop(class_name, hook):
    reply = await drive_with(class_name, hook, "/")
    assert reply.body == b"ok"
    assert len(threads) == 1
    assert threads != [threading.main_thread().name]


@pytest.mark.parametrize(("class_name", "hook"), list(hooks()))
async def test_a_hook_of_a_class_between_native_and_django_runs_once_off_the_loop(class_name, hook):
    django_class = import_string(STOCK[NATIVE[class_name]])

    def override(self, *args):
        threads.append(threading.current_thread().name)
        return getattr(django_class, hook)(self, *args)

    between = type("Between", (django_class,), {hook: override})
    native = import_string(NATIVE[class_name])
    holder["Both"] = type("Both", (native, between), {"__module__": __name__})
    threads.clear()
    middleware = stack(class_name, f"{__name__}.Both")
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=middleware):
        reply = await drive(ASGIHandler(), "/")
    assert reply.body == b"ok"
    assert len(threads) == 1
    assert threads != [threading.main_thread().name]


@pytest.mark.parametrize(("class_name", "helper", "url"), HELPERS)
async def test_an_overridden_helper_of_a_class_between_runs_off_the_loop(class_name, helper, url):
    django_class = import_string(STOCK[NATIVE[class_name]])

    def override(self, *args):
        threads.append(threading.current_thread().name)
        return getattr(django_class, helper)(self, *args)

    between = type("Between", (django_class,), {helper: override})
    native = import_string(NATIVE[class_name])
    holder["Both"] = type("Both", (native, between), {"__module__": __name__})
    threads.clear()
    middleware = stack(class_name, f"{__name__}.Both")
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=middleware):
        await drive(ASGIHandler(), url)
    assert threads
    assert threading.main_thread().name not in threads


@pytest.mark.parametrize(("class_name", "helper", "url"), HELPERS)
async def test_an_overridden_helper_runs_off_the_loop(class_name, helper, url):
    await drive_with(class_name, helper, url)
    assert threads
    assert threading.main_thread().name not in threads


@pytest.mark.parametrize("class_name", NATIVE)
async def test_a_subclass_without_overrides_is_as_good_as_native(class_name):
    base = import_string(NATIVE[class_name])
    holder["Same"] = type("Same", (base,), {"__module__": __name__})
    middleware = stack(class_name, f"{__name__}.Same")
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=middleware):
        from django_asynckit.trace import record_hops

        application = ASGIHandler()
        with record_hops() as trace:
            reply = await drive(application)
        assert (reply.body, trace.hops, trace.threads_started) == (b"ok", [], 0)


@pytest.mark.parametrize("class_name", NATIVE)
def test_a_native_class_has_djangos_name_and_is_a_subclass_that_says_it_can_be_async(
    class_name,
):
    native = import_string(NATIVE[class_name])
    stock = import_string(STOCK[NATIVE[class_name]])
    assert issubclass(native, stock)
    assert native.__name__ == stock.__name__
    assert native.__dict__["async_capable"] is True
    assert list(inspect.signature(native).parameters) == list(inspect.signature(stock).parameters)
