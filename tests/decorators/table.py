"""The table of the docs: a row for each decorator, with a text for each version of Django."""

from __future__ import annotations

import re
from pathlib import Path

import django

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "decorators.md"
VERSIONS = ("5.2", "6.0", "6.1")
THIS = ".".join(map(str, django.VERSION[:2]))
_TABLE = re.compile(r"(?<=% decorator table: begin\n\n).*?(?=\n% decorator table: end)", re.DOTALL)
#: A text for each version; ``None`` where Django has no such decorator.
Cell = dict[str, str | None]
Table = dict[str, list[Cell]]


def read() -> Table:
    """Return the table of the docs."""
    found = _TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None, f"{PAGE} has no table"
    rows = [
        [text.strip() for text in line.strip("|").split(" | ")]
        for line in found[0].strip().splitlines()[2:]
    ]
    return {name: [_parse(text) for text in cells] for name, *cells in rows}


def write(table: Table, columns: tuple[str, ...]) -> None:
    """Put ``table`` in the place of the one in the docs."""
    lines = [
        f"| on an async view | {' | '.join(columns)} |",
        "|---" * (len(columns) + 1) + "|",
        *(f"| {name} | {' | '.join(map(_format, cells))} |" for name, cells in table.items()),
    ]
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_TABLE.sub("\n".join([*lines, ""]), text), encoding="utf-8")


def of_this_version(table: Table) -> dict[str, list[str | None]]:
    """Return the rows that this Django has."""
    rows = {name: [cell.get(THIS) for cell in cells] for name, cells in table.items()}
    return {name: texts for name, texts in rows.items() if set(texts) != {None}}


def merged(table: Table, measured: dict[str, list[str]]) -> Table:
    """Return ``table`` with the texts of this version; rows keep the order of ``measured``."""
    result: Table = {}
    for name in [*measured, *(name for name in table if name not in measured)]:
        texts = measured.get(name) or [None] * 6
        cells = table.get(name) or [{} for _ in texts]
        result[name] = [{**cell, THIS: text} for cell, text in zip(cells, texts, strict=True)]
    return result


def _parse(text: str) -> Cell:
    if ": " not in text:
        return dict.fromkeys(VERSIONS, text)
    groups = [group.split(": ") for group in text.split("; ")]
    return {
        version: None if value == "none" else value
        for versions, value in groups
        for version in versions.split(", ")
    }


def _format(cell: Cell) -> str:
    groups: dict[str | None, list[str]] = {}
    for version in VERSIONS:
        groups.setdefault(cell.get(version), []).append(version)
    if len(groups) == 1:
        return str(next(iter(groups)))
    return "; ".join(f"{', '.join(names)}: {text or 'none'}" for text, names in groups.items())
