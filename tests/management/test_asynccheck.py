"""The command, with what is right and with what is wrong."""

from __future__ import annotations

import io
import json
import sys

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_asynckit.audit import measure as measuring
from tests.driver import plain_root_logger


def run(*arguments, **options):
    stdout, stderr = io.StringIO(), io.StringIO()
    with plain_root_logger():
        call_command("asynccheck", *arguments, stdout=stdout, stderr=stderr, **options)
    return stdout.getvalue()


def ids(*arguments):
    return {
        finding["id"] for finding in json.loads(run("--format", "json", *arguments))["findings"]
    }


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(measuring, "_ROUND_SECONDS", 0.001)
    monkeypatch.setattr(measuring, "_ROUNDS", 2)


def test_it_reports_15_hops_and_none_with_our_handler():
    assert "  async view                    15         0" in run()
    hops = json.loads(run("--format", "json"))["hops"]
    assert (hops["stock"]["async_view"], hops["asynckit"]["async_view"]) == (15, 0)


@pytest.mark.usefixtures("quick")
def test_a_page_is_measured():
    measured = json.loads(run("--format", "json", "--measure", "/"))["measure"]
    assert measured["stock"]["hops"] == 15
    assert measured["asynckit"]["hops"] == 0


def test_the_report_goes_to_a_file(tmp_path):
    file = tmp_path / "report.json"
    assert run("--format", "json", "--output", str(file)) == ""
    assert json.loads(file.read_text(encoding="utf-8"))["version"] == 1


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(CommandError, match="Cannot write"):
        run("--output", str(tmp_path / "missing" / "report"))


@pytest.mark.parametrize("name", ["\ud800", "a\0b"])
def test_a_file_that_cannot_be_named_is_told(name, tmp_path):
    with pytest.raises(CommandError, match="Cannot write"):
        run("--output", str(tmp_path / name))


@pytest.mark.parametrize("name", ["text", "json", "github", "html"])
def test_what_cannot_be_encoded_is_replaced(name, tmp_path):
    file = tmp_path / "report"
    with override_settings(MIDDLEWARE=["no_such.Middleware\udcff"]):
        run("--format", name, "--output", str(file))
    assert "no_such.Middleware" in file.read_text(encoding="utf-8")


def test_github_gets_annotations():
    assert run("--format", "github").startswith("::notice title=asynccheck::")


def test_a_page_is_written():
    assert run("--format", "html").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("middleware", "limit", "fails"),
    [("sync_function", "1", True), ("sync_function", "2", False), ("Native", "0", False)],
)
def test_more_hops_than_allowed_fail(middleware, limit, fails):
    with override_settings(MIDDLEWARE=[f"tests.audit.stacks.{middleware}"]):
        if not fails:
            run("--max-hops", limit)
            return
        with pytest.raises(CommandError, match="makes 2 hops, and --max-hops is 1"):
            run("--max-hops", limit)


@pytest.mark.parametrize("path", ["no_such.Middleware", "tests.audit.stacks.Failing"])
def test_hops_that_cannot_be_counted_fail(path):
    with (
        override_settings(MIDDLEWARE=[path]),
        pytest.raises(CommandError, match="cannot be counted"),
    ):
        run("--max-hops", "9")


@pytest.mark.parametrize("wrong", ["-1", "many", "1.5"])
def test_the_number_of_hops_is_one(wrong):
    with pytest.raises(CommandError, match="is not a number of hops"):
        run(f"--max-hops={wrong}")


def test_findings_of_a_level_fail():
    with override_settings(MIDDLEWARE=["tests.audit.stacks.sync_function"]):
        run("--fail-level", "error")
        for level in ("warning", "info"):
            with pytest.raises(CommandError, match=f"level {level} or worse"):
                run("--fail-level", level)


