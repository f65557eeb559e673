"""Reports what the audit finds, and Django's own security checks where they look for other paths."""

from __future__ import annotations

from typing import Any, Final

from django.core.checks import CheckMessage

from django_asynckit.audit.findings import Finding, Level, not_looked_at
from django_asynckit.audit.project import findings_for_checks

_LEVELS: Final = {Level.INFO: 20, Level.WARNING: 30, Level.ERROR: 40}


def check_audit(**_kwargs: Any) -> list[CheckMessage]:
    """W003 and up, E004, E006: what the audit finds without making a middleware; I015 if it fails."""
    try:
        findings = findings_for_checks()
    except Exception as error:  # No project is so odd that manage.py should not run.
        findings = [not_looked_at("The project", error)]
    return [as_message(finding) for finding in findings]


def as_message(finding: Finding) -> CheckMessage:
    """Return ``finding`` as what Django's checks return."""
    where = f" ({finding.file}:{finding.line})" if finding.file else ""
    return CheckMessage(
        _LEVELS[finding.level],
        f"{finding.message}{where}",
        hint=finding.hint,
        obj=finding.where,
        id=finding.id,
    )
