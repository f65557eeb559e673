"""Says why a middleware hops, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings

from django_asynckit._declared import Style, style_of
from django_asynckit._drift import is_reviewed
from django_asynckit.audit.advice import UNKNOWN, advice_for, known_fix
from django_asynckit.audit.findings import Finding, Rule
from django_asynckit.audit.hooks import bypasses_async, runs_djangos_hooks
from django_asynckit.audit.native import twin_fix
from django_asynckit.audit.sync_chain import SyncChain
from django_asynckit.conf import conf
from django_asynckit.dropins import DROPINS, dotted_path

SYNC_ONLY: Final = Rule(
    id="asynckit.W003",
    hint=UNKNOWN,
)
ASYNC_ONLY: Final = Rule(
    id="asynckit.I002",
    hint="Under WSGI each request enters an event loop for it. Serve the site with ASGI, or take "
    "it out there.",
    is_check=False,
)
HOP_PER_HOOK: Final = Rule(
    id="asynckit.I003",
    hint=UNKNOWN,
    is_check=False,
)
UNUSED: Final = Rule(
    id="asynckit.I004",
    hint="It raised MiddlewareNotUsed, so no request meets it. Take it out of MIDDLEWARE if that "
    "is meant for good.",
    is_check=False,
)
OWN_HOPS: Final = Rule(
    id="asynckit.I005",
    hint="Put what blocks into one sync_to_async() call, or await something that is async itself.",
    is_check=False,
)

Explanation = tuple[str, str, list[Finding]]


def explain(entry: Any, sync_chain: SyncChain, *, is_broken: bool) -> Explanation:
    """Return the reason, the fix and findings for an entry of the stack.

    Where there is a sync chain, requests to sync views pay nothing of it under our handler.
    """
    if entry.stock.mode == "unused":
        return _unused(entry, is_broken)
    if entry.stock.pins_thread:
        return _sync_only(entry, sync_chain)
    reason, fix, findings = _async_capable(entry, sync_chain)
    if entry.stock.mode == "sync":
        reason = "Something sync-only below turns it sync: its hooks run in that thread."
        if entry.stock.hops:
            reason = f"{reason} {_hops_in_sync_mode(entry.stock.hooks)}"
        if entry.runs_sync and bypasses_async(entry.factory):
            reason = f"{reason} It works for that reason only: its __call__() knows no async mode."
    if not getattr(entry.factory, "sync_capable", True) and settings.WSGI_APPLICATION:
        message = f"{entry.path} is async only, and WSGI_APPLICATION is set."
        findings.append(ASYNC_ONLY.found(entry.place, message))
    return reason, "" if is_broken else fix, findings


def _unused(entry: Any, is_broken: bool) -> Explanation:
    if is_broken:
        return "Django does not start with it.", "", []
    return (
        "It is not used: it raised MiddlewareNotUsed.",
        "",
        [UNUSED.found(entry.place, f"{entry.path} is in MIDDLEWARE but is not used.")],
    )


def _sync_only(entry: Any, sync_chain: SyncChain) -> Explanation:
    reason = (
        "It is sync only. Each request holds a thread here until everything below has answered, "
        "and what is listed above runs in that thread too."
    )
    if not entry.asynckit.pins_thread:
        return reason, _fix_in_place(entry), []
    if sync_chain.exists:
        reason = f"{reason} With our handler only requests to async views do."
    reason = f"{reason} ASYNCKIT_WORKERS limits neither these threads nor their connections."
    if entry.lacks_greenlet:  # W002 reports it.
        return reason, "It is declared free of I/O. Install greenlet to run it on the loop.", []
    fix = _fix_of_sync_only(entry)
    message = (
        f"{entry.path} is sync only: each open {sync_chain.others} holds a thread, and its database "
        "connections with it. ASYNCKIT_WORKERS limits neither."
    )
    return reason, fix, [SYNC_ONLY.found(entry.place, message, fix)]


def _fix_of_sync_only(entry: Any) -> str:
    native = DROPINS.get(dotted_path(entry.factory)) if isinstance(entry.factory, type) else None
    if native and not conf.native_middleware:
        return "Set ASYNCKIT_NATIVE_MIDDLEWARE to True: then our handler puts a native class in its place."
    if native and not is_reviewed(native):
        return "Upgrade django-asynckit: its native class is not used, as asynckit.W001 says."
    return advice_for(entry.factory)


def _async_capable(entry: Any, sync_chain: SyncChain) -> Explanation:
    stock, asynckit = entry.stock, entry.asynckit
    hops = _count(stock.hops)
    if runs_djangos_hooks(entry.factory) and style_of(entry.factory) is Style.HOOKS:
        reason = f"Django's MiddlewareMixin runs each of its hooks in a thread: {hops}."
    elif stock.hops:
        reason = f"It is async, but its own code goes to a thread: {hops}."
    else:
        reason = "It is async and makes no hop."
    if stock.sometimes:
        reason = f"{reason} In some requests its code may make {stock.sometimes} more."
    if asynckit.hops == 0:
        return reason, _fix_in_place(entry) if stock.hops else "", []
    rule = HOP_PER_HOOK if runs_djangos_hooks(entry.factory) else OWN_HOPS
    if isinstance(entry.factory, type) and dotted_path(entry.factory) in DROPINS:
        return reason, _fix_of_native(entry), []
    fix = known_fix(entry.factory) or rule.hint
    if rule is HOP_PER_HOOK:
        fix = advice_for(entry.factory)
    message = f"{entry.path} makes {asynckit.hops} of the hops of each {sync_chain.others}."
    return reason, fix, [rule.found(entry.place, message, fix)]


def _fix_of_native(entry: Any) -> str:
    if entry.asynckit.mode == "sync":
        return "See the sync-only middleware below it."
    if not conf.native_middleware:
        return "Set ASYNCKIT_NATIVE_MIDDLEWARE to True, or take it out."
    return " ".join(dict.fromkeys(_fixes_of_settings(entry.asynckit)))


def _fixes_of_settings(placement: Any) -> Iterator[str]:
    """Yield what to do about the settings that make hooks of a native class leave the event loop."""
    for hook in placement.hooks:
        yield twin_fix(getattr(type(placement.subject), f"a{hook}"), placement.subject)


def _hops_in_sync_mode(hooks: dict[str, int]) -> str:
    names = " and ".join(f"{hook}()" for hook in hooks)
    if list(hooks) == ["process_view"]:
        return f"Its {names} is called from the event loop all the same: {_count(sum(hooks.values()))}."
    return f"The thread runs an event loop for its async hooks: {_count(sum(hooks.values()))} ({names})."


def _count(hops: int) -> str:
    return f"{hops} hop{'s' * (hops != 1)}"


def _fix_in_place(entry: Any) -> str:
    if entry.native:
        return f"Our handler uses {entry.native} in its place."
    if entry.is_declared and entry.asynckit.mode == "sync":
        return "It is declared free of I/O, but runs in the thread of something sync only below it."
    if entry.is_declared:
        return "It is declared free of I/O: our handler runs it on the event loop."
    return "Our handler takes the hops out."
