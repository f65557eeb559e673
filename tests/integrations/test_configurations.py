"""django-configurations, whose settings are a class."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = """
from configurations import Configuration


class Site(Configuration):
    SECRET_KEY = "of a test"
    ALLOWED_HOSTS = ["*"]
    ROOT_URLCONF = "mysite.urls"
    MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
"""
URLS = """
from django.http import HttpResponse
from django.urls import path


async def view(request):
    return HttpResponse(b"served")


urlpatterns = [path("", view)]
"""
ASGI = """
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
os.environ.setdefault("DJANGO_CONFIGURATION", "Site")

import configurations

configurations.setup()

from django_asynckit.asgi import get_asgi_application

application = get_asgi_application()
another = get_asgi_application()
"""
RUN = """
import asyncio
from mysite.asgi import another, application
from tests.driver import drive

for one in (application, another):
    print(asyncio.run(drive(one)).body)
"""


def test_its_settings_are_used(tmp_path):
    pytest.importorskip("configurations", reason="django-configurations is not installed")
    (tmp_path / "mysite").mkdir()
    for name, source in {"__init__": "", "settings": SETTINGS, "urls": URLS, "asgi": ASGI}.items():
        (tmp_path / "mysite" / f"{name}.py").write_text(source)
    root = Path(__file__).parents[2]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DJANGO_")}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(tmp_path)!r}]\n{RUN}"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["b'served'", "b'served'"]
