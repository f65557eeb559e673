"""Annotations for GitHub Actions."""

from __future__ import annotations

import os

from asgiref import local

from django_asynckit.audit.findings import Level
from django_asynckit.report.github import as_github
from tests.report.audits import audit, finding
from tests.settings import MIDDLEWARE as STARTPROJECT


def test_a_finding_is_an_annotation_of_its_line():
    found = audit(*STARTPROJECT)
    found.findings = [
        finding(file=os.path.join(os.getcwd(), "site", "a,b.py"), line=7),
        finding(id="asynckit.E003", level=Level.ERROR),
        finding(id="asynckit.I003", level=Level.INFO, file="/elsewhere/c.py", line=3),
        finding(file=os.path.join("tests", "urls.py")),
        finding(file=os.path.join(os.getcwd(), ".venv", "lib", "site-packages", "d.py"), line=4),
        finding(file=local.__file__, line=5),
    ]
    text = "It is sync: 100%25%0AMake it async.%0AReally."
    assert as_github(found).splitlines() == [
        "::notice title=asynccheck::An async view makes 15 hops with Django's handler, 0 with "
        "django-asynckit.",
        f"::warning file=site/a%2Cb.py,line=7,title=asynckit.W003::{text}",
        f"::error title=asynckit.E003::{text}",
        f"::notice title=asynckit.I003::{text}%0A/elsewhere/c.py:3",
        f"::warning file=tests/urls.py,title=asynckit.W003::{text}",
        f"::warning title=asynckit.W003::{text}%0A.venv/lib/site-packages/d.py:4",
        f"::warning title=asynckit.W003::{text}%0Aasgiref/local.py:5",
    ]
