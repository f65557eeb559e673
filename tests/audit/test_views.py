"""The URLconf is walked; each mistake in a view is found, and what is healthy is not."""

from __future__ import annotations

import asyncio
from types import ModuleType

import pytest
from django.conf import settings
from django.contrib.auth import mixins
from django.contrib.auth.decorators import login_not_required
from django.db import connections, transaction
from django.test import override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.common import no_append_slash
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from django_asynckit import decorators
from django_asynckit.audit.application import find_application
from django_asynckit.audit.views import audit_views
from django_asynckit.decorators import asyncify_view
from django_asynckit.decorators.auth import login_required
from django_asynckit.decorators.cache import cache_page
from django_asynckit.decorators.mixins import (
    AccessMixin,
    LoginRequiredMixin,
    PermissionRequiredMixin,
    UserPassesTestMixin,
)
from tests.audit import urls

HERE = "tests.audit.urls"


def audit(*patterns, handler="unknown"):
    urlconf = HERE
    if patterns:
        urlconf = ModuleType("urls")
        urlconf.urlpatterns = list(patterns)
    with override_settings(ROOT_URLCONF=urlconf):
        return audit_views(handler)


def found(rule):
    """Return the names of the views for which ``rule`` was found."""
    return {
        finding.where.removeprefix(f"{HERE}.") for finding in audit().findings if finding.id == rule
    }


def test_every_route_is_listed_with_its_view_and_mode():
    views = audit()
    routes = {view.pattern: view for view in views.entries}
    assert len(routes) == len(views.entries) == 31
    assert routes[""].name == "home"
    assert routes["nested/page/"].name == "eu:page"
    assert routes["plain/page/"].name == "page"
    assert routes["nested/nameless/"].name == ""
    assert routes["class/"].place.where == f"{HERE}.AsyncView"
    assert routes["login/"].place.where == f"{HERE}.page"
    assert routes["instance/"].place.where == f"{HERE}.Instance"
    assert routes["login/"].place.file.endswith("tests/audit/urls.py")
    with open(urls.__file__, encoding="utf-8") as file:
        lines = file.read().splitlines()
    assert lines[routes["class/"].place.line - 1] == "class AsyncView(View):"
    modes = {pattern: view.mode for pattern, view in routes.items()}
    assert {modes[name] for name in ("", "login/", "class/", "class/login/", "adapted/")} == {
        "async"
    }
    assert {modes[name] for name in ("sync/", "hidden/", "class/sync/", "instance/")} == {"sync"}
    assert views.count("async") + views.count("sync") == 31


def test_async_views_behind_sync_wrappers_are_found():
    hidden = [f for f in audit().findings if f.id == "asynckit.W008"]
    assert sorted(finding.message.rpartition("(")[2] for finding in hidden) == [
        "hidden/).",
        "hidden/adapted/).",
        "hidden/partial/).",
    ]


def test_a_lost_csrf_exempt_is_found():
    lost = [f for f in audit().findings if f.id == "asynckit.W012"]
    assert sorted(finding.message.rpartition("(")[2] for finding in lost) == [
        "exempt/lost/).",
        "exempt/lost/partial/).",
    ]


def test_a_decorated_dispatch_of_an_async_class_is_found():
    assert found("asynckit.W009") == {"DecoratedDispatch", "TimedDispatch"}
    [finding] = [f for f in audit().findings if f.where == f"{HERE}.DecoratedDispatch"]
    assert "decorated with login_required" in finding.message


def test_a_mixin_that_asks_for_the_user_in_sync_code_is_found():
    assert found("asynckit.W010") == {"NeedsLogin"}


def test_nothing_else_is_found():
    ids = {finding.id for finding in audit().findings}
    assert ids == {f"asynckit.W{number:03}" for number in (8, 9, 10, 12)}


def dispatch(self, request, *args, **kwargs):
    return urls.AsyncView.dispatch(self, request, *args, **kwargs)


HARMLESS = [
    login_not_required,
    no_append_slash,
    csrf_exempt,
    transaction.non_atomic_requests,
    transaction.non_atomic_requests("other"),
    sensitive_post_parameters("password"),
]


@pytest.mark.parametrize(
    "decorated",
    [
        *(method_decorator(one)(dispatch) for one in HARMLESS),
        method_decorator(HARMLESS)(dispatch),
        csrf_exempt(dispatch),
        no_append_slash(dispatch),
        csrf_exempt(method_decorator(no_append_slash)(dispatch)),
    ],
    ids=range(10),
)
def test_decorators_that_pass_on_what_dispatch_returns_are_healthy(decorated, rf):
    view = type("Decorated", (urls.AsyncView,), {"dispatch": decorated}).as_view()
    assert audit(path("", view)).findings == []
    assert asyncio.run(view(rf.get("/"))).status_code == 200


