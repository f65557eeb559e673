"""Which of Django's functions are mirrored, and the hashes of the versions of them that were reviewed."""

from __future__ import annotations


def is_reviewed(path: str) -> bool:
    return True
