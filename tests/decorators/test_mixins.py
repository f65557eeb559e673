"""The mixins on async class-based views: Django's answers, Django's names, async overrides."""

from __future__ import annotations

import pytest
from django.contrib.auth import mixins as djangos
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory
from django.utils.functional import SimpleLazyObject
from django.views import View

from django_asynckit.decorators import mixins
from django_asynckit.middleware import non_blocking
from tests.decorators import tools, users
from tests.decorators.tools import note
from tests.decorators.users import NAMES, PERMISSION, SITE


@pytest.fixture
def headers(in_process_database):
    users.fill()
    return {name: users.cookie_of(name) for name in NAMES}


class AsyncPage(View):
    async def get(self, request, *args, **kwargs):
        note("view")
        return HttpResponse("page")


class SyncPage(View):
    def get(self, request, *args, **kwargs):
        note("view")
        return HttpResponse("page")


def make(module, page):  # noqa: C901
    """Return classes that use the mixins of a module, each with another thing that Django allows."""

    class Login(module.LoginRequiredMixin, page):
        pass

    class OtherUrl(module.LoginRequiredMixin, page):
        login_url, redirect_field_name = "http://elsewhere.test/", "to"

    class Raises(module.LoginRequiredMixin, page):
        raise_exception, permission_denied_message = True, "not you"

    class Permission(module.PermissionRequiredMixin, page):
        permission_required = PERMISSION

    class Permissions(module.PermissionRequiredMixin, page):
        def get_permission_required(self):
            return (PERMISSION, "auth.add_group")

    class OwnPermission(module.PermissionRequiredMixin, page):
        def has_permission(self):
            return self.request.user.username == "plain"

    class Test(module.UserPassesTestMixin, page):
        def test_func(self):
            return self.request.user.username == "plain"

    class OtherTest(module.UserPassesTestMixin, page):
        def get_test_func(self):
            return lambda: self.request.user.username == "plain"

    class Refuses(module.UserPassesTestMixin, page):
        def test_func(self):
            return False

        def handle_no_permission(self):
            if self.request.user.is_authenticated:
                return HttpResponse("refused", status=418)
            return super().handle_no_permission()

    class Both(module.LoginRequiredMixin, module.PermissionRequiredMixin, page):
        permission_required, raise_exception = PERMISSION, False

    class Url(module.LoginRequiredMixin, page):
        def get_login_url(self):
            return "/own/"

    class Odd(module.LoginRequiredMixin, page):
        login_url = users.odd_url

    return {name: value for name, value in locals().items() if isinstance(value, type)}


OURS, STOCK, OURS_SYNC = (
    make(mixins, AsyncPage),
    make(djangos, SyncPage),
    make(mixins, SyncPage),
)
METHODS = ["GET", "OPTIONS", "POST"]
KINDS = [name for name in OURS if name != "page"]


@pytest.mark.parametrize("kind", KINDS)
async def test_answers_are_those_of_djangos_on_a_sync_view(kind, headers):
    requests = [
        ("/page/?a=b", {"headers": headers[user], "method": method})
        for user, methods in {"": METHODS, "plain": METHODS, "permitted": ["GET"]}.items()
        for method in methods
    ]
    stock = STOCK[kind].as_view()
    await tools.assert_same(OURS[kind].as_view(), stock, requests, **SITE)
    await tools.assert_same(OURS_SYNC[kind].as_view(), stock, requests, **SITE)


@pytest.mark.parametrize("kind", KINDS)
async def test_they_work_with_djangos_middleware_and_handler_too(kind, headers):
    requests = [("/", {"headers": headers[user]}) for user in NAMES]
    first = await tools.ask(OURS[kind].as_view(), requests, **SITE)
    second = await tools.ask(
        OURS[kind].as_view(), requests, handler=tools.DjangoASGIHandler, **SITE
    )
    assert [tools.said(reply) for reply in first] == [tools.said(reply) for reply in second]


@pytest.mark.parametrize(
    ("kind", "anonymous", "plain"),
    [
        ("Login", [], []),
        ("OtherUrl", [], []),
        ("Permission", [], ["has_perms"]),
        ("Permissions", ["get_permission_required"], ["get_permission_required", "has_perms"]),
        ("OwnPermission", ["has_permission"], ["has_permission"]),
        ("Test", ["test_func"], ["test_func"]),
        ("Url", ["handle_no_permission"], []),
        ("Odd", ["handle_no_permission"], []),
        ("Refuses", ["test_func", "handle_no_permission"], ["test_func", "handle_no_permission"]),
    ],
)
async def test_hops_beside_loading_the_user(kind, anonymous, plain, headers):
    view = OURS[kind].as_view()
    with tools.site(view, **SITE):
        for user, hops in (("", anonymous), ("plain", plain)):
            made = await tools.hops_of(view, headers=headers[user])
            assert [name for name in made if name[0] != "_"] == hops


