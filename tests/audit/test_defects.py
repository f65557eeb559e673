"""Each mistake in middleware is found, and what is healthy is not."""

from __future__ import annotations

import re
import sys

import pytest
from django.test import override_settings

from django_asynckit.audit import known
from django_asynckit.audit import stack as stack_module
from django_asynckit.audit.findings import Level
from django_asynckit.audit.stack import audit_stack
from tests.audit import broken, stacks

BROKEN, HEALTHY, IO = "tests.audit.broken", "tests.audit.stacks", "tests.audit.doing_io"

CASES = [
    ("asynckit.W003", f"{HEALTHY}.SyncClass", f"{HEALTHY}.Native"),
    ("asynckit.W003", f"{HEALTHY}.sync_function", f"{HEALTHY}.both"),
    ("asynckit.W004", f"{BROKEN}.DeadAcall", f"{HEALTHY}.Native"),
    ("asynckit.W004", f"{BROKEN}.DeadAcall", f"{BROKEN}.SaysItIsSync"),
    ("asynckit.W004", f"{BROKEN}.DeadAgain", f"{BROKEN}.SyncOnPurpose"),
    ("asynckit.W005", f"{BROKEN}.Unmarked", f"{HEALTHY}.AsyncCall"),
    ("asynckit.W005", f"{BROKEN}.only_sync_inside", f"{HEALTHY}.both"),
    ("asynckit.W005", f"{BROKEN}.Asking", f"{HEALTHY}.MarkedByHelper"),
    ("asynckit.W005", f"{BROKEN}.Asking", f"{HEALTHY}.MarkedByModule"),
    ("asynckit.W005", f"{BROKEN}.only_sync_inside", f"{HEALTHY}.made_by_helper"),
    ("asynckit.W005", f"{BROKEN}.made_of_an_unmarked_class", f"{HEALTHY}.made_of_a_class"),
    ("asynckit.W006", f"{BROKEN}.Bypassing", f"{HEALTHY}.OwnCall"),
    ("asynckit.W006", f"{BROKEN}.Bypassing", f"{HEALTHY}.OwnAcall"),
    ("asynckit.W006", f"{BROKEN}.Bypassing", f"{BROKEN}.AsyncBypassing"),
    ("asynckit.W006", f"{BROKEN}.Bypassing", f"{BROKEN}.SaysItIsSync"),
    ("asynckit.W007", f"{BROKEN}.WithoutInit", f"{BROKEN}.WithInit"),
    ("asynckit.W007", f"{BROKEN}.WithoutInit", f"{HEALTHY}.Hooks"),
    ("asynckit.E004", f"{HEALTHY}.NeverCapable", f"{HEALTHY}.SyncClass"),
    ("asynckit.E006", f"{BROKEN}.AsyncHook", f"{BROKEN}.OursAsyncHook"),
    ("asynckit.E006", f"{BROKEN}.AsyncHook", f"{HEALTHY}.AsyncViewHook"),
    ("asynckit.E003", "no_such.Middleware", f"{HEALTHY}.Native"),
    ("asynckit.E003", f"{HEALTHY}.NoSuchName", f"{HEALTHY}.Native"),
    ("asynckit.I003", f"{HEALTHY}.Hooks", f"{HEALTHY}.Native"),
    ("asynckit.I003", f"{HEALTHY}.Hooks", "django.middleware.security.SecurityMiddleware"),
    ("asynckit.I005", f"{HEALTHY}.Hopping", f"{HEALTHY}.Native"),
]


def found(*paths, makes=False, **settings):
    with override_settings(MIDDLEWARE=list(paths), **settings):
        return {finding.id: finding for finding in audit_stack(makes=makes).findings}


@pytest.mark.parametrize("makes", [True, False], ids=["made", "looked at"])
@pytest.mark.parametrize(("rule", "broken", "healthy"), CASES)
def test_each_mistake_is_found_and_its_healthy_twin_is_not(rule, broken, healthy, makes):
    finding = found(broken, makes=makes)[rule]
    assert broken in finding.where
    assert broken in finding.message
    assert finding.hint
    assert rule not in found(healthy, makes=makes)


@pytest.mark.parametrize("makes", [True, False])
def test_a_mark_of_old_is_none_where_python_does_not_look_at_it(makes):
    is_found = "asynckit.W005" in found(f"{BROKEN}.MarkedAsOfOld", makes=makes)
    assert is_found is (sys.version_info >= (3, 12))


