"""Receivers of the request signals that break when they are asked to; an app of its own."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.core.signals import request_finished, request_started
from django.db import connection

#: What is to happen at the end of the next request.
broken: list[str] = []


def at_start(scope=None, **_kwargs):
    query = (scope or {}).get("query_string", b"")
    if b"break=started" in query:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        raise ValueError("broken receiver of request_started")
    if b"break=finished" in query:
        broken.append("finished")


def at_end(**_kwargs):
    if broken:
        broken.pop()
        apps.get_model("databases", "Note").objects.count()
        raise ValueError("broken receiver of request_finished")


class ReceiversConfig(AppConfig):
    name = "tests.databases.receivers"
    label = "receivers"
    path = __file__.rpartition("/")[0]

    def ready(self) -> None:
        request_started.connect(at_start)
        request_finished.connect(at_end)
