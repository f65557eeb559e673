"""Settings, signals and code that keeps something per thread: each finding, and its healthy twin."""

from __future__ import annotations

import importlib
import logging
import logging.handlers
import sys
from pathlib import Path

import pytest
from django.core.signals import request_finished, request_started
from django.test import override_settings
from django.utils import autoreload

from django_asynckit.audit.locals import in_apps, in_middleware
from django_asynckit.audit.site import audit_site
from django_asynckit.audit.stack import audit_stack
from django_asynckit.audit.thread_locals import lines_in
from tests.audit import broken, current, current_user, receivers
from tests.driver import plain_root_logger

HERE = "tests.audit.receivers"
DATABASE = {"ENGINE": "django.db.backends.postgresql", "NAME": "x"}


def found(handler="stock", **settings):
    with override_settings(**settings), plain_root_logger():
        return {finding.id: finding for finding in audit_site(handler)}


def test_a_new_site_has_no_finding():
    assert found() == found("asynckit") == {}


def test_allowing_unsafe_code_is_found(monkeypatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    assert "mix up" in found()["asynckit.W014"].message
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "")
    assert found() == {}


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_persistent_connections_with_django_s_handler_are_found():
    databases = {"default": DATABASE, "other": {**DATABASE, "CONN_MAX_AGE": None}}
    finding = found(DATABASES=databases)["asynckit.W015"]
    assert finding.where == "DATABASES['other']"
    assert found("asynckit", DATABASES=databases) == {}
    assert found("unknown", DATABASES=databases) == {}
    assert found(DATABASES={"default": DATABASE}) == {}


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
@pytest.mark.parametrize(
    ("pool", "size"),
    [(True, 4), ({"min_size": 2}, 2), ({"max_size": 7}, 7), ({"min_size": 2, "max_size": 9}, None)],
    ids=str,
)
def test_a_pool_that_is_smaller_than_the_workers_is_found(pool, size):
    databases = {"default": {**DATABASE, "OPTIONS": {"pool": pool}}}
    findings = found(DATABASES=databases, ASYNCKIT_WORKERS=8)
    if size is None:
        assert findings == {}
    else:
        assert f"has {size} connections" in findings["asynckit.W016"].message


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_wrong_workers_are_the_other_check_s_to_report():
    databases = {"default": {**DATABASE, "OPTIONS": {"pool": True}}}
    assert found(DATABASES=databases, ASYNCKIT_WORKERS="8") == {}


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_a_pool_with_persistent_connections_is_found():
    pooled = {**DATABASE, "OPTIONS": {"pool": {"max_size": 99}}}
    databases = {"default": {**pooled, "CONN_MAX_AGE": 60}}
    assert "refuses" in found("asynckit", DATABASES=databases)["asynckit.W018"].message
    assert found("asynckit", DATABASES={"default": pooled}) == {}


@pytest.mark.parametrize(
    "uses",
    [
        {"MIDDLEWARE": ["django.middleware.cache.UpdateCacheMiddleware"]},
        {"SESSION_ENGINE": "django.contrib.sessions.backends.cache"},
        {"SESSION_ENGINE": "django.contrib.sessions.backends.cached_db"},
    ],
    ids=str,
)
def test_a_cache_without_async_methods_is_found_where_requests_use_it(uses):
    slow = {"default": {"BACKEND": "tests.audit.stores.SlowCache"}}
    assert found(CACHES=slow, **uses)["asynckit.I013"].where == "CACHES['default']"
    assert found(CACHES=slow) == {}
    assert found(**uses) == {}
    assert found(CACHES={"default": {"BACKEND": "tests.audit.stores.AsyncCache"}}, **uses) == {}
    missing = {"default": {"BACKEND": "no_such.Cache"}}
    assert "asynckit.I013" in found(CACHES=missing, **uses)


def test_no_middleware_at_all_uses_no_cache():
    assert found(MIDDLEWARE=None) == {}


@pytest.mark.parametrize("name", ["CSRF_USE_SESSIONS", "SESSION_SAVE_EVERY_REQUEST"])
def test_settings_that_load_each_session_are_found(name):
    in_database = {"SESSION_ENGINE": "django.contrib.sessions.backends.db"}
    assert found(**in_database, **{name: True})["asynckit.I008"].where == name
    assert found(**in_database) == {}
    assert found(**{name: True}) == {}
    assert found(SESSION_ENGINE="no_such_engine", **{name: True}) == {}


