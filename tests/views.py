"""Views of the test site."""

from __future__ import annotations

import asyncio
import io

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponseNotFound,
    JsonResponse,
    StreamingHttpResponse,
)
from django.middleware.csrf import get_token
from django.template import engines
from django.template.response import TemplateResponse
from django.views.decorators.csrf import csrf_exempt


async def hello(request):
    return HttpResponse(b"Hello, world")


def hello_sync(request):
    return HttpResponse(b"Hello, thread")


async def returns_404(request):
    return HttpResponseNotFound(b"nothing here")


async def raises(request, kind):
    raise {
        "404": Http404("no such thing"),
        "403": PermissionDenied("not you"),
        "400": BadRequest("not like this"),
        "suspicious": SuspiciousOperation("what are you doing"),
        "500": ValueError("broken"),
    }[kind]


async def token(request):
    return HttpResponse(get_token(request))


async def form(request):
    return JsonResponse({"post": request.POST.dict(), "method": request.method})


@csrf_exempt
async def body(request):
    return HttpResponse(request.body)


async def upload(request):
    files = {name: upload.size for name, upload in request.FILES.items()}
    return JsonResponse({"files": files, "post": request.POST.dict()})


async def session_set(request):
    await request.session.aset("color", request.GET.get("color", "blue"))
    return HttpResponse("set")


async def session_get(request):
    return HttpResponse(str(await request.session.aget("color")))


async def session_flush(request):
    await request.session.aflush()
    return HttpResponse("flushed")


async def message_add(request):
    messages.info(request, request.GET.get("text", "hello"))
    return HttpResponse("added")


def message_list(request):
    return JsonResponse({"messages": [str(message) for message in messages.get_messages(request)]})


def sign_in(request):
    user = authenticate(request, username=request.GET["name"], password=request.GET["password"])
    if user is None:
        return HttpResponse("no", status=403)
    login(request, user)
    return HttpResponse("in")


def sign_out(request):
    logout(request)
    return HttpResponse("out")


async def who(request):
    user = await request.auser()
    return HttpResponse(user.get_username() or "anonymous")


async def stream(request):
    async def chunks():
        for number in range(3):
            yield f"async {number}\n"
            await asyncio.sleep(0)

    return StreamingHttpResponse(chunks())


async def stream_sync(request):
    return StreamingHttpResponse(f"sync {number}\n" for number in range(3))


async def download(request):
    return FileResponse(io.BytesIO(b"x" * 200_000), filename="x.bin", as_attachment=True)


async def template(request):
    code = engines["django"].from_string("path {{ request.path }}")
    return TemplateResponse(request, code, {})


async def slow(request):
    await asyncio.sleep(float(request.GET.get("seconds", "2")))
    return HttpResponse("slow")


async def large(request):
    return HttpResponse(b"y" * 200_000)


async def cookies(request):
    response = HttpResponse("cookies")
    response.set_cookie("a", "1", max_age=60, samesite="Lax")
    response.set_signed_cookie("b", "2", salt="salt")
    response.delete_cookie("c")
    return response


async def environment(request):
    return JsonResponse(
        {
            "path": request.path,
            "path_info": request.path_info,
            "script": request.META["SCRIPT_NAME"],
            "query": request.GET.dict(),
            "scheme": request.scheme,
            "host": request.get_host(),
        }
    )
