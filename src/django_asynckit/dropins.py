"""Which native class stands in for which of Django's."""

from __future__ import annotations

from typing import Any, Final

_OURS = "django_asynckit.middleware"

#: ``{dotted path of Django's class: dotted path of ours}``
DROPINS: Final[dict[str, str]] = {
    "django.middleware.security.SecurityMiddleware": f"{_OURS}.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware": f"{_OURS}.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware": f"{_OURS}.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware": f"{_OURS}.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware": f"{_OURS}.auth.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware": f"{_OURS}.messages.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware": f"{_OURS}.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.cache.UpdateCacheMiddleware": f"{_OURS}.cache.UpdateCacheMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware": f"{_OURS}.cache.FetchFromCacheMiddleware",
    "django.middleware.cache.CacheMiddleware": f"{_OURS}.cache.CacheMiddleware",
    "django.middleware.gzip.GZipMiddleware": f"{_OURS}.gzip.GZipMiddleware",
}


def dotted_path(cls: type[Any]) -> str:
    """Return the path under which ``cls`` was defined, whatever name it was imported by."""
    return f"{cls.__module__}.{cls.__qualname__}"
