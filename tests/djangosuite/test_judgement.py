"""The judge of Django's tests sees each difference, and each one that is gone."""

from __future__ import annotations

import unittest
from pathlib import Path

from tests.djangosuite.allowed import ALLOWED, Allowed
from tests.djangosuite.judgement import differences, unsteady, unused
from tests.djangosuite.labels import failed

ROOT = Path(__file__).parents[2]
ENTRY = Allowed("a.Test.differs", "on purpose", modes=("chain",), versions=("6.1",))


def test_what_fails_on_stock_too_is_no_difference():
    assert list(differences({"a.Test.known"}, {"a.Test.known"}, [])) == []


def test_what_is_allowed_is_no_problem():
    assert list(differences({ENTRY.test}, set(), [ENTRY])) == []


def test_a_difference_is_a_problem():
    (problem,) = differences({"a.Test.new", ENTRY.test}, set(), [ENTRY])
    assert problem.startswith("a.Test.new fails with our classes")


def test_an_entry_that_does_not_differ_is_a_problem():
    for failures in (set(), {ENTRY.test}):
        (problem,) = differences(failures, failures, [ENTRY])
        assert problem == "a.Test.differs is in allowed.py, and does not differ."


def test_an_entry_applies_to_its_modes_and_versions():
    assert ENTRY.applies("chain", "6.1")
    assert not ENTRY.applies("direct", "6.1")
    assert not ENTRY.applies("chain", "6.0")
    assert Allowed("a", "b").applies("chain", "5.2")


def test_the_list_is_short_and_gives_reasons():
    assert len(ALLOWED) <= 10
    assert all(entry.reason.endswith(".") for entry in ALLOWED)


def test_the_docs_name_each_test_that_differs():
    page = (ROOT / "docs/explanation/same-answers.md").read_text(encoding="utf-8")
    assert all(f"| `{entry.test}` |" in page for entry in ALLOWED)


def test_a_failure_that_does_not_happen_again_is_a_problem():
    (problem,) = unsteady({"a.Test.one", "b.Test.two"}, {"b.Test.three"})
    assert problem.startswith("A test of a.Test failed")


def test_a_class_that_no_test_made_is_a_problem():
    uses = {"one async", "two direct", "three sync", "own async"}
    (problem,) = unused(uses | {"one in place", "two in place", "three in place"})
    assert "three" in problem


def test_direct_calls_that_nobody_made_are_a_problem():
    (problem,) = unused({"one async", "one in place"})
    assert "run as under ASGI" in problem


def test_labels_of_failed_tests():
    class Sample(unittest.TestCase):
        def test_fails(self):
            with self.subTest(number=1):
                raise ValueError

        def test_passes(self):
            pass

    class SetUp(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            raise ValueError

        def test_never_runs(self):
            raise AssertionError

    result = unittest.TestResult()
    unittest.TestSuite([Sample("test_fails"), Sample("test_passes"), SetUp("test_never_runs")]).run(
        result
    )
    name = "test_labels_of_failed_tests.<locals>"
    assert failed(result) == [
        f"{__name__}.{name}.Sample.test_fails",
        f"{__name__}.{name}.SetUp",
    ]
