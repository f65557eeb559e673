"""Findings as annotations of GitHub Actions."""

from __future__ import annotations

import os
from typing import Final

from django_asynckit.audit.findings import Finding, Level
from django_asynckit.audit.project import Audit

_COMMANDS: Final = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "notice"}


def as_github(audit: Audit) -> str:
    """Return one workflow command for each finding, and one for the hops."""
    hops = audit.stack.totals()
    counts = (
        f"An async view makes {hops['stock']['async_view']} hops with Django's handler, "
        f"{hops['asynckit']['async_view']} with django-asynckit."
    )
    lines = [f"::notice title=asynccheck::{_data(counts)}"]
    return "\n".join([*lines, *map(_annotation, audit.findings)])


def _annotation(finding: Finding) -> str:
    properties = [f"title={_property(finding.id)}"]
    if finding.file:
        properties.insert(0, f"file={_property(_relative(finding.file))}")
    if finding.file and finding.line:
        properties.insert(1, f"line={finding.line}")
    message = _data(f"{finding.message}\n{finding.hint}")
    return f"::{_COMMANDS[finding.level]} {','.join(properties)}::{message}"


def _relative(file: str) -> str:
    """Return ``file`` as GitHub knows it, if it is in this directory."""
    here = os.path.join(os.getcwd(), "")
    return file.removeprefix(here)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