@pytest.mark.parametrize("makes", [True, False])
def test_a_call_without_async_mode_is_right_where_the_chain_is_sync(makes):
    paths = [f"{BROKEN}.Bypassing", f"{HEALTHY}.sync_function"]
    assert "asynckit.W006" not in found(*paths, makes=makes)
    assert "asynckit.W006" in found(*paths[::-1], makes=makes)
    declared = {"ASYNCKIT_NON_BLOCKING_MIDDLEWARE": paths[1:]}
    assert "asynckit.W006" in found(*paths, makes=makes, **declared)
    with override_settings(MIDDLEWARE=paths):
        entry, _ = audit_stack(makes=makes).entries
    assert entry.reason.endswith("for that reason only: its __call__() knows no async mode.")


def test_findings_say_where_the_code_is():
    finding = found(f"{BROKEN}.Bypassing")["asynckit.W006"]
    assert finding.file.endswith("tests/audit/broken.py")
    with open(finding.file, encoding="utf-8") as file:
        assert file.read().splitlines()[finding.line - 1].startswith("class Bypassing")
    function = found(f"{HEALTHY}.sync_function")["asynckit.W003"]
    assert function.file.endswith("tests/audit/stacks.py")
    assert function.level is Level.WARNING


def test_a_partial_is_where_its_function_is():
    with override_settings(MIDDLEWARE=[f"{BROKEN}.partial"]):
        [entry] = audit_stack(makes=True).entries
    assert entry.place.file.endswith("tests/audit/broken.py")
    assert entry.place.line == broken.configured.__code__.co_firstlineno


def test_a_declared_middleware_does_not_pin_a_thread():
    path = f"{HEALTHY}.sync_function"
    assert "asynckit.W003" not in found(path, ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[path])
    hooks = f"{HEALTHY}.Hooks"
    assert "asynckit.I003" not in found(hooks, ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[hooks])


@pytest.mark.parametrize("name", ["Failing", "makes_nothing"])
def test_a_middleware_that_cannot_be_made_is_found_where_it_may_be_made(name):
    assert "asynckit.E005" not in found(f"{HEALTHY}.{name}")
    finding = found(f"{HEALTHY}.{name}", makes=True)["asynckit.E005"]
    assert name in finding.message


def test_a_middleware_that_is_not_used_is_named():
    path = f"{HEALTHY}.NotUsed"
    assert "not used" in found(path, makes=True)["asynckit.I004"].message
    assert "asynckit.I004" not in found(path)


def test_async_only_middleware_is_named_where_the_site_has_wsgi():
    path = f"{HEALTHY}.async_only"
    assert "asynckit.I002" in found(path, WSGI_APPLICATION="site.wsgi.application")
    assert "asynckit.I002" not in found(path, WSGI_APPLICATION=None)
    both = f"{HEALTHY}.Native"
    assert "asynckit.I002" not in found(both, WSGI_APPLICATION="site.wsgi.application")


@pytest.mark.parametrize("value", [None, "a.b", [3]])
def test_middleware_that_is_no_list_of_paths_is_an_error(value):
    with override_settings(MIDDLEWARE=value):
        stack = audit_stack(makes=True)
    assert [finding.id for finding in stack.findings] == ["asynckit.E007"]
    assert not stack.is_complete
    assert stack.entries == []


def test_wrong_declarations_leave_the_rest_of_the_audit():
    with override_settings(
        MIDDLEWARE=[f"{HEALTHY}.Hooks"], ASYNCKIT_NON_BLOCKING_MIDDLEWARE=["no.such"]
    ):
        [entry] = audit_stack(makes=True).entries
    assert entry.asynckit.hops == 3


