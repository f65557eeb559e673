"""What is in the HTML report; ``tests/integrations`` opens it in a browser."""

from __future__ import annotations

import re

from django_asynckit.report.html import _before_and_after, as_html
from tests.report.audits import EVERY_STYLE, audit, finding, measurement
from tests.settings import MIDDLEWARE as STARTPROJECT

PAGES = "https://django-asynckit.readthedocs.io/en/stable/reference/findings/"


def test_it_needs_nothing_else():
    page = as_html(audit(*STARTPROJECT))
    assert not re.search(r"(?:src|@import|url\(|<script)", page)
    assert set(re.findall(r'href="(.)', page)) <= {"h", "#"}


def test_ids_link_to_their_pages():
    found = audit(*STARTPROJECT)
    found.findings = [finding(), finding(where="c.d", file=__file__, line=3)]
    page = as_html(found)
    assert page.count(f'<a href="{PAGES}w003.html">asynckit.W003</a>') == 1
    assert page.count("It is sync: 100%") == 1
    assert "<li><code>a.b</code>" in page
    assert '<code>c.d</code> <span class="soft"><code>tests/report/test_html.py:3<' in page


def test_findings_with_messages_of_their_own_are_listed_by_them():
    found = audit(*STARTPROJECT)
    found.findings = [finding(message="One."), finding(message="Other.", hint="")]
    page = as_html(found)
    assert "<li>One. " in page
    assert "<li>Other. " in page
    assert page.count("<b>Fix:</b> Make it async.") == 1


def test_findings_come_before_the_middleware_which_refers_to_them():
    page = as_html(audit(*EVERY_STYLE))
    findings, steps, middleware = (
        page.index(f"<h2>{title}")
        for title in ("Findings", "An async view, step by step", "Middleware, and why it hops")
    )
    assert findings < steps < middleware
    assert 'See <a href="#asynckit.W003">asynckit.W003</a>.' in page[middleware:]
    assert page.index('id="asynckit.W003"') < steps
    assert page.count("each open request holds a thread") == 1


def test_only_fewer_hops_are_painted_as_better():
    for before, after, classes in [
        (1, 1, ["before", "before"]),
        (2, 1, ["before", "after"]),
        (2, 0, ["before", "after"]),
        (0, 0, ["none", "none"]),
    ]:
        painted = re.findall(r'class="(\w+)"', _before_and_after(before, after))
        assert painted == classes


def test_both_chains_are_drawn_where_there_are_two():
    page = as_html(audit("tests.audit.stacks.SyncClass", ASYNCKIT_SYNC_CHAIN=True))
    asynchronous, synchronous = page.split("<h2>A sync view, step by step</h2>")
    assert "<h2>An async view, step by step</h2>" in asynchronous
    assert "After: django-asynckit, 3 hops" in asynchronous
    assert "After: django-asynckit, 1 hop<" in synchronous
    assert re.search(r'class="down hop into">.*SyncClass.*1 hop to a thread<', synchronous)
    assert re.search(r'class="view ">.*the view.*on the thread<', synchronous)


def test_the_reason_for_one_chain_is_told():
    stack = [f"tests.audit.stacks.{name}" for name in ("SyncClass", "async_only")]
    page = as_html(audit(*stack, ASYNCKIT_SYNC_CHAIN=True))
    assert f"<p>Sync views go through the chain of async views. {stack[1]} may answer" in page
    assert "<b>Fix:</b> Let it work in both modes" in page
    assert "A sync view, step by step" not in page


def test_one_reason_is_one_card():
    hooks = "django.middleware.security.SecurityMiddleware"
    page = as_html(audit(hooks, "tests.audit.stacks.OwnCall", "tests.audit.stacks.SyncClass"))
    assert (
        page.count("Something sync-only below turns it sync: its hooks run in that thread.<") == 1
    )


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
