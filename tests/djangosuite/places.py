"""Puts our classes in the places where Django's tests look for Django's."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core import asgi as django_asgi
from django.core.handlers import asgi as django_handler
from django.test import client
from django.utils.module_loading import import_string

from django_asynckit.asgi import get_asgi_application
from django_asynckit.dropins import DROPINS
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.test import AsyncClientHandler, ClientHandler


class StockClientHandler(client.ClientHandler):
    """Django's handler of its sync test client, around Django's async chain."""

    def load_middleware(self, is_async=True):
        super().load_middleware(is_async=True)

    def get_response(self, request):
        return async_to_sync(self.get_response_async)(request)


def put_stock_chain_in_place() -> None:
    """Send Django's sync test client through Django's async chain."""
    client.ClientHandler = StockClientHandler


def put_ours_in_place() -> None:
    """Let tests find our handlers and native classes under Django's names."""
    client.ClientHandler = ClientHandler
    client.AsyncClientHandler = AsyncClientHandler
    django_handler.ASGIHandler = ASGIHandler
    django_asgi.get_asgi_application = get_asgi_application
    natives = {path: native for path, native in DROPINS.items() if exists(path)}
    # All are imported before the first is put in place, because they subclass Django's.
    classes = {path: import_string(native) for path, native in natives.items()}
    for path, native in classes.items():
        note_use(native, natives[path])
        module, _, name = path.rpartition(".")
        setattr(sys.modules[module], name, native)


def exists(path: str) -> bool:
    """Whether this Django has the class."""
    try:
        import_string(path)
    except ImportError:
        return False
    return True


def note_use(native: type, path: str) -> None:
    """Write down how instances of ``native`` are made: a class that no test made proves nothing."""
    original = native.__init__
    file_of_uses = Path(os.environ["DJANGOSUITE_USED"])
    noted = set()

    def __init__(self, get_response, *args, **kwargs):
        mode = "async" if iscoroutinefunction(get_response) else "sync"
        if mode not in noted:
            noted.add(mode)
            with file_of_uses.open("a") as file:
                file.write(f"{path} {mode}\n")
        original(self, get_response, *args, **kwargs)

    native.__init__ = __init__
