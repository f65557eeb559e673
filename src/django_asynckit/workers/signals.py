"""Which of Django's own receivers are connected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.dispatch import Signal


def is_connected(signal: Signal, receiver: Callable[..., Any]) -> bool:
    """Whether ``receiver`` listens to ``signal`` of any sender; Django's test client disconnects some."""
    return any(entry[0] == (id(receiver), id(None)) for entry in signal.receivers)
