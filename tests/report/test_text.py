"""The report for people."""

from __future__ import annotations

import io
import re
import sys

import pytest

from django_asynckit.audit.findings import Level
from django_asynckit.report.lines import STYLES, lines_of
from django_asynckit.report.text import as_ascii, as_coloured, as_text
from tests.report.audits import EVERY_STYLE, audit, finding, measurement
from tests.settings import MIDDLEWARE as STARTPROJECT


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def found():
    audited = audit(*STARTPROJECT, ASYNCKIT_SYNC_CHAIN=False)
    audited.findings = []
    return audited


def test_the_stack_is_drawn_with_both_handlers(found):
    lines = as_text(found).splitlines()
    assert "↓ SecurityMiddleware.process_request         ├──────▶ ●  1     ●" in lines
    assert any(line.split() == ["●", "the", "view", "●", "●"] for line in lines)
    assert "  async view                    15         0" in lines
    assert "  sync view                     16         1" in lines
    assert lines[-1] == "Nothing was found."
    assert all(line == line.rstrip() for line in lines)


def test_both_chains_are_drawn_where_there_are_two():
    stack = ["tests.audit.stacks.SyncClass", STARTPROJECT[0]]
    text = as_text(audit(*stack, ASYNCKIT_SYNC_CHAIN=True))
    asynchronous, synchronous = text.split("A GET of a sync view ")
    assert "A GET of an async view " in asynchronous
    assert re.search(r"SyncClass +◀──────▶ ●  2     ◀──────▶ ●  2", asynchronous)
    assert re.search(r"SyncClass +◀──────▶ ●  2     ├──────▶ ●  1", synchronous)
    assert re.search(r"process_request +├──────▶ ●  1              ●\n", synchronous)
    assert re.search(r"● the view +├──────▶ ●  1              ●\n", synchronous)
    assert "  sync view                      8         1" in synchronous
    assert "Sync views go through" not in text


def test_the_reason_for_one_chain_is_told_with_what_to_do_if_that_helps():
    sync_only, async_only = (f"tests.audit.stacks.{name}" for name in ("SyncClass", "async_only"))
    told = " ".join(as_text(audit(sync_only, async_only, ASYNCKIT_SYNC_CHAIN=True)).split())
    assert f"Sync views go through the chain of async views. {async_only} may answer" in told
    assert "Fix: Let it work in both modes" in told
    assert "A GET of a sync view" not in told
    alone = as_text(audit(async_only, ASYNCKIT_SYNC_CHAIN=True))
    assert f"{async_only} may answer" in alone
    assert "Fix: Let it" not in alone


def test_titles_have_room_where_names_are_short():
    assert "A GET of an async view  Django's handler" in as_text(audit())


def test_lanes_of_every_style_and_reasons_are_told():
    text = as_text(audit(*EVERY_STYLE))
    assert "           ●" in text
    assert "tests.audit.stacks.SyncClass is sync only: each open request holds a thread" in text
    assert "WARNING asynckit.W003  https://django-asynckit.readthedocs.io/" in text
    assert "    tests/audit/stacks.py:" in text
    assert re.search(r"SyncClass +◀──────┤ ●  1", text)
    assert re.search(r"SecurityMiddleware.process_request +├──────▶ ●  1", text)
    alone = as_text(audit("tests.audit.stacks.sync_function"))
    assert re.search(r"sync_function +◀──────▶ ●  2", alone)
    hopping = as_text(audit(EVERY_STYLE[2]))
    assert "  ●──────▶ ●  2" in hopping


def test_findings_are_counted_by_level(found):
    found.findings = [finding(id="asynckit.E003", level=Level.ERROR), finding(), finding(hint="")]
    text = as_text(found)
    assert text.splitlines()[-1] == "Found 1 error, 2 warnings."
    assert "  Fix: Make it async. Really." in text
    found.findings = [finding(id="asynckit.I003", level=Level.INFO)]
    assert as_text(found).endswith("\nFound 1 note.")


def test_each_kind_of_finding_is_explained_once_with_its_places(found):
    found.findings = [
        finding(
            where=f"a.{name}", message=f"a.{name} is sync only.", hint=hint, file=file, line=line
        )
        for name, hint, file, line in [
            ("B", "Fix one.", "/elsewhere/b.py", 3),
            ("C", "Fix two.", "", 0),
            ("D", "Fix one.", __file__, 7),
        ]
    ]
    lines = as_text(found).splitlines()
    assert lines[2:10] == [
        "WARNING asynckit.W003  "
        "https://django-asynckit.readthedocs.io/en/stable/reference/findings/w003.html",
        "  … is sync only.",
        "    a.B  /elsewhere/b.py:3",
        "    a.D  tests/report/test_text.py:7",
        "  Fix: Fix one.",
        "    a.C",
        "  Fix: Fix two.",
        "",
    ]