def test_log_handlers_that_may_do_network_io_are_found():
    logger = logging.getLogger("django.request")
    handler = logging.handlers.HTTPHandler("127.0.0.1", "/")
    handler.setLevel(logging.ERROR)
    logger.addHandler(handler)
    try:
        message = found()["asynckit.I010"].message
    finally:
        logger.removeHandler(handler)
    assert message.startswith("The log handler (logging.handlers.HTTPHandler), which the logger")
    assert message.endswith("logging a response at level ERROR takes a hop in the async chain.")
    assert found() == {}


def test_each_log_handler_and_filter_is_named_as_in_logging():
    logger = logging.getLogger("django")
    handler = logging.handlers.HTTPHandler("127.0.0.1", "/")
    handler.name = "slack"
    local = logging.NullHandler()
    local.addFilter(receivers.Filter())
    for one in (handler, local):
        logger.addHandler(one)
    try:
        with plain_root_logger():
            messages = [one.message for one in audit_site() if one.id == "asynckit.I010"]
    finally:
        for one in (handler, local):
            logger.removeHandler(one)
    assert [message.partition(", which")[0] for message in messages] == [
        "The log handler 'slack' (logging.handlers.HTTPHandler)",
        f"The log filter ({HERE}.Filter)",
    ]


def test_a_site_without_users_has_no_backends_to_look_at():
    """Importing Django's own, which the setting names by default, would fail there."""
    with override_settings(INSTALLED_APPS=["django_asynckit"]):
        assert found(AUTHENTICATION_BACKENDS=["tests.audit.stores.UserBackend"]) == {}


def test_backends_that_load_users_in_sync_code_are_found():
    paths = [f"{HERE}.SyncBackend", f"{HERE}.AsyncBackend", f"{HERE}.InheritingBackend"]
    paths += [f"{HERE}.make_backend", "no_such.Backend"]
    finding = found(AUTHENTICATION_BACKENDS=paths)["asynckit.I011"]
    assert finding.where == paths[0]
    assert finding.file == receivers.__file__
    assert found(AUTHENTICATION_BACKENDS=paths[1:]) == {}


def sync_receiver(**kwargs):
    """Takes a hop."""


async def async_receiver(**kwargs):
    """Awaited."""


@pytest.mark.parametrize("signal", [request_started, request_finished])
@pytest.mark.parametrize("receiver", [sync_receiver, receivers.Receiver()])
def test_sync_receivers_of_request_signals_are_found(signal, receiver):
    signal.connect(receiver)
    try:
        assert "sync receiver" in found()["asynckit.I012"].message
    finally:
        signal.disconnect(receiver)


@pytest.mark.parametrize("receiver", [async_receiver, autoreload.check_errors])
def test_async_receivers_and_those_of_runserver_are_fine(receiver):
    request_started.connect(receiver)
    try:
        assert found() == {}
    finally:
        request_started.disconnect(receiver)


def kept_per_thread(*names, declared=()):
    """Return the lines that are found in the modules of middleware."""
    paths = [f"{broken.__name__}.{name}" for name in declared]
    with override_settings(
        MIDDLEWARE=[f"{broken.__name__}.{name}" for name in names],
        ASYNCKIT_NON_BLOCKING_MIDDLEWARE=paths,
    ):
        findings = list(in_middleware(audit_stack(makes=False).entries))
    assert {finding.id for finding in findings} <= {"asynckit.W017"}
    assert {finding.file for finding in findings} <= {broken.__file__}
    with open(broken.__file__, encoding="utf-8") as file:
        lines = file.read().splitlines()
    return [lines[finding.line - 1] for finding in findings]


def test_middleware_on_the_loop_that_keeps_something_per_thread_is_found():
    assert kept_per_thread("Local", "Bypassing") == ["kept = threading.local()"]
    assert kept_per_thread("Local", "OursAsyncHook") == ["kept = threading.local()"]
    assert kept_per_thread("partial") == ["kept = threading.local()"]
    for name in ("DeadAcall", "InThreads"):
        assert kept_per_thread(name, declared=[name]) == ["kept = threading.local()"]


def test_middleware_in_a_thread_and_in_other_modules_is_fine():
    assert kept_per_thread("DeadAcall", "InThreads", "no_such_name") == []
    remote_user = "django.contrib.auth.middleware.RemoteUserMiddleware"
    with override_settings(MIDDLEWARE=["tests.audit.stacks.Native", remote_user]):
        assert list(in_middleware(audit_stack(makes=False).entries)) == []


