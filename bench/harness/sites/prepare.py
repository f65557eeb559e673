"""Makes the tables, rows and static files of the site: `python -m harness.sites.prepare`."""

from __future__ import annotations

import json
from typing import Any

CSRF_COOKIE = "csrftoken=" + "a1" * 16


def queries(cookie: str) -> dict[str, int]:
    """How many each page runs as sync view, sessions and users included."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from harness.sites.pages import ALL_PAGES

    found = {}
    for page in ALL_PAGES:
        options = {"SERVER_NAME": "127.0.0.1", "HTTP_COOKIE": page.cookie(cookie)}
        if page == page.as_sync:
            Client().get(page.path, **options)  # Notes that the user was here.
            with CaptureQueriesContext(connection) as captured:
                Client().get(page.path, **options)
            found[str(page)] = len(captured)
    return found


def prepare() -> dict[str, Any]:
    """Say what a visitor needs who is logged in, and what the pages query."""
    import django
    from django.core.management import call_command

    django.setup()
    from site_like_real.fill import fill, log_in

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    fill()
    cookie = f"sessionid={log_in()}; {CSRF_COOKIE}"
    return {"cookie": cookie, "queries": queries(cookie)}


if __name__ == "__main__":
    print(json.dumps(prepare()))
