"""A site that has what each middleware of Django's looks for."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.flatpages.models import FlatPage
from django.contrib.redirects.models import Redirect
from django.contrib.sites.models import Site
from django.core.management import call_command
from django.test import override_settings

from tests.database import database_file


@pytest.fixture(scope="session")
def fuzz_database(tmp_path_factory, django_db_blocker):
    name = tmp_path_factory.mktemp("fuzz") / "site.sqlite3"
    with database_file(name, django_db_blocker), fuzz_settings():
        fill()
    return name


@pytest.fixture
def fuzz_site(fuzz_database, django_db_blocker):
    with database_file(fuzz_database, django_db_blocker), fuzz_settings():
        yield


def fuzz_settings():
    return override_settings(
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