def test_reasons_and_fixes_are_told_for_each_kind():
    paths = [
        "django.middleware.security.SecurityMiddleware",
        f"{HEALTHY}.Hooks",
        f"{HEALTHY}.Ours",
        f"{HEALTHY}.Native",
        f"{HEALTHY}.sync_function",
        "django.middleware.common.CommonMiddleware",
        f"{HEALTHY}.Hopping",
    ]
    declared = [f"{HEALTHY}.Hooks"]
    with override_settings(MIDDLEWARE=paths, ASYNCKIT_NON_BLOCKING_MIDDLEWARE=declared):
        stack = audit_stack(makes=True)
    assert [bool(entry.native) for entry in stack.entries] == [True, *[False] * 4, True, False]
    assert [entry.is_declared for entry in stack.entries] == [False, True, *[False] * 5]
    assert all("turns it sync" in entry.reason for entry in stack.entries[:4])
    assert "sync only" in stack.entries[4].reason
    assert "MiddlewareMixin" in stack.entries[5].reason
    assert "native" in stack.entries[5].native or "CommonMiddleware" in stack.entries[5].fix
    assert "more" in stack.entries[6].reason


def test_sync_only_middleware_that_is_declared_says_so():
    path = f"{HEALTHY}.sync_function"
    with override_settings(MIDDLEWARE=[path], ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[path]):
        [entry] = audit_stack(makes=True).entries
    assert "declared" in entry.fix


@pytest.mark.parametrize(
    ("path", "settings", "hops", "fix"),
    [
        (
            "django.contrib.sessions.middleware.SessionMiddleware",
            {"SESSION_ENGINE": "tests.audit.stores"},
            2,
            "SESSION_ENGINE is tests.audit.stores, whose store may block",
        ),
        (
            "django.middleware.csrf.CsrfViewMiddleware",
            {"SESSION_ENGINE": "tests.audit.stores", "CSRF_USE_SESSIONS": True},
            1,
            "CSRF_USE_SESSIONS is on, so each request loads its session. Set it to False",
        ),
        (
            "django.contrib.messages.middleware.MessageMiddleware",
            {"MESSAGE_STORAGE": "tests.audit.stores.Storage"},
            2,
            "MESSAGE_STORAGE is tests.audit.stores.Storage, which may block. Use one of",
        ),
        (
            "django.middleware.cache.UpdateCacheMiddleware",
            {"CACHES": {"default": {"BACKEND": "tests.audit.stores.SlowCache"}}},
            1,
            "CACHES['default'] has no async methods of its own. Use a backend that has",
        ),
    ],
    ids=["sessions", "csrf", "messages", "cache"],
)
def test_a_native_class_that_hops_names_the_setting_and_what_to_do(path, settings, hops, fix):
    with override_settings(MIDDLEWARE=[path], **settings):
        [entry] = audit_stack(makes=True).entries
    assert entry.asynckit.hops == hops
    assert entry.fix.count(fix) == 1


def test_a_native_class_that_something_below_turns_sync_says_so():
    paths = ["django.middleware.csrf.CsrfViewMiddleware", f"{HEALTHY}.sync_function"]
    with override_settings(MIDDLEWARE=paths):
        entry, _ = audit_stack(makes=True).entries
    assert entry.asynckit.hooks == {"process_view": 1}
    assert entry.reason.endswith(
        "Its process_view() is called from the event loop all the same: 1 hop."
    )
    assert entry.fix == "See the sync-only middleware below it."


def test_async_hooks_in_a_sync_chain_say_how_they_run():
    with override_settings(MIDDLEWARE=[f"{HEALTHY}.OursAsyncOnly", f"{HEALTHY}.sync_function"]):
        entry, _ = audit_stack(makes=True).entries
    assert (
        "The thread runs an event loop for its async hooks: 4 hops (process_request()"
        in entry.reason
    )


def test_without_a_reviewed_handler_ours_is_django_s(monkeypatch):
    monkeypatch.setattr(stack_module, "is_reviewed", lambda path: False)
    totals = audit_stack(makes=True).totals()
    assert totals["asynckit"] == totals["stock"] == {"async_view": 15, "sync_view": 16}


def test_what_our_handler_frees_from_a_thread_says_so():
    paths = [f"{HEALTHY}.OursAsyncOnly", f"{HEALTHY}.sync_function"]
    with override_settings(MIDDLEWARE=paths, ASYNCKIT_NON_BLOCKING_MIDDLEWARE=paths[1:]):
        entry, _ = audit_stack(makes=False).entries
    assert (entry.stock.mode, entry.asynckit.mode) == ("sync", "async")
    assert entry.fix == "Our handler takes the hops out."