class AllAsync(mixins.PermissionRequiredMixin, AsyncPage):
    async def has_permission(self):
        note("has_permission")
        return (await self.request.auser()).is_authenticated

    async def handle_no_permission(self):
        note("handle_no_permission")
        return super().handle_no_permission()


class AsyncTest(mixins.UserPassesTestMixin, AsyncPage):
    async def test_func(self):
        note("test_func")
        return (await self.request.auser()).is_authenticated


class AsyncTestOfNobody(mixins.UserPassesTestMixin, AsyncPage):
    async def test_func(self):
        return False

    async def handle_no_permission(self):
        return super().handle_no_permission()


class Marked(mixins.UserPassesTestMixin, AsyncPage):
    @non_blocking
    def get_test_func(self):
        return self.test_func

    @non_blocking
    def test_func(self):
        note("test_func")
        return False

    @non_blocking
    def handle_no_permission(self):
        return HttpResponse("refused", status=403)


@pytest.mark.parametrize("view", [AllAsync, AsyncTest, AsyncTestOfNobody, Marked])
async def test_overrides_that_are_async_or_marked_make_no_hop(view, headers):
    with tools.site(view.as_view(), **SITE):
        anonymous = await tools.hops_of(view.as_view())
        plain = await tools.hops_of(view.as_view(), headers=headers["plain"])
    assert anonymous == []
    assert {name for name in plain if name != "_respond"} <= {"_get_user_unless_async"}
    assert all(on_loop for _, on_loop in tools.calls)


async def test_djangos_method_called_by_an_async_override_finds_the_user_loaded(headers):
    requests = [("/", {"headers": headers["plain"]}), ("/", {})]
    replies = await tools.ask(AsyncTestOfNobody.as_view(), requests, **SITE)
    assert [reply.status for reply in replies] == [403, 302]


class SyncViewAsyncMethods(mixins.UserPassesTestMixin, SyncPage):
    async def test_func(self):
        return "pass" in self.request.GET

    async def handle_no_permission(self):
        return HttpResponse("refused", status=403)


class SyncViewAsyncPermission(mixins.PermissionRequiredMixin, SyncPage):
    async def has_permission(self):
        return "pass" in self.request.GET

    async def handle_no_permission(self):
        return HttpResponse("refused", status=403)


class SyncViewWrappedMethod(SyncViewAsyncMethods):
    def test_func(self):
        """Returns a coroutine and does not say so, as behind a decorator that is sync."""
        return super().test_func()


ASYNC_METHODS = [SyncViewAsyncMethods, SyncViewAsyncPermission, SyncViewWrappedMethod]


@pytest.mark.parametrize("view", ASYNC_METHODS)
async def test_a_sync_view_may_have_async_methods(view):
    # With Django's a coroutine would count as true: all would be let in.
    replies = await tools.ask(view.as_view(), [("/", {}), ("/?pass", {})])
    assert [reply.status for reply in replies] == [403, 200]


@pytest.mark.parametrize("view", ASYNC_METHODS)
def test_a_sync_view_may_have_async_methods_without_an_event_loop_too(view):
    for query, status in (("/", 403), ("/?pass", 200)):
        assert view.as_view()(RequestFactory().get(query)).status_code == status


class Closed(mixins.UserPassesTestMixin, AsyncPage):
    """Refuses everybody, and looks at no user."""

    @non_blocking
    def test_func(self):
        return False


class ClosedForAll(Closed):
    raise_exception = True


class ClosedByOverride(Closed):
    def handle_no_permission(self):
        return HttpResponse("closed", status=403)


class OwnPermission(mixins.PermissionRequiredMixin, AsyncPage):
    raise_exception = True

    def has_permission(self):
        return False


@pytest.mark.parametrize("view", [ClosedForAll, ClosedByOverride, OwnPermission])
async def test_a_session_that_django_would_not_read_is_not_read(view, headers):
    (reply,) = await tools.ask(view.as_view(), [("/", {"headers": headers["plain"]})], **SITE)
    assert reply.status == 403
    assert b"Vary" not in dict(reply.headers)


