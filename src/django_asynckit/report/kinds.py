"""Findings grouped by their id, so that each is explained once, with the places under it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django_asynckit.audit.findings import Finding, Level
from django_asynckit.audit.project import Audit
from django_asynckit.audit.stack import Entry

_PAGES: Final = "https://django-asynckit.readthedocs.io/en/stable/reference/findings/"
_NOUNS: Final = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}
#: Stands for the place in an explanation of several.
_ANY: Final = "…"


@dataclass(frozen=True)
class Advice:
    """What to do about some findings of a kind."""

    hint: str
    findings: list[Finding]


@dataclass(frozen=True)
class Kind:
    """All findings of one id."""

    id: str
    level: Level
    #: What explains all of them; empty where each has a message of its own.
    message: str
    advice: list[Advice]

    @property
    def names_places(self) -> bool:
        """Whether the places are to be named under the message, since it does not name them."""
        findings = [one for some in self.advice for one in some.findings]
        return bool(self.message) and not all(one.where in self.message for one in findings)

    @property
    def page(self) -> str:
        """The address of the page that explains it."""
        return f"{_PAGES}{self.id.rpartition('.')[2].lower()}.html"


def kinds_of(findings: Iterable[Finding]) -> list[Kind]:
    """Return ``findings`` by kind, in the order in which the first of each comes."""
    by_id: dict[str, list[Finding]] = {}
    for finding in findings:
        by_id.setdefault(finding.id, []).append(finding)
    return [Kind(key, some[0].level, _common(some), _advice(some)) for key, some in by_id.items()]


def _common(findings: list[Finding]) -> str:
    if len(findings) == 1:
        return findings[0].message
    messages = {
        one.message.replace(one.where, _ANY) if one.where else one.message for one in findings
    }
    return messages.pop() if len(messages) == 1 else ""


def _advice(findings: list[Finding]) -> list[Advice]:
    by_hint: dict[str, list[Finding]] = {}
    for finding in findings:
        by_hint.setdefault(finding.hint, []).append(finding)
    return [Advice(hint, some) for hint, some in by_hint.items()]


def counted(findings: list[Finding]) -> str:
    """Return how many findings there are of each level."""
    if not findings:
        return "Nothing was found."
    counts = Counter(finding.level for finding in findings)
    words = [
        f"{counts[level]} {noun}{'s' * (counts[level] != 1)}"
        for level, noun in _NOUNS.items()
        if counts[level]
    ]
    return f"Found {', '.join(words)}."


def explaining(entry: Entry, findings: Iterable[Finding]) -> Finding | None:
    """Return the finding that explains why ``entry`` hops, if there is one."""
    return next((one for one in findings if (one.where, one.hint) == (entry.path, entry.fix)), None)


def by_reason(audit: Audit, entries: Iterable[Entry]) -> list[list[Entry]]:
    """Return ``entries`` in groups that have the same reason, fix and kind of finding."""
    groups: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        finding = explaining(entry, audit.findings)
        key = (entry.reason, entry.fix) if finding is None else (finding.id,)
        groups.setdefault(key, []).append(entry)
    return list(groups.values())
