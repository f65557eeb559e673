"""Knows the names of what does I/O."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache, caches
from django.core.cache.backends.base import BaseCache

from django_asynckit.audit.native import cache_blocks

DATABASE: Final = "asks the database"
USER: Final = "loads request.user"
SESSION: Final = "loads the session"
FILES: Final = "uses files"
_CACHE: Final = "uses a cache"
_NETWORK: Final = "uses the network"
_MAIL: Final = "sends mail"
_TEMPLATE: Final = "renders a template"
_WAITS: Final = "waits"
_PROCESS: Final = "runs another program"
_TASK: Final = "sends a task to a queue"


@dataclass(frozen=True)
class Seen:
    """A piece of I/O."""

    #: What it does, for example ``asks the database``.
    what: str
    #: The code that does it, for example ``Redirect.objects.get``.
    code: str
    file: str
    line: int


#: Modules, classes and functions, by the beginning of their dotted path.
_NAMES: Final = {
    "django.contrib.auth.authenticate": DATABASE,
    "django.contrib.auth.get_user": USER,
    "django.contrib.auth.login": SESSION,
    "django.contrib.auth.logout": SESSION,
    "django.contrib.sites.models.SiteManager": DATABASE,
    "django.contrib.sites.shortcuts.get_current_site": DATABASE,
    "django.contrib.staticfiles.finders": FILES,
    "django.contrib.staticfiles.storage": FILES,
    "django.core.cache": _CACHE,
    "django.core.files": FILES,
    "django.core.mail": _MAIL,
    "django.db.models.base.Model.": DATABASE,
    "django.db.models.manager": DATABASE,
    "django.db.models.query.QuerySet": DATABASE,
    "django.db.transaction": DATABASE,
    "django.db.utils.ConnectionHandler": DATABASE,
    "django.http.response.FileResponse": FILES,
    "django.shortcuts.get_list_or_404": DATABASE,
    "django.shortcuts.get_object_or_404": DATABASE,
    "django.shortcuts.render": _TEMPLATE,
    "django.template.backends": _TEMPLATE,
    "django.template.base.Template.render": _TEMPLATE,
    "django.template.loader": _TEMPLATE,
    "django.views.static.serve": FILES,
    "_io.open": FILES,
    "boto3": _NETWORK,
    "ftplib": _NETWORK,
    "genericpath": FILES,
    "glob": FILES,
    "grpc": _NETWORK,
    "http.client": _NETWORK,
    "httpx": _NETWORK,
    "io.open": FILES,
    "ldap": _NETWORK,
    "os.makedirs": FILES,
    "os.walk": FILES,
    "posix.listdir": FILES,
    "posix.mkdir": FILES,
    "posix.open": FILES,
    "posix.remove": FILES,
    "posix.rename": FILES,
    "posix.scandir": FILES,
    "posix.stat": FILES,
    "posix.system": _PROCESS,
    "posix.unlink": FILES,
    "pymemcache": _NETWORK,
    "pymongo": _NETWORK,
    "redis": _NETWORK,
    "requests": _NETWORK,
    "shutil": FILES,
    "smtplib": _NETWORK,
    "socket.create_connection": _NETWORK,
    "socket.getaddrinfo": _NETWORK,
    "subprocess": _PROCESS,
    "time.sleep": _WAITS,
    "urllib.request": _NETWORK,
    "urllib3": _NETWORK,
}
#: Methods whose name tells what they do, whatever they belong to.
_METHODS: Final = {
    "apply_async": _TASK,
    "bulk_create": DATABASE,
    "bulk_update": DATABASE,
    "delay": _TASK,
    "delete": DATABASE,
    "email_user": _MAIL,
    "get_or_create": DATABASE,
    "prefetch_related": DATABASE,
    "read_bytes": FILES,
    "read_text": FILES,
    "refresh_from_db": DATABASE,
    "save": DATABASE,
    "select_for_update": DATABASE,
    "select_related": DATABASE,
    "update_or_create": DATABASE,
    "values_list": DATABASE,
    "write_bytes": FILES,
    "write_text": FILES,
}
#: Methods that a cache has, and a dictionary or a set has not.
_OF_CACHES: Final = frozenset({"get_many", "get_or_set", "incr", "set", "set_many", "touch"})


def by_name(value: Any, func: ast.expr) -> str | None:
    """Return the I/O of calling ``value``, which ``func`` names."""
    path = f"{getattr(value, '__module__', None) or ''}.{getattr(value, '__qualname__', '')}"
    # Methods of Path are not told by their module, which has pure ones too.
    if path.startswith("pathlib."):
        return by_method(func)
    return next((what for name, what in _NAMES.items() if _is_in(path, name)), None)


def _is_in(path: str, name: str) -> bool:
    return path == name or path.startswith(name if name.endswith(".") else f"{name}.")


def by_method(func: ast.expr) -> str | None:
    """Return the I/O of a call of which only the name is known."""
    if isinstance(func, ast.Name):
        return FILES if func.id == "open" else None
    if not isinstance(func, ast.Attribute):
        return None
    owner = _last_name(func.value).lower()
    if "redis" in owner:
        return _NETWORK
    if "cache" in owner:
        return _CACHE if func.attr in _OF_CACHES and _any_cache_blocks() else None
    return _METHODS.get(func.attr)


def _last_name(node: ast.expr) -> str:
    return str(getattr(node, "attr", "") or getattr(node, "id", ""))


def is_cache(value: Any) -> str | None:
    """Return the I/O of a cache, unless all caches of the project are in memory."""
    is_one = value is cache or value is caches or isinstance(value, BaseCache)
    is_class = isinstance(value, type) and issubclass(value, BaseCache)
    return _CACHE if (is_one or is_class) and _any_cache_blocks() else None


def _any_cache_blocks() -> bool:
    return any(cache_blocks(alias, "get") for alias in settings.CACHES)
