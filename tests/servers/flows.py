"""Everything that the clients of these tests ask for."""

from __future__ import annotations

from tests.servers.client import TOKEN, Request

FORM = ("Content-Type", "application/x-www-form-urlencoded")
JSON = ("Content-Type", "application/json")
MULTIPART = ("Content-Type", "multipart/form-data; boundary=frontier")
WITH_TOKEN = ("X-CSRFToken", TOKEN)
MORE_THAN_MEMORY = 3 * 1024 * 1024


def get(
    target: str,
    status: int | None = 200,
    contains: bytes = b"",
    *headers: tuple[str, str],
) -> Request:
    return Request(target, headers=headers, status=status, contains=contains)


def post(
    target: str,
    body: bytes,
    status: int | None = 200,
    contains: bytes = b"",
    *headers: tuple[str, str],
) -> Request:
    return Request(target, "POST", headers, body, status, contains)


def multipart(size: int, *fields: tuple[str, str]) -> bytes:
    """A form with a file of ``size`` bytes."""
    parts = [
        f'--frontier\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'
        for name, value in fields
    ]
    parts.append(
        '--frontier\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n" + "z" * size
    )
    return "\r\n".join([*parts, "--frontier--", ""]).encode()


def log_in(path: str = "/login/", password: str = "secret", status: int = 200) -> Request:
    return get(f"{path}?name=ada&password={password}", status)


TOKEN_IN_FORM = ("csrfmiddlewaretoken", TOKEN)

SINGLE = {
    "async view": [get("/", 200, b"Hello, world")],
    "sync view": [get("/sync/", 200, b"Hello, thread")],
    "404 returned": [get("/404/", 404, b"nothing here")],
    "404 raised": [get("/raises/404/", 404, b"Not Found")],
    "403 raised": [get("/raises/403/", 403, b"403 Forbidden")],
    "400 raised": [get("/raises/400/", 400, b"Bad Request (400)")],
    "suspicious": [get("/raises/suspicious/", 400, b"Bad Request (400)")],
    "500": [get("/raises/500/", 500, b"Server Error (500)")],
    "unknown exception": [get("/raises/unknown/", 500)],
    "unknown URL": [get("/no/such/page/", 404)],
    "APPEND_SLASH": [
        get("/sync?a=1", 301),
        get("/no/such/page", 404),
        Request("/sync", "HEAD", status=301),
    ],
    "HEAD": [
        Request("/", "HEAD"),
        Request("/large/", "HEAD"),
        Request("/stream/", "HEAD"),
        Request("/raises/500/", "HEAD", status=500),
    ],
    "OPTIONS and others": [
        Request("/", "OPTIONS"),
        Request("/", "PROPFIND", status=403),
        Request("/", "DELETE", status=403),
    ],
    "async stream": [get("/stream/", 200, b"async 0\nasync 1\nasync 2\n")],
    "sync stream": [get("/stream/sync/", 200, b"sync 0\nsync 1\nsync 2\n")],
    "file": [get("/download/", 200, b"x" * 200_000)],
    "template": [get("/template/", 200, b"path /template/")],
    "large": [get("/large/", 200, b"y" * 200_000)],
    "cookies": [get("/cookies/"), get("/cookies/")],
    "environment": [
        get("/environment/?q=1&q=2&text=h%C3%A9llo+w%20orld&empty="),
        get("/environment/?q=%ff&r=%E4%BD%A0"),
        get("/%65nvironment/?a=b"),
        get("/raises/h%C3%A9llo%20%2F/", None),
        get("/raises/%ff/", None),
    ],
    "admin login page": [
        get("/admin/", 302),
        get("/admin/login/?next=/admin/", 200, b"csrfmiddlewaretoken"),
    ],
    "admin log in": [
        get("/token/"),
        post(
            "/admin/login/",
            b"username=ada&password=secret&next=/admin/&csrfmiddlewaretoken=" + TOKEN.encode(),
            302,
            b"",
            FORM,
        ),
        get("/admin/", 200, b"Site administration"),
        get("/admin/auth/user/", 200, b"ada"),
    ],
    "slow": [get("/slow/?seconds=0.05", 200, b"slow")],
}

