"""An audit as plain data: what the JSON report holds."""

from __future__ import annotations

import dataclasses
import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import django
from django.core.exceptions import ImproperlyConfigured

from django_asynckit.audit.chain import Placement
from django_asynckit.audit.findings import Finding
from django_asynckit.audit.measure import Measurement, Side
from django_asynckit.audit.project import Audit
from django_asynckit.audit.stack import Entry
from django_asynckit.audit.views import ViewEntry, Views
from django_asynckit.report.lines import VIEWS
from django_asynckit.report.steps import ViewKind, steps_of
from django_asynckit.workers import statistics

#: Grows where a key goes or changes its meaning; new keys do not change it.
VERSION: Final = 1


def as_json(audit: Audit) -> str:
    """Return the JSON report."""
    return json.dumps(as_data(audit), indent=2)


def as_data(audit: Audit) -> dict[str, Any]:
    """Return what the JSON report holds."""
    return {
        "version": VERSION,
        "django": django.get_version(),
        "django_asynckit": _version(),
        "application": {
            "module": audit.application.module,
            "file": audit.application.file,
            "handler": audit.application.handler,
        },
        "hops": audit.stack.totals(),
        "sync_chain": dataclasses.asdict(audit.stack.sync_chain),
        "steps": {view: _steps(audit, view) for view in VIEWS},
        "handler": {
            "stock": dataclasses.asdict(audit.stack.stock),
            "asynckit": dataclasses.asdict(audit.stack.asynckit),
        },
        "middleware": [_entry(entry) for entry in audit.stack.entries],
        "view_counts": _view_counts(audit.views),
        "views": [_view(view) for view in audit.views.entries],
        "findings": [_finding(finding) for finding in audit.findings],
        "measure": audit.measurement and _measurement(audit.measurement),
        "workers": _workers(),
    }


def _steps(audit: Audit, view: ViewKind) -> list[dict[str, Any]]:
    return [dataclasses.asdict(step) for step in steps_of(audit.stack, view)]


def _view_counts(views: Views) -> dict[str, int] | None:
    if not views.is_counted:
        return None
    return {mode: views.count(mode) for mode in ("async", "sync")}


def _version() -> str:
    """Return the version; empty where the package was copied, not installed."""
    try:
        return version("django-asynckit")
    except PackageNotFoundError:
        return ""


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "file": entry.place.file,
        "line": entry.place.line,
        "sync_capable": bool(getattr(entry.factory, "sync_capable", True)),
        "async_capable": bool(getattr(entry.factory, "async_capable", False)),
        "stock": _placement(entry.stock),
        "asynckit": _placement(entry.asynckit),
        "native": entry.native,
        "declared": entry.is_declared,
        "reason": entry.reason,
        "fix": entry.fix,
    }


def _placement(placement: Placement) -> dict[str, Any]:
    return {
        "mode": placement.mode,
        "hops": placement.hops,
        "hooks": placement.hooks,
        "sometimes": placement.sometimes,
        "pins_thread": placement.pins_thread,
    }


def _view(view: ViewEntry) -> dict[str, Any]:
    return {
        "pattern": view.pattern,
        "name": view.name,
        "view": view.place.where,
        "file": view.place.file,
        "line": view.place.line,
        "mode": view.mode,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "level": finding.level.word,
        "where": finding.where,
        "message": finding.message,
        "hint": finding.hint,
        "file": finding.file,
        "line": finding.line,
    }


def _measurement(measurement: Measurement) -> dict[str, Any]:
    return {
        "path": measurement.path,
        "requests": measurement.requests,
        "stock": _side(measurement.stock),
        "asynckit": _side(measurement.asynckit),
        "ratio": round(measurement.ratio, 2),
        "remarks": measurement.remarks,
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "hops": side.hops,
        "threads": side.threads,
        "status": side.status,
        "cpu_us": round(side.cpu_us, 1),
        "spread": round(side.spread, 3),
        "noisy": side.is_noisy,
    }


def _workers() -> dict[str, Any] | None:
    """The workers of this process; ``None`` where a setting of theirs is wrong."""
    try:
        return dataclasses.asdict(statistics())
    except ImproperlyConfigured:
        return None
