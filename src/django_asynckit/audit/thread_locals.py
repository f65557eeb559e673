"""Sees ``threading.local`` in source code: where one is made, and whether a middleware uses one."""

from __future__ import annotations

import ast
import contextlib
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from django_asynckit.audit.calls import Code, reached, value_of
from django_asynckit.audit.findings import Place
from django_asynckit.audit.own_hops import walk
from django_asynckit.audit.sources import parse

REVIEWED: Final = ("django.", "django_asynckit")


def used_by(factory: Any) -> list[Place]:
    """Return where those are made that the hooks of a middleware use, in whatever module."""
    found: list[Place] = []
    with contextlib.suppress(Exception):  # A middleware may be any object.
        found.extend(place for code in reached(factory) for place in _used_in(code))
    return found


def _used_in(code: Code) -> Iterator[Place]:
    name = str(code.function.__module__)
    nodes = [] if name.startswith(REVIEWED) else walk(code.tree.body)
    for node in nodes:
        if isinstance(node, ast.expr) and issubclass(type(value_of(node, code)), threading.local):
            lines = lines_in(code.file) or [node.lineno]
            yield from (Place(name, code.file, line) for line in lines)


def lines_in(file: str) -> list[int]:
    """Return the lines of ``file`` that use ``threading.local``, without those that import it."""
    if "threading" not in text_of(file):
        return []
    nodes: list[Any] = list(ast.walk(parse(file) or ast.Module([], [])))
    modules, classes = {"threading", *_other_names(nodes)}, set(_names_of_class(nodes))
    return sorted({node.lineno for node in nodes if _is_local(node, modules, classes)})


def text_of(file: str) -> str:
    """Return what is in ``file``; nothing if it cannot be read."""
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _other_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that the module ``threading`` is given."""
    for node in nodes:
        for one in node.names if isinstance(node, ast.Import) else ():
            if one.name == "threading" and one.asname:
                yield one.asname


def _names_of_class(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that ``threading.local`` is imported by."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "threading":
            yield from (one.asname or one.name for one in node.names if one.name == "local")


def _is_local(node: Any, modules: set[str], classes: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in classes and isinstance(node.ctx, ast.Load)
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "local"
        and isinstance(node.value, ast.Name)
        and node.value.id in modules
    )
