"""Settings that Django's middleware and handlers look at, with values that change what they do."""

from __future__ import annotations

import re

import django
from hypothesis import strategies as st

_flag = st.booleans()
_SESSIONS = "django.contrib.sessions.backends"
_MESSAGES = "django.contrib.messages.storage"

SETTINGS: dict[str, st.SearchStrategy] = {
    "DEBUG": _flag,
    "DEBUG_PROPAGATE_EXCEPTIONS": st.just(True),
    "APPEND_SLASH": _flag,
    "PREPEND_WWW": st.just(True),
    "DISALLOWED_USER_AGENTS": st.just([re.compile("bot")]),
    "ALLOWED_HOSTS": st.sampled_from([["testserver"], ["*"], [".example.test", "testserver"], []]),
    "USE_X_FORWARDED_HOST": st.just(True),
    "USE_X_FORWARDED_PORT": st.just(True),
    "FORCE_SCRIPT_NAME": st.just("/prefix"),
    "DEFAULT_CHARSET": st.sampled_from(["utf-8", "iso-8859-1"]),
    "DATA_UPLOAD_MAX_MEMORY_SIZE": st.sampled_from([100, 3000, None]),
    "FILE_UPLOAD_MAX_MEMORY_SIZE": st.sampled_from([10, 1000]),
    "DATA_UPLOAD_MAX_NUMBER_FIELDS": st.just(3),
    "DATA_UPLOAD_MAX_NUMBER_FILES": st.just(1),
    "SECURE_SSL_REDIRECT": st.just(True),
    "SECURE_SSL_HOST": st.just("secure.example.test"),
    "SECURE_REDIRECT_EXEMPT": st.just(["^sync/"]),
    "SECURE_PROXY_SSL_HEADER": st.just(("HTTP_X_FORWARDED_PROTO", "https")),
    "SECURE_HSTS_SECONDS": st.sampled_from([0, 3600]),
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": _flag,
    "SECURE_HSTS_PRELOAD": _flag,
    "SECURE_CONTENT_TYPE_NOSNIFF": _flag,
    "SECURE_REFERRER_POLICY": st.sampled_from(
        [None, "no-referrer", ["origin", "same-origin"], "a, b"]
    ),
    "SECURE_CROSS_ORIGIN_OPENER_POLICY": st.sampled_from([None, "unsafe-none"]),
    "X_FRAME_OPTIONS": st.sampled_from(["SAMEORIGIN", "deny", ""]),
    "CSRF_USE_SESSIONS": _flag,
    "CSRF_COOKIE_SECURE": _flag,
    "CSRF_COOKIE_HTTPONLY": _flag,
    "CSRF_COOKIE_AGE": st.sampled_from([None, 60]),
    "CSRF_COOKIE_DOMAIN": st.just(".example.test"),
    "CSRF_COOKIE_NAME": st.just("token"),
    "CSRF_COOKIE_SAMESITE": st.sampled_from(["Strict", None, False]),
    "CSRF_HEADER_NAME": st.just("HTTP_X_OWN"),
    "CSRF_TRUSTED_ORIGINS": st.sampled_from(
        [["https://*.example.test"], ["http://evil.test", "https://evil.test"]]
    ),
    "CSRF_FAILURE_VIEW": st.just("tests.views.hello_sync"),
    "SESSION_ENGINE": st.sampled_from(
        [f"{_SESSIONS}.{name}" for name in ("cache", "db", "cached_db", "signed_cookies")]
    ),
    "SESSION_SAVE_EVERY_REQUEST": _flag,
    "SESSION_EXPIRE_AT_BROWSER_CLOSE": _flag,
    "SESSION_COOKIE_SECURE": _flag,
    "SESSION_COOKIE_HTTPONLY": _flag,
    "SESSION_COOKIE_SAMESITE": st.sampled_from(["None", "Strict", False]),
    "SESSION_COOKIE_NAME": st.just("sid"),
    "SESSION_COOKIE_AGE": st.sampled_from([1, 100]),
    "SESSION_COOKIE_PATH": st.just("/session"),
    "SESSION_COOKIE_DOMAIN": st.just("example.test"),
    "SESSION_SERIALIZER": st.just("django.contrib.sessions.serializers.JSONSerializer"),
    "MESSAGE_STORAGE": st.sampled_from(
        [
            f"{_MESSAGES}.{name}"
            for name in (
                "cookie.CookieStorage",
                "session.SessionStorage",
                "fallback.FallbackStorage",
            )
        ]
    ),
    "LOGIN_URL": st.sampled_from(["/login/", "state", "https://example.test/in/?a=b"]),
    "USE_I18N": _flag,
    "LANGUAGE_CODE": st.sampled_from(["de", "en-us", "pt-br"]),
    "LANGUAGES": st.just([("en", "English"), ("de", "German"), ("pt-br", "Portuguese")]),
    "LANGUAGE_COOKIE_NAME": st.just("lang"),
    "CACHES": st.sampled_from(
        [
            {"default": {"BACKEND": f"django.core.cache.backends.{name}"}}
            for name in ("dummy.DummyCache", "locmem.LocMemCache", "db.DatabaseCache")
        ]
    ).map(lambda caches: {"default": {**caches["default"], "LOCATION": "fuzz_cache"}}),
    "CACHE_MIDDLEWARE_SECONDS": st.sampled_from([0, 60]),
    "CACHE_MIDDLEWARE_KEY_PREFIX": st.just("pre"),
    "USE_TZ": _flag,
    "INTERNAL_IPS": st.just(["127.0.0.1"]),
    "MANAGERS": st.just(["manager@example.test"]),
    "WHITENOISE_AUTOREFRESH": _flag,
    "WHITENOISE_USE_FINDERS": _flag,
    "WHITENOISE_INDEX_FILE": st.just(True),
    "WHITENOISE_MAX_AGE": st.sampled_from([None, 100]),
    "IGNORABLE_404_URLS": st.just([re.compile("^/no")]),
}
if django.VERSION >= (6, 0):
    SETTINGS["SECURE_CSP"] = st.sampled_from(
        [{}, {"default-src": ["'self'"], "script-src": ["'self'", "<CSP_NONCE_SENTINEL>"]}]
    )
    SETTINGS["SECURE_CSP_REPORT_ONLY"] = st.just({"img-src": "'none'"})


@st.composite
def settings(draw) -> dict[str, object]:
    """A few settings, each with a value of its strategy."""
    names = draw(st.lists(st.sampled_from(sorted(SETTINGS)), max_size=8, unique=True))
    chosen = {name: draw(SETTINGS[name]) for name in names}
    if chosen.get("DEBUG"):
        # Each middleware would make a page about not being able to encode the page before, ever larger.
        chosen.pop("DEFAULT_CHARSET", None)
    return chosen
