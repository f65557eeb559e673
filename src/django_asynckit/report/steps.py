"""An anonymous GET as steps: in which lane each hook runs, with Django's handler and with ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from django_asynckit.audit.chain import Placement
from django_asynckit.audit.hooks import has
from django_asynckit.audit.stack import Entry, Stack

Lane = Literal["loop", "thread", "none"]
#: What is counted on the way down to the view, at the place of the middleware.
_DOWN: Final = ("process_request", "__call__", "get_response")


@dataclass(frozen=True)
class Cell:
    """What one handler does in a step."""

    lane: Lane
    hops: int


@dataclass(frozen=True)
class Step:
    """One step of a request."""

    #: ``"down"``, ``"view"`` or ``"up"``.
    phase: str
    label: str
    stock: Cell
    asynckit: Cell


def steps_of(stack: Stack) -> list[Step]:
    """Return the steps of a GET of an async view."""
    used = [entry for entry in stack.entries if entry.stock.mode != "unused"]
    return [
        _handlers(
            "down", "request_started", stack.stock.request_started, stack.asynckit.request_started
        ),
        *(step for entry in used for step in _down(entry)),
        *(step for entry in used for step in _view_hook(entry)),
        Step("view", "the view", Cell("loop", 0), Cell("loop", 0)),
        *(step for entry in reversed(used) for step in _up(entry)),
        _handlers(
            "up", "response.close", stack.stock.response_close, stack.asynckit.response_close
        ),
    ]


def _handlers(phase: str, label: str, stock: int, asynckit: int) -> Step:
    cells = [Cell("thread" if hops else "loop", hops) for hops in (stock, asynckit)]
    return Step(phase, label, *cells)


def _down(entry: Entry) -> Iterator[Step]:
    name = _name(entry)
    if _has(entry, "process_request"):
        yield Step("down", f"{name}.process_request", *_cells(entry, *_DOWN))
    elif _calls(entry) or any(hook in entry.stock.hooks for hook in _DOWN):
        yield Step("down", name, *_cells(entry, *_DOWN))


def _view_hook(entry: Entry) -> Iterator[Step]:
    if _has(entry, "process_view"):
        cells = [
            Cell("thread" if hops else "loop", hops)
            for hops in (one.hooks.get("process_view", 0) for one in _placements(entry))
        ]
        yield Step("down", f"{_name(entry)}.process_view", *cells)


def _up(entry: Entry) -> Iterator[Step]:
    if _has(entry, "process_response"):
        yield Step("up", f"{_name(entry)}.process_response", *_cells(entry, "process_response"))
    elif _calls(entry):
        yield Step("up", _name(entry), *_cells(entry))


def _cells(entry: Entry, *hooks: str) -> Iterator[Cell]:
    for placement in _placements(entry):
        hops = sum(placement.hooks.get(hook, 0) for hook in hooks)
        own = placement.hooks.get("__call__", 0)
        in_thread = placement.mode == "sync" or hops > own
        yield Cell("thread" if in_thread else "loop", hops)


def _placements(entry: Entry) -> tuple[Placement, Placement]:
    return entry.stock, entry.asynckit


def _has(entry: Entry, hook: str) -> bool:
    return any(
        has(subject, name)
        for subject in (entry.stock.subject, entry.asynckit.subject)
        for name in (hook, f"a{hook}")
    )


def _calls(entry: Entry) -> bool:
    """Whether it is called around the rest, and has no hooks for the request and the response."""
    return not _has(entry, "process_request") and not _has(entry, "process_response")


def _name(entry: Entry) -> str:
    return entry.path.rpartition(".")[2]
