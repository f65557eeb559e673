"""Views and middleware that read session and user in async code."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    alogin,
    alogout,
    get_user_model,
)
from django.db import OperationalError
from django.http import HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.functional import SimpleLazyObject

from django_asynckit.middleware import AsyncMiddlewareMixin
from tests import settings as project
from tests.middleware import stores
from tests.middleware.test_auth import ALICE, BOB
from tests.middleware.test_auth import __name__ as auth_tests

PRELOAD = "django_asynckit.middleware.preload.PreloadUserMiddleware"
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
ENGINES = ("db", "cached_db", "cache", "file", "signed_cookies")
OLD_KEY = "an older secret key " + "o" * 32
TEMPLATE = (
    "{{ user.username }}|{{ request.session.color }}|{% for one in messages %}{{ one }}{% endfor %}"
)
STATES = ("none", "anonymous", "ada", "stale", "rotated", "unknown", "expired", "garbage", "gone")


def nothing(request):
    return HttpResponse("nothing")


def reads_user(request):
    return HttpResponse(f"{request.user.username} {request.user.is_authenticated}")


def reads_session(request):
    return HttpResponse(str(request.session.get("color")))


def reads_both(request):
    color = request.session.get("color")
    return HttpResponse(f"{color} {request.user} {request.session.get('color')}")


def writes_session(request):
    before = request.session.get("color")
    request.session["color"] = "green"
    return HttpResponse(f"{before} {request.user}")


def renders(request):
    code = engines["django"].from_string(TEMPLATE)
    return HttpResponse(code.render({}, request))


def adds_message(request):
    messages.info(request, "hello")
    return HttpResponse("added")


def breaks(request):
    request.user.username  # noqa: B018
    return HttpResponse("broken", status=500)


PAIRS = {
    view.__name__: view
    for view in (
        nothing,
        reads_user,
        reads_session,
        reads_both,
        writes_session,
        renders,
        adds_message,
        breaks,
    )
}


def as_async(view):
    async def asynchronous(request):
        return view(request)

    return asynchronous


async def awaits_user(request):
    user = await request.auser()
    assert request.user == user
    assert await request.auser() is user
    return HttpResponse(f"{user.username} {user.is_authenticated}")


async def awaits_session(request):
    return HttpResponse(f"{await request.session.aget('color')} {request.session['color']}")


async def permissions(request):
    code = engines["django"].from_string("{{ perms.auth.add_user }}{{ perms.auth.no }}")
    await request.user.aget_all_permissions()
    return HttpResponse(code.render({}, request))


async def signs_in(request):
    before = request.user.username
    await alogin(request, await get_user_model().objects.aget(username="bob"), MODEL_BACKEND)
    return HttpResponse(f"{before} {request.user} {await request.auser()}")


async def forgets_user(request):
    del request.session[SESSION_KEY]
    return HttpResponse(f"{request.user} {await request.auser()}")


async def signs_out(request):
    await alogout(request)
    return HttpResponse(f"{request.user} {await request.auser()}")


async def reads_and_signs_out(request):
    before = str(request.user)
    await alogout(request)
    return HttpResponse(f"{before} {request.user}")


async def other_session(request):
    request.session = type(request.session)()
    return HttpResponse(str(request.user))


async def no_session(request):
    del request.session
    return HttpResponse("none")


async def catches(request):
    seen = []
    for read in (lambda: request.session.get("color"), lambda: request.user.username) * 2:
        try:
            seen.append(str(read()))
        except (OperationalError, ValueError) as error:
            seen.append(type(error).__name__)
    return HttpResponse(" ".join(seen))


async def streams(request):
    async def chunks():
        yield request.user.username

    return StreamingHttpResponse(chunks())


async def later(request):
    code = engines["django"].from_string(TEMPLATE)
    return TemplateResponse(request, code, {})


urlpatterns = [
    *(path(f"{name}/", as_async(view)) for name, view in PAIRS.items()),
    *(path(f"{name}/sync/", view) for name, view in PAIRS.items()),
    *(
        path(f"{view.__name__}/", view)
        for view in (
            awaits_user,
            awaits_session,
            permissions,
            signs_in,
            forgets_user,
            signs_out,
            reads_and_signs_out,
            other_session,
            no_session,
            catches,
            streams,
            later,
        )
    ),
]


class OwnUserMiddleware(AsyncMiddlewareMixin):
    """Puts a lazy object of its own in the place of the user."""

    async def aprocess_request(self, request):
        def load():
            stores.note("own user")
            if request.GET.get("fails"):
                raise ValueError("own user")
            return BOB

        request.user = BOB if request.GET.get("loaded") else SimpleLazyObject(load)


class OwnAuserMiddleware(AsyncMiddlewareMixin):
    async def aprocess_request(self, request):
        async def auser():
            return BOB

        request.auser = auser


class SignInMiddleware(AsyncMiddlewareMixin):
    """Names a user in a session that has no key yet."""

    async def aprocess_request(self, request):
        request.session.update(user_data("AsyncBackend"))


class ReadsSessionMiddleware(AsyncMiddlewareMixin):
    async def aprocess_request(self, request):
        await request.session.aget("color")


def sync_only(get_response):
    return get_response


def user_data(backend=None):
    """What a session of ``ada``, or of a user of the backends of ``test_auth``, holds."""
    user = ALICE if backend else get_user_model().objects.get(username="ada")
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: f"{auth_tests}.{backend}" if backend else MODEL_BACKEND,
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }


def stack(*more):
    return [*project.MIDDLEWARE, *(f"{__name__}.{name}" for name in more), PRELOAD]
