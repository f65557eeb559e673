"""A request as steps: which lane each hook is in."""

from __future__ import annotations

from django_asynckit._compat import MiddlewareMixin
from django_asynckit.report.steps import Cell, steps_of
from tests.report.audits import EVERY_STYLE, audit
from tests.settings import MIDDLEWARE as STARTPROJECT

KINDS = "tests.audit.stacks"
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
