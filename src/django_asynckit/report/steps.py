"""An anonymous GET as steps: in which lane each hook runs, with Django's handler and with ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from django_asynckit.audit.chain import Placement
from django_asynckit.audit.hooks import has
from django_asynckit.audit.stack import Entry, Stack

Lane = Literal["loop", "thread", "none"]
#: A kind of view.
ViewKind = Literal["async_view", "sync_view"]
#: What is counted on the way down to the view, at the place of the middleware.
_DOWN: Final = ("process_request", "__call__", "get_response")


@dataclass(frozen=True)
class Cell:
    """What one handler does in a step."""

    #: Where its code runs.
    lane: Lane
    hops: int
    #: How many of the hops go from a thread back to the event loop.
    back: int = 0


@dataclass(frozen=True)
class Step:
    """One step of a request."""

    #: ``"down"``, ``"view"`` or ``"up"``.
    phase: str
    label: str
    stock: Cell
    asynckit: Cell


def steps_of(stack: Stack, kind: ViewKind = "async_view") -> list[Step]:
    """Return the steps of a GET of a view of this kind."""
    steps = _in_async_chain(stack, Cell("loop", 0) if kind == "async_view" else Cell("thread", 1))
    if kind == "sync_view" and stack.sync_chain.exists:
        return _in_sync_chain(steps)
    return steps


def kinds_of_view(stack: Stack) -> list[ViewKind]:
    """Return the kinds to draw: where both have one chain, they differ by the view alone."""
    return ["async_view", "sync_view"] if stack.sync_chain.exists else ["async_view"]


def _in_sync_chain(steps: list[Step]) -> list[Step]:
    """Return the steps with those of our handler in one thread, from the first hook or view to the last."""
    first, *between, last = steps
    cells = [Cell("thread", 1), *[Cell("thread", 0)] * (len(between) - 1)]
    moved = [
        dataclasses.replace(step, asynckit=cell) for step, cell in zip(between, cells, strict=True)
    ]
    return [first, *moved, last]


def _in_async_chain(stack: Stack, view: Cell) -> list[Step]:
    used = [entry for entry in stack.entries if entry.stock.mode != "unused"]
    ways_in = _ways_in(used, "stock"), _ways_in(used, "asynckit")
    return [
        _handlers(
            "down", "request_started", stack.stock.request_started, stack.asynckit.request_started
        ),
        *(step for entry in used for step in _down(entry, ways_in)),
        *(step for entry in used for step in _view_hook(entry)),
        Step("view", "the view", view, view),
        *(step for entry in reversed(used) for step in _up(entry)),
        _handlers(
            "up", "response.close", stack.stock.response_close, stack.asynckit.response_close
        ),
    ]


def _handlers(phase: str, label: str, stock: int, asynckit: int) -> Step:
    cells = [Cell("thread" if hops else "loop", hops) for hops in (stock, asynckit)]
    return Step(phase, label, *cells)


def _ways_in(entries: list[Entry], handler: str) -> dict[int, int]:
    """Return the hops into the thread of each run of sync middleware, by the entry that is first in it.

    The audit counts them for the sync-only one that makes them necessary. The request is in the thread
    from the first one on.
    """
    ways: dict[int, int] = {}
    first = None
    for entry in entries:
        placement = getattr(entry, handler)
        if placement.mode != "sync":
            first = None
        elif _is_drawn(entry):
            first = first or entry
            ways[id(first)] = ways.get(id(first), 0) + placement.hooks.get("__call__", 0)
    return ways


def _is_drawn(entry: Entry) -> bool:
    """Whether there is a step for it on the way down."""
    return (
        _has(entry, "process_request")
        or _calls(entry)
        or any(hook in one.hooks for one in _placements(entry) for hook in _DOWN)
    )


def _down(entry: Entry, ways_in: tuple[dict[int, int], dict[int, int]]) -> Iterator[Step]:
    if _is_drawn(entry):
        label = ".process_request" if _has(entry, "process_request") else ""
        cells = [
            _cell(placement, ways.get(id(entry), 0), "process_request", "get_response")
            for placement, ways in zip(_placements(entry), ways_in, strict=True)
        ]
        yield Step("down", f"{_name(entry)}{label}", *cells)


def _view_hook(entry: Entry) -> Iterator[Step]:
    if _has(entry, "process_view"):
        cells = [_view_cell(placement) for placement in _placements(entry)]
        yield Step("down", f"{_name(entry)}.process_view", *cells)


def _view_cell(placement: Placement) -> Cell:
    """Return the cell of a view hook, which the handler calls on the event loop also of a sync chain."""
    hops = placement.hooks.get("process_view", 0)
    return Cell("thread" if hops else "loop", hops, back=max(hops - 1, 0))


def _up(entry: Entry) -> Iterator[Step]:
    if _has(entry, "process_response"):
        cells = [_cell(placement, 0, "process_response") for placement in _placements(entry)]
        yield Step("up", f"{_name(entry)}.process_response", *cells)
    elif _calls(entry):
        lanes = [Cell("thread" if one.mode == "sync" else "loop", 0) for one in _placements(entry)]
        yield Step("up", _name(entry), *lanes)


def _cell(placement: Placement, into: int, *hooks: str) -> Cell:
    """Return the cell of ``hooks``; ``into`` is the hops into the thread that the request makes there."""
    counted = sum(placement.hooks.get(hook, 0) for hook in hooks)
    if placement.mode == "sync":
        return Cell("thread", into + counted, back=counted)
    # A hook that hops runs in the thread; a coroutine that does so itself is on the event loop.
    own = placement.hooks.get("__call__", 0) if "get_response" in hooks else 0
    return Cell("thread" if counted else "loop", counted + own)


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
