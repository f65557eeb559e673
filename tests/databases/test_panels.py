"""django-debug-toolbar and django-silk count the queries of each request, and no other's."""

from __future__ import annotations

import json
import re

import pytest

from tests.databases.client import ask, ask_one
from tests.databases.conftest import manage

APPS = ["django.contrib.contenttypes", "django.contrib.staticfiles"]
OURS = ["tests.databases", "django_asynckit"]
SITE = {
    "ROOT_URLCONF": "tests.databases.panel_urls",
    "ASYNCKIT_WORKERS": 1,
    "STATIC_URL": "/static/",
}
SILK = {
    **SITE,
    "INSTALLED_APPS": [*APPS, "silk", *OURS],
    "MIDDLEWARE": ["silk.middleware.SilkyMiddleware"],
}
TOOLBAR = {
    **SITE,
    "DEBUG": True,
    "INSTALLED_APPS": [*APPS, "debug_toolbar", *OURS],
    "MIDDLEWARE": ["debug_toolbar.middleware.DebugToolbarMiddleware"],
    "INTERNAL_IPS": ["127.0.0.1"],
}
QUERIES = [3, 1, 0, 5, 2, 0, 4, 1]


@pytest.fixture(params=["page", "page/sync"])
def targets(request) -> list[str]:
    return [f"/{request.param}/{number}/" for number in QUERIES]


def test_toolbar_counts_queries_of_each_request(sqlite, start_site, targets):
    pytest.importorskip("debug_toolbar", reason="django-debug-toolbar is not installed")
    server = start_site(sqlite, TOOLBAR, CONN_MAX_AGE=None)
    answers = ask(server, targets, concurrency=1)
    assert answers.counted() == {200: len(targets)}, server.output[-3000:]
    shown = [re.search(r"(\d+) quer(?:y|ies) in", body) for body in answers.bodies]
    assert [int(match[1]) for match in shown] == QUERIES


def test_silk_counts_queries_of_each_request(sqlite, start_site, targets):
    pytest.importorskip("silk", reason="django-silk is not installed")
    manage(sqlite, "migrate", "-v0", "silk", settings=SILK)
    server = start_site(sqlite, SILK, CONN_MAX_AGE=None)
    answers = ask(server, targets, concurrency=1)
    assert answers.counted() == {200: len(targets)}, server.output[-3000:]
    counted = json.loads(ask_one(server, "/counted/"))[-len(targets) :]
    assert counted == [[*pair] for pair in zip(targets, QUERIES, strict=True)]
