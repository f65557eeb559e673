"""What is compared: how each target is built, and which server runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BODY = b"Hello, world!"


@dataclass(frozen=True)
class Target:
    """One line of the table."""

    key: str
    name: str
    kind: str  # the function below that builds it
    middleware: bool = True
    path: str = "/async/"
    database: str = ""  # how connections are kept; empty without a database
    engine: str = ""  # of the database, where there is a choice
    settings: str = "harness.django_settings"
    wsgi_threads: int = 4

    @property
    def is_wsgi(self) -> bool:
        """Whether gunicorn's threads run it, and not uvicorn."""
        return self.kind == "django_wsgi"

    @property
    def stock(self) -> str:
        """Django's own handler with the same middleware, to compare with."""
        return "stock" if self.middleware else "stock-bare"

    @property
    def environment(self) -> dict[str, str]:
        """What the process that runs it needs to know."""
        return {
            "BENCH_TARGET": self.key,
            "BENCH_MIDDLEWARE": str(int(self.middleware)),
            "BENCH_DATABASE": self.database,
            "BENCH_ENGINE": self.engine,
            "DJANGO_SETTINGS_MODULE": self.settings,
        }


TARGETS = {
    target.key: target
    for target in [
        Target("stock", "Django, 7 middleware", "django_asgi"),
        Target("asynckit", "django-asynckit, 7 middleware", "asynckit"),
        Target(
            "wsgi",
            "Django under WSGI threads, 7 middleware",
            "django_wsgi",
            path="/sync/",
        ),
        Target("stock-bare", "Django, no middleware", "django_asgi", middleware=False),
        Target(
            "asynckit-bare",
            "django-asynckit, no middleware",
            "asynckit",
            middleware=False,
        ),
        Target("starlette", "Starlette", "starlette", middleware=False),
    ]
}

QUERY = {"middleware": False, "path": "/query/"}
DATABASE_TARGETS = {
    target.key: target
    for target in [
        Target("query-stock", "Django", "django_asgi", database="new", **QUERY),
        Target("query-stock-pool", "Django, psycopg pool", "django_asgi", database="pool", **QUERY),
        Target(
            "query",
            "django-asynckit, CONN_MAX_AGE=None",
            "asynckit",
            database="persistent",
            **QUERY,
        ),
        Target("query-pool", "django-asynckit, psycopg pool", "asynckit", database="pool", **QUERY),
        Target(
            "query-wsgi",
            "Django under WSGI threads, CONN_MAX_AGE=None",
            "django_wsgi",
            middleware=False,
            path="/query/sync/",
            database="persistent",
        ),
    ]
}


def on_engine(engine: str, server: str, name: str, kind: str, database: str) -> Target:
    """The site like real ones, on one of its databases."""
    return Target(
        f"site-{engine}-{server}",
        name,
        kind,
        database=database,
        engine=engine,
        settings="site_like_real.settings",
        wsgi_threads=8,
    )


#: Persistent connections under Django's own ASGI handler are what its documentation advises against.
SITE_SERVERS = {
    "stock": ("Django, CONN_MAX_AGE=0", "django_asgi", "new"),
    "stock-pool": ("Django, psycopg pool", "django_asgi", "pool"),
    "asynckit": ("django-asynckit, CONN_MAX_AGE=None", "asynckit", "persistent"),
    "asynckit-new": ("django-asynckit, CONN_MAX_AGE=0", "asynckit", "new"),
    "gunicorn": ("gunicorn's threads, CONN_MAX_AGE=None", "django_wsgi", "persistent"),
    "gunicorn-new": ("gunicorn's threads, CONN_MAX_AGE=0", "django_wsgi", "new"),
}
#: For each engine, by the server's key.
SITE_TARGETS = {
    engine: {
        server: on_engine(engine, server, *parts)
        for server, parts in SITE_SERVERS.items()
        if engine == "postgresql" or server != "stock-pool"
    }
    for engine in ("sqlite", "postgresql")
}
ALL_TARGETS = (
    TARGETS
    | DATABASE_TARGETS
    | {target.key: target for targets in SITE_TARGETS.values() for target in targets.values()}
)


def django_asgi() -> Any:
    """Django's own ASGI application."""
    from django.core.asgi import get_asgi_application

    return get_asgi_application()


def asynckit() -> Any:
    """Ours."""
    from django_asynckit.asgi import get_asgi_application

    return get_asgi_application()


def django_wsgi() -> Any:
    """Django's own WSGI application."""
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def starlette() -> Any:
    """Starlette's hello world."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def hello(request: object) -> PlainTextResponse:  # noqa: ARG001
        return PlainTextResponse(BODY)

    return Starlette(routes=[Route("/async/", hello)])


BUILDERS = {
    "django_asgi": django_asgi,
    "asynckit": asynckit,
    "django_wsgi": django_wsgi,
    "starlette": starlette,
}


def build(key: str) -> Any:
    """The application of a target; it must be the only one that its process builds."""
    return BUILDERS[ALL_TARGETS[key].kind]()