async def test_without_authentication_an_async_override_may_refuse_too():
    (reply,) = await tools.ask(RefusesAll.as_view(), [("/", {})])
    assert reply.status == 403


class RefusesAll(Closed):
    async def handle_no_permission(self):
        return HttpResponse("closed", status=403)


class Dispatches(mixins.LoginRequiredMixin, AsyncPage):
    """Overrides ``dispatch()`` as a coroutine function, and stands before another mixin."""

    async def dispatch(self, request, *args, **kwargs):
        response = await super().dispatch(request, *args, **kwargs)
        response["X-Dispatched"] = "yes"
        return response


class Before(mixins.LoginRequiredMixin):
    """A mixin of the user's, with no base class that dispatches."""


class Twice(Before, Dispatches):
    pass


@pytest.mark.parametrize("view", [Dispatches, Twice])
async def test_dispatch_may_be_overridden(view, headers):
    requests = [("/", {"headers": headers[name]}) for name in ("", "plain")]
    refused, ok = await tools.ask(view.as_view(), requests, **SITE)
    assert (refused.status, ok.status, ok.body) == (302, 200, b"page")
    assert (b"X-Dispatched", b"yes") in ok.headers


class SyncDispatch(View):
    """A base class that is sync, of a view that is async."""

    def dispatch(self, request, *args, **kwargs):
        return HttpResponse("from a sync dispatch")


class OverSyncDispatch(mixins.LoginRequiredMixin, SyncDispatch):
    async def get(self, request):
        raise NotImplementedError


async def test_what_is_not_awaitable_is_not_awaited(headers):
    requests = [("/", {"headers": headers["plain"]})]
    (reply,) = await tools.ask(OverSyncDispatch.as_view(), requests, **SITE)
    assert reply.body == b"from a sync dispatch"


def asked(user):
    request = AsyncRequestFactory().get("/")
    request.user = user
    return request


class TestUsersOfOthers:
    """``request.user`` decides, as with Django's mixins; ``request.auser()`` is not asked."""

    @pytest.mark.parametrize(
        "wrap",
        [lambda user: user, lambda user: SimpleLazyObject(lambda: user)],
        ids=["plain", "lazy"],
    )
    async def test_an_assigned_user_is_found(self, wrap):
        view = OURS["Login"].as_view()
        assert (await view(asked(wrap(User())))).status_code == 200
        assert (await view(asked(wrap(AnonymousUser())))).status_code == 302

    async def test_a_lazy_user_is_loaded_in_a_thread(self):
        def load():
            note("load")
            return User()

        assert (await OURS["Login"].as_view()(asked(SimpleLazyObject(load)))).status_code == 200
        assert ("load", False) in tools.calls

    async def test_a_property_of_the_request_is_read_in_a_thread(self):
        request = AsyncRequestFactory().get("/")

        class Request(type(request)):
            @property
            def user(self):
                note("user")
                return User()

        request.__class__ = Request
        assert (await OURS["Login"].as_view()(request)).status_code == 200
        assert ("user", False) in tools.calls

    async def test_without_a_user_the_error_is_djangos(self):
        with pytest.raises(AttributeError, match="user"):
            await OURS["Login"].as_view()(AsyncRequestFactory().get("/"))


class PropertyOfView(mixins.PermissionRequiredMixin, AsyncPage):
    @property
    def permission_required(self):
        note("permission_required")
        return PERMISSION

    @property
    def raise_exception(self):
        note("raise_exception")
        return True


async def test_properties_of_a_view_are_read_in_a_thread():
    with pytest.raises(PermissionDenied):
        await PropertyOfView.as_view()(asked(AnonymousUser()))
    assert set(tools.calls) == {("permission_required", False), ("raise_exception", False)}


async def get_response(cls):
    return await cls.as_view()(asked(User()))


@pytest.mark.parametrize("module", [mixins, djangos])
async def test_what_is_missing_is_reported_as_by_django(module):
    page = AsyncPage if module is mixins else SyncPage

    class Permission(module.PermissionRequiredMixin, page):
        pass

    class Test(module.UserPassesTestMixin, page):
        pass

    for cls, error, message in (
        (Permission, ImproperlyConfigured, "Permission is missing the permission_required"),
        (Test, NotImplementedError, "Test is missing the implementation of the test_func"),
    ):
        with pytest.raises(error, match=message):
            await get_response(cls)


def test_they_are_access_mixins_of_djangos():
    for name in mixins.__all__:
        assert issubclass(getattr(mixins, name), djangos.AccessMixin)
