"""Finds ``threading.local``, which all requests on the event loop share."""

from __future__ import annotations

import ast
import inspect
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from django.apps import apps

from django_asynckit.audit.findings import Finding, Place, Rule
from django_asynckit.audit.hooks import runs_djangos_hooks
from django_asynckit.audit.sources import behind_partial, parse
from django_asynckit.audit.stack import Entry
from django_asynckit.audit.thread_locals import REVIEWED, lines_in, text_of, used_by

IN_MIDDLEWARE: Final = Rule(
    id="asynckit.W017",
    hint="Use a contextvars.ContextVar, or asgiref.local.Local.",
)
IN_APP: Final = Rule(
    id="asynckit.I014",
    hint="Use a contextvars.ContextVar, or asgiref.local.Local, if async code reads it.",
    is_check=False,
)
_LEFT_OUT: Final = frozenset({"management", "migrations", "tests", "node_modules", "site-packages"})


def in_middleware(entries: Iterable[Entry]) -> Iterator[Finding]:
    """Yield what middleware uses that runs on the event loop, Django's and ours apart."""
    seen = set()
    for entry in entries:
        if _is_on_loop(entry):
            for place in dict.fromkeys([*_of_module(entry), *used_by(entry.factory)]):
                if place not in seen:
                    seen.add(place)
                    yield IN_MIDDLEWARE.found(
                        place,
                        f"{place.where} keeps something per thread, and middleware that uses it runs on "
                        "the event loop: all requests share it.",
                    )


def in_apps(entries: Iterable[Entry] = ()) -> Iterator[Finding]:
    """Yield the uses in installed apps, Django's and ours apart, and by middleware that has a thread."""
    seen = set()
    in_threads = [entry for entry in entries if not _is_on_loop(entry)]
    places = [place for entry in in_threads for place in used_by(entry.factory)]
    for place in [*places, *_of_apps()]:
        if (place.file, place.line) not in seen:
            seen.add((place.file, place.line))
            yield IN_APP.found(
                place,
                f"{place.where} keeps something per thread. Async code, and sync code that it calls in "
                "threads, may not see it, or see that of another request.",
            )


def _is_on_loop(entry: Entry) -> bool:
    factory = behind_partial(entry.factory)
    is_async = getattr(entry.factory, "async_capable", False)
    # Hooks that Django's MiddlewareMixin runs have the thread of their request.
    return entry.is_declared or bool(is_async and not runs_djangos_hooks(factory))


def _of_module(entry: Entry) -> Iterator[Place]:
    """Yield where the module of a middleware makes one."""
    factory = behind_partial(entry.factory)
    name = str(getattr(factory, "__module__", ""))
    if not name.startswith(REVIEWED):
        file = _source(factory)
        yield from (Place(name, file, line) for line in lines_in(file))


def _of_apps() -> Iterator[Place]:
    configs = [one for one in apps.get_app_configs() if not one.name.startswith(REVIEWED)]
    files = {file: config.name for config in configs for file in _files(config.path)}
    for file, name in files.items():
        lines = lines_in(file)
        if lines and (_is_loaded(file) or _is_imported(file, files)):
            yield from (Place(name, file, line) for line in lines)


def _is_loaded(file: str) -> bool:
    return any(getattr(module, "__file__", None) == file for module in list(sys.modules.values()))


def _is_imported(file: str, files: Iterable[str]) -> bool:
    """Whether some of ``files`` imports the module of ``file``: one that no request loads is of no interest."""
    path = Path(file)
    name = path.parent.name if path.stem == "__init__" else path.stem
    return any(one != file and name in _names_imported(one, name) for one in files)


def _names_imported(file: str, name: str) -> Iterator[str]:
    """Yield each part of what ``file`` imports, if it mentions ``name``."""
    if name not in text_of(file):
        return
    for node in ast.walk(parse(file) or ast.Module([], [])):
        if isinstance(node, ast.Import | ast.ImportFrom):
            paths = [getattr(node, "module", None) or "", *(one.name for one in node.names)]
            yield from (part for path in paths for part in path.split("."))


def _source(factory: Any) -> str:
    try:
        return inspect.getsourcefile(inspect.unwrap(factory)) or ""
    except TypeError:
        return ""


def _files(folder: str) -> Iterator[str]:
    for path, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name not in _LEFT_OUT and os.path.exists(os.path.join(path, name, "__init__.py"))
        ]
        yield from (os.path.join(path, name) for name in sorted(files) if name.endswith(".py"))
