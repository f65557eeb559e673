"""A request as steps: which lane each hook is in."""

from __future__ import annotations

from django_asynckit.report.steps import Cell, steps_of
from tests.report.audits import EVERY_STYLE, audit
from tests.settings import MIDDLEWARE as STARTPROJECT

LOOP, HOP = Cell("loop", 0), Cell("thread", 1)


def test_the_hops_of_the_steps_are_the_totals():
    for stack in (STARTPROJECT, EVERY_STYLE, EVERY_STYLE[::-1], []):
        found = audit(*stack).stack
        steps, totals = steps_of(found), found.totals()
        assert sum(step.stock.hops for step in steps) == totals["stock"]["async_view"]
        assert sum(step.asynckit.hops for step in steps) == totals["asynckit"]["async_view"]


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
    assert steps["SecurityMiddleware.process_request"] == Cell("thread", 0)
    assert steps["Hopping"] == Cell("thread", 0)
    assert steps["SyncClass"] == Cell("thread", 2)
    assert steps["async_only"] == LOOP
    assert "NotUsed" not in steps


def test_hops_of_a_coroutine_begin_on_the_loop():
    steps = {step.label: step.stock for step in steps_of(audit(EVERY_STYLE[2]).stack)[:2]}
    assert steps["Hopping"] == Cell("loop", 2)
