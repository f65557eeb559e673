"""``PreloadUserMiddleware``: async code reads session and user, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
from importlib import import_module

import pytest
from django.contrib import messages
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    alogin,
    alogout,
    get_user_model,
)
from django.contrib.sessions.backends import file
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.handlers.asgi import ASGIHandler as DjangoASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connection
from django.http import HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory, override_settings
from django.urls import path
from django.utils.functional import SimpleLazyObject

from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.trace import record_hops
from tests import settings as site
from tests.driver import drive
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


def stack(*more):
    return [*site.MIDDLEWARE, *(f"{__name__}.{name}" for name in more), PRELOAD]


@pytest.fixture(autouse=True)
def _site(in_process_database, tmp_path, monkeypatch):
    monkeypatch.setattr(file.SessionStore, "_storage_path", str(tmp_path), raising=False)
    stores.calls.clear()
    stores.saved.clear()
    bob, _ = get_user_model().objects.get_or_create(username="bob")
    with override_settings(
        ROOT_URLCONF=__name__, MIDDLEWARE=stack(), SECRET_KEY_FALLBACKS=[OLD_KEY]
    ):
        yield
    Session.objects.all().delete()
    bob.delete()
    cache.clear()


def engine(name):
    prefix = "django.contrib.sessions.backends" if name in ENGINES else "tests.middleware.engines"
    return override_settings(SESSION_ENGINE=f"{prefix}.{name}")


def user_data(backend=None):
    """What a session of ``ada``, or of a user of the backends of ``test_auth``, holds."""
    user = ALICE if backend else get_user_model().objects.get(username="ada")
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: f"{auth_tests}.{backend}" if backend else MODEL_BACKEND,
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }


def cookie(state):
    """Store a session in ``state``, and return its cookie."""
    from django.conf import settings

    if state == "none":
        return {}
    if state in ("garbage", "unknown"):
        return {"cookie": "sessionid=" + {"garbage": "?", "unknown": "u" * 32}[state] * 10}
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store["color"] = "red"
    if state != "anonymous":
        store.update(user_data())
    if state == "stale":
        store[HASH_SESSION_KEY] = "of another password"
    if state == "rotated":
        with override_settings(SECRET_KEY=OLD_KEY):
            store[HASH_SESSION_KEY] = (
                get_user_model().objects.get(username="ada").get_session_auth_hash()
            )
    if state == "expired":
        store.set_expiry(-5)
    store.save()
    key = store.session_key
    if state == "gone":
        store.delete()
    return {"cookie": f"sessionid={key}"}


def ask(url, headers=None, handler=ASGIHandler):
    application = handler()

    async def run():
        with record_hops() as trace:
            reply = await drive(application, url, headers=headers)
        return reply, trace.hops

    return asyncio.run(run())


def answer(reply):
    """What must be the same; keys of sessions are random."""
    return (
        reply.status,
        [
            (name, value.split(b"=")[0] if name == b"Set-Cookie" else value)
            for name, value in reply.headers
        ],
        deletes_cookie(reply),
        reply.body,
    )


def deletes_cookie(reply):
    return any(b"Max-Age=0" in value for name, value in reply.headers if name == b"Set-Cookie")


def stored():
    """The sessions that are stored, by content."""
    return sorted(str(sorted(row.get_decoded())) for row in Session.objects.all())


def same_answers(name, state, view, handler, blockbuster):
    """Ask a sync view of stock Django, then the async one behind the middleware; return both."""
    with engine(name), override_settings(MIDDLEWARE=site.MIDDLEWARE):
        Session.objects.all().delete()
        blockbuster.deactivate()
        stock, _ = ask(f"/{view}/sync/", cookie(state), DjangoASGIHandler)
        blockbuster.activate()
        before = stored()
    with engine(name):
        Session.objects.all().delete()
        ours, _ = ask(f"/{view}/", cookie(state), handler)
    return (answer(ours), stored()), (answer(stock), before)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", ENGINES)
def test_answers_are_those_of_a_sync_view_without_it(blockbuster, name, state):
    """Cookies, ``Vary`` and stored sessions too, whether the page reads the session or not."""
    for view in PAIRS:
        ours, stock = same_answers(name, state, view, ASGIHandler, blockbuster)
        assert ours == stock, view


@pytest.mark.parametrize("state", STATES)
def test_answers_are_the_same_on_djangos_handler(blockbuster, state):
    for view in PAIRS:
        ours, stock = same_answers("db", state, view, DjangoASGIHandler, blockbuster)
        assert ours == stock, view


@pytest.mark.parametrize(
    ("name", "state", "expected"),
    [
        *((name, "none", 0) for name in ENGINES),
        ("signed_cookies", "anonymous", 0),
        ("signed_cookies", "ada", 1),
        ("signed_cookies", "stale", 1),
        *((name, state, 1) for name in ENGINES[:4] for state in ("anonymous", "ada", "unknown")),
        # Unlike others, these are saved and deleted where they do I/O.
        ("db", "stale", 2),
        ("db", "rotated", 3),
    ],
)
def test_session_and_user_take_one_hop(name, state, expected):
    with engine(name):
        _, hops = ask("/reads_user/", cookie(state))
    assert len([hop for hop in hops if not hop.target.endswith(".close")]) == expected


def test_awaiting_the_user_makes_no_further_hop():
    reply, hops = ask("/awaits_user/", cookie("ada"))
    assert (reply.body, len(hops)) == (b"ada True", 2)  # The second closes the request's thread.


def test_awaiting_the_session_makes_no_further_hop():
    with engine("db"):
        reply, hops = ask("/awaits_session/", cookie("anonymous"))
    assert (reply.body, len(hops)) == (b"red red", 2)


def test_permissions_can_be_loaded_for_a_template():
    assert ask("/permissions/", cookie("ada"))[0].body == b"TrueTrue"  # An administrator.


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/signs_in/", b"ada bob bob"),
        ("/forgets_user/", b"AnonymousUser AnonymousUser"),
        ("/signs_out/", b"AnonymousUser AnonymousUser"),
        ("/other_session/", b"AnonymousUser"),
        ("/no_session/", b"none"),
        ("/streams/", b"ada"),
        ("/later/", b"ada|red|"),
    ],
)
@pytest.mark.parametrize("save", [False, True])
def test_what_the_view_does_to_session_and_user_counts(url, expected, save):
    with override_settings(SESSION_SAVE_EVERY_REQUEST=save), engine("db"):
        assert ask(url, cookie("ada"))[0].body == expected


def test_a_view_that_signs_in_keeps_its_session_when_the_old_one_is_dropped():
    """The session of the old password is deleted at the end, not the one that was made since."""
    with engine("db"):
        reply, _ = ask("/signs_in/", cookie("stale"))
        (row,) = Session.objects.all()
    assert reply.body == b" bob bob"
    assert reply.cookies["sessionid"] == row.session_key
    assert "color" not in row.get_decoded()


def test_a_session_that_was_flushed_meanwhile_gets_no_new_key():
    with engine("db"):
        headers = cookie("rotated")
        assert ask("/reads_and_signs_out/", headers)[0].body == b"ada AnonymousUser"
        assert stored() == []


def test_a_session_nobody_read_is_loaded_anew_to_be_saved(monkeypatch):
    """So that what other requests wrote since is not lost, as on stock Django."""
    with engine("db"), override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        headers = cookie("ada")
        key = headers["cookie"].partition("=")[2]

        def write_elsewhere(request):
            store = import_module("django.contrib.sessions.backends.db").SessionStore(key)
            store["color"] = "blue"
            store.save()
            return HttpResponse("written")

        monkeypatch.setattr(urlpatterns[0], "callback", write_elsewhere)
        ask("/nothing/", headers)
        (row,) = Session.objects.all()
        assert row.get_decoded()["color"] == "blue"


@pytest.mark.parametrize("handler", [ASGIHandler, DjangoASGIHandler], ids=["ours", "Django"])
def test_errors_are_raised_where_session_and_user_are_read(handler):
    with engine("db"):
        headers = cookie("ada")
        with broken_table("django_session"):
            assert ask("/nothing/", headers, handler)[0].status == 200
            body = b"OperationalError OperationalError OperationalError OperationalError"
            assert ask("/catches/", headers, handler)[0].body == body
        with broken_table("auth_user"):
            assert ask("/nothing/", headers, handler)[0].status == 200
            body = b"red OperationalError red OperationalError"
            assert ask("/catches/", headers, handler)[0].body == body


@contextlib.contextmanager
def broken_table(name):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {name} RENAME TO gone")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE gone RENAME TO {name}")


@pytest.mark.parametrize(
    ("missing", "fix"),
    [
        (1, "insert 'django.contrib.sessions.middleware.SessionMiddleware' before"),
        (4, "insert 'django.contrib.auth.middleware.AuthenticationMiddleware' before"),
    ],
)
@pytest.mark.parametrize("handler", [ASGIHandler, WSGIHandler])
def test_what_is_missing_is_named(missing, fix, handler, settings):
    settings.DEBUG = True
    # What else needs what is missing is taken out too.
    settings.MIDDLEWARE = [site.MIDDLEWARE[index] for index in (1, 4) if index != missing][:1]
    settings.MIDDLEWARE = [*(settings.MIDDLEWARE if missing == 4 else []), PRELOAD]
    if handler is WSGIHandler:
        text = handler().get_response(RequestFactory().get("/nothing/")).content
    else:
        text = ask("/nothing/")[0].body
    assert fix in " ".join(text.decode().replace("&#x27;", "'").split())


BACKENDS = {
    "AsyncBackend": ("alice", [("aget_user", True)]),
    "RefusingBackend": ("", [("refused", False)]),
    "AsyncOnlyRefusingBackend": ("", [("async refused", True)]),
    "NoBaseBackend": ("alice", [("plain get_user", False)]),
    "factory_backend": ("alice", [("get_user", False)]),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["signed_cookies", "file", "asyncstore", "loadshere"])
def test_the_backend_decides_by_its_nearest_method(backend, name, settings):
    settings.AUTHENTICATION_BACKENDS = [f"{auth_tests}.{backend}"]
    username, calls = BACKENDS[backend]
    with engine(name):
        data = user_data(backend)
        if name in ("asyncstore", "loadshere"):
            stores.saved["k" * 32] = data
            headers = {"cookie": "sessionid=" + "k" * 32}
        else:
            headers = cookie_with(data)
        reply, hops = ask("/reads_user/", headers)
        stores_calls = [call for call in stores.calls if "load" not in call[0]]
    assert reply.body == f"{username} {bool(username)}".encode()
    assert stores_calls[: len(calls)] == calls
    if name == "asyncstore":
        assert [call for call in stores.calls if "load" in call[0]] == [("aload", True)]
    loads = [hop for hop in hops if "_preload" in hop.target or "_trial" in hop.target]
    assert len(loads) <= 1


def cookie_with(data):
    from django.conf import settings

    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store.update(data)
    store.save()
    return {"cookie": f"sessionid={store.session_key}"}


def test_an_own_aload_of_a_store_is_what_loads():
    with engine("loadsempty"):
        reply, _ = ask("/reads_session/", {"cookie": "sessionid=" + "k" * 32})
    assert reply.body == b"None"
    assert stores.calls == [("own aload", True)]


@pytest.mark.parametrize("url", ["/reads_user/", "/nothing/"])
def test_a_store_that_reads_otherwise_is_read_off_the_loop(url):
    with engine("readselsewhere"):
        data = {**user_data(), "color": "red"}
        reply, _ = ask(url, cookie_with(data))
        assert ("overridden get", False) in stores.calls
        stores.calls.clear()
        ask(url)
        assert ("overridden get", False) not in stores.calls  # Without a session nothing is read.
    assert (b"Vary", b"Cookie") in reply.headers


def test_errors_of_a_store_that_reads_otherwise_come_where_it_is_read(monkeypatch):
    with engine("readselsewhere"):
        headers = cookie_with({"color": "red"})

        def get(self, *args):
            raise ValueError("cannot be read")

        monkeypatch.setattr(stores.ReadsElsewhere, "get", get)
        assert ask("/nothing/", headers)[0].status == 200
        assert (
            ask("/catches/", headers)[0].body == b"ValueError  ValueError "
        )  # Users are not read by get().


@pytest.mark.parametrize(
    ("query", "expected", "calls"),
    [
        ("", b"bob True", [("own user", False)]),
        ("?loaded=1", b"bob True", []),
        ("?fails=1", None, [("own user", False)]),
    ],
)
@pytest.mark.parametrize("name", ["signed_cookies", "db"])
def test_a_user_of_another_middleware_stays(name, query, expected, calls):
    with engine(name), override_settings(MIDDLEWARE=stack("OwnUserMiddleware")):
        reply, _ = ask(f"/reads_user/{query}", cookie("ada"))
        assert (reply.status, reply.body) == (200, expected) if expected else reply.status == 500
        assert stores.calls == calls
        ask(f"/nothing/{query}")
        assert stores.calls == calls  # Nothing is loaded for who has no session.


@pytest.mark.parametrize("handler", [ASGIHandler, DjangoASGIHandler], ids=["ours", "Django"])
def test_an_auser_of_another_middleware_stays(handler):
    with override_settings(MIDDLEWARE=stack("OwnAuserMiddleware")):
        reply, _ = ask("/signs_out/", cookie("ada"), handler)
    assert reply.body in (b"AnonymousUser bob", b"AnonymousUser AnonymousUser")


def test_a_user_whom_an_earlier_middleware_named_is_loaded(settings):
    settings.AUTHENTICATION_BACKENDS = [f"{auth_tests}.AsyncBackend"]
    with override_settings(MIDDLEWARE=stack("SignInMiddleware")):
        assert ask("/reads_user/")[0].body == b"alice True"


@pytest.mark.parametrize("name", ["signed_cookies", "db"])
def test_a_session_that_was_read_before_is_not_loaded_again(name):
    with engine(name), override_settings(MIDDLEWARE=stack("ReadsSessionMiddleware")):
        reply, hops = ask("/reads_both/", cookie("ada"))
    assert reply.body == b"red ada red"
    assert [
        hop.target for hop in hops if "replay" in hop.target or "load_ahead" in hop.target
    ] == []


@pytest.mark.parametrize("name", ["signed_cookies", "asyncstore"])
@pytest.mark.parametrize("state", ["stale", "rotated"])
def test_what_finding_a_user_does_to_a_session_is_awaited_where_it_can_be(name, state, settings):
    settings.AUTHENTICATION_BACKENDS = [f"{auth_tests}.AsyncBackend"]
    data = user_data("AsyncBackend")
    data[HASH_SESSION_KEY] = "of another password"
    if state == "rotated":
        with override_settings(SECRET_KEY=OLD_KEY):
            data[HASH_SESSION_KEY] = ALICE.get_session_auth_hash()
    with engine(name):
        stores.saved["k" * 32] = data
        headers = {"cookie": "sessionid=" + "k" * 32}
        if name == "signed_cookies":
            headers = cookie_with(data)
        reply, hops = ask("/reads_user/", headers)
        assert hops == []
        assert "k" * 32 not in stores.saved or name == "signed_cookies"
        if state == "stale":
            assert (reply.body, deletes_cookie(reply)) == (b" False", True)
        else:
            assert reply.body == b"alice True"
            again, _ = ask("/reads_user/", {"cookie": f"sessionid={reply.cookies['sessionid']}"})
            assert again.body == b"alice True"
            assert not again.cookies  # Nothing is left to be done.


def test_an_error_of_an_awaited_backend_is_raised_where_the_user_is_read(settings, monkeypatch):
    async def aget_user(self, user_id):
        raise ValueError("no such table")

    settings.AUTHENTICATION_BACKENDS = [f"{auth_tests}.AsyncBackend"]
    monkeypatch.setattr("tests.middleware.test_auth.AsyncBackend.aget_user", aget_user)
    headers = cookie_with({**user_data("AsyncBackend"), "color": "red"})
    assert ask("/nothing/", headers)[0].status == 200
    assert ask("/catches/", headers)[0].body == b"red ValueError red ValueError"


def ask_wsgi(url, headers):
    request = RequestFactory().get(url, headers=headers)
    response = WSGIHandler().get_response(request)
    response.close()
    return response


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", ["db", "signed_cookies"])
def test_under_wsgi_async_views_can_read_too(name, state):
    for view in PAIRS:
        with engine(name):
            responses = []
            for url in (f"/{view}/sync/", f"/{view}/"):
                Session.objects.all().delete()
                response = ask_wsgi(url, cookie(state))
                cookies = [(one.key, one["max-age"]) for one in response.cookies.values()]
                responses.append(
                    (
                        response.status_code,
                        response.content,
                        response.get("Vary"),
                        cookies,
                        stored(),
                    )
                )
        assert responses[0] == responses[1], view


def test_under_wsgi_sync_views_load_what_they_read(django_assert_num_queries):
    with engine("db"):
        headers = cookie("ada")
        with django_assert_num_queries(0):
            ask_wsgi("/nothing/sync/", headers)
        with django_assert_num_queries(1):
            ask_wsgi("/reads_session/sync/", headers)
        with django_assert_num_queries(2):
            ask_wsgi("/reads_both/", headers)


def test_under_wsgi_other_stores_and_users_are_read():
    with engine("readselsewhere"):
        headers = cookie_with(user_data())
        assert ask_wsgi("/reads_user/", headers).content == b"ada True"
        assert ask_wsgi("/reads_user/", {}).content == b" False"
    with override_settings(MIDDLEWARE=stack("ReadsSessionMiddleware")), engine("db"):
        assert ask_wsgi("/reads_both/", cookie("ada")).content == b"red ada red"
    with override_settings(MIDDLEWARE=stack("OwnUserMiddleware")), engine("db"):
        assert ask_wsgi("/reads_user/", cookie("ada")).content == b"bob True"


@pytest.mark.parametrize("handler", [ASGIHandler, DjangoASGIHandler], ids=["ours", "Django"])
def test_above_sync_only_middleware_async_views_can_read_too(handler):
    with engine("db"), override_settings(MIDDLEWARE=[*stack(), f"{__name__}.sync_only"]):
        assert ask("/reads_both/", cookie("ada"), handler)[0].body == b"red ada red"
