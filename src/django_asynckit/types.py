"""Type aliases of the ASGI interface and of Django's request path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from django.http import HttpRequest
from django.http.response import HttpResponseBase

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

AsyncGetResponse: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
SyncGetResponse: TypeAlias = Callable[[HttpRequest], HttpResponseBase]
GetResponse: TypeAlias = AsyncGetResponse | SyncGetResponse
