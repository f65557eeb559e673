"""What came of a trial on the event loop, for people."""

from __future__ import annotations

from collections.abc import Iterator

from django_asynckit.audit.trial import Page, Trial
from django_asynckit.report.paths import for_others

_NO_PROOF = "Nothing of it blocked in these requests. That is no proof: read what the docs say before you declare it."


def as_lines(trial: Trial) -> list[str]:
    """Return the lines of the report."""
    lines = [f"{trial.middleware}, tried on the event loop:", ""]
    for page in trial.pages:
        lines += _of_page(page)
    for place in trial.thread_locals:
        lines.append(f"  keeps something per thread: {for_others(place.file)}, line {place.line}")
    last = f"Do not declare {trial.middleware}." if trial.would_break else _NO_PROOF
    return [*lines, "", last]


def _of_page(page: Page) -> Iterator[str]:
    yield f"  GET {page.path}  {_outcome(page)}"
    for one in sorted(page.blocking):
        yield f"      {one.what}: {for_others(one.file)}, line {one.line}"


def _outcome(page: Page) -> str:
    if page.failure:
        return f"fails: {page.failure}"
    if page.before != page.after:
        return f"status {page.after} in the place of {page.before}"
    return f"status {page.after}, {'blocks' if page.blocking else 'nothing blocks'}"
