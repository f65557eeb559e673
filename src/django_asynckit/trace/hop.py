"""One hop, and how its function and its caller are named."""

from __future__ import annotations

import asyncio.threads
import functools
import os
import sys
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, Literal, TypeAlias

import asgiref

from django_asynckit._asgiref import behind_async_to_sync

Direction: TypeAlias = Literal["to_thread", "to_loop"]

_HERE: Final = os.path.dirname(__file__)

#: Files that only pass a call on: whoever called them is the caller.
_PASSING_ON: Final = (
    os.path.join(os.path.dirname(asgiref.__file__), ""),
    os.path.join(_HERE, ""),
    os.path.join(os.path.dirname(_HERE), "_bridge.py"),
    asyncio.threads.__file__,
)


@dataclass(frozen=True, slots=True)
class Hop:
    """One crossing between the event loop and a thread, after it has ended."""

    #: Dotted qualified name of the function that was to run on the other side.
    target: str
    #: ``"to_thread"`` (from the loop to a thread) or ``"to_loop"`` (from sync code to a loop).
    direction: Direction
    #: ``"file:line"`` of the code that asked for it; empty if no Python code did.
    caller: str
    #: Name of the thread that the function ran in; empty if it was cancelled before it began.
    thread: str
    #: Seconds that the caller waited beyond ``ran``: for a free thread or loop, there and back.
    waited: float
    #: Seconds that the function ran, or had run when the caller was cancelled.
    ran: float


def target_name(func: Any) -> str:
    """Return the dotted qualified name of what a callable calls."""
    while True:
        inside = func.func if isinstance(func, functools.partial) else behind_async_to_sync(func)
        if inside is None:
            break
        func = inside
    named = func if hasattr(func, "__qualname__") else type(func)
    module = getattr(named, "__module__", None)
    return f"{module}.{named.__qualname__}" if module else str(named.__qualname__)


def caller_name() -> str:
    """Return ``"file:line"`` of the nearest frame that does more than pass a call on."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PASSING_ON):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""
