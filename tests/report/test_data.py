"""The JSON report."""

from __future__ import annotations

import json
from importlib import metadata
from importlib.metadata import PackageNotFoundError

from django.test import override_settings

from django_asynckit.report import data
from django_asynckit.report.data import as_data, as_json
from tests.report.audits import EVERY_STYLE, audit, measurement
from tests.settings import MIDDLEWARE as STARTPROJECT

KINDS = "tests.audit.stacks"


def test_the_keys_that_are_promised_are_there():
    found = audit(*STARTPROJECT)
    found.measurement = measurement()
    report = json.loads(as_json(found))
    assert report["version"] == 1
    assert report["hops"] == {
        "stock": {"async_view": 15, "sync_view": 16},
        "asynckit": {"async_view": 0, "sync_view": 1},
    }
    counts = [count for hops in report["handler"].values() for count in hops.values()]
    assert {type(count) for count in counts} == {int}
    entry = report["middleware"][0]
    assert entry["path"] == STARTPROJECT[0]
    assert entry["file"].endswith("security.py")
    assert {"mode": "async", "hops": 2, "pins_thread": False}.items() <= entry["stock"].items()
    assert {"mode": "async", "hops": 0, "pins_thread": False}.items() <= entry["asynckit"].items()
    assert entry["reason"]
    assert entry["fix"]
    assert report["view_counts"]["async"] + report["view_counts"]["sync"] == len(report["views"])
    assert {"pattern", "name", "view", "file", "line", "mode"} == set(report["views"][0])
    for finding in report["findings"]:
        assert {"id", "level", "where", "message", "hint"} <= set(finding)
    measured = report["measure"]
    assert measured["path"] == "/"
    assert {"hops": 15, "threads": 2, "cpu_us": 2000.0}.items() <= measured["stock"].items()
    assert measured["ratio"] == 8.0
    assert measured["asynckit"]["noisy"] is True
    assert report["workers"]["limit"] >= 1


def test_the_sync_chain_is_told_and_the_steps_of_both():
    report = as_data(audit(f"{KINDS}.SyncClass", ASYNCKIT_SYNC_CHAIN=True))
    assert report["hops"]["asynckit"] == {"async_view": 3, "sync_view": 1}
    assert report["sync_chain"] == {"exists": True, "reason": "", "fix": ""}
    assert {"async_view", "sync_view"} == set(report["steps"])
    assert report["steps"]["sync_view"][1] == {
        "phase": "down",
        "label": "SyncClass",
        "stock": {"lane": "thread", "hops": 2, "back": 1},
        "asynckit": {"lane": "thread", "hops": 1, "back": 0},
    }
    one_chain = as_data(audit(f"{KINDS}.async_only", ASYNCKIT_SYNC_CHAIN=True))["sync_chain"]
    assert one_chain["exists"] is False
    assert one_chain["reason"].startswith(f"{KINDS}.async_only may answer otherwise")
    assert one_chain["fix"]


def test_every_style_of_middleware_can_be_written():
    entries = {entry["path"]: entry for entry in as_data(audit(*EVERY_STYLE))["middleware"]}
    sync = entries["tests.audit.stacks.SyncClass"]
    assert sync["stock"]["pins_thread"]
    assert sync["stock"]["hooks"] == {"process_view": 1, "get_response": 1, "__call__": 1}
    assert entries["tests.audit.stacks.NotUsed"]["stock"]["mode"] == "unused"


def test_views_that_were_not_counted_are_not_told_as_none():
    assert as_data(audit(ROOT_URLCONF="no_such_urls"))["view_counts"] is None


def test_without_a_measurement_there_is_none():
    assert as_data(audit())["measure"] is None


def test_a_package_that_was_copied_has_no_version(monkeypatch):
    def version(name):
        raise PackageNotFoundError(name)

    assert as_data(audit())["django_asynckit"] == metadata.version("django-asynckit")
    monkeypatch.setattr(data, "version", version)
    assert as_data(audit())["django_asynckit"] == ""


def test_wrong_settings_of_the_workers_leave_them_out():
    found = audit()
    with override_settings(ASYNCKIT_WORKERS="8"):
        assert as_data(found)["workers"] is None
