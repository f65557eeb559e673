"""The tests of Django's that may fail with our classes, and why: ten at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Allowed:
    """A test that differs on purpose."""

    test: str
    reason: str
    #: In which ways of running it does.
    modes: tuple[str, ...] = ("chain", "sync-chain")
    #: On which versions of Django, such as "5.2"; none means all.
    versions: tuple[str, ...] = ()

    def applies(self, mode: str, version: str) -> bool:
        return mode in self.modes and version in (self.versions or (version,))


ALLOWED: Final = (
    Allowed(
        "asgi.tests.ASGITest.test_read_body_thread",
        "It watches writes to a SpooledTemporaryFile; a body that fits into memory needs none.",
        versions=("6.0", "6.1", "6.2"),
    ),
    Allowed(
        "auth_tests.test_remote_user.CustomProcessRequestMiddlewareTest"
        ".test_async_warns_sync_only_middleware",
        "A subclass that overrides process_request() only is run, now and later: no deprecation.",
        modes=("chain", "sync-chain", "direct"),
        versions=("5.2", "6.0"),
    ),
    Allowed(
        "handlers.tests.TransactionsPerRequestTests.test_auto_transaction_async_view",
        "ATOMIC_REQUESTS works for async views; Django refuses them.",
    ),
)

#: Native classes that Django's tests do not make around an async function, and why.
UNREACHED: Final = {
    "django_asynckit.middleware.admindocs.XViewMiddleware": (
        "They use it with decorator_from_middleware() on sync views only."
    ),
}
