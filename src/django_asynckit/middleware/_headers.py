"""Sets headers that are the same for every response, without looking at each anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http.response import HttpResponseBase, ResponseHeaders


class FixedHeaders:
    """Names and values that Django has found valid; an invalid one raises what Django raises."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._entries = tuple(ResponseHeaders(headers)._store.items())

    def set_missing(self, response: Any) -> bool:
        """Set those that ``response`` has not; ``False`` if it does not keep headers as Django does."""
        headers = response.headers
        if (
            type(headers) is not ResponseHeaders
            or type(response).setdefault is not HttpResponseBase.setdefault
        ):
            return False
        for key, entry in self._entries:
            headers._store.setdefault(key, entry)
        return True
