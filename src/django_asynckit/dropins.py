"""Which native class stands in for which class of Django's, or of WhiteNoise's."""

from __future__ import annotations

from typing import Any, Final

from django_asynckit._compat import HAS_CSP, HAS_WHITENOISE

_OURS = "django_asynckit.middleware"

#: ``{dotted path of their class: dotted path of ours}``, for classes that are installed.
DROPINS: Final[dict[str, str]] = {
    "django.middleware.security.SecurityMiddleware": f"{_OURS}.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware": f"{_OURS}.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware": f"{_OURS}.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware": f"{_OURS}.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware": f"{_OURS}.auth.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware": f"{_OURS}.messages.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware": f"{_OURS}.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.locale.LocaleMiddleware": f"{_OURS}.locale.LocaleMiddleware",
    "django.middleware.http.ConditionalGetMiddleware": f"{_OURS}.http.ConditionalGetMiddleware",
    "django.middleware.common.BrokenLinkEmailsMiddleware": f"{_OURS}.common.BrokenLinkEmailsMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware": f"{_OURS}.auth.LoginRequiredMiddleware",
    "django.contrib.auth.middleware.RemoteUserMiddleware": f"{_OURS}.auth.RemoteUserMiddleware",
    "django.contrib.auth.middleware.PersistentRemoteUserMiddleware": f"{_OURS}.auth.PersistentRemoteUserMiddleware",
    "django.contrib.sites.middleware.CurrentSiteMiddleware": f"{_OURS}.sites.CurrentSiteMiddleware",
    "django.contrib.redirects.middleware.RedirectFallbackMiddleware": f"{_OURS}.redirects.RedirectFallbackMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware": f"{_OURS}.flatpages.FlatpageFallbackMiddleware",
    "django.contrib.admindocs.middleware.XViewMiddleware": f"{_OURS}.admindocs.XViewMiddleware",
    "django.middleware.cache.UpdateCacheMiddleware": f"{_OURS}.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware": f"{_OURS}.cache.FetchFromCacheMiddleware",
    "django.middleware.cache.CacheMiddleware": f"{_OURS}.cache.CacheMiddleware",
    "django.middleware.gzip.GZipMiddleware": f"{_OURS}.gzip.GZipMiddleware",
}
if HAS_CSP:
    DROPINS["django.middleware.csp.ContentSecurityPolicyMiddleware"] = (
        f"{_OURS}.csp.ContentSecurityPolicyMiddleware"
    )
if HAS_WHITENOISE:
    DROPINS["whitenoise.middleware.WhiteNoiseMiddleware"] = (
        f"{_OURS}.whitenoise.WhiteNoiseMiddleware"
    )


def dotted_path(cls: type[Any]) -> str:
    """Return the path under which ``cls`` was defined, whatever name it was imported by."""
    return f"{cls.__module__}.{cls.__qualname__}"
