"""Decorators can be imported as early, and in as small a project, as Django's."""

from __future__ import annotations

import subprocess
import sys

IMPORTS = """
from django.conf import settings
settings.configure(ALLOWED_HOSTS=["testserver"], ROOT_URLCONF=__name__)
urlpatterns = []
from django_asynckit.decorators import admin, auth, cache, csrf, gzip, http
"""
VIEWS = """
import asyncio, django
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import RequestFactory
django.setup()

class User:
    is_authenticated = True
    def has_perms(self, perms):
        return list(perms) == ["app.read"]

async def view(request):
    return HttpResponse()

async def get(decorator):
    request = RequestFactory().get("/")
    request.user = User()
    async def auser():
        return request.user
    request.auser = auser
    return (await decorator(view)(request)).status_code

async def main():
    print(await get(auth.login_required))
    print(await get(auth.permission_required("app.read")))
    try:
        await get(auth.permission_required("app.write", raise_exception=True))
    except PermissionDenied:
        print("denied")

asyncio.run(main())
"""


def run(script):
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_decorators_are_imported_before_apps_are_loaded():
    run(IMPORTS)


def test_without_contrib_auth_they_ask_whatever_user_there_is():
    """Only to the log-in page Django sends nobody then: its view needs ``contrib.auth``."""
    assert run(IMPORTS + VIEWS).split() == ["200", "200", "denied"]
