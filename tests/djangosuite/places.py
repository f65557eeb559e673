"""Puts our classes in the places where Django's tests look for Django's."""

from __future__ import annotations

import importlib.util
import sys
from typing import Final

from asgiref.sync import async_to_sync
from django.core import asgi as django_asgi
from django.core.handlers import asgi as django_handler
from django.test import client
from django.utils.module_loading import import_string

from django_asynckit.asgi import get_asgi_application
from django_asynckit.dropins import DROPINS
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.test import AsyncClientHandler, ClientHandler
from tests.djangosuite.uses import note_uses

#: Modules of ours with decorators or mixins, and where Django's of the same names are.
DECORATORS: Final = {
    "": "django.utils.decorators",
    ".admin": "django.contrib.admin.views.decorators",
    ".auth": "django.contrib.auth.decorators",
    ".mixins": "django.contrib.auth.mixins",
    ".timezone": "django.utils.timezone",
    ".transaction": "django.db.transaction",
    ".translation": "django.utils.translation",
    **{
        f".{name}": f"django.views.decorators.{name}"
        for name in [
            "cache",
            "clickjacking",
            "common",
            "csp",
            "csrf",
            "debug",
            "gzip",
            "http",
            "vary",
        ]
    },
}


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
    """Let tests find our handlers and native classes under Django's names.

    ``MIDDLEWARE`` and other dotted paths of Django's lead to the native classes too. All of them
    are imported before the first is put in place, because they subclass Django's.
    """
    client.ClientHandler = ClientHandler
    client.AsyncClientHandler = AsyncClientHandler
    django_handler.ASGIHandler = ASGIHandler
    django_asgi.get_asgi_application = get_asgi_application
    for path, native in _native_classes().items():
        note_uses(native)
        module, _, name = path.rpartition(".")
        setattr(sys.modules[module], name, native)


def put_decorators_in_place() -> None:
    """Let tests find our decorators and mixins under Django's names too.

    All of them are imported before the first is put in place, because they call Django's.
    """
    modules = [
        (importlib.import_module(f"django_asynckit.decorators{ours}"), djangos)
        for ours, djangos in DECORATORS.items()
        if importlib.util.find_spec(djangos)
    ]
    for ours, djangos in modules:
        module = importlib.import_module(djangos)
        for name in set(ours.__all__) & set(vars(module)):
            setattr(module, name, getattr(ours, name))


def _native_classes() -> dict[str, type]:
    """Return the native class for each dotted path of ``DROPINS`` that this Django has."""
    return {path: import_string(native) for path, native in DROPINS.items() if _exists(path)}


def _exists(path: str) -> bool:
    try:
        import_string(path)
    except ImportError:
        return False
    except RuntimeError:  # It needs an app that the tests to be run do not install.
        return False
    return True