@pytest.mark.parametrize(
    "decorated",
    [
        csrf_exempt(urls.timed(dispatch)),
        method_decorator(xframe_options_exempt)(dispatch),
        # It hides variables of frames that are gone when the coroutine runs.
        method_decorator(sensitive_variables())(dispatch),
        # It takes the view for the request.
        sensitive_post_parameters()(dispatch),
    ],
    ids=range(4),
)
def test_decorators_that_do_not_are_found_among_them(decorated):
    view = type("Decorated", (urls.AsyncView,), {"dispatch": decorated}).as_view()
    assert [finding.id for finding in audit(path("", view)).findings] == ["asynckit.W009"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (LoginRequiredMixin, mixins.PermissionRequiredMixin, ["asynckit.W010"]),
        (PermissionRequiredMixin, mixins.UserPassesTestMixin, ["asynckit.W010"]),
        (UserPassesTestMixin, mixins.LoginRequiredMixin, ["asynckit.W010"]),
        (AccessMixin, mixins.LoginRequiredMixin, ["asynckit.W010"]),
        (PermissionRequiredMixin, mixins.LoginRequiredMixin, []),
    ],
)
def test_a_mixin_of_ours_may_come_first(first, second, expected):
    """Ours leaves the user loaded; Django's then asks for nothing but a login that is there."""
    view = type("Both", (first, second, urls.AsyncView), {"permission_required": "edit"})
    assert [finding.id for finding in audit(path("", view.as_view())).findings] == expected


def test_a_urlconf_that_cannot_be_loaded_is_found():
    with override_settings(ROOT_URLCONF="no_such_module"):
        views = audit_views()
    [finding] = views.findings
    assert (finding.id, finding.file, finding.line) == ("asynckit.E009", "", 0)
    assert finding.hint.startswith("Correct the line that raised. `python manage.py check` shows")
    assert "no_such_module" in finding.message
    assert views.entries == []
    assert not views.is_counted
    assert audit(path("", urls.page)).is_counted


@pytest.mark.parametrize("source", ["from django.urls import path\n1 / 0\n", "\ndef f(:\n"])
def test_a_urlconf_that_raises_is_found_at_the_line_that_raises(source, tmp_path, monkeypatch):
    (tmp_path / "raising_urls.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with override_settings(ROOT_URLCONF="raising_urls"):
        [finding] = audit_views().findings
    assert (finding.file, finding.line) == (str(tmp_path / "raising_urls.py"), 2)


def test_a_class_with_both_kinds_of_handlers_is_found():
    with override_settings(ROOT_URLCONF="tests.audit.mixed_urls"):
        [finding] = audit_views().findings
    assert finding.id == "asynckit.E010"


@pytest.fixture
def atomic_requests(monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)


@pytest.mark.usefixtures("atomic_requests")
def test_async_views_with_atomic_requests_are_found():
    views = audit(
        path("", urls.page),
        path("no/", transaction.non_atomic_requests(urls.AsyncView.as_view())),
        path("asyncified/", asyncify_view(urls.sync_page)),
        path("sync/", urls.sync_page),
    )
    [finding] = views.findings
    assert finding.id == "asynckit.W011"
    assert "1 async views" in finding.message


@pytest.mark.usefixtures("atomic_requests")
def test_sync_views_with_atomic_requests_are_fine():
    assert audit(path("", urls.sync_page)).findings == []


@pytest.mark.usefixtures("atomic_requests")
def test_our_handler_supports_atomic_requests():
    assert audit(path("", urls.page), handler="asynckit").findings == []
    assert len(audit(path("", urls.page), handler="stock").findings) == 1


class Hostile:
    """A view that fails when it is asked anything."""

    def __call__(self, request):
        """Answers nothing."""

    def __getattr__(self, name):
        raise ValueError(name)


class Endless:
    """A view that says that it wraps another one, without end."""

    def __call__(self, request):
        """Answers nothing."""

    @property
    def __wrapped__(self):
        return Endless()


@pytest.mark.usefixtures("atomic_requests")
def test_a_view_that_cannot_be_looked_at_is_named_and_the_rest_comes():
    views = audit(path("", Hostile()), path("sync/", urls.sync_page), path("end/", Endless()))
    [finding] = views.findings
    assert finding.id == "asynckit.I015"
    assert finding.message == "The view of / cannot be looked at: ValueError: view_class"
    assert [view.pattern for view in views.entries] == ["sync/", "end/"]


def test_a_missing_urlconf_is_found():
    with override_settings():
        del settings.ROOT_URLCONF
        [finding] = audit_views().findings
        assert find_application().module == ""
    assert finding.id == "asynckit.E009"
    assert finding.where == "ROOT_URLCONF is not set"


@decorators.method_decorator([cache_page(60), login_required], name="dispatch")
class WithOurs(urls.AsyncView):
    pass


@method_decorator(urls.timed, name="dispatch")
class AroundOurs(WithOurs):
    pass


class Members(LoginRequiredMixin, urls.AsyncView):
    pass


class Editors(PermissionRequiredMixin, urls.AsyncView):
    permission_required = "edit"


@pytest.mark.parametrize(
    "view",
    [
        WithOurs.as_view(),
        Members.as_view(),
        Editors.as_view(),
        login_required(urls.page),
        cache_page(60)(WithOurs.as_view()),
    ],
    ids=["dispatch", "login", "permission", "function", "around"],
)
def test_our_decorators_and_mixins_are_healthy(view):
    views = audit(path("", view))
    assert views.findings == []
    assert views.count("async") == 1


def test_a_sync_decorator_around_ours_is_found():
    [finding] = audit(path("", AroundOurs.as_view())).findings
    assert finding.id == "asynckit.W009"
    assert "decorated with timed," in finding.message
