"""The test runner that Django's ``runtests.py`` uses: our classes in place, results to a file."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from unittest import TestCase, TestResult

from django.test.runner import DiscoverRunner

from tests.djangosuite import direct, places

MODE = os.environ["DJANGOSUITE_MODE"]
RESULTS = Path(os.environ["DJANGOSUITE_RESULTS"])


class Runner(DiscoverRunner):
    """Django's runner; it is made after the apps are loaded and before tests are imported."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if MODE == "stock":
            places.put_stock_chain_in_place()
        else:
            places.put_ours_in_place()
        if MODE == "direct":
            direct.run_direct_calls_async()

    def suite_result(self, suite, result, **kwargs):
        results = {"ran": result.testsRun - len(result.skipped), "failed": failed(result)}
        RESULTS.write_text(json.dumps(results))
        return super().suite_result(suite, result, **kwargs)


def failed(result: TestResult) -> list[str]:
    """Return the labels of the tests that failed."""
    tests = [test for test, _ in (*result.failures, *result.errors)]
    return sorted({label_of(test) for test in (*tests, *result.unexpectedSuccesses)})


def label_of(test: TestCase) -> str:
    """Return what ``runtests.py`` calls the test: for a failed set-up, the class or module."""
    label = getattr(test, "test_case", test).id()
    in_parentheses = re.fullmatch(r"\w+ \((.+)\)", label)
    return in_parentheses[1] if in_parentheses else label
