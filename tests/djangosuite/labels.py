"""What ``runtests.py`` calls a test."""

from __future__ import annotations

import re
from unittest import TestCase, TestResult


def failed(result: TestResult) -> list[str]:
    """Return the labels of the tests that failed."""
    tests = [test for test, _ in (*result.failures, *result.errors)]
    return sorted({label_of(test) for test in (*tests, *result.unexpectedSuccesses)})


def label_of(test: TestCase) -> str:
    """Return the label of a test or sub-test; for a failed set-up, that of its class or module."""
    label = getattr(test, "test_case", test).id()
    in_parentheses = re.fullmatch(r"\w+ \((.+)\)", label)
    return in_parentheses[1] if in_parentheses else label
