"""Tables of the docs that tests measure, with a text in each cell for each version of Django."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import django

DOCS = Path(__file__).parents[1] / "docs"
VERSIONS = ("5.2", "6.0", "6.1")
THIS = ".".join(map(str, django.VERSION[:2]))
#: A text for each version; ``None`` where Django has no such row.
Cell = dict[str, str | None]
Table = dict[str, list[Cell]]


@dataclass(frozen=True)
class DocsTable:
    """What is between ``% <name>: begin`` and ``% <name>: end`` on a page of the docs."""

    page: str
    name: str
    columns: tuple[str, ...]
    #: What stands over the names of the rows.
    corner: str = ""
    #: What stands for ``None``.
    absent: str = "-"

    def read(self) -> Table:
        """Return the table of the docs."""
        found = self._pattern.search(self._text)
        assert found is not None, f"{self.page} has no {self.name}"
        lines = found[0].strip().splitlines()[2:]
        rows = [[text.strip() for text in line.strip("|").split(" | ")] for line in lines]
        return {name: [self.parse(text) for text in cells] for name, *cells in rows}

    def write(self, table: Table) -> None:
        """Put ``table`` in the place of the one in the docs."""
        lines = [
            f"| {self.corner} | {' | '.join(self.columns)} |".replace("|  |", "| |"),
            "|---" * (len(self.columns) + 1) + "|",
            *(
                f"| {name} | {' | '.join(map(self.format, cells))} |"
                for name, cells in table.items()
            ),
        ]
        text = self._pattern.sub("\n".join([*lines, ""]), self._text)
        (DOCS / self.page).write_text(text, encoding="utf-8")

    def of_this_version(self) -> dict[str, list[str | None]]:
        """Return the rows of the docs that this Django has."""
        rows = {name: [cell.get(THIS) for cell in cells] for name, cells in self.read().items()}
        return {name: texts for name, texts in rows.items() if set(texts) != {None}}

    def update(self, measured: dict[str, list[str]], order: Sequence[str]) -> None:
        """Write the texts of this version into the docs; other rows than those of ``order`` fall away."""
        known, none = self.read(), [None] * len(self.columns)
        table: Table = {}
        for name in order:
            cells, texts = known.get(name) or [{} for _ in none], measured.get(name) or none
            table[name] = [{**cell, THIS: text} for cell, text in zip(cells, texts, strict=True)]
        self.write(table)

    def parse(self, text: str) -> Cell:
        """Return the cell that :meth:`format` wrote."""
        if ": " not in text:
            return dict.fromkeys(VERSIONS, text)
        groups = [group.split(": ") for group in text.split("; ")]
        return {
            version: None if value == self.absent else value
            for versions, value in groups
            for version in versions.split(", ")
        }

    def format(self, cell: Cell) -> str:
        """Return one text, or one for each version where they differ."""
        groups: dict[str, list[str]] = {}
        for version in VERSIONS:
            groups.setdefault(cell.get(version) or self.absent, []).append(version)
        if len(groups) == 1:
            return next(iter(groups))
        return "; ".join(f"{', '.join(versions)}: {text}" for text, versions in groups.items())

    @property
    def _text(self) -> str:
        return (DOCS / self.page).read_text(encoding="utf-8")

    @property
    def _pattern(self) -> re.Pattern[str]:
        name = re.escape(self.name)
        return re.compile(rf"(?<=% {name}: begin\n\n).*?(?=\n% {name}: end)", re.DOTALL)
