"""Makes requests as Django's ``ASGIRequest`` does, but remembers what header names become in ``META``."""

from __future__ import annotations

import functools
import io
from types import FunctionType
from typing import IO, Any, Final

from django.core.handlers import asgi
from django.core.handlers.asgi import ASGIRequest

from django_asynckit._drift import REQUEST, is_reviewed
from django_asynckit.conf import setting
from django_asynckit.types import Scope

_meta_names: Final[dict[bytes, str]] = {}
#: Clients can send any number of names, of any length: what is more is Django's to read.
_MOST_NAMES: Final = 512
_LONGEST_NAME: Final = 64


def warm() -> None:
    """Find out once, before there are requests, what :func:`make_request` needs to know."""
    is_reviewed(REQUEST)
    _puts_cookies_first()


def is_djangos(request_class: type[Any]) -> bool:
    """Whether ``request_class`` is made by code of Django's that we reviewed."""
    init: Any = request_class.__init__
    return (
        request_class is ASGIRequest
        and type(init) is FunctionType
        and init.__globals__ is asgi.__dict__
        and is_reviewed(REQUEST)
    )


def make_request(scope: Scope, body_file: IO[bytes]) -> ASGIRequest | None:
    """Return what ``ASGIRequest(scope, body_file)`` does, or ``None`` where only Django's class can say.

    That is: a script prefix, a query that is not ASCII, repeated headers, names that are not plain.
    """
    path, query = scope["path"], scope.get("query_string")
    has_prefix = scope.get("root_path") or setting("FORCE_SCRIPT_NAME")
    if type(query) is not bytes or not query.isascii() or has_prefix:
        return None
    headers = _headers(scope.get("headers"))
    if headers is None:
        return None
    method = scope["method"].upper()
    request: Any = ASGIRequest.__new__(ASGIRequest)
    request.scope = scope
    request._post_parse_error = request._read_started = False
    request.resolver_match = None
    request.path = path
    request.script_name = ""
    request.path_info = path
    request.method = method
    request.META = {
        "REQUEST_METHOD": method,
        "QUERY_STRING": query.decode(),
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        **_addresses(scope.get("client"), scope.get("server")),
        **headers,
    }
    request._set_content_type_params(request.META)
    request._stream = body_file
    return request  # type: ignore[no-any-return]


def _addresses(client: Any, server: Any) -> dict[str, Any]:
    meta = {}
    if client:
        meta = {"REMOTE_ADDR": client[0], "REMOTE_HOST": client[0], "REMOTE_PORT": client[1]}
    meta["SERVER_NAME"], meta["SERVER_PORT"] = (
        (server[0], str(server[1])) if server else ("unknown", "0")
    )
    return meta


def _headers(headers: Any) -> dict[str, str] | None:
    meta: dict[str, str] = {}
    if type(headers) not in (list, tuple):
        return None
    for header, value in headers:
        if type(header) is not bytes:
            return None
        name = _meta_names.get(header) or _meta_name(header)
        if name is None or name in meta:
            return None
        meta[name] = value.decode("latin1")
    cookie = meta.get("HTTP_COOKIE")
    if cookie is None:
        return meta
    if cookie.endswith((";", " ")):
        return None  # Some versions of Django strip these.
    return {"HTTP_COOKIE": cookie, **meta} if _puts_cookies_first() else meta


def _meta_name(header: bytes) -> str | None:
    if len(header) > _LONGEST_NAME or not header.isascii() or b"_" in header:
        return None
    name = header.decode().upper().replace("-", "_")
    if header not in {b"content-length", b"content-type"}:
        name = f"HTTP_{name}"
    if len(_meta_names) < _MOST_NAMES:
        _meta_names[header] = name
    return name


@functools.cache
def _puts_cookies_first() -> bool:
    """Whether this version of Django puts ``HTTP_COOKIE`` into ``META`` before the other headers."""
    headers = [(b"host", b""), (b"cookie", b"a=b")]
    scope = {"method": "GET", "path": "/", "headers": headers}
    names = list(ASGIRequest(scope, io.BytesIO()).META)
    return names.index("HTTP_COOKIE") < names.index("HTTP_HOST")