def test_known_packages_have_their_own_advice(monkeypatch):
    monkeypatch.setitem(known.KNOWN, f"{HEALTHY}.SyncClass", known.Known("Use another one."))
    assert found(f"{HEALTHY}.SyncClass")["asynckit.W003"].hint == "Use another one."
    monkeypatch.setitem(known.KNOWN, f"{HEALTHY}.Native", known.Known("x", lambda: 2))
    with override_settings(MIDDLEWARE=[f"{HEALTHY}.Native"]):
        assert audit_stack(makes=True).entries[0].stock.hops == 2


@pytest.mark.parametrize(
    "name", ["Redirects", "Tenants", "TenantsByAlias", "Maintenance", "ReadsUser", "function"]
)
def test_nobody_is_told_to_declare_what_does_io(name):
    findings = found(f"{IO}.{name}")
    [hint] = [
        findings[rule].hint for rule in ("asynckit.W003", "asynckit.I003") if rule in findings
    ]
    assert "so do not declare it free of I/O" in hint
    assert re.search(r"\(.+, line \d+ of tests/audit/\w+\.py\)", hint)
    assert "AsyncMiddlewareMixin" in hint


def test_nobody_is_told_to_declare_what_keeps_something_per_thread():
    for name, rule in (("CurrentUser", "W003"), ("CurrentUserHooks", "I003")):
        hint = found(f"tests.audit.current.{name}")[f"asynckit.{rule}"].hint
        assert hint.startswith("It keeps something per thread (line ")
        assert "of tests/audit/current_user.py), so do not declare it" in hint


def test_what_is_declared_above_sync_only_middleware_says_that_it_runs_there():
    declared, below = f"{HEALTHY}.sync_function", f"{HEALTHY}.SyncClass"
    with override_settings(
        MIDDLEWARE=[declared, below], ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[declared]
    ):
        entry, _ = audit_stack(makes=True).entries
    assert entry.fix == (
        "It is declared free of I/O, but runs in the thread of something sync only below it."
    )


def test_a_subclass_of_what_is_known_to_do_io_has_its_advice(monkeypatch):
    one = known.Known("It reads files. Use a CDN.", does_io=True)
    monkeypatch.setitem(known.KNOWN, f"{IO}.StaticFiles", one)
    hint = found(f"{IO}.Assets")["asynckit.W003"].hint
    assert hint == "It builds on StaticFiles. It reads files. Use a CDN."


def test_what_is_not_known_is_told_as_not_known():
    for rule, path in (("W003", f"{HEALTHY}.SyncClass"), ("I003", f"{HEALTHY}.Hooks")):
        hint = found(path)[f"asynckit.{rule}"].hint
        assert "whether it may be declared free of I/O is not known. To find out," in hint


@pytest.mark.parametrize(("callback", "hops"), [("sync_page", 1), ("page", 0)])
def test_the_toolbar_asks_its_callback_in_a_thread_unless_it_is_async(callback, hops):
    toolbar = known.KNOWN["debug_toolbar.middleware.DebugToolbarMiddleware"]
    for value in (f"{HEALTHY}.{callback}", getattr(stacks, callback)):
        with override_settings(DEBUG_TOOLBAR_CONFIG={"SHOW_TOOLBAR_CALLBACK": value}):
            assert toolbar.own_hops() == hops


def test_a_session_engine_that_cannot_be_imported_is_a_request_s_to_report():
    path = "django.contrib.sessions.middleware.SessionMiddleware"
    with override_settings(MIDDLEWARE=[path], SESSION_ENGINE="no_such_engine"):
        assert audit_stack(makes=False).entries[0].asynckit.hops == 0


@pytest.mark.parametrize("makes", [True, False])
def test_a_middleware_that_cannot_be_looked_at_is_named_and_the_rest_comes(makes):
    paths = [f"{BROKEN}.hostile", f"{BROKEN}.without_flags", f"{HEALTHY}.Native"]
    with override_settings(MIDDLEWARE=paths):
        stack = audit_stack(makes=makes)
    assert {finding.where for finding in stack.findings} == set(paths[:2])
    assert {finding.id for finding in stack.findings} <= {"asynckit.I015", "asynckit.E005"}
    assert [entry.path for entry in stack.entries] == paths
    assert not stack.is_complete


def test_a_middleware_that_only_our_handler_refuses_is_found():
    path = f"{BROKEN}.makes_coroutine"
    finding = found(path, makes=True, ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[path])["asynckit.E005"]
    assert f"Making {path} for our handler raised ImproperlyConfigured" in finding.message
