"""The test runner that Django's ``runtests.py`` uses: our classes in place, results to a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from django.test.runner import DiscoverRunner

from tests.djangosuite import direct, places
from tests.djangosuite.labels import failed


class Runner(DiscoverRunner):
    """Django's runner; it is made after the apps are loaded and before tests are imported."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        mode = os.environ["DJANGOSUITE_MODE"]
        if mode == "stock":
            places.put_stock_chain_in_place()
            return
        if mode == "direct":
            direct.run_direct_calls_async()
        places.put_ours_in_place()
        if mode == "decorators":
            places.put_decorators_in_place()

    def run_suite(self, suite, **kwargs):
        self.found = suite.countTestCases()
        return super().run_suite(suite, **kwargs)

    def suite_result(self, suite, result, **kwargs):
        # Python 3.12.1 leaves skipped tests out of result.testsRun.
        results = {"ran": self.found - len(result.skipped), "failed": failed(result)}
        Path(os.environ["DJANGOSUITE_RESULTS"]).write_text(json.dumps(results))
        return super().suite_result(suite, result, **kwargs)
