"""The report for people: with colours where rich is installed, else plain."""

from __future__ import annotations

import os
import shutil
from typing import IO, Final

from django_asynckit.audit.project import Audit
from django_asynckit.report.lines import STYLES, Line, lines_of

_PLAIN_WIDTH: Final = 100
#: What an output that cannot show these characters gets.
_ASCII: Final = str.maketrans("↓●↑├┤─◀▶…µ±", "v*^||-<>.u~")


def as_text(audit: Audit) -> str:
    """Return the report without styles."""
    lines = lines_of(audit, _PLAIN_WIDTH)
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def as_ascii(text: str) -> str:
    """Return ``text`` with plain characters in the place of those that draw."""
    return text.translate(_ASCII)


def as_coloured(audit: Audit, stream: IO[str]) -> str | None:
    """Return the report with colours; ``None`` if ``stream`` is no terminal or rich is not there."""
    if not _is_terminal(stream) or os.environ.get("NO_COLOR"):
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    width = shutil.get_terminal_size().columns
    console = Console(file=stream, force_terminal=True, width=width, highlight=False)
    with console.capture() as captured:
        for line in lines_of(audit, width):
            console.print(_styled(line), overflow="fold")
    return captured.get()


def _is_terminal(stream: IO[str]) -> bool:
    return hasattr(stream, "isatty") and stream.isatty()


def _styled(line: Line) -> object:
    from rich.text import Text

    text = Text.assemble(*((text, STYLES.get(style, "")) for text, style in line))
    text.rstrip()
    return text