def test_silenced_findings_are_left_out():
    with override_settings(
        MIDDLEWARE=["tests.audit.stacks.sync_function"], SILENCED_SYSTEM_CHECKS=["asynckit.W003"]
    ):
        run("--fail-level", "warning")
        assert "asynckit.W003" not in ids()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"MIDDLEWARE": ["no_such.Middleware"]}, "asynckit.E003"),
        ({"MIDDLEWARE": None}, "asynckit.E007"),
        ({"ROOT_URLCONF": "no_such_urls"}, "asynckit.E009"),
        ({"ASGI_APPLICATION": "no_such.asgi.application"}, "asynckit.E008"),
        ({"ASYNCKIT_WORKERS": "8"}, "asynckit.E001"),
        ({"ASYNCKIT_NATIVE_MIDDLEWARE": "yes"}, "asynckit.E001"),
        ({"ASYNCKIT_WORKER": 8}, "asynckit.W020"),
        ({"ASYNCKIT_NON_BLOCKING_MIDDLEWARE": ["no.such"]}, "asynckit.E002"),
        ({"ASYNCKIT_NON_BLOCKING_MIDDLEWARE": ["tests.audit.stacks.Native"]}, "asynckit.I001"),
    ],
    ids=str,
)
def test_wrong_input_becomes_findings_and_the_rest_still_comes(settings, expected):
    middleware = ["tests.audit.stacks.Native"]
    with override_settings(**{"MIDDLEWARE": middleware, **settings}):
        data = json.loads(run("--format", "json"))
        run()
        run("--format", "github")
    assert expected in {finding["id"] for finding in data["findings"]}
    assert len(data["hops"]) == 2


def test_missing_greenlet_is_a_finding_and_the_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "greenlet", None)
    path = "tests.audit.stacks.sync_function"
    with override_settings(MIDDLEWARE=[path], ASYNCKIT_NON_BLOCKING_MIDDLEWARE=[path]):
        found, text = ids(), run()
    assert "asynckit.W002" in found
    assert "asynckit.W003" not in found
    assert "Fix: It is declared free of I/O. Install greenlet" in text


def test_a_page_that_cannot_be_measured_still_gives_the_report(tmp_path):
    file = tmp_path / "report.txt"
    with pytest.raises(CommandError, match="must begin with a slash"):
        run("--measure", "books", "--output", str(file))
    assert "Hops in total" in file.read_text(encoding="utf-8")


def test_a_site_that_does_not_start_is_not_measured():
    with (
        override_settings(MIDDLEWARE=["no_such.Middleware"]),
        pytest.raises(CommandError, match="Django does not start"),
    ):
        run("--measure", "/")


class Stream(io.StringIO):
    """A terminal, or a pipe that takes ASCII only."""

    def __init__(self, encoding="utf-8", terminal=False):
        super().__init__()
        self._encoding, self._terminal = encoding, terminal

    @property
    def encoding(self):
        return self._encoding

    def isatty(self):
        return self._terminal


def test_a_person_sees_colours_and_progress():
    stdout, stderr = Stream(terminal=True), Stream(terminal=True)
    call_command("asynccheck", stdout=stdout, stderr=stderr)
    assert "\x1b[" in stdout.getvalue()
    assert "Walking the URLconf ..." in stderr.getvalue()
    stdout = Stream(terminal=True)
    call_command("asynccheck", stdout=stdout, stderr=Stream(), no_color=True)
    assert "\x1b[" not in stdout.getvalue()


def test_a_pipe_for_ascii_gets_ascii():
    stdout = Stream("ascii")
    call_command("asynccheck", stdout=stdout, stderr=Stream())
    assert "v SecurityMiddleware.process_request" in stdout.getvalue()


def test_a_terminal_for_ascii_gets_ascii_with_colours(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")  # So narrow that lines are shortened.
    written = io.BytesIO()
    stdout = AsciiTerminal(written, encoding="ascii")
    call_command("asynccheck", stdout=stdout, stderr=Stream())
    stdout.flush()
    text = written.getvalue().decode("ascii")
    assert "\x1b[" in text
    assert "v SecurityMiddleware" in text
    assert "?" not in text


class AsciiTerminal(io.TextIOWrapper):
    """A terminal that refuses other characters."""

    def isatty(self):
        return True


def test_a_page_for_ascii_has_references():
    stdout = Stream("ascii")
    call_command("asynccheck", "--format", "html", stdout=stdout, stderr=Stream())
    assert "15</span> &#8594; " in stdout.getvalue()


def test_a_database_that_is_not_there_ends_the_command():
    with pytest.raises(CommandError, match=r"no database 'nope'. Choose from: 'default'"):
        run("--database", "nope")


@pytest.mark.django_db
def test_a_database_is_asked():
    assert "asynckit.I016" in ids("--database", "default")


def test_native_classes_that_are_switched_off_are_the_fix():
    with override_settings(ASYNCKIT_NATIVE_MIDDLEWARE=False):
        assert "Set ASYNCKIT_NATIVE_MIDDLEWARE to True" in run()
