"""``DROPINS`` names the classes that the installed Django has."""

from __future__ import annotations

import django
import pytest
from django.utils.module_loading import import_string

from django_asynckit.dropins import DROPINS, dotted_path

CSP = "django.middleware.csp.ContentSecurityPolicyMiddleware"


@pytest.mark.parametrize("path", [path for pair in DROPINS.items() for path in pair])
def test_every_name_is_where_a_class_was_defined(path):
    assert dotted_path(import_string(path)) == path


def test_csp_is_there_since_django_6_0():
    assert (CSP in DROPINS) is (django.VERSION >= (6, 0))
