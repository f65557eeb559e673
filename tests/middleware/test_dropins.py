"""``DROPINS`` names the classes that are installed."""

from __future__ import annotations

import subprocess
import sys

import django
import pytest
from django.utils.module_loading import import_string

from django_asynckit._compat import HAS_WHITENOISE
from django_asynckit.dropins import DROPINS, dotted_path
from tests.servers.harness import ROOT

WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"
CSP = "django.middleware.csp.ContentSecurityPolicyMiddleware"


@pytest.mark.parametrize("path", [path for pair in DROPINS.items() for path in pair])
def test_every_name_is_where_a_class_was_defined(path):
    assert dotted_path(import_string(path)) == path


def test_csp_is_there_since_django_6_0():
    assert (CSP in DROPINS) is (django.VERSION >= (6, 0))


WITHOUT_WHITENOISE = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *args: (
    None if name.partition(".")[0] == "whitenoise" else find(name, *args)
)
"""
REPORT = """
from django.conf import settings
settings.configure(ROOT_URLCONF="tests.urls", MIDDLEWARE=[], ALLOWED_HOSTS=["*"])
import django, sys
django.setup()
from django_asynckit.asgi import get_asgi_application
from django_asynckit.checks.drift import check_drift
from django_asynckit._compat import HAS_WHITENOISE
from django_asynckit.dropins import DROPINS
get_asgi_application()
print([path for path in DROPINS if "whitenoise" in path], [one for one in sys.modules if "whitenoise" in one], check_drift())
"""


@pytest.mark.parametrize(
    ("script", "is_there"),
    [(WITHOUT_WHITENOISE + REPORT, False), (REPORT, HAS_WHITENOISE)],
    ids=["not installed", "as it is"],
)
def test_whitenoise_is_there_if_it_is_installed_and_not_imported(script, is_there):
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == f"{[WHITENOISE] * is_there} [] []"
