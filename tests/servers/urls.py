"""Views whose effects can be seen from outside of the server: state, marks in files, broken sessions."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
import traceback
from pathlib import Path

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib import messages
from django.contrib.auth import aauthenticate, alogin, alogout
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import (
    get_script_prefix,
    get_urlconf,
    include,
    path,
    reverse,
    set_urlconf,
)
from django.utils.translation import activate, get_language, gettext
from django.views.decorators.csrf import csrf_exempt

from django_asynckit.trace import record_hops


def urlconf_middleware(get_response):
    """Answer a request that asks for it from ``tests.servers.other_urls``."""
    assert iscoroutinefunction(get_response)

    async def middleware(request):
        if request.headers.get("X-Urlconf"):
            request.urlconf = "tests.servers.other_urls"
        return await get_response(request)

    markcoroutinefunction(middleware)
    return middleware


urlconf_middleware.async_capable = True
urlconf_middleware.sync_capable = False


def current_state():
    return {
        "language": get_language(),
        "urlconf": get_urlconf(),
        "prefix": get_script_prefix(),
        "reversed": reverse("state"),
        "text": gettext("Yes"),
    }


async def state(request):
    return JsonResponse(current_state())


def state_sync(request):
    return JsonResponse(current_state())


async def leave_state(request):
    """Change what a view can change, and leave it so."""
    activate("de")
    set_urlconf("tests.servers.other_urls")
    return JsonResponse({"language": get_language(), "urlconf": get_urlconf()})


async def frames(request):
    """Whether our handler is among the callers of this view."""
    callers = {frame.f_globals["__name__"] for frame, _ in traceback.walk_stack(sys._getframe())}
    return JsonResponse({"asynckit": "django_asynckit.handler.asgi" in callers})


def mark(request, text):
    """Append a line to a file of the test's."""
    name = Path(request.GET["mark"]).name
    with (Path(os.environ["TESTS_SERVERS_MARKS"]) / name).open("a") as file:
        file.write(text + "\n")


async def wait(request):
    """Wait for longer than any test does; what ends it is in the file."""
    mark(request, "started")
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        mark(request, "cancelled")
        raise
    finally:
        mark(request, "finally")


async def endless_stream(request):
    async def chunks():
        mark(request, "started")
        try:
            while True:
                yield b"chunk " * 200
                await asyncio.sleep(0.01)
        finally:
            mark(request, "finally")

    return StreamingHttpResponse(chunks())


async def endless_stream_sync(request):
    def chunks():
        mark(request, "started")
        try:
            for _ in range(10_000_000):
                yield b"chunk " * 10_000
        finally:
            mark(request, "finally")

    return StreamingHttpResponse(chunks())


#: Files that are closed by nobody but the handler.
late_files = []


def late_file(request):
    """Return a file when the client has long gone: once there is a file of that name, with ``.go``."""
    folder, name = Path(os.environ["TESTS_SERVERS_MARKS"]), Path(request.GET["mark"]).name
    mark(request, "started")
    deadline = time.monotonic() + 60
    while not (folder / f"{name}.go").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    late_files.append((folder / name).open("rb"))
    mark(request, "opened")
    return FileResponse(late_files[-1])


@csrf_exempt
async def marked_body(request):
    mark(request, "called")
    return HttpResponse(str(len(request.body)))


async def echo_meta(request):
    """Answer with what reached ``META`` of the headers that the tests send."""
    return JsonResponse(
        {name: value for name, value in request.META.items() if name.startswith("HTTP_X_")}
    )


async def session_interrupted(request):
    """Delete the stored session behind the back of the request, then change it."""
    await request.session.aset("color", "black")
    with contextlib.suppress(NotImplementedError):
        await request.session.adelete(request.session.session_key)
    return HttpResponse("never saved")


async def session_broken(request):
    await request.session.aset("color", "black")
    raise ValueError("broken after a change of the session")


async def session_cycle(request):
    await request.session.acycle_key()
    return HttpResponse(str(await request.session.aget("color")))


def session_expiry(request):
    request.session.set_expiry(int(request.GET["seconds"]))
    request.session["color"] = "green"
    return HttpResponse("set")


async def session_test_only(request):
    """Look at the session without changing it."""
    return JsonResponse(
        {
            "empty": request.session.is_empty(),
            "has": await request.session.ahas_key("color"),
        }
    )


#: What can be awaited on a session that exists; each but "load" with the session loaded.
OPERATIONS = {
    "load": lambda session: session.aget("color"),
    "save": lambda session: session.asave(),
    "create": lambda session: session.acreate(),
    "exists": lambda session: session.aexists("x" * 32),
    "delete": lambda session: session.adelete(),
    "cycle_key": lambda session: session.acycle_key(),
    "flush": lambda session: session.aflush(),
}


async def session_hops(request, operation):
    """How many hops one operation makes."""
    if operation != "load":
        await request.session.aget("color")
    with record_hops() as trace:
        await OPERATIONS[operation](request.session)
    return HttpResponse(str(len(trace.hops)))


async def sign_in(request):
    user = await aauthenticate(
        request, username=request.GET["name"], password=request.GET["password"]
    )
    if user is None:
        return HttpResponse("no", status=403)
    await alogin(request, user)
    messages.success(request, "welcome")
    return HttpResponse("in")


async def sign_out(request):
    await alogout(request)
    return HttpResponse("out")


async def page(request):
    """A page that reads the user and the messages while it is rendered."""
    code = engines["django"].from_string(
        "{{ user.username }}:{% for message in messages %}{{ message }},{% endfor %}"
    )
    return TemplateResponse(request, code, {})


async def early_messages(request):
    """Read the messages, and add one that is too long for a cookie with the others."""
    seen = [str(message) for message in messages.get_messages(request)]
    messages.info(request, "n" * 1500)
    return JsonResponse({"seen": seen})


own = [
    path("state/", state, name="state"),
    path("state/sync/", state_sync),
    path("state/leave/", leave_state),
    path("frames/", frames),
    path("wait/", wait),
    path("late/file/", late_file),
    path("endless/", endless_stream),
    path("endless/sync/", endless_stream_sync),
    path("marked/", marked_body),
    path("meta/", echo_meta),
    path("session/interrupted/", session_interrupted),
    path("session/broken/", session_broken),
    path("session/hops/<operation>/", session_hops),
    path("session/cycle/", session_cycle),
    path("session/expiry/", session_expiry),
    path("session/look/", session_test_only),
    path("async/login/", sign_in),
    path("async/logout/", sign_out),
    path("page/", page),
    path("early/", early_messages),
]
urlpatterns = [*own, path("", include("tests.urls"))]
