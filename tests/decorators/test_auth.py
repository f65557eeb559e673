"""Decorators about users on async views: Django's answers, and no override passed over."""

from __future__ import annotations

import asyncio

import pytest
from django.contrib.admin.views.decorators import staff_member_required as djangos_staff
from django.contrib.auth import decorators as djangos
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from django_asynckit.decorators import _permissions, auth
from django_asynckit.decorators.admin import staff_member_required
from django_asynckit.middleware import non_blocking
from tests.decorators import tools, users
from tests.decorators.tools import hello, hello_sync, note
from tests.decorators.users import HERE, NAMES, PERMISSION, SITE

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture(autouse=True)
def headers(in_process_database):
    users.fill()
    return {name: users.cookie_of(name) for name in NAMES}


def is_plain(user):
    note("test")
    return user.username == "plain"


async def is_plain_async(user):
    note("test")
    return user.username == "plain"


@non_blocking
def is_plain_inline(user):
    return is_plain(user)


class AsyncTest:
    async def __call__(self, user):
        return await is_plain_async(user)


DECORATORS = {
    "login_required": (auth.login_required, djangos.login_required),
    "login_required()": (
        auth.login_required(redirect_field_name="to", login_url="login"),
        djangos.login_required(redirect_field_name="to", login_url="login"),
    ),
    "elsewhere": (
        auth.login_required(login_url="http://elsewhere.test/"),
        djangos.login_required(login_url="http://elsewhere.test/"),
    ),
    "staff_member_required": (
        staff_member_required(login_url="/in/"),
        djangos_staff(login_url="/in/"),
    ),
    "permission_required": (
        auth.permission_required(PERMISSION),
        djangos.permission_required(PERMISSION),
    ),
    "two permissions": (
        auth.permission_required([PERMISSION, "auth.add_group"], login_url="/in/"),
        djangos.permission_required([PERMISSION, "auth.add_group"], login_url="/in/"),
    ),
    "raise_exception": (
        auth.permission_required((PERMISSION,), raise_exception=True),
        djangos.permission_required((PERMISSION,), raise_exception=True),
    ),
    "user_passes_test": (auth.user_passes_test(is_plain), djangos.user_passes_test(is_plain)),
    "async test": (
        auth.user_passes_test(is_plain_async),
        djangos.user_passes_test(is_plain),
    ),
    "marked test": (auth.user_passes_test(is_plain_inline), djangos.user_passes_test(is_plain)),
    "a test that returns a coroutine": (
        auth.user_passes_test(lambda user: is_plain_async(user)),
        djangos.user_passes_test(is_plain),
    ),
    "an object with an async __call__": (
        auth.user_passes_test(AsyncTest()),
        djangos.user_passes_test(is_plain),
    ),
    "odd URL": (
        auth.user_passes_test(is_plain, users.odd_url),
        djangos.user_passes_test(is_plain, users.odd_url),
    ),
}


@pytest.mark.parametrize("name", DECORATORS)
async def test_answers_are_those_of_djangos_on_a_sync_view(name, headers):
    ours, stock = DECORATORS[name]
    requests = [("/page/?a=b", {"headers": headers[user]}) for user in NAMES]
    replies = await tools.assert_same(ours(hello), stock(hello_sync), requests, **SITE)
    assert len({reply.status for reply in replies}) == 2  # Some may, and some may not.


@pytest.mark.parametrize("name", ["login_required", "permission_required", "odd URL"])
async def test_on_a_sync_view_it_is_djangos(name, headers):
    ours, stock = DECORATORS[name]
    requests = [("/page/?a=b", {"headers": headers[user]}) for user in NAMES]
    await tools.assert_same(ours(hello_sync), stock(hello_sync), requests, **SITE)


