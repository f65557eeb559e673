"""Runs the Python examples of the docs and the README: ``python -m pytest -p no:randomly docs README.md``."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("sybil"):  # The environments that only run the tests do without it.
    from sybil import Sybil
    from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

    def name_module(namespace: dict[str, object]) -> None:
        """Django asks views for their module, as if the examples of a page were one."""
        namespace["__name__"] = "docs_example"

    pytest_collect_file = Sybil(
        parsers=[PythonCodeBlockParser(), SkipParser()],
        patterns=["docs/**/*.md", "README.md"],
        setup=name_module,
    ).pytest()