@pytest.fixture
def keeping(tmp_path, monkeypatch):
    """An app with files that use ``threading.local``, and another one inside of it."""
    app = tmp_path / "keeping"
    for folder in (app, app / "inner", app / "migrations", app / "management", app / "no_package"):
        folder.mkdir()
        (folder / "code.py").write_text(
            "from threading import local\n\nkept = local(); more = local()\n"
        )
    for folder in (app, app / "inner", app / "migrations", app / "management"):
        (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield app
    for name in [name for name in sys.modules if name.partition(".")[0] == "keeping"]:
        del sys.modules[name]


def in_keeping():
    apps = ["keeping", "keeping.inner", "django_asynckit", "django.contrib.auth"]
    with override_settings(INSTALLED_APPS=apps):
        return [(finding.file, finding.line) for finding in in_apps()]


def test_apps_that_keep_something_per_thread_are_found_once(keeping):
    importlib.import_module("keeping.code")
    importlib.import_module("keeping.inner.code")
    assert in_keeping() == [
        (str(keeping / "code.py"), 3),
        (str(keeping / "inner" / "code.py"), 3),
    ]


@pytest.mark.parametrize(
    "source",
    ["def late():\n    from keeping.inner import code", "import keeping.inner.code as c"],
)
def test_what_is_imported_later_is_found_unless_only_commands_do(source, keeping):
    (keeping / "management" / "command.py").write_text(source)
    assert in_keeping() == []
    (keeping / "views.py").write_text("# No code of keeping.inner.")
    assert in_keeping() == []
    (keeping / "urls.py").write_text(source)
    assert (str(keeping / "inner" / "code.py"), 3) in in_keeping()


def test_a_package_that_keeps_something_is_imported_by_its_name(keeping):
    (keeping / "inner" / "code.py").unlink()
    (keeping / "code.py").unlink()
    (keeping / "inner" / "__init__.py").write_text("import threading\nkept = threading.local()\n")
    (keeping / "__init__.py").write_text("from keeping import inner\n")
    assert in_keeping() == [(str(keeping / "inner" / "__init__.py"), 2)]


def kept_by_requests(*names):
    """Return what is found in the modules that middleware in threads uses for its requests."""
    with override_settings(MIDDLEWARE=[f"{current.__name__}.{name}" for name in names]):
        entries = audit_stack(makes=False).entries
        assert list(in_middleware(entries)) == []
        return [(one.id, one.file, one.line) for one in in_apps(entries)]


def test_what_a_middleware_keeps_elsewhere_for_each_request_is_found():
    place = (
        current_user.__file__,
        1 + source_lines(current_user).index("_kept = threading.local()"),
    )
    for name in ("CurrentUser", "current_user_middleware", "CurrentUserHooks", "ByAttribute"):
        assert kept_by_requests(name) == [("asynckit.I014", *place)]
    assert len(kept_by_requests("CurrentUser", "CurrentUserHooks")) == 1
    [found] = kept_by_requests("Given")
    assert found[1] == current.__file__
    assert source_lines(current)[found[2] - 1].endswith("# found")
    assert kept_by_requests("ImportsOnly") == []


def test_a_middleware_that_cannot_be_read_has_no_finding():
    assert kept_by_requests("Unhashable", "no_such_name") == []


def test_on_the_loop_it_is_a_warning_also_in_another_module():
    path = f"{current.__name__}.CurrentUser"
    for name in ("CurrentUserAsync", "CurrentUser"):
        path = f"{current.__name__}.{name}"
        with override_settings(MIDDLEWARE=[path], ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[path]):
            entries = audit_stack(makes=False).entries
        [finding] = in_middleware(entries)
        assert (finding.id, finding.file) == ("asynckit.W017", current_user.__file__)
        assert list(in_apps(entries)) == []


def source_lines(module):
    return Path(module.__file__).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    "source",
    [
        "import os, threading as t\nkept = t.local()",
        "from threading import Lock, local as L\n\nkept = L()  # local",
        "def late():\n    import threading as t\n    return t.local",
    ],
)
def test_other_names_of_it_are_found(source, tmp_path):
    file = tmp_path / "code.py"
    file.write_text(source)
    assert lines_in(str(file)) == [1 + source.rpartition("local")[0].count("\n")]


def test_other_uses_of_threading_are_none(tmp_path):
    file = tmp_path / "code.py"
    file.write_text(
        "import threading\nfrom threading import Lock\nthreading.Lock\nx.local\n"
        "import threading as t, os as o\no.local\nt.Lock"
    )
    assert lines_in(str(file)) == []
    file.write_text("import threading\nbroken(\n")
    assert lines_in(str(file)) == []
    assert lines_in(str(tmp_path / "missing.py")) == []


class Strange:
    """Says that it is of a module without a file."""

    async_capable = True
    __module__ = "sys"


def test_a_middleware_without_source_has_no_finding():
    with override_settings(MIDDLEWARE=[f"{__name__}.Strange", f"{__name__}.strange"]):
        assert list(in_middleware(audit_stack(makes=False).entries)) == []


strange = Strange()
