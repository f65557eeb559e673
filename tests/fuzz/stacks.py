"""Which middleware there are, in the order of Django's documentation, and what each needs."""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string
from hypothesis import strategies as st

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
USERS = "django.contrib.auth.middleware.AuthenticationMiddleware"
REMOTE_USERS = {
    "django.contrib.auth.middleware.RemoteUserMiddleware",
    "django.contrib.auth.middleware.PersistentRemoteUserMiddleware",
}
SYNC_ONLY = "tests.fuzz.urls.sync_only"


def _exists(path: str) -> bool:
    try:
        import_string(path)
    except ImportError:
        return False  # Of a newer Django, or of a package that is not installed.
    return True


#: Every middleware of every supported Django, and WhiteNoise's, outermost first.
EVERY = (
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.common.BrokenLinkEmailsMiddleware",
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.cache.CacheMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    SESSIONS,
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    USERS,
    "django.contrib.auth.middleware.RemoteUserMiddleware",
    "django.contrib.auth.middleware.PersistentRemoteUserMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.contrib.sites.middleware.CurrentSiteMiddleware",
    "django.contrib.admindocs.middleware.XViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
    "django.contrib.redirects.middleware.RedirectFallbackMiddleware",
)
#: Those that the installed one has.
ORDER = tuple(path for path in EVERY if _exists(path))
STARTPROJECT = (
    "SecurityMiddleware",
    "SessionMiddleware",
    "CommonMiddleware",
    "CsrfViewMiddleware",
    "AuthenticationMiddleware",
    "MessageMiddleware",
    "XFrameOptionsMiddleware",
)
_NEED_USERS = ("RemoteUser", "PersistentRemoteUser", "LoginRequired", "XView")
_NEED_SESSIONS = (USERS, "django.contrib.messages.middleware.MessageMiddleware")


def with_what_they_need(paths: set[str]) -> list[str]:
    """Return ``paths`` in order, with the middleware without which they only raise.

    One middleware for remote users is enough: before Django 6.1 a second one does not see whom the
    first one logged in, which is one of the differences that are meant.
    """
    if paths >= REMOTE_USERS:
        paths = paths - {min(REMOTE_USERS)}
    if any(path.rpartition(".")[2].startswith(_NEED_USERS) for path in paths):
        paths = paths | {USERS}
    if paths.intersection(_NEED_SESSIONS):
        paths = paths | {SESSIONS}
    return [path for path in ORDER if path in paths]


def _insert(pair: tuple[list[str], int]) -> list[str]:
    paths, position = pair
    position %= len(paths) + 1
    return [*paths[:position], SYNC_ONLY, *paths[position:]]


_few: st.SearchStrategy[Any] = st.sets(st.sampled_from(ORDER), max_size=6).map(with_what_they_need)
_most: st.SearchStrategy[Any] = st.sets(st.sampled_from(ORDER), max_size=5).map(
    lambda left_out: with_what_they_need(set(ORDER) - left_out)
)
_startproject = st.sets(st.sampled_from(ORDER), max_size=3).map(
    lambda more: with_what_they_need(
        more | {path for path in ORDER if path.rpartition(".")[2] in STARTPROJECT}
    )
)
_valid = st.one_of(_startproject, _few, _most)
#: Now and then one that something is missing for, or with sync-only middleware in between.
stacks = st.one_of(
    _valid,
    _valid,
    _valid,
    st.tuples(_valid, st.integers(0, 30)).map(_insert),
    st.sets(st.sampled_from(ORDER), max_size=2).map(
        lambda paths: [path for path in ORDER if path in paths]
    ),
)
