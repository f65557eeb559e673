"""Whether the URL of a log-in page is text already."""

from __future__ import annotations

from django.urls import reverse
from django.utils.functional import Promise


def is_plain_url(url: object) -> bool:
    """Whether ``url`` is text or ``reverse_lazy()``; another object may do anything to become text."""
    if isinstance(url, Promise):
        return url.__reduce__()[1][0] is reverse
    return isinstance(url, str)
