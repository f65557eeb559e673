"""Type aliases: the ASGI interface, Django's request path, and what async functions return."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from typing import Any, Never, TypeAlias, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

AsyncGetResponse: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
SyncGetResponse: TypeAlias = Callable[[HttpRequest], HttpResponseBase]
GetResponse: TypeAlias = AsyncGetResponse | SyncGetResponse

R = TypeVar("R")

#: The coroutine of an async function. With ``Any`` in it, mypy could not choose between overloads.
Awaited: TypeAlias = Coroutine[object, Never, R]
