"""The command in a project that ``startproject`` made, and in the example."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.servers.harness import ROOT

HOPS = {
    "stock": {"async_view": 15, "sync_view": 16},
    "asynckit": {"async_view": 0, "sync_view": 1},
}


def manage(folder, *arguments, **environment):
    """Run ``manage.py`` with the Django that is installed here."""
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    subprocess.run(
        [sys.executable, "-m", "django", "startproject", "mysite", str(folder)],
        check=True,
        timeout=50,
    )
    with (folder / "mysite" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write('\nINSTALLED_APPS += ["django_asynckit"]\n')
    return folder


def test_a_new_project_has_15_hops_and_none_with_our_handler(project):
    run = manage(project, "asynccheck", "--format", "json", "--measure", "/", "--max-hops", "0")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["hops"] == HOPS
    assert report["application"]["handler"] == "stock"
    assert [entry["asynckit"]["hops"] for entry in report["middleware"]] == [0] * 7
    assert report["measure"]["stock"]["hops"] > report["measure"]["asynckit"]["hops"]
    assert {finding["level"] for finding in report["findings"]} == {"info"}


def test_a_new_project_has_no_warning_of_ours(project):
    run = manage(project, "check", "--tag", "async", "--fail-level", "WARNING")
    assert run.returncode == 0, run.stderr
    assert "no issues" in run.stdout + run.stderr


def test_a_pipe_gets_plain_text(project):
    run = manage(project, "asynccheck")
    assert run.returncode == 0, run.stderr
    assert "  async view                    15         0" in run.stdout
    assert "\x1b[" not in run.stdout
    assert run.stderr == ""


def test_the_example_project():
    run = manage(ROOT / "example", "asynccheck", "--format", "json", "--measure", "/")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["hops"] == HOPS
    assert report["application"]["handler"] == "asynckit"
    measured = report["measure"]
    assert (measured["stock"]["hops"], measured["asynckit"]["hops"]) == (15, 0)
    assert measured["ratio"] > 1
