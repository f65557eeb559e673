"""What startproject makes, without a database in use; BENCH_MIDDLEWARE=0 leaves the middleware out."""

from __future__ import annotations

import os

from harness.django_databases import postgresql

SECRET_KEY = "for-the-benchmark-only"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "harness.django_urls"
USE_TZ = True

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

STARTPROJECT_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
MIDDLEWARE = STARTPROJECT_MIDDLEWARE if os.environ.get("BENCH_MIDDLEWARE") == "1" else []

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

KEPT = os.environ.get("BENCH_DATABASE", "")
# As startproject has it. No view asks for it, but those of the benchmark of queries.
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
if KEPT:
    DATABASES["default"] = postgresql(KEPT)

# No I/O in any middleware, so that what is measured is the way through them.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
