"""What is in the HTML report; ``tests/integrations`` opens it in a browser."""

from __future__ import annotations

import re

from django_asynckit.report.html import as_html
from tests.report.audits import EVERY_STYLE, audit, finding, measurement
from tests.settings import MIDDLEWARE as STARTPROJECT


def test_it_needs_nothing_else():
    page = as_html(audit(*STARTPROJECT))
    assert not re.search(r"(?:src|href|@import|url\(|<script)", page)


def test_what_comes_from_the_project_is_escaped():
    found = audit(*STARTPROJECT)
    found.findings = [finding(where="<b>", message="<script>", hint='"&', file="<i>", line=3)]
    page = as_html(found)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;i&gt;:3" in page


def test_every_style_and_a_measurement_are_told():
    found = audit(*EVERY_STYLE)
    found.measurement = measurement()
    found.application.module, found.application.handler = "mysite.asgi", "asynckit"
    page = as_html(found)
    assert "<code>mysite.asgi</code> uses django-asynckit&#x27;s handler." in page
    assert "2000 µs of CPU time" in page
    assert "Too noisy to trust." in page
    assert "8.0 times less CPU time." in page
    assert "tests.audit.stacks.SyncClass" in page


def test_the_way_of_each_hop_is_drawn_and_told():
    page = as_html(audit(*EVERY_STYLE))
    assert re.search(r'class="down hop into">.*SecurityMiddleware.*1 hop to a thread<', page)
    assert re.search(r'class="down hop back">.*SyncClass.*1 hop back to the event loop<', page)
    alone = as_html(audit("tests.audit.stacks.sync_function"))
    told = "1 hop to a thread, 1 hop back to the event loop<"
    assert re.search(rf'class="down hop into back">.*sync_function.*{told}', alone)
    assert 'class="count">2<' in alone


def test_a_healthy_project_has_no_findings():
    found = audit(*STARTPROJECT)
    found.findings = []
    assert "Nothing was found." in as_html(found)
