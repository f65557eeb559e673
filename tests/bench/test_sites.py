"""`bench/sites.py` runs, counts and compares; where its packages are not installed, only its parts are tried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import django_asynckit

BENCH = Path(__file__).parents[2] / "bench"
PACKAGES = ("allauth", "corsheaders", "csp", "django_otp", "gunicorn", "matplotlib", "whitenoise")
#: What the site's own code asks the database for, and what the session and the user of a visitor cost.
QUERIES = {"ping": 0, "form": 1, "list": 3, "detail": 8}
OF_A_VISITOR = {"anonymous": 0, "logged-in": 2}


@pytest.fixture(autouse=True)
def _find_bench(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)


@pytest.fixture
def run_sites(tmp_path):
    """Return a function that runs the benchmark; it gives what was kept, and what was said."""
    for name in PACKAGES:
        pytest.importorskip(name)
    package = Path(django_asynckit.__file__).parents[1]

    def run(*words):
        environment = {
            **os.environ,
            "PYTHONPATH": str(package),
            "PGHOST": os.environ.get("TESTS_DATABASE_HOST", "127.0.0.1"),
        }
        file = tmp_path / "sites.json"
        command = [sys.executable, BENCH / "sites.py", "--quick", "--json", file, *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert not done.returncode or "Skipped" in done.stderr, done.stderr
        return json.loads(file.read_text()) if file.exists() else None, done.stderr

    return run


@pytest.mark.timeout(300)
def test_every_page_is_measured_on_each_server(run_sites, tmp_path):
    picture = tmp_path / "sites.svg"
    kept, _ = run_sites("--svg", picture, "--only", "sqlite", "stock", "asynckit", "gunicorn")
    pages = kept["results"]["sqlite"]
    assert {page: servers["asynckit"]["queries"] for page, servers in pages.items()} == {
        f"{name}, {views} view, {visitor}": QUERIES[name] + OF_A_VISITOR[visitor]
        for name in QUERIES
        for views in ("sync", "async")
        for visitor in OF_A_VISITOR
    }
    for page, servers in pages.items():
        under_wsgi = ["gunicorn"] if ", sync view" in page else []
        assert list(servers) == ["stock", "asynckit", *under_wsgi]
        assert servers["asynckit"]["hops"] <= servers["stock"]["hops"]
        for result in servers.values():
            assert len(result["cpu_us"]) == len(result["p99_ms"]) == 1
            assert result["of_stock"] > 0 < result["of_gunicorn"]
            assert result["most_threads"]
    assert picture.read_text().count("SQLite") == 4


@pytest.mark.timeout(300)
def test_a_server_has_the_sessions_of_a_pool_and_of_persistent_connections(run_sites):
    pytest.importorskip("psycopg_pool")
    words = ("postgresql", "stock-pool", "asynckit", "list", "sync", "anonymous")
    kept, said = run_sites("--only", *words)
    if kept is None:
        pytest.skip(said)
    [servers] = kept["results"]["postgresql"].values()
    assert all(result["most_sessions"] for result in servers.values())


@pytest.mark.timeout(300)
def test_without_postgresql_it_says_so(run_sites, monkeypatch):
    monkeypatch.setenv("TESTS_DATABASE_HOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "1")
    kept, said = run_sites("--only", "postgresql")
    assert kept is None
    assert "Skipped postgresql: no PostgreSQL that lets us make a database:" in said
    assert said.endswith("Nothing was measured.\n")


def test_words_of_one_kind_add_up_and_those_of_others_narrow_down():
    from harness.sites.only import Only

    only = Only(["postgresql", "stock-pool", "ping", "list", "logged-in"])
    assert only.engines == ["postgresql"]
    assert list(only.targets("postgresql")) == ["stock-pool"]
    assert [str(page) for page in only.pages] == [
        "ping, sync view, logged-in",
        "ping, async view, logged-in",
        "list, sync view, logged-in",
        "list, async view, logged-in",
    ]


def test_sqlite_has_no_pool():
    from harness.sites.only import Only

    assert Only(["stock-pool"]).targets("sqlite") == {}


class TestAnswers:
    def answer(self, **changes):
        from harness.sites.check import Answer

        parts = {"status": 200, "headers": [("vary", "Cookie")], "body": b"hello", "length": 5}
        return Answer(**parts | changes)

    def test_the_same_is_right(self):
        from harness.sites.check import check

        check(self.answer(), self.answer(), "ping")

    @pytest.mark.parametrize(
        "changes", [{"status": 500}, {"body": b"other"}, {"headers": []}, {"length": 6}]
    )
    def test_another_ends_the_run(self, changes):
        from harness.sites.check import check

        with pytest.raises(SystemExit, match="ping"):
            check(self.answer(**changes), self.answer(), "ping")

    def test_the_same_error_everywhere_ends_it_too(self):
        from harness.sites.check import check

        with pytest.raises(SystemExit, match="status 500"):
            check(self.answer(status=500), self.answer(status=500), "ping")

    def test_tokens_are_left_out(self):
        from harness.sites.check import TOKEN

        field = b'<input type="hidden" name="csrfmiddlewaretoken" value="aB3">'
        assert TOKEN.sub(b"", field) == b'<input type="hidden" >'


def test_percentiles_are_measured_values():
    from harness.load import percentile

    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
    assert percentile([float(n) for n in range(1, 101)], 99) == 99.0
