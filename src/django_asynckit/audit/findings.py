"""What an audit finds: one rule for each id, and findings made by it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final


class Level(enum.IntEnum):
    """How bad a finding is; higher is worse."""

    INFO = 20
    WARNING = 30
    ERROR = 40

    @property
    def word(self) -> str:
        """The name in reports: ``"info"``, ``"warning"`` or ``"error"``."""
        return self.name.lower()


LEVELS: Final[dict[str, Level]] = {"I": Level.INFO, "W": Level.WARNING, "E": Level.ERROR}


@dataclass(frozen=True)
class Finding:
    """One thing to know about a project, with what to do about it."""

    #: The stable id, for example ``asynckit.W003``.
    id: str
    level: Level
    #: What it is about: the dotted path of a middleware or view, a setting, a URL pattern.
    where: str
    message: str
    hint: str
    #: Where the code is, if it is known.
    file: str = ""
    line: int = 0
    #: Whether ``manage.py check`` reports it too.
    is_check: bool = field(default=True, compare=False)


@dataclass(frozen=True)
class Place:
    """A name, and where its code is."""

    where: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class Rule:
    """Makes the findings of one id; the level is the letter of the id."""

    id: str
    hint: str
    #: Whether ``manage.py check`` reports it too.
    is_check: bool = True

    @property
    def level(self) -> Level:
        return LEVELS[self.id.rpartition(".")[2][0]]

    def found(self, place: Place, message: str, hint: str = "") -> Finding:
        """Return a finding at ``place``; ``hint`` overrides the rule's own."""
        return Finding(
            self.id,
            self.level,
            place.where,
            message,
            hint or self.hint,
            place.file,
            place.line,
            self.is_check,
        )


NOT_LOOKED_AT: Final = Rule(
    id="asynckit.I015",
    hint="The rest of the report does without it. If the code is healthy, please report it.",
    is_check=False,
)


def not_looked_at(where: str, error: Exception) -> Finding:
    """Return the finding for code that raised ``error`` while it was looked at."""
    message = f"{where} cannot be looked at: {type(error).__name__}: {error}"
    return NOT_LOOKED_AT.found(Place(where), message)


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Return ``findings``, the worst ones first, each once."""
    return sorted(dict.fromkeys(findings), key=lambda one: (-one.level, one.id))
