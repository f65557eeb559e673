"""The rows of the table: each decorator on an async view."""

from __future__ import annotations

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpResponse
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language
from django.views import View

from django_asynckit._compat import HAS_CSP
from tests.decorators.measure import OURS, STOCK, Case, page
from tests.decorators.tools import note
from tests.decorators.users import PERMISSION
from tests.middleware.cached_site import LOCMEM
from tests.middleware.cached_site import OURS as CACHES

FORM = {
    "method": "POST",
    "data": b"csrfmiddlewaretoken=" + b"s" * 32,
    "content_type": "application/x-www-form-urlencoded",
}
UPLOAD = {
    "method": "POST",
    "data": (
        b'--b\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n'
        + b"s" * 32
        + b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nb\r\n--b--\r\n'
    ),
    "content_type": "multipart/form-data; boundary=b",
}
SESSION = {
    "CSRF_USE_SESSIONS": True,
    "SESSION_ENGINE": "django.contrib.sessions.backends.db",
}


class UploadHandler:
    """Notes where uploads are handled."""

    def __init__(self, request=None):
        self.chunk_size = 2**16
        note("upload")

    def handle_raw_input(self, *args):
        """Let Django parse."""

    def new_file(self, *args):
        note("upload")

    def receive_data_chunk(self, raw_data, start):
        note("upload")

    def file_complete(self, size):
        note("upload")

    def upload_complete(self):
        note("upload")


def caches(backend):
    return {"CACHES": {"default": {"BACKEND": backend}}}


async def large(request):
    return HttpResponse(b"x" * 2**20)


def sync_etag(request):
    note("etag")
    return "a"


async def async_etag(request):
    note("async etag")
    return "a"


def test_user(user):
    note("test")
    return True


async def atest_user(user):
    note("async test")
    return True


class SyncHooks:
    def __init__(self, get_response):
        pass

    def process_request(self, request):
        note("hook")

    def process_response(self, request, response):
        note("hook")
        return response


class AsyncHooks:
    def __init__(self, get_response):
        pass

    async def process_request(self, request):
        note("async hook")

    async def process_response(self, request, response):
        response["X-Hook"] = "ran"
        return response


def class_based(mixin, **attributes):
    """Return a view of a class with a mixin."""

    async def get(self, request):
        return HttpResponse("page")

    cls = type("Page", (mixin, View), {"get": get, **attributes})
    return cls.as_view()


def dispatched(d):
    class Page(View):
        async def get(self, request):
            return HttpResponse("page")

    decorate = d.utils.method_decorator(d.cache.never_cache, name="dispatch")
    return decorate(Page).as_view()


async def language(request):
    return HttpResponse(get_language())


async def zone(request):
    return HttpResponse(get_current_timezone_name())


def said(text):
    return lambda response: response.content == text


def refused(response):
    return response.status_code == 405


def redirected(response):
    return response.status_code == 302


def sets(name):
    return lambda response: name in response.headers


def djangos_own():
    """Yield the rows of what is Django's own here, too."""
    for path, make in {
        "cache.never_cache": lambda d: d.cache.never_cache,
        "cache.cache_control": lambda d: d.cache.cache_control(max_age=1),
        "clickjacking.xframe_options_deny": lambda d: d.clickjacking.xframe_options_deny,
        "clickjacking.xframe_options_exempt": lambda d: d.clickjacking.xframe_options_exempt,
        "clickjacking.xframe_options_sameorigin": (
            lambda d: d.clickjacking.xframe_options_sameorigin
        ),
        "common.no_append_slash": lambda d: d.common.no_append_slash,
        "csrf.csrf_exempt": lambda d: d.csrf.csrf_exempt,
        "debug.sensitive_post_parameters": lambda d: d.debug.sensitive_post_parameters("a"),
        "debug.sensitive_variables": lambda d: d.debug.sensitive_variables("a"),
        "vary.vary_on_cookie": lambda d: d.vary.vary_on_cookie,
        "vary.vary_on_headers": lambda d: d.vary.vary_on_headers("X-A"),
        "auth.login_not_required": lambda d: d.auth.login_not_required,
        "transaction.non_atomic_requests": lambda d: d.transaction.non_atomic_requests,
    }.items():
        module, _, name = path.partition(".")
        assert getattr(getattr(OURS, module), name) is getattr(getattr(STOCK, module), name)
        yield Case(f"`{name}`", lambda d, make=make: make(d)(own_page()))
    if HAS_CSP:
        from django.views.decorators import csp as djangos_csp

        from django_asynckit.decorators import csp

        for name in csp.__all__:
            assert getattr(csp, name) is getattr(djangos_csp, name)
            yield Case(f"`{name}`", lambda d, name=name: getattr(csp, name)({})(page))


def own_page():
    """Return a view that nobody else marks."""

    async def view(request):
        return HttpResponse("page")

    return view


def _csrf():
    for name in ("csrf_protect", "requires_csrf_token", "ensure_csrf_cookie"):

        def make(d, name=name):
            return getattr(d.csrf, name)(page)

        yield Case(f"`{name}`", make)
        yield Case(f"`{name}`, a small form", make, FORM)
        yield Case(
            f"`{name}`, a form with a file",
            make,
            UPLOAD,
            settings={"FILE_UPLOAD_HANDLERS": [f"{__name__}.UploadHandler"]},
        )


