"""Requests: sensible ones, odd ones, and what attackers send."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.fuzz import urls
from tests.fuzz.urls import urlpatterns

#: A CSRF secret that a client sends as its cookie.
SECRET = "s" * 32
TOKEN = b"csrfmiddlewaretoken=" + SECRET.encode()
#: Stands for the session cookie of the client.
SESSION = b"%SESSION%"
BOUNDARY = b"frontier"


@dataclass(frozen=True)
class Request:
    path: str
    query: bytes = b""
    method: str = "GET"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    chunks: tuple[bytes, ...] = (b"",)
    scheme: str = "http"
    jar: bool = True

    def scope(self, cookies: dict[str, str]) -> dict:
        headers = list(self.headers)
        if self.jar and cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in cookies.items())
            headers.append((b"cookie", pairs.encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": self.scheme,
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": self.query,
            "headers": headers,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 80),
        }


def _known_paths() -> list[str]:
    routes = [str(getattr(one.pattern, "_route", "")) for one in urlpatterns]
    fixed = [f"/{route}" for route in routes if "<" not in route]
    kinds = ("404", "403", "400", "suspicious", "500")
    raising = (f"/{place}raises/{kind}/" for place in ("", "thread/") for kind in kinds)
    return sorted({*fixed, *raising})


_odd_paths = st.sampled_from(
    ["/en/translated/", "/de/page/", "/xx/translated/", "/translated/", "/en-us/page", "/sync", "/no",
     "/no/such/page/", "/flat/", "/flat", "/flat/private/", "/old/", "/gone/", "/old/?a=b", "//evil.test/sync",
     "/raises/other/", "/é/", "/%2e/", "/language", "/\x00/", "/page", *["/static/style.css"] * 3,
     "/static/large.bin", "/static/docs", "/static/docs/", "/static/docs/index.html", "/static/../static/style.css"]
)  # fmt: skip
paths = st.one_of(
    st.sampled_from(_known_paths()), _odd_paths, st.text(max_size=5).map("/{}".format)
)
_queries = st.one_of(
    st.just(b""),
    st.sampled_from(
        [
            b"name=ada&password=secret",
            b"name=ada&password=wrong",
            b"size=3000",
            b"status=404",
            b"status=304&ETag=%22a%22",
            b"Content-Length=5",
            b"Content-Encoding=br&Content-Language=fr",
            b"X-Frame-Options=ALLOW&Referrer-Policy=x&Content-Security-Policy=y",
            b"large&etag=W/%22b%22",
            b"modified",
            b"star",
            b"expiry=0",
            b"expiry=-5",
            b"to=xx",
            b"type=application/json",
            b"q=1&q=2&%ff=%00",
            b"next=//evil.test",
        ]
    ),
    st.binary(max_size=6),
)
_methods = st.sampled_from(
    ["GET"] * 6 + ["POST"] * 4 + ["HEAD", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "get", "X"]
)
_hosts = st.sampled_from(
    [b"testserver"] * 40
    + [
        b"www.testserver",
        b"a.example.test",
        b"TESTSERVER:80",
        b"evil.test",
        b"bad_host!",
        b"",
        b"[::1]:8000",
        b"\xff",
    ]
)
_values: dict[bytes, list[bytes]] = {
    b"accept-encoding": [b"gzip", b"gzip, br", b"gzip;q=0", b"*", b"identity"],
    b"accept-language": [b"de", b"de-at,en;q=0.5", b"xx", b"*", b"pt-BR", b"\xff", b"a" * 600],
    b"if-none-match": [b'"a"', b'W/"b"', b"*", b'"' + b"x" * 32 + b'"', b"garbage"],
    b"if-match": [b'"a"', b"*", b'"no"'],
    b"if-modified-since": [b"Mon, 01 Jan 2024 00:00:00 GMT", b"never", b"Mon, 01 Jan 2035 00:00:00 GMT"],
    b"if-unmodified-since": [b"Mon, 01 Jan 2020 00:00:00 GMT"],
    b"range": [b"bytes=0-10", b"bytes=x", b"bytes=-5", b"bytes=70-", b"bytes=3-999999"],
    b"cache-control": [b"no-cache", b"max-age=0"],
    b"origin": [b"null", b"http://testserver", b"https://testserver", b"http://evil.test", b"https://a.example.test", b"http://[", b"\xff"],
    b"referer": [b"http://testserver/x", b"https://testserver/", b"http://evil.test/no", b"/relative", b"http://[x", b"", b"https://a.example.test/"],
    b"user-agent": [b"bot", b"Mozilla/5.0", b"\xe9"],
    b"x-csrftoken": [SECRET.encode(), b"no", SECRET.encode() * 2, b"\xff" * 32],
    b"x-own": [SECRET.encode()],
    b"x-forwarded-proto": [b"https", b"http", b"https, http"],
    b"x-forwarded-host": [b"a.example.test", b"evil.test"],
    b"x-forwarded-port": [b"8443", b"x"],
    b"x-requested-with": [b"XMLHttpRequest"],
    b"x_thing": [b"underscore"],
    b"x-thing": [b"a", b"b", b"\xff\x00"],
    b"remote-user": [b"ada", b"zoe", b""],
    b"content-length": [b"0", b"5", b"x", b"-1", b"99999999999"],
    b"transfer-encoding": [b"chunked"],
    b"cookie": [
        b"csrftoken=" + SECRET.encode(),
        b"token=" + SECRET.encode(),
        b"csrftoken=too-short",
        b"csrftoken=" + b"?" * 32,
        b"sessionid=garbage",
        b"sessionid=" + b"k" * 32,
        b"sessionid=" + SESSION,
        b"sessionid=" + SESSION + b"x",
        b"django_language=de",
        b"lang=pt-br; django_language=xx",
        b"messages=W10:1abcde:x",
        b";;=; a=\xff; a",
    ],
}  # fmt: skip
_one_header = st.one_of(
    st.sampled_from([(name, value) for name, values in _values.items() for value in values]),
    st.tuples(st.sampled_from(sorted(_values)), st.binary(max_size=8)),
)
_headers = st.lists(_one_header, max_size=5)


def _multipart(names_and_sizes: list[tuple[str, int]], token: bool) -> bytes:
    parts = [
        b'Content-Disposition: form-data; name="%s"; filename="%s.bin"\r\n\r\n%s'
        % (name.encode(), name.encode(), b"z" * size)
        for name, size in names_and_sizes
    ]
    if token:
        parts.insert(
            0,
            b'Content-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n' + SECRET.encode(),
        )
    return b"".join(b"--" + BOUNDARY + b"\r\n" + part + b"\r\n" for part in parts) + (
        b"--" + BOUNDARY + b"--\r\n"
    )


_FORM = b"application/x-www-form-urlencoded"
_MULTIPART = b"multipart/form-data; boundary=" + BOUNDARY
_forms = st.sampled_from(
    [
        (_FORM, TOKEN),
        (_FORM, b"a=1&" + TOKEN + b"&a=%ff&b=\xff"),
        (_FORM, b"a=1&" * 50 + TOKEN),
        (_FORM, b"a=1&csrfmiddlewaretoken=no"),
        (_FORM, b""),
        (_FORM, b"x" * 4000),
        (_FORM, b"x=" + b"y" * 70_000 + b"&" + TOKEN),
        (_FORM + b"; charset=no-such", b"a=1&" + TOKEN),
        (_FORM + b"; charset=iso-8859-1", b"a=\xe9&" + TOKEN),
        (b"application/json", b'{"a": 1}'),
        (b"text/plain", b"\x00\xff" * 100),
        (b"multipart/form-data", b"no boundary"),
        (_MULTIPART, b"--frontier\r\nnot a form"),
        (_MULTIPART, b""),
    ]
)
_uploads = st.builds(
    lambda files, token: (_MULTIPART, _multipart(files, token)),
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([0, 10, 500, 5000])), max_size=3
    ),
    st.booleans(),
)
_bodies = st.one_of(
    _forms,
    _forms,
    _uploads,
    st.tuples(st.sampled_from([_FORM, _MULTIPART, b"x"]), st.binary(max_size=20)),
)


def _cut(body: bytes, sizes: list[int]) -> tuple[bytes, ...]:
    chunks = []
    for size in sizes:
        chunks.append(body[:size])
        body = body[size:]
    return (*chunks, body)


@st.composite
def requests(draw) -> Request:
    """One request; with a body if its method may have one."""
    method = draw(_methods)
    headers = [(b"host", draw(_hosts)), *draw(_headers)]
    chunks: tuple[bytes, ...] = (b"",)
    if method in ("POST", "PUT", "PATCH", "X"):
        kind, body = draw(_bodies)
        headers.append((b"content-type", kind))
        if all(name != b"content-length" for name, _ in headers):
            headers.append((b"content-length", str(len(body)).encode()))
        if draw(st.booleans()):
            headers.append((b"cookie", b"csrftoken=" + SECRET.encode()))
        chunks = _cut(body, draw(st.lists(st.integers(0, 5000), max_size=2)))
    return Request(
        path=draw(paths),
        query=draw(_queries),
        method=method,
        headers=tuple(headers),
        chunks=chunks,
        scheme=draw(st.sampled_from(["http", "http", "https"])),
        jar=draw(st.sampled_from([True, True, True, False])),
    )


_log_in = st.sampled_from(
    [
        Request(path, b"name=ada&password=secret", headers=((b"host", b"testserver"),))
        for path in ("/login/", "/async/login/")
    ]
)
_repeated = requests().map(lambda request: [request, request])
#: Requests of one client, one after the other; a repeated one may come from the cache.
flows = st.one_of(
    st.lists(requests(), min_size=1, max_size=3),
    _repeated,
    st.builds(
        lambda first, rest: [first, *rest], _log_in, st.lists(requests(), min_size=1, max_size=2)
    ),
)
__all__ = ["Request", "flows", "urls"]