@pytest.mark.parametrize(
    ("name", "anonymous", "plain", "admin"),
    [
        ("login_required", 0, 0, 0),
        ("login_required()", 0, 0, 0),
        ("staff_member_required", 0, 0, 0),
        ("permission_required", 0, 1, 0),
        ("raise_exception", 0, 1, 0),
        ("user_passes_test", 1, 1, 1),
        ("async test", 0, 0, 0),
        ("marked test", 0, 0, 0),
        ("an object with an async __call__", 0, 0, 0),
        ("odd URL", 2, 1, 2),
    ],
)
async def test_hops_beside_loading_the_user(name, anonymous, plain, admin, headers):
    decorated = DECORATORS[name][0](hello)
    with tools.site(decorated, **SITE):
        for user, hops in (("", anonymous), ("plain", plain), ("ada", admin)):
            made = await tools.hops_of(decorated, headers=headers[user])
            # Loading the user, and a 403 in its template.
            others = [name for name in made if name != "_get_user_unless_async"]
            assert len([name for name in others if name != "_respond"]) == hops, (user, made)


async def test_an_odd_setting_is_resolved_in_a_thread():
    view = auth.login_required(hello)
    settings = {**SITE, "LOGIN_URL": users.odd_url}
    with tools.site(view, **settings):
        assert len(await tools.hops_of(view)) == 1


class TestBackends:
    """Which backend is asked how."""

    async def may(self, names, headers, *backends):
        paths = [path if "." in path else f"{HERE}.{path}" for path in backends]
        requests = [("/", {"headers": headers[name]}) for name in names]
        view = auth.permission_required(PERMISSION)(hello)
        with tools.site(view, **SITE, AUTHENTICATION_BACKENDS=paths):
            replies = await tools.ask(view, requests, **SITE, AUTHENTICATION_BACKENDS=paths)
        return [name for name, reply in zip(names, replies, strict=True) if reply.status == 200]

    def asked(self):
        return [call for call in tools.calls if call[0] != "view"]

    async def test_an_override_of_a_sync_method_decides(self, headers):
        # Djangos ahas_perms() would not ask it, and let "permitted" in.
        assert await self.may(
            ["plain", "permitted"], {**headers, **self.sessions("SyncOverride")}, "SyncOverride"
        ) == ["plain"]
        assert set(self.asked()) == {("sync has_perm", False)}

    def sessions(self, backend):
        return self._sessions[backend]

    @pytest.fixture(autouse=True)
    def _of_each_backend(self, headers):
        names = ["SyncOverride", "AsyncOverride", "Denying"]
        self._sessions = {
            backend: {name: users.cookie_of(name, f"{HERE}.{backend}") for name in NAMES}
            for backend in names
        }

    async def test_async_methods_of_its_own_are_awaited(self, headers):
        sessions = self.sessions("AsyncOverride")
        assert await self.may(["plain", "staff", "ada"], sessions, "AsyncOverride") == [
            "staff",
            "ada",
        ]
        assert set(self.asked()) == {("async has_perm", True)}

    async def test_backends_of_all_kinds_are_each_asked_in_their_own_way(self, headers):
        backends = ("NoPermissions", "AsyncOverride", "SyncOnly", MODEL_BACKEND)
        sessions = self.sessions("AsyncOverride")
        names = ["", "plain", "staff", "permitted"]
        assert await self.may(names, sessions, *backends) == ["plain", "staff", "permitted"]
        assert set(self.asked()) == {("async has_perm", True), ("sync has_perm", False)}

    async def test_a_backend_may_deny_for_all(self, headers):
        sessions = self.sessions("Denying")
        assert await self.may(["permitted"], sessions, "Denying", MODEL_BACKEND) == []

    async def test_code_that_was_not_reviewed_is_asked_in_a_thread(self, headers, monkeypatch):
        monkeypatch.setattr(_permissions, "is_reviewed", lambda path: False)
        view = auth.permission_required(PERMISSION)(hello)
        with tools.site(view, **SITE):
            assert await tools.hops_of(view) == ["has_perms"]