BODIES = {
    "CSRF right": [
        get("/token/"),
        post(
            "/form/",
            b"a=1&csrfmiddlewaretoken=" + TOKEN.encode(),
            200,
            b'"a": "1"',
            FORM,
        ),
    ],
    "CSRF header": [
        get("/token/"),
        post("/form/", b"a=1", 200, b'"a": "1"', FORM, WITH_TOKEN),
    ],
    "CSRF wrong": [
        get("/token/"),
        post("/form/", b"a=1&csrfmiddlewaretoken=" + b"x" * 64, 403, b"CSRF", FORM),
        post("/form/", b"a=1", 403, b"CSRF", FORM, ("X-CSRFToken", "no")),
    ],
    "CSRF missing": [get("/token/"), post("/form/", b"a=1", 403, b"CSRF", FORM)],
    "CSRF without cookie": [
        post("/form/", b"a=1", 403, b"CSRF", FORM),
        post("/form/", b"", 403),
    ],
    "CSRF Origin": [
        get("/token/"),
        post(
            "/form/",
            b"a=1",
            403,
            b"CSRF",
            FORM,
            WITH_TOKEN,
            ("Origin", "http://evil.test"),
        ),
        post("/form/", b"a=1", 403, b"CSRF", FORM, WITH_TOKEN, ("Origin", "null")),
        post(
            "/form/",
            b"a=1",
            200,
            b'"a": "1"',
            FORM,
            WITH_TOKEN,
            ("Origin", "http://example.test"),
        ),
    ],
    "CSRF for JSON": [
        get("/token/"),
        post("/form/", b'{"a": 1}', 403, b"CSRF", JSON),
        post("/form/", b'{"a": 1}', 200, b'"post": {}', JSON, WITH_TOKEN),
    ],
    "raw body": [
        post("/body/", b'{"a": [1, 2]}', 200, b'{"a": [1, 2]}', JSON),
        post("/body/", b"", 200),
        post("/body/", b"\0\xff" * 70_000, 200, b"\0\xff" * 70_000),
    ],
    "raw body too big": [post("/body/", b"r" * MORE_THAN_MEMORY, 400), get("/", 200)],
    "raw body not read": [post("/marked/?mark=unread", b"r" * 1000, 200, b"1000")],
    "PUT": [Request("/body/", "PUT", (JSON,), b"[]", 200, b"[]")],
    "chunked body": [
        post(
            "/body/",
            b"5\r\nhello\r\n6\r\n, chun\r\n0\r\n\r\n",
            200,
            b"hello, chun",
            ("Transfer-Encoding", "chunked"),
        )
    ],
    "small upload": [
        get("/token/"),
        post(
            "/upload/",
            multipart(1000, ("a", "1"), TOKEN_IN_FORM),
            200,
            b'"file": 1000',
            MULTIPART,
        ),
        post(
            "/upload/",
            multipart(1000, ("a", "1")),
            200,
            b'"file": 1000',
            MULTIPART,
            WITH_TOKEN,
        ),
        post("/upload/", multipart(1000), 403, b"CSRF", MULTIPART),
    ],
    "upload bigger than memory": [
        get("/token/"),
        post(
            "/upload/",
            multipart(MORE_THAN_MEMORY, TOKEN_IN_FORM),
            200,
            b'"file": 3145728',
            MULTIPART,
        ),
        post(
            "/upload/",
            multipart(MORE_THAN_MEMORY),
            200,
            b'"file": 3145728',
            MULTIPART,
            WITH_TOKEN,
        ),
        get("/who/", 200, b"anonymous"),
    ],
    "broken forms": [
        get("/token/"),
        post("/upload/", b"--frontier\r\nnot a form", 200, b"", MULTIPART, WITH_TOKEN),
        post(
            "/upload/",
            b"a",
            400,
            b"",
            ("Content-Type", "multipart/form-data"),
            WITH_TOKEN,
        ),
        post("/upload/", b"a", 400, b"", ("Content-Type", "multipart/form-data")),
        post("/form/", b"a=1&" * 1001 + b"b=2", 400, b"", FORM, WITH_TOKEN),
        post("/form/", b"a=1&" * 1001 + b"b=2", 400, b"", FORM),
        post("/form/", b"a=%ff&b=\xff", None, b"", FORM, WITH_TOKEN),
        post(
            "/form/",
            b"a=1",
            None,
            b"",
            ("Content-Type", "application/x-www-form-urlencoded; charset=no-such"),
            WITH_TOKEN,
        ),
    ],
}

