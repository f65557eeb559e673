"""A site that has what each middleware of Django's looks for."""

from __future__ import annotations

import gzip
import os

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.flatpages.models import FlatPage
from django.contrib.redirects.models import Redirect
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.test import override_settings

from tests.database import database_file

#: Of each static file.
CHANGED = 1_700_000_000
STATIC_FILES = {
    "style.css": b"body { color: red } " * 20,
    "style.css.gz": gzip.compress(b"body { color: red } " * 20, mtime=0),
    "large.bin": bytes(range(256)) * 3000,
    "docs/index.html": b"<p>docs",
}


@pytest.fixture(scope="session")
def fuzz_database(tmp_path_factory, django_db_blocker):
    name = tmp_path_factory.mktemp("fuzz") / "site.sqlite3"
    with database_file(name, django_db_blocker), fuzz_settings(name.parent):
        fill()
    return name


@pytest.fixture
def fuzz_site(fuzz_database, django_db_blocker):
    folder = fuzz_database.parent
    with database_file(fuzz_database, django_db_blocker), fuzz_settings(folder):
        yield


def fuzz_settings(folder):
    make_static_files(folder / "static")
    return override_settings(
        STATIC_URL="/static/",
        STATIC_ROOT=str(folder / "static"),
        ROOT_URLCONF="tests.fuzz.urls",
        SITE_ID=1,
        LOGIN_URL="/login/",
        AUTHENTICATION_BACKENDS=[
            "django.contrib.auth.backends.ModelBackend",
            "django.contrib.auth.backends.RemoteUserBackend",
        ],
        TEMPLATES=[
            {
                **settings.TEMPLATES[0],
                "APP_DIRS": False,
                "OPTIONS": {
                    **settings.TEMPLATES[0]["OPTIONS"],
                    "loaders": [
                        (
                            "django.template.loaders.locmem.Loader",
                            {
                                "flatpages/default.html": "{{ flatpage.title }} {{ flatpage.content }}"
                            },
                        )
                    ],
                },
            }
        ],
    )


def make_static_files(root) -> None:
    for name, content in STATIC_FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (CHANGED, CHANGED))


def fill() -> None:
    call_command("migrate", verbosity=0)
    call_command("createcachetable", "fuzz_cache", verbosity=0)
    get_user_model().objects.create_superuser("ada", "ada@example.test", "secret")
    site, _ = Site.objects.update_or_create(pk=1, defaults={"domain": "testserver", "name": "site"})
    for url, private in (("/flat/", False), ("/flat/private/", True)):
        page = FlatPage.objects.create(
            url=url, title="flat", content="page", registration_required=private
        )
        page.sites.add(site)
    Redirect.objects.create(site=site, old_path="/old/", new_path="/sync/")
    Redirect.objects.create(site=site, old_path="/gone/", new_path="")
