"""The docs name what the code has, and nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from django_asynckit._compat import HAS_CSP, HAS_WHITENOISE
from django_asynckit.conf import NAMES
from django_asynckit.dropins import DROPINS

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "django_asynckit"
REFERENCE = ROOT / "docs" / "reference"
#: Public modules that are a file, with the name of their page.
MODULES = {
    "asgi.py": "asgi",
    "conf.py": "settings",
    "dropins.py": "middleware",
    "exceptions.py": "exceptions",
    "test.py": "test",
}
INTERNAL = {"__init__.py", "apps.py", "types.py"}


def headings(page: Path, level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_setting_is_documented_and_no_other():
    in_code = set(re.findall(r"\bASYNCKIT_[A-Z_]+", (SRC / "conf.py").read_text(encoding="utf-8")))
    assert sorted(headings(REFERENCE / "settings.md", 2)) == sorted(in_code) == sorted(NAMES)


def test_every_check_is_documented_and_ids_are_unique():
    in_code = [
        check_id
        for folder in ("audit", "checks")
        for file in sorted((SRC / folder).glob("*.py"))
        for check_id in re.findall(r'id="(asynckit\.[A-Z]\d{3})"', file.read_text(encoding="utf-8"))
    ]
    assert len(in_code) == len(set(in_code)), in_code
    pages = {page.stem: page for page in (REFERENCE / "findings").glob("*.md")}
    assert sorted(pages) == sorted(one.removeprefix("asynckit.").lower() for one in in_code)
    titles = [title for page in pages.values() for title in headings(page, 1)]
    assert sorted(titles) == sorted(in_code)
    index = (REFERENCE / "checks.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[([\w.]+)\]\(findings/", index, re.MULTILINE)) == sorted(
        in_code
    )


@pytest.mark.parametrize(
    "page", sorted((REFERENCE / "findings").glob("*.md")), ids=lambda one: one.stem
)
def test_the_page_of_a_finding_quotes_it_and_has_an_example_and_what_to_do(page):
    text = page.read_text(encoding="utf-8")
    assert "\n> " in text
    assert "\n**Fix.** " in text
    assert "```" in text


def test_every_native_class_is_documented_and_no_other():
    row = re.compile(
        r"^\| `((?:django|whitenoise)\.[\w.]+)` \| `(django_asynckit\.[\w.]+)` \|$", re.MULTILINE
    )
    documented = dict(row.findall((REFERENCE / "middleware.md").read_text(encoding="utf-8")))
    if not HAS_CSP:
        del documented["django.middleware.csp.ContentSecurityPolicyMiddleware"]
    if not HAS_WHITENOISE:
        del documented["whitenoise.middleware.WhiteNoiseMiddleware"]
    assert documented == DROPINS


def test_every_folder_and_public_module_has_its_reference_page():
    folders = {
        path.name for path in SRC.iterdir() if path.is_dir() and not path.name.startswith("_")
    }
    files = {path.name for path in SRC.glob("*.py") if not path.name.startswith("_")} - INTERNAL
    assert files == set(MODULES)
    pages = {page.stem for page in REFERENCE.glob("*.md")}
    assert pages == folders | set(MODULES.values())


def test_every_page_is_in_the_table_of_contents():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^([\w-]+(?:/[\w-]+)?)$", index, re.MULTILINE))
    pages = {
        path.relative_to(ROOT / "docs").with_suffix("").as_posix()
        for path in (ROOT / "docs").rglob("*.md")
    }
    others = ("_build/", "reference/findings/")  # Those that checks.md lists.
    assert listed == {page for page in pages if not page.startswith(others)} - {"index"}


def test_changelog_has_this_version():
    """The version is the newest released one, or is not released yet and "Unreleased" is on top."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entries = headings(ROOT / "CHANGELOG.md", 2)
    released = [entry.split()[0] for entry in entries if entry != "Unreleased"]
    if project["version"] in released:
        assert released[0] == project["version"]
    else:
        assert entries[0] == "Unreleased"
    assert "Unreleased" not in entries[1:]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_paths_that_are_named_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    paths = re.findall(
        r"^\| `((?:src|tests|docs|example|bench|tools)/[^`]*)` \|", text, re.MULTILINE
    )
    assert [path for path in links + paths if not (ROOT / path).exists()] == []