MALFORMED = {
    "bytes in the query string": [get("/environment/?q=\xff\xfe", None)],
    "bytes in the path": [get("/environment\xff/", None)],
    "host not allowed": [
        Request("/", status=400, host="evil.test"),
        Request("/404", status=400, host="evil.test"),
    ],
    "host not a name": [Request("/environment/", status=None, host="bad_host!")],
    "host empty": [Request("/environment/", status=None, host="")],
    "host with port": [Request("/environment/", status=200, host="EXAMPLE.test:8123")],
    "duplicate headers": [
        get("/meta/", 200, b'"HTTP_X_THING": "a,b"', ("X-Thing", "a"), ("X-Thing", "b")),
        get("/session/get/", 200, b"None", ("Cookie", "a=1"), ("Cookie", "sessionid=x")),
        get("/", None, b"", ("Host", "other.test")),
    ],
    "underscore headers": [get("/meta/", 200, b"{}", ("X_Thing", "a"))],
    "header bytes": [get("/meta/", None, b"", ("X-Thing", "\xe9\xff"))],
    "cookies that nobody signed": [
        get(
            "/session/get/",
            200,
            b"None",
            ("Cookie", "sessionid=garbage; messages=garbage; csrftoken=no"),
        ),
        get("/messages/", 200, b"[]", ("Cookie", "messages=W10:1abcde:x; sessionid=")),
        get("/token/", 200, b"", ("Cookie", "csrftoken=too-short; ;=;x")),
    ],
}

SESSIONS = {
    "set, get, flush": [
        get("/session/get/", 200, b"None"),
        get("/session/set/?color=red", 200, b"set"),
        get("/session/get/", 200, b"red"),
        get("/session/set/?color=green", 200, b"set"),
        get("/session/get/", 200, b"green"),
        get("/session/flush/", 200, b"flushed"),
        get("/session/get/", 200, b"None"),
    ],
    "unused session": [
        get("/session/set/", 200, b"set"),
        get("/", 200),
        get("/session/look/", 200, b'"has": true'),
        get("/sync/", 200),
        get("/session/get/", 200, b"blue"),
    ],
    "new key": [
        get("/session/set/"),
        get("/session/cycle/", 200, b"blue"),
        get("/session/get/", 200, b"blue"),
    ],
    "expiry": [
        get("/session/expiry/?seconds=1000"),
        get("/session/get/", 200, b"green"),
        get("/session/expiry/?seconds=0"),
        get("/session/get/", 200, b"green"),
        get("/session/expiry/?seconds=-5"),
        get("/session/get/", 200, b"None"),
    ],
    "not saved on errors": [
        get("/session/set/"),
        get("/session/broken/", 500),
        get("/session/get/", 200, b"blue"),
    ],
    "deleted meanwhile": [
        get("/session/set/"),
        get("/session/interrupted/", None),
        get("/session/get/"),
    ],
}

MESSAGES = {
    "add and list": [
        get("/messages/", 200, b"[]"),
        get("/messages/add/?text=one", 200, b"added"),
        get("/messages/add/?text=two", 200, b"added"),
        get("/", 200),
        get("/messages/", 200, b'["one", "two"]'),
        get("/messages/", 200, b"[]"),
    ],
    "too long for one cookie": [
        *[get(f"/messages/add/?text={letter * 1400}") for letter in "abcd"],
        get("/early/", None),  # Reads the session on the event loop, where that is allowed.
        get("/messages/"),
        get("/messages/", 200, b"[]"),
    ],
    "in a template": [
        get("/messages/add/?text=one"),
        get("/page/", 200, b":one,"),
        get("/page/", 200, b":"),
    ],
    "with a session": [
        get("/session/set/"),
        get("/messages/add/?text=one"),
        get("/session/get/", 200, b"blue"),
        get("/messages/", 200, b'["one"]'),
        get("/session/flush/"),
        get("/messages/", 200, b"[]"),
    ],
}

LOGINS = {
    "sync views": [
        get("/who/", 200, b"anonymous"),
        log_in(password="wrong", status=403),
        log_in(),
        get("/who/", 200, b"ada"),
        get("/page/", 200, b"ada:"),
        get("/session/set/"),
        log_in(),
        get("/session/get/", 200, b"blue"),
        get("/logout/", 200, b"out"),
        get("/who/", 200, b"anonymous"),
        get("/session/get/", 200, b"None"),
    ],
    "async views": [
        get("/session/set/"),
        log_in("/async/login/", "wrong", 403),
        log_in("/async/login/"),
        get("/page/", 200, b"ada:welcome,"),
        get("/session/get/", 200, b"blue"),
        get("/async/logout/", 200, b"out"),
        get("/who/", 200, b"anonymous"),
    ],
    "token changes": [
        get("/token/"),
        log_in(),
        post("/form/", b"a=1", 403, b"CSRF", FORM, WITH_TOKEN),
        get("/token/"),
        post("/form/", b"a=1", 200, b'"a": "1"', FORM, WITH_TOKEN),
    ],
}

FLOWS = {
    f"{group}: {name}": flow
    for group, flows in {
        "views": SINGLE,
        "bodies": BODIES,
        "malformed": MALFORMED,
        "sessions": SESSIONS,
        "messages": MESSAGES,
        "logins": LOGINS,
    }.items()
    for name, flow in flows.items()
}