class TestUserModels:
    """Methods of a user's own."""

    class Sync(User):
        class Meta:
            proxy = True
            app_label = "nowhere"

        def has_perms(self, perm_list, obj=None):
            note("sync has_perms")
            return True

    class Async(User):
        class Meta:
            proxy = True
            app_label = "nowhere"

        async def ahas_perms(self, perm_list, obj=None):
            note("async has_perms")
            return True

    class Superuser(User):
        class Meta:
            proxy = True
            app_label = "nowhere"

        @property
        def is_superuser(self):
            note("is_superuser")
            return True

        @is_superuser.setter
        def is_superuser(self, value):
            """Take what the model gives it."""

    class NotDjangos:
        """A user of an API, without anything of Django's."""

        is_active = True

        def has_perms(self, perm_list, obj=None):
            return True

    @pytest.mark.parametrize(
        ("user", "calls"),
        [
            (Sync(), [("sync has_perms", False)]),
            (Async(), [("async has_perms", True)]),
            (SimpleLazyObject(Sync), [("sync has_perms", False)]),
            (NotDjangos(), []),
        ],
    )
    async def test_they_decide(self, user, calls):
        assert await _permissions.has_perms(user, [PERMISSION])
        assert tools.calls == calls

    @pytest.mark.parametrize("backend", [MODEL_BACKEND, f"{HERE}.AsyncOverride"])
    async def test_a_property_is_read_in_a_thread(self, backend):
        with tools.site(hello, AUTHENTICATION_BACKENDS=[backend]):
            assert await _permissions.has_perms(self.Superuser(), [PERMISSION])
        assert set(tools.calls) == {("is_superuser", False)}

    @pytest.mark.parametrize("user", [AnonymousUser(), User(is_superuser=True), User()])
    @pytest.mark.parametrize("perms", ["auth.change_group", 3])
    async def test_what_is_no_list_of_permissions_raises_as_with_django(self, user, perms):
        with pytest.raises(ValueError, match="perm_list must be an iterable"):
            user.has_perms(perms)
        with pytest.raises(ValueError, match="perm_list must be an iterable"):
            await _permissions.has_perms(user, perms)

    async def test_permissions_that_were_loaded_need_no_hop(self):
        from django_asynckit.trace import record_hops

        user = User()
        user._perm_cache = {PERMISSION}
        with record_hops() as trace:
            assert await _permissions.has_perms(user, [PERMISSION])
            assert not await _permissions.has_perms(user, [PERMISSION, "auth.add_group"])
        assert trace.hops == []


def request_of(user):
    request = HttpRequest()
    request.META.update(SERVER_NAME="testserver", SERVER_PORT="80")

    async def auser():
        return user

    request.auser = auser
    return request


async def test_as_with_django_only_auser_is_needed():
    view = auth.login_required(hello)
    assert (await view(request_of(User()))).status_code == 200
    assert (await view(request_of(AnonymousUser()))).status_code == 302
    refused = auth.permission_required(PERMISSION, raise_exception=True)(hello)
    with pytest.raises(PermissionDenied):
        await refused(request_of(AnonymousUser()))


class Property(User):
    """Asks somebody whether it is authenticated."""

    class Meta:
        proxy = True
        app_label = "nowhere"

    @property
    def is_authenticated(self):
        note("property")
        return False

    @property
    def is_staff(self):
        note("property")
        return True

    @is_staff.setter
    def is_staff(self, value):
        """Take what the model gives it."""


@pytest.mark.parametrize(
    ("decorator", "status"), [(auth.login_required, 302), (staff_member_required, 200)]
)
async def test_a_property_of_a_user_model_is_read_in_a_thread(decorator, status):
    if decorator is staff_member_required:
        decorator = staff_member_required(login_url="/in/")
    response = await decorator(hello)(request_of(Property()))
    assert response.status_code == status
    assert [call for call in tools.calls if call[0] != "view"] == [("property", False)]


async def test_the_marks_for_login_required_middleware_are_djangos():
    for is_async in (True, False):
        view = auth.login_required(login_url="/here/", redirect_field_name="to")(
            hello if is_async else hello_sync
        )
        assert (view.login_url, view.redirect_field_name) == ("/here/", "to")


async def test_a_cancellation_passes_through():
    async def view(request):
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await auth.login_required(view)(request_of(User()))
