"""The hop table of the docs: one row for each middleware, one number for each version of Django."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import django

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "thread-hops.md"
VERSIONS = ("5.2", "6.0", "6.1")
THIS = ".".join(map(str, django.VERSION[:2]))
_TABLE = re.compile(r"(?<=% hop table: begin\n\n).*?(?=\n% hop table: end)", re.DOTALL)
#: A number for each version; ``None`` where there is no such middleware.
Cell = dict[str, int | None]
Table = dict[str, list[Cell]]


def read() -> Table:
    """Return the table of the docs."""
    found = _TABLE.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None, f"{PAGE} has no hop table"
    lines = found[0].strip().splitlines()[2:]
    rows = [[text.strip() for text in line.strip("|").split("|")] for line in lines]
    return {name: [_parse(text) for text in cells] for name, *cells in rows}


def write(table: Table, columns: Iterable[str]) -> None:
    """Put ``table`` in the place of the one in the docs."""
    lines = [
        f"| | {' | '.join(columns)} |",
        "|---" * (len(next(iter(table.values()))) + 1) + "|",
        *(f"| {name} | {' | '.join(map(_format, cells))} |" for name, cells in table.items()),
    ]
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_TABLE.sub("\n".join([*lines, ""]), text), encoding="utf-8")


def of_this_version(table: Table) -> dict[str, list[int | None]]:
    """Return the rows that this Django has."""
    rows = {name: [cell.get(THIS) for cell in cells] for name, cells in table.items()}
    return {name: numbers for name, numbers in rows.items() if set(numbers) != {None}}


def merged(table: Table, measured: dict[str, list[int]], order: list[str]) -> Table:
    """Return ``table`` with the numbers of this version; rows that no version has fall away."""
    none: list[Cell] = [{}] * len(next(iter(measured.values())))
    result = {}
    for name in order:
        numbers: list[int] | list[None] = measured.get(name) or [None] * len(none)
        cells = table.get(name, none)
        result[name] = [{**cell, THIS: number} for cell, number in zip(cells, numbers, strict=True)]
    return result


def _parse(text: str) -> Cell:
    if ":" not in text:
        return dict.fromkeys(VERSIONS, _number(text))
    groups = [group.split(":") for group in text.split(";")]
    return {
        version.strip(): _number(number)
        for versions, number in groups
        for version in versions.split(",")
    }


def _format(cell: Cell) -> str:
    groups: dict[int | None, list[str]] = {}
    for version in VERSIONS:
        groups.setdefault(cell.get(version), []).append(version)
    if len(groups) == 1:
        return _text(next(iter(groups)))
    return "; ".join(f"{', '.join(names)}: {_text(number)}" for number, names in groups.items())


def _number(text: str) -> int | None:
    return None if text.strip() == "-" else int(text)


def _text(number: int | None) -> str:
    return "-" if number is None else str(number)
