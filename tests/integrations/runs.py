"""Runs a module of this folder for each handler in a process of its own, and what such a module needs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.servers.client import Request, normalised, run_in_process
from tests.servers.harness import ROOT, environment

HANDLERS = ("stock", "asynckit")
#: Ours without and with the sync chain, by what the tests call it.
OURS = {"one-chain": "", "sync-chain": "1"}

#: What each run asks for.
REQUESTS = [
    Request("/", contains=b"Hello, world"),
    Request("/sync/", contains=b"Hello, thread"),
    Request("/404/", status=404),
    Request("/raises/404/", status=404),
    Request("/raises/403/", status=403),
    Request("/raises/400/", status=400),
    Request("/raises/suspicious/", status=400),
    Request("/raises/500/", status=500),
    Request("/no/such/", status=404),
    Request("/sync", status=301),
    Request("/form/", "POST", status=403),
    Request("/stream/", contains=b"async 2"),
    Request("/stream/sync/", contains=b"sync 2"),
    Request("/template/", contains=b"path"),
    Request("/who/", contains=b"anonymous"),
    Request("/session/set/", contains=b"set"),
    Request("/session/get/", contains=b"blue"),
    Request("/", status=400, host="evil.test"),
]
#: What this folder's own URLconf has beside that.
BUSY = [
    Request("/busy/sync/fine/", contains=b"ada"),
    Request("/busy/sync/denied/", status=403),
    Request("/busy/sync/broken/", status=500),
]


def told_by(name: str, *arguments: str, seconds: float, env: dict[str, str] | None = None) -> Any:
    """Run ``tests.integrations.<name>``; return what it says in JSON on its last line."""
    result = subprocess.run(
        [sys.executable, "-m", f"tests.integrations.{name}", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def run_each(name: str, *arguments: str) -> dict[str, dict[str, Any]]:
    """Run ``tests.integrations.<name>`` for stock and each of ours; return what each says in JSON on its last line."""

    def run(name_of_run: str) -> dict[str, Any]:
        handler = "asynckit" if name_of_run in OURS else name_of_run
        variables = {
            **environment(),
            "DJANGO_SETTINGS_MODULE": "tests.integrations.settings",
            "TESTS_SYNC_CHAIN": OURS.get(name_of_run, ""),
        }
        return told_by(name, handler, *arguments, seconds=50, env=variables)

    names = ("stock", *OURS)
    with ThreadPoolExecutor() as pool:
        return dict(zip(names, pool.map(run, names), strict=True))


def make_application(handler: str):
    """Make the application the way an ``asgi.py`` does."""
    if handler == "stock":
        from django.core.asgi import get_asgi_application
    else:
        from django_asynckit.asgi import get_asgi_application
    return get_asgi_application()


def has_sync_chain(application) -> bool:
    """Whether requests went through it: it is made when the first one comes."""
    chain = getattr(application, "_sync_chain", None)
    return chain is not None and chain._middleware_chain is not None


def report(application, take, requests=(*REQUESTS, *BUSY)) -> None:
    """Send requests one after the other; print the replies, and what ``take()`` gives after each."""
    taken: list[Any] = []

    async def run():
        replies = await run_in_process(application, requests, lambda: taken.append(take()))
        return [vars(normalised(reply)) for reply in replies]

    replies = [{**reply, "body": reply["body"].decode("latin1")} for reply in asyncio.run(run())]
    handler = f"{type(application).__module__}.{type(application).__qualname__}"
    targets = [f"{request.host}{request.target}" for request in requests]
    print(
        json.dumps(
            {
                "handler": handler,
                "sync_chain": has_sync_chain(application),
                "replies": replies,
                "taken": dict(zip(targets, taken, strict=True)),
            }
        )
    )
