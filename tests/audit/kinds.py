"""The paths of middleware of every kind, each of which answers requests in both handlers."""

from __future__ import annotations

EVERY_KIND = [
    f"tests.audit.stacks.{name}"
    for name in (
        "sync_function",
        "SyncClass",
        "sync_only",
        "async_only",
        "both",
        "Native",
        "Hopping",
        "HoppingTogether",
        "Extending",
        "MixedIn",
        "AsyncCall",
        "MarkedByHelper",
        "MarkedByModule",
        "made_by_helper",
        "made_of_a_class",
        "Hooks",
        "AsyncViewHook",
        "OwnAcall",
        "OwnCall",
        "Ours",
        "OursAsyncOnly",
        "OursWithAcall",
        "Fussy",
        "Builtin",
    )
]