def test_messages_that_differ_are_told_each(found):
    found.findings = [
        finding(where="a.B", message="a.B makes 1 hop.", file="/b.py", line=3),
        finding(where="", message="2 hops."),
    ]
    lines = as_text(found).splitlines()
    assert lines[3:6] == ["  a.B makes 1 hop.", "    /b.py:3", "  2 hops."]


def test_each_sync_only_middleware_is_explained_once():
    paths = [f"tests.audit.stacks.{name}" for name in ("SyncClass", "sync_function", "Native")]
    text = as_text(audit(*paths, "tests.audit.broken.DeadAcall", ASYNCKIT_SYNC_CHAIN=False))
    assert text.count("each open request holds a thread") == 1
    assert "Each request holds a thread here" not in text
    silenced = audit(*paths[:2], ASYNCKIT_SYNC_CHAIN=False)
    silenced.findings = []
    assert as_text(silenced).count("Each request holds a thread here") == 1


def test_native_classes_are_counted(found):
    assert "7 of the middleware have a native class: no hop of its own." in as_text(found)
    alone = as_text(audit(STARTPROJECT[0]))
    assert "1 of the middleware has a native class: no hop of its own." in alone


def test_a_measurement_is_shown_with_its_spread(found):
    found.measurement = measurement()
    text = as_text(found)
    assert "  Django      15 hops    2 threads     2000 µs ± 0%" in text
    assert "too noisy to trust" in text
    assert "8.0 times less CPU time" in text
    assert "Try again" in text


def test_the_application_is_named(found):
    found.application.module, found.application.handler = "mysite.asgi", "stock"
    assert "mysite.asgi uses Django's own handler." in as_text(found)


def test_views_are_told_where_they_were_counted():
    counts = re.compile(r"Views  \d+ async, \d+ sync\. A sync view runs in a thread: one hop\.")
    assert counts.search(as_text(audit()))
    broken = as_text(audit(ROOT_URLCONF="no_such_urls"))
    assert "Views  They were not counted: the URLconf cannot be loaded." in broken


def test_long_names_are_shortened_where_there_is_no_room(found):
    drawn = ["".join(text for text, _ in line) for line in lines_of(found, 60)]
    assert any("…" in line for line in drawn)
    assert max(len(line) for line in drawn if line.startswith(("↓", "↑"))) <= 60


def test_a_new_project_fits_into_80_columns(found):
    drawn = ["".join(text for text, _ in line) for line in lines_of(found, 80)]
    assert max(map(len, drawn)) <= 80
    assert not any("…" in line for line in drawn)


def test_a_terminal_gets_colours(found, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = as_coloured(found, Terminal())
    assert "\x1b[" in text
    assert "SecurityMiddleware.process_request" in text


@pytest.mark.parametrize("columns", ["60", "30"])
def test_a_narrow_terminal_gets_all_of_it(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    found = audit(*EVERY_STYLE)
    found.measurement = measurement()
    text = re.sub(r"\x1b\[[\d;]*m", "", as_coloured(found, Terminal()))
    assert max(map(len, text.splitlines())) <= int(columns)
    whole = "".join(text for line in lines_of(found, int(columns)) for text, _ in line)
    assert "".join(text.split()) == "".join(whole.split())


def test_a_pipe_gets_none(found, monkeypatch):
    assert as_coloured(found, io.StringIO()) is None
    assert as_coloured(found, object()) is None
    monkeypatch.setenv("NO_COLOR", "1")
    assert as_coloured(found, Terminal()) is None


def test_without_rich_a_terminal_gets_plain_text(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert as_coloured(found, Terminal()) is None


def test_every_style_is_known():
    audited = audit(*EVERY_STYLE)
    audited.measurement = measurement()
    styles = {style for line in lines_of(audited, 100) for _, style in line}
    assert styles - {""} <= set(STYLES)


def test_a_narrow_encoding_gets_plain_characters():
    assert as_ascii("↓ ├──▶ ● ◀──┤ …").encode("ascii") == b"v |--> * <--| ."
