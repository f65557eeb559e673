"""Findings as annotations of GitHub Actions."""

from __future__ import annotations

from typing import Final

from django_asynckit.audit.findings import Finding, Level
from django_asynckit.audit.project import Audit
from django_asynckit.report.paths import for_others, in_project

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
    text = [finding.message, finding.hint]
    # GitHub shows an annotation only at files of the repository.
    file = in_project(finding.file)
    if file:
        line = [f"line={finding.line}"] if finding.line else []
        properties = [f"file={_property(file)}", *line, *properties]
    elif finding.file:
        text.append(f"{for_others(finding.file)}:{finding.line}")
    message = _data("\n".join(text))
    return f"::{_COMMANDS[finding.level]} {','.join(properties)}::{message}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
