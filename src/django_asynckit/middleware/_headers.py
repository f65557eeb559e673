"""Looks at and sets headers of a response where Django keeps them, without checking each anew."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from django.http.response import HttpResponseBase, ResponseHeaders

#: What Django keeps of a header, by its name in lower case: the name as it was given, and the value.
Entry = tuple[str, str]


def header_store(response: Any) -> dict[str, Entry] | None:
    """Return where ``response`` keeps its headers; ``None`` if it does not handle them as Django does."""
    headers, cls = getattr(response, "headers", None), type(response)
    if (
        type(headers) is ResponseHeaders
        and cls.get is HttpResponseBase.get
        and cls.has_header is HttpResponseBase.has_header
        and cls.setdefault is HttpResponseBase.setdefault
    ):
        store: dict[str, Entry] = headers._store
        return store
    return None


@functools.lru_cache(maxsize=64)
def valid_entry(name: str, value: str) -> Entry:
    """Return what Django keeps of this header; an invalid one raises what Django raises."""
    entry: Entry = ResponseHeaders({name: value})._store[name.lower()]
    return entry


class FixedHeaders:
    """Names and values that Django has found valid; an invalid one raises what Django raises."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._entries = tuple(ResponseHeaders(headers)._store.items())

    def set_missing(self, response: Any) -> bool:
        """Set those that ``response`` has not; ``False`` if it does not keep headers as Django does."""
        store = header_store(response)
        if store is None:
            return False
        for key, entry in self._entries:
            store.setdefault(key, entry)
        return True
