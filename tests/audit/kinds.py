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
        "Extending",
        "MixedIn",
        "AsyncCall",
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
