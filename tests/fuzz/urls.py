"""Views that use what each middleware is about: sessions, users, languages, caches, large bodies."""

from __future__ import annotations

import functools
import io

from django.conf.urls.i18n import i18n_patterns
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import (
    FileResponse,
    HttpResponse,
    HttpResponseNotModified,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.utils.translation import activate, get_language, gettext
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from django.views.generic import View

from tests import views
from tests.servers import urls as stateful

LARGE = b"compress me, I am quite long and repeat myself. " * 400


def sync_only(get_response):
    """Middleware that sends all that is above it to a thread."""

    def middleware(request):
        return get_response(request)

    return middleware


def in_thread(view):
    """The same view, sync: what it awaits never has to wait."""

    @functools.wraps(view)
    def sync_view(*args, **kwargs):
        try:
            view(*args, **kwargs).send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("It waits.")

    return sync_view


async def language(request):
    return HttpResponse(f"{get_language()} {gettext('Yes')} {request.path_info}")


def language_sync(request):
    activate(request.GET.get("to", "de"))
    return HttpResponse(gettext("Yes"))


async def large(request):
    return HttpResponse(LARGE, content_type=request.GET.get("type", "text/plain"))


async def etag(request):
    response = HttpResponse(LARGE if "large" in request.GET else b"short")
    response["ETag"] = request.GET.get("etag", '"a"')
    if "modified" in request.GET:
        response["Last-Modified"] = "Mon, 01 Jan 2024 00:00:00 GMT"
    return response


async def not_modified(request):
    return HttpResponseNotModified()


async def large_stream(request):
    async def chunks():
        for _ in range(4):
            yield LARGE

    return StreamingHttpResponse(chunks())


async def download(request):
    return FileResponse(io.BytesIO(LARGE), filename="ä.txt", as_attachment=True)


@cache_control(max_age=60, public=True)
async def cached(request):
    return HttpResponse(f"cached {request.GET.get('q')}")


@cache_control(private=True)
async def private(request):
    return HttpResponse("private")


@never_cache
async def uncached(request):
    return HttpResponse("never")


async def varies(request):
    response = HttpResponse(f"varies {request.headers.get('Accept-Language')}")
    patch_vary_headers(response, ["Accept-Language", "X-Thing"])
    if "star" in request.GET:
        response["Vary"] = "*"
    return response


async def own_headers(request):
    """Sets what middleware would set."""
    response = HttpResponse("own", status=int(request.GET.get("status", "200")))
    for name in (
        "X-Frame-Options",
        "Content-Length",
        "Content-Encoding",
        "Content-Language",
        "Content-Security-Policy",
        "Referrer-Policy",
        "Strict-Transport-Security",
        "X-Content-Type-Options",
        "Cross-Origin-Opener-Policy",
        "ETag",
        "Expires",
    ):
        if name in request.GET:
            response[name] = request.GET[name]
    return response


@xframe_options_exempt
async def framed(request):
    return HttpResponse("framed")


@login_not_required
async def public(request):
    return HttpResponse("public")


@ensure_csrf_cookie
async def with_cookie(request):
    return HttpResponse("cookie")


def session_sync(request):
    """Reads, changes or deletes the session, and may fail then."""
    count = request.session.get("count", 0)
    if "status" in request.GET:
        request.session.flush()
    if "expiry" in request.GET:
        request.session.set_expiry(int(request.GET["expiry"]))
        request.session["count"] = count + 1
    if "size" in request.GET:
        raise ValueError("after a change of the session")
    return HttpResponse(str(count))


def page_fails(request):
    code = engines["django"].from_string("{% include missing %}{{ user.username }}")
    return TemplateResponse(request, code, {"missing": None})


def user_sync(request):
    return HttpResponse(f"{request.user} {request.user.is_authenticated}")


async def user(request):
    found = await request.auser()
    return HttpResponse(f"{found} {found.is_authenticated}")


async def site_name(request):
    return HttpResponse(str(getattr(request, "site", "no site")))


async def nonce(request):
    return HttpResponse(str(getattr(request, "_csp_nonce", "no nonce")))


async def messages_many(request):
    for level in (10, 20, 30, 40):
        messages.add_message(request, level, "x" * int(request.GET.get("size", "10")), "tag")
    return HttpResponse("added")


def page(request):
    code = engines["django"].from_string(
        "{{ user.username }}{% csrf_token %}{% for one in messages %}{{ one }}{% endfor %}"
        "{{ request.get_full_path }}{{ csp_nonce }}"
    )
    return TemplateResponse(request, code, {}, headers={"X-Page": "1"})


async def session_everything(request):
    session = request.session
    await session.asetdefault("count", 0)
    await session.aset("count", await session.aget("count") + 1)
    await session.aset_expiry(int(request.GET.get("expiry", "100")))
    return HttpResponse(str(await session.aget("count")))


@csrf_exempt
async def meta(request):
    shown = {
        name: str(value)
        for name, value in sorted(request.META.items())
        if name.startswith(("HTTP_", "CONTENT_", "SERVER_", "REMOTE_"))
    }
    return JsonResponse(
        {"meta": shown, "encoding": request.encoding, "secure": request.is_secure()}
    )


@csrf_exempt
def post_sync(request):
    files = {name: [one.size, one.name] for name, one in request.FILES.items()}
    return JsonResponse({"post": dict(request.POST.lists()), "files": files})


class Documented(View):
    async def get(self, request):
        return HttpResponse("got")

    async def post(self, request):
        return HttpResponse("posted")


urlpatterns = [
    path("", views.hello),
    path("sync/", views.hello_sync),
    path("404/", views.returns_404),
    path("raises/<kind>/", views.raises),
    path("token/", views.token),
    path("form/", views.form),
    path("body/", views.body),
    path("upload/", views.upload),
    path("post/sync/", post_sync),
    path("session/set/", views.session_set),
    path("session/get/", views.session_get),
    path("session/flush/", views.session_flush),
    path("session/everything/", session_everything),
    path("session/cycle/", stateful.session_cycle),
    path("session/broken/", stateful.session_broken),
    path("messages/add/", views.message_add),
    path("messages/many/", messages_many),
    path("messages/", views.message_list),
    path("login/", views.sign_in),
    path("logout/", views.sign_out),
    path("async/login/", stateful.sign_in),
    path("async/logout/", stateful.sign_out),
    path("user/", user),
    path("user/sync/", user_sync),
    path("stream/", views.stream),
    path("stream/sync/", views.stream_sync),
    path("stream/large/", large_stream),
    path("download/", download),
    path("page/", page),
    path("cookies/", views.cookies),
    path("environment/", views.environment),
    path("state/", stateful.state, name="state"),
    path("language/", language),
    path("language/sync/", language_sync),
    path("large/", large),
    path("etag/", etag),
    path("not_modified/", not_modified),
    path("cached/", cached),
    path("private/", private),
    path("uncached/", uncached),
    path("varies/", varies),
    path("own/", own_headers),
    path("framed/", framed),
    path("public/", public),
    path("cookie/", with_cookie),
    path("site/", site_name),
    path("nonce/", nonce),
    path("meta/", meta),
    path("documented/", Documented.as_view()),
    path("no_slash", views.hello),
    *i18n_patterns(path("translated/", language), path("page/", page)),
]

#: What is also called in a thread, where it makes a difference to the handler.
_IN_THREAD = {
    *(
        "404/",
        "raises/<kind>/",
        "token/",
        "form/",
        "body/",
        "upload/",
        "messages/add/",
        "messages/many/",
    ),
    *(
        "stream/",
        "stream/sync/",
        "stream/large/",
        "download/",
        "cookies/",
        "language/",
        "large/",
        "etag/",
    ),
    *("not_modified/", "cached/", "private/", "uncached/", "varies/", "own/", "framed/", "public/"),
    *("cookie/", "site/", "nonce/", "meta/", "state/"),
}
urlpatterns += [
    path("session/thread/", session_sync),
    path("page/fails/", page_fails),
    *(
        path(f"thread/{one.pattern._route}", in_thread(one.callback))
        for one in urlpatterns
        if getattr(one.pattern, "_route", "") in _IN_THREAD
    ),
]
