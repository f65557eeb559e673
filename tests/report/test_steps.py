"""A request as steps: which lane each hook is in."""

from __future__ import annotations

import pytest

from django_asynckit._compat import MiddlewareMixin
from django_asynckit.report.steps import Cell, kinds_of_view, steps_of
from tests.report.audits import EVERY_STYLE, audit
from tests.settings import MIDDLEWARE as STARTPROJECT

KINDS = "tests.audit.stacks"
LOOP, HOP = Cell("loop", 0), Cell("thread", 1)


@pytest.mark.parametrize("kind", ["async_view", "sync_view"])
@pytest.mark.parametrize("chain", [True, False], ids=["two chains", "one chain"])
def test_the_hops_of_the_steps_are_the_totals(kind, chain):
    both_modes = [f"{KINDS}.SyncClass", *STARTPROJECT, f"{KINDS}.Hooks"]
    for stack in (STARTPROJECT, EVERY_STYLE, EVERY_STYLE[::-1], both_modes, []):
        found = audit(*stack, ASYNCKIT_SYNC_CHAIN=chain).stack
        steps, totals = steps_of(found, kind), found.totals()
        assert sum(step.stock.hops for step in steps) == totals["stock"][kind]
        assert sum(step.asynckit.hops for step in steps) == totals["asynckit"][kind]


def test_a_sync_view_is_in_one_thread_from_the_first_hook_to_the_last():
    found = audit(f"{KINDS}.SyncClass", *STARTPROJECT, ASYNCKIT_SYNC_CHAIN=True).stack
    first, entered, *others, last = [step.asynckit for step in steps_of(found, "sync_view")]
    assert (first, entered, last) == (LOOP, HOP, LOOP)
    assert set(others) == {Cell("thread", 0)}
    labels = [[step.label for step in steps_of(found, kind)] for kind in kinds_of_view(found)]
    assert len(labels) == 2
    assert labels[0] == labels[1]


def test_without_middleware_it_is_entered_for_the_view():
    steps = steps_of(audit(ASYNCKIT_SYNC_CHAIN=True).stack, "sync_view")
    assert [step.asynckit for step in steps] == [LOOP, HOP, LOOP]


def test_in_one_chain_the_view_alone_differs():
    found = audit(f"{KINDS}.async_only", ASYNCKIT_SYNC_CHAIN=True).stack
    assert kinds_of_view(found) == ["async_view"]
    for before, after in zip(steps_of(found), steps_of(found, "sync_view"), strict=True):
        is_view = before.phase == "view"
        assert (after.stock, after.asynckit) == (
            (HOP, HOP) if is_view else (before.stock, before.asynckit)
        )


def test_django_s_hooks_are_in_threads_and_ours_on_the_loop():
    steps = steps_of(audit(*STARTPROJECT).stack)
    assert [step.label for step in steps][:3] == [
        "request_started",
        "SecurityMiddleware.process_request",
        "SessionMiddleware.process_request",
    ]
    assert {step.asynckit for step in steps} == {LOOP}
    assert {step.stock for step in steps if step.phase != "view"} == {HOP}
    [view] = [step for step in steps if step.phase == "view"]
    assert (view.label, view.stock) == ("the view", LOOP)
    assert [step.phase for step in steps] == ["down"] * 8 + ["view"] + ["up"] * 7


def test_what_is_above_a_sync_only_middleware_is_in_its_thread():
    steps = {step.label: step.stock for step in steps_of(audit(*EVERY_STYLE).stack)[:8]}
    assert steps["SecurityMiddleware.process_request"] == HOP  # Here the request enters the thread.
    assert steps["Hooks.process_request"] == Cell("thread", 0)
    assert steps["Hopping"] == Cell("thread", 0)
    assert steps["SyncClass"] == Cell("thread", 1, back=1)
    assert steps["async_only"] == LOOP
    assert "NotUsed" not in steps


def cells(*paths, handler="stock", **settings):
    found = audit(*paths, **settings).stack
    return {(step.phase, step.label): getattr(step, handler) for step in steps_of(found)}


def test_a_sync_only_middleware_alone_enters_the_thread_and_calls_back():
    drawn = cells(f"{KINDS}.sync_function")
    assert drawn["down", "sync_function"] == Cell("thread", 2, back=1)
    assert drawn["up", "sync_function"] == Cell("thread", 0)


def test_each_run_of_sync_middleware_is_entered_where_it_begins():
    sync, hooks, between = f"{KINDS}.sync_function", f"{KINDS}.Hooks", f"{KINDS}.async_only"
    drawn = cells(hooks, sync, between, f"{KINDS}.Fussy", f"{KINDS}.SyncClass")
    assert drawn["down", "Hooks.process_request"] == HOP
    assert drawn["down", "sync_function"] == Cell("thread", 1, back=1)
    assert drawn["down", "async_only"] == LOOP
    assert drawn["down", "Fussy"] == HOP
    assert drawn["down", "SyncClass"] == Cell("thread", 1, back=1)


def test_async_hooks_in_a_sync_chain_go_back_to_the_loop():
    drawn = cells(f"{KINDS}.OursAsyncOnly", f"{KINDS}.sync_function")
    assert drawn["down", "OursAsyncOnly.process_request"] == Cell("thread", 2, back=1)
    assert drawn["down", "OursAsyncOnly.process_view"] == Cell("thread", 2, back=1)
    assert drawn["up", "OursAsyncOnly.process_response"] == Cell("thread", 1, back=1)


def test_what_only_our_handler_leaves_is_drawn_there():
    """The last one is declared, so the one above it goes back to the loop under our handler."""
    sync, only = f"{KINDS}.sync_function", "tests.report.test_steps.OnlyResponse"
    paths = [f"{KINDS}.Hooks", f"{KINDS}.SyncClass", only, sync]
    declared = {"ASYNCKIT_NON_BLOCKING_MIDDLEWARE": [sync]}
    stock, ours = cells(*paths, **declared), cells(*paths, **declared, handler="asynckit")
    assert stock["down", "Hooks.process_request"] == ours["down", "Hooks.process_request"] == HOP
    assert stock["down", "OnlyResponse"] == Cell("thread", 0)
    assert ours["down", "OnlyResponse"] == Cell("thread", 1, back=1)
    assert stock["down", "sync_function"] == Cell("thread", 1, back=1)
    assert ours["down", "sync_function"] == LOOP


def test_what_has_no_hook_on_the_way_down_is_not_drawn_there():
    drawn = cells(
        f"{KINDS}.SyncClass", "tests.report.test_steps.OnlyResponse", f"{KINDS}.sync_function"
    )
    assert ("down", "OnlyResponse") not in drawn
    assert drawn["down", "SyncClass"] == HOP
    assert drawn["up", "OnlyResponse.process_response"] == Cell("thread", 0)


class OnlyResponse(MiddlewareMixin):
    async_capable = False

    def process_response(self, request, response):
        return response


def test_hops_of_a_coroutine_begin_on_the_loop():
    steps = {step.label: step.stock for step in steps_of(audit(EVERY_STYLE[2]).stack)[:2]}
    assert steps["Hopping"] == Cell("loop", 2)
