"""The CSRF decorators on async views: Django's answers, off the loop for what may block."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.middleware.csrf import get_token, rotate_token
from django.views.decorators import csrf as djangos

from django_asynckit.decorators import csrf
from tests.decorators import tools

SECRET = "s" * 32
FORM = "application/x-www-form-urlencoded"
NAMES = ["csrf_protect", "requires_csrf_token", "ensure_csrf_cookie"]
SESSIONS = {
    "MIDDLEWARE": ["django.contrib.sessions.middleware.SessionMiddleware"],
    "CSRF_USE_SESSIONS": True,
    "SESSION_ENGINE": "django.contrib.sessions.backends.db",
}


def post(token=SECRET, size=0, **headers):
    body = f"csrfmiddlewaretoken={token}&pad={'x' * size}".encode()
    headers = {"content-type": FORM, "cookie": f"csrftoken={SECRET}", **headers}
    return {"method": "POST", "headers": headers, "chunks": (body,)}


REQUESTS = [
    ("/", {}),
    ("/", post()),
    ("/", post(size=2**17)),
    ("/", post(token="t" * 32)),
    ("/", post(cookie="")),
    ("/", post(origin="http://evil.test")),
    ("/", post(token="", **{"x-csrftoken": SECRET})),
    ("/", {"method": "PUT", "headers": {"cookie": f"csrftoken={SECRET}"}}),
]


def respond(request):
    if "rotate" in request.GET:
        rotate_token(request)
    return HttpResponse("token" if "CSRF_COOKIE" in request.META else "no token")


async def view(request):
    return respond(request)


def sync_view(request):
    return respond(request)


def without_tokens(reply):
    """The status, the names of headers and cookies, and the body: tokens are random."""
    headers = sorted(
        (name, value.partition(b"=")[0] if name == b"Set-Cookie" else value)
        for name, value in reply.headers
        if name != b"Content-Length"
    )
    return reply.status, headers, reply.body


@pytest.mark.parametrize("name", NAMES)
async def test_answers_are_those_of_djangos_on_a_sync_view(name):
    requests = [*REQUESTS, ("/?rotate", {})]
    ours = await tools.ask(getattr(csrf, name)(view), requests)
    stock = await tools.ask(
        getattr(djangos, name)(sync_view), requests, handler=tools.DjangoASGIHandler
    )
    assert [without_tokens(reply) for reply in ours] == [without_tokens(reply) for reply in stock]


@pytest.mark.parametrize(
    ("request_", "hops"),
    [
        ({}, []),
        (post(), []),
        (post(size=2**17), ["process_view"]),
        (post(token="t" * 32), ["_reject"]),
    ],
    ids=["GET", "POST", "large form", "wrong token"],
)
@pytest.mark.parametrize("name", NAMES)
async def test_hops(name, request_, hops):
    decorated = getattr(csrf, name)(view)
    if name != "csrf_protect" and hops == ["_reject"]:
        hops = []  # Nothing is refused.
    with tools.site(decorated):
        assert await tools.hops_of(decorated, **request_) == hops


@pytest.mark.usefixtures("in_process_database")
@pytest.mark.parametrize("name", NAMES)
async def test_tokens_in_sessions_of_the_database_work(name):
    async def token(request):
        return HttpResponse(get_token(request))

    decorate = getattr(csrf, name)
    (reply,) = await tools.ask(decorate(token), [("/", {})], **SESSIONS)
    cookie = f"sessionid={reply.cookies['sessionid']}"
    good, bad = await tools.ask(
        decorate(view),
        [
            ("/", post(token=reply.body.decode(), cookie=cookie)),
            ("/", post(cookie=cookie)),
        ],
        **SESSIONS,
    )
    assert good.status == 200
    assert bad.status == (403 if name == "csrf_protect" else 200)


async def test_where_djangos_code_was_not_reviewed_it_runs_in_a_thread(monkeypatch):
    monkeypatch.setattr(csrf, "_REVIEWED", False)
    ours, stock = csrf._EnsureCsrfCookie, djangos._EnsureCsrfCookie
    decorated = csrf._decorator(stock, ours, "")(view)
    with tools.site(decorated):
        hops = await tools.hops_of(decorated)
    assert hops == ["process_request", "process_view", "process_response"]


@pytest.mark.usefixtures("in_process_database")
async def test_djangos_decorator_raises_there():
    headers = {"cookie": "sessionid=" + "k" * 32}
    requests = [("/", {"headers": headers})]
    (stock,) = await tools.ask(djangos.csrf_protect(view), requests, **SESSIONS)
    (ours,) = await tools.ask(csrf.csrf_protect(view), requests, **SESSIONS)
    assert (stock.status, ours.status) == (500, 200)


async def test_the_middleware_beside_the_decorator_checks_once():
    decorated = csrf.csrf_protect(view)
    settings = {"MIDDLEWARE": ["django.middleware.csrf.CsrfViewMiddleware"]}
    good, bad = await tools.ask(decorated, [("/", post()), ("/", post(token="t"))], **settings)
    assert (good.status, bad.status) == (200, 403)


async def test_an_exempt_view_is_not_checked_by_the_decorator_around_it():
    await tools.assert_same(
        csrf.csrf_protect(csrf.csrf_exempt(view)),
        djangos.csrf_protect(djangos.csrf_exempt(sync_view)),
        [("/", post(token="t" * 32))],
    )
