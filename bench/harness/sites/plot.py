"""The CPU times as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def draw(kept: dict[str, Any], file: Path) -> None:
    """To do."""
