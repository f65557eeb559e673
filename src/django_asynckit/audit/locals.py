"""Finds ``threading.local``, which all requests on the event loop share."""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from django.apps import apps

from django_asynckit.audit.findings import Finding, Place, Rule
from django_asynckit.audit.hooks import runs_djangos_hooks
from django_asynckit.audit.sources import behind_partial, parse
from django_asynckit.audit.stack import Entry

IN_MIDDLEWARE: Final = Rule(
    id="asynckit.W017",
    hint="Use a contextvars.ContextVar, or asgiref.local.Local.",
)
IN_APP: Final = Rule(
    id="asynckit.I014",
    hint="Use a contextvars.ContextVar, or asgiref.local.Local, if async code reads it.",
    is_check=False,
)
_REVIEWED: Final = ("django.", "django_asynckit")
_LEFT_OUT: Final = frozenset({"migrations", "tests", "node_modules", "site-packages"})


def in_middleware(entries: Iterable[Entry]) -> Iterator[Finding]:
    """Yield the uses in the modules of middleware that runs on the event loop, Django's and ours apart."""
    seen = set()
    for entry in entries:
        factory = behind_partial(entry.factory)
        name = str(getattr(factory, "__module__", ""))
        is_async = getattr(entry.factory, "async_capable", False)
        # Hooks that Django's MiddlewareMixin runs have the thread of their request.
        is_on_loop = entry.is_declared or (is_async and not runs_djangos_hooks(factory))
        if name.startswith(_REVIEWED) or not is_on_loop:
            continue
        file = _source(factory)
        if file in seen:
            continue
        seen.add(file)
        for line in lines_in(file):
            yield IN_MIDDLEWARE.found(
                Place(name, file, line),
                f"{name} keeps something per thread, and its middleware runs on the event loop: all "
                "requests share it.",
            )


def in_apps() -> Iterator[Finding]:
    """Yield the uses in installed apps, Django's and ours apart."""
    for config in apps.get_app_configs():
        if config.name.startswith(_REVIEWED):
            continue
        for file in _files(config.path):
            for line in lines_in(file):
                yield IN_APP.found(
                    Place(config.name, file, line),
                    f"{config.name} keeps something per thread. Async code, and sync code that it "
                    "calls in threads, may not see it, or see that of another request.",
                )


def lines_in(file: str) -> list[int]:
    """Return the lines of ``file`` that use ``threading.local``."""
    try:
        if "threading" not in Path(file).read_text(encoding="utf-8", errors="replace"):
            return []
    except OSError:
        return []
    nodes: list[Any] = list(ast.walk(parse(file) or ast.Module([], [])))
    modules = {"threading", *_other_names(nodes)}
    return [node.lineno for node in nodes if _is_local(node, modules)]


def _other_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that the module ``threading`` is given."""
    for node in nodes:
        for one in node.names if isinstance(node, ast.Import) else ():
            if one.name == "threading" and one.asname:
                yield one.asname


def _is_local(node: ast.AST, modules: set[str]) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "threading" and any(one.name == "local" for one in node.names)
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "local"
        and isinstance(node.value, ast.Name)
        and node.value.id in modules
    )


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
