"""Decorators can be imported as early, and in as small a project, as Django's."""

from __future__ import annotations

import subprocess
import sys

IMPORTS = """
from django.conf import settings
settings.configure(INSTALLED_APPS=[], LOGIN_URL="/login/", ALLOWED_HOSTS=["testserver"])
from django_asynckit.decorators import admin, auth, cache, csrf, gzip, http
"""
VIEWS = """
import asyncio, django
from django.http import HttpResponse
from django.test import RequestFactory
django.setup()

class User:
    is_authenticated = is_active = is_staff = True
    def has_perms(self, perms):
        return list(perms) == ["app.read"]

class Nobody(User):
    is_authenticated = is_active = is_staff = False
    def has_perms(self, perms):
        return False

async def view(request):
    return HttpResponse()

async def status(decorated, user):
    request = RequestFactory().get("/")
    request.user = user
    async def auser():
        return user
    request.auser = auser
    return (await decorated(request)).status_code

async def main():
    for decorator in (auth.login_required, auth.permission_required("app.read")):
        decorated = decorator(view)
        print(await status(decorated, User()), await status(decorated, Nobody()))

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


def test_they_work_without_contrib_auth():
    assert run(IMPORTS + VIEWS).splitlines() == ["200 302"] * 2
