"""What reading and running third-party middleware taught us about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.utils.module_loading import import_string

from django_asynckit._compat import iscoroutinefunction


@dataclass(frozen=True)
class Known:
    """A middleware of a package."""

    #: What to do about it, in one sentence.
    fix: str
    #: Hops that its coroutine makes for an anonymous GET, where its source does not show them.
    own_hops: Callable[[], int] | None = None
    #: Whether it must not be declared free of I/O.
    does_io: bool = False


def _toolbar_hops() -> int:
    """The toolbar asks in a thread whether it is to be shown, unless the callback is async."""
    config = getattr(settings, "DEBUG_TOOLBAR_CONFIG", {})
    callback: Any = config.get("SHOW_TOOLBAR_CALLBACK", "debug_toolbar.middleware.show_toolbar")
    if isinstance(callback, str):
        callback = import_string(callback)
    return int(not iscoroutinefunction(callback))


_DECLARE: Final = (
    "It does no I/O: add it to ASYNCKIT_NON_BLOCKING_MIDDLEWARE, and it makes no hop under our "
    "handler."
)
_IN_THREADS: Final = "It uses the database for each request, so it needs its thread."

KNOWN: Final[dict[str, Known]] = {
    "csp.middleware.CSPMiddleware": Known(_DECLARE),
    "csp.contrib.rate_limiting.RateLimitedCSPMiddleware": Known(_DECLARE),
    "waffle.middleware.WaffleMiddleware": Known(_DECLARE),
    "django_prometheus.middleware.PrometheusBeforeMiddleware": Known(_DECLARE),
    "django_prometheus.middleware.PrometheusAfterMiddleware": Known(_DECLARE),
    "django_hosts.middleware.HostsRequestMiddleware": Known(_DECLARE),
    "django_hosts.middleware.HostsResponseMiddleware": Known(_DECLARE),
    "log_request_id.middleware.RequestIDMiddleware": Known(_DECLARE),
    "django_user_agents.middleware.UserAgentMiddleware": Known(_DECLARE),
    "xff.middleware.XForwardedForMiddleware": Known(_DECLARE),
    "allow_cidr.middleware.AllowCIDRMiddleware": Known(_DECLARE),
    "cid.middleware.CidMiddleware": Known(_DECLARE),
    "opentelemetry.instrumentation.django.middleware.otel_middleware._DjangoMiddleware": Known(
        _DECLARE
    ),
    "whitenoise.middleware.WhiteNoiseMiddleware": Known(
        "It reads files. Our handler puts a native class in the place of WhiteNoise's own, unless "
        "WHITENOISE_AUTOREFRESH is on, as it is with DEBUG. A subclass of yours stays as it is: derive "
        "it from django_asynckit.middleware.whitenoise.WhiteNoiseMiddleware.",
        does_io=True,
    ),
    "silk.middleware.SilkyMiddleware": Known(
        f"{_IN_THREADS} Use it in development only.", does_io=True
    ),
    "auditlog.middleware.AuditlogMiddleware": Known(
        "It loads request.user where somebody is logged in, so it needs its thread.", does_io=True
    ),
    "reversion.middleware.RevisionMiddleware": Known(
        f"{_IN_THREADS} Use create_revision() in the views that need it.", does_io=True
    ),
    "hijack.middleware.HijackUserMiddleware": Known(
        "It reads session and user where somebody is logged in. Use it only where you hijack users.",
        does_io=True,
    ),
    "allauth.usersessions.middleware.UserSessionsMiddleware": Known(_IN_THREADS, does_io=True),
    "stronghold.middleware.LoginRequiredMiddleware": Known(
        "It reads request.user, so it needs its thread.", does_io=True
    ),
    "wagtail.contrib.redirects.middleware.RedirectMiddleware": Known(
        "It asks the database for a redirect where the response is a 404.", does_io=True
    ),
    "django_tenants.middleware.main.TenantMainMiddleware": Known(
        "It asks the database for the tenant and sets it on the connection, so it needs its thread.",
        does_io=True,
    ),
    "maintenance_mode.middleware.MaintenanceModeMiddleware": Known(
        "It reads its state from a file or a cache, and renders a template.", does_io=True
    ),
    "debug_toolbar.middleware.DebugToolbarMiddleware": Known(
        "Use it in development only. An async SHOW_TOOLBAR_CALLBACK saves its hop.", _toolbar_hops
    ),
}
