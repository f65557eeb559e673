"""The site of the fuzz tests: it has what each middleware of Django's looks for."""

from __future__ import annotations

from tests.fuzz.conftest import fuzz_database, fuzz_site

__all__ = ["fuzz_database", "fuzz_site"]