def _cache():
    def make(d):
        return d.cache.cache_page(9)(page)

    yield Case("`cache_page`, `LocMemCache`", make, settings=caches(LOCMEM))
    yield Case("`cache_page`, a cache that blocks", make, settings=caches(f"{CACHES}.SyncCache"))
    yield Case("`cache_page`, an async cache", make, settings=caches(f"{CACHES}.AsyncCache"))
    yield Case(
        "`cache_page`, `DatabaseCache`",
        make,
        settings={
            "CACHES": {
                "default": {
                    "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                    "LOCATION": "decorated_pages",
                }
            }
        },
    )


def _http():
    for name in ("condition", "etag"):

        def make(d, name=name):
            return getattr(d.http, name)(sync_etag)(page)

        yield Case(f"`{name}`, a sync function", make, is_right=sets("ETag"))
        yield Case(
            f"`{name}`, an async function",
            lambda d, name=name: getattr(d.http, name)(async_etag)(page),
            is_right=lambda response: response.headers.get("ETag") == '"a"',
        )
    yield Case("`last_modified`, a sync function", lambda d: d.http.last_modified(no_time)(page))
    yield Case("`conditional_page`", lambda d: d.http.conditional_page(page))
    yield Case("`conditional_page`, 1 MiB", lambda d: d.http.conditional_page(large), is_heavy=True)
    for name in ("require_GET", "require_POST", "require_safe"):
        yield Case(
            f"`{name}`, refused", lambda d, name=name: getattr(d.http, name)(page), PUT, refused
        )
    yield Case("`require_http_methods`", lambda d: d.http.require_http_methods(["GET"])(page))
    yield Case(
        "`require_http_methods`, refused",
        lambda d: d.http.require_http_methods(["GET"])(page),
        PUT,
        refused,
    )


PUT = {"method": "PUT"}


def no_time(request):
    note("time")


def _auth(plain, permitted):
    def case(name, make, user=plain, **kwargs):
        return Case(name, make, user=user, **kwargs)

    def refused_case(name, make, user):
        return case(f"{name}, refused", make, user, is_right=redirected)

    nobody = AnonymousUser()
    yield case("`login_required`", lambda d: d.auth.login_required(page))
    yield refused_case("`login_required`", lambda d: d.auth.login_required(page), nobody)
    yield refused_case(
        "`staff_member_required`",
        lambda d: d.admin.staff_member_required(login_url="/in/")(page),
        plain,
    )
    yield case(
        "`user_passes_test`, a sync test", lambda d: d.auth.user_passes_test(test_user)(page)
    )
    yield case(
        "`user_passes_test`, an async test", lambda d: d.auth.user_passes_test(atest_user)(page)
    )

    def permission(d):
        return d.auth.permission_required(PERMISSION, login_url="/in/")(page)

    yield case("`permission_required`", permission, permitted)
    yield refused_case("`permission_required`", permission, nobody)
    for name, attributes, user in (
        ("LoginRequiredMixin", {}, plain),
        ("PermissionRequiredMixin", {"permission_required": PERMISSION}, permitted),
        ("UserPassesTestMixin", {"test_func": test_user}, plain),
    ):

        def make(d, name=name, attributes=attributes):
            return class_based(getattr(d.mixins, name), **attributes)

        yield case(f"`{name}`", make, user)
        if name != "UserPassesTestMixin":
            yield refused_case(f"`{name}`", make, nobody)
    yield refused_case(
        "`UserPassesTestMixin`, an async `test_func()`",
        lambda d: class_based(d.mixins.UserPassesTestMixin, test_func=afails),
        nobody,
    )


async def afails(view):
    return False


def _others():
    yield Case("`gzip_page`", lambda d: d.gzip.gzip_page(page), GZIP)
    yield Case("`gzip_page`, 1 MiB", lambda d: d.gzip.gzip_page(large), GZIP, is_heavy=True)
    yield Case("`method_decorator` on `dispatch`", dispatched, is_right=sets("Cache-Control"))
    yield Case(
        "`decorator_from_middleware`, sync hooks",
        lambda d: d.utils.decorator_from_middleware(SyncHooks)(page),
    )
    yield Case(
        "`decorator_from_middleware`, async hooks",
        lambda d: d.utils.decorator_from_middleware(AsyncHooks)(page),
        is_right=sets("X-Hook"),
    )
    yield Case(
        "`translation.override`",
        lambda d: d.translation.override("de")(language),
        is_right=said(b"de"),
    )
    yield Case(
        "`timezone.override`",
        lambda d: d.timezone.override("Asia/Tokyo")(zone),
        is_right=said(b"Asia/Tokyo"),
    )


GZIP = {"headers": {"accept-encoding": "gzip"}}


def every_case(plain: User, permitted: User) -> list[Case]:
    """Return the rows, in order; the second user has a permission."""
    sessions = Case("`csrf_protect`, `CSRF_USE_SESSIONS`", with_session, settings=SESSION)
    return [
        *_cache(),
        *_csrf(),
        sessions,
        *_http(),
        *_auth(plain, permitted),
        *_others(),
        *djangos_own(),
    ]


def with_session(d):
    """Return a view whose request has a session of the database that nobody has loaded."""
    from django.contrib.sessions.backends.db import SessionStore

    decorated = d.csrf.csrf_protect(page)

    async def view(request):
        request.session = SessionStore("k" * 32)
        return await decorated(request)

    assert iscoroutinefunction(decorated)
    return view
