"""Reads source code: where something is defined, and what its source mentions."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

from django_asynckit.audit.findings import Place

#: How many functions are followed from one to the next.
DEPTH: Final = 4


@functools.lru_cache(maxsize=512)
def parse(file: str) -> ast.Module | None:
    """Return the syntax tree of ``file``, or ``None`` if it cannot be read."""
    try:
        return ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def behind_partial(obj: Any) -> Any:
    """Return what ``functools.partial`` calls, or ``obj`` itself."""
    while isinstance(obj, functools.partial):
        obj = obj.func
    return obj


def plain(value: Any) -> FunctionType | None:
    """Return the function behind a method, or behind decorators that copy its attributes."""
    if isinstance(value, staticmethod | classmethod):
        value = value.__func__
    if not isinstance(value, FunctionType):
        return None
    unwrapped = inspect.unwrap(value)
    return unwrapped if isinstance(unwrapped, FunctionType) else None


def short(file: str) -> str:
    """Return ``file`` without the folder from which Python imports it: ``mysite/middleware.py``."""
    folders = [os.path.join(one, "") for one in sys.path if file.startswith(os.path.join(one, ""))]
    return file.removeprefix(max(folders, key=len, default=""))


def locate(obj: Any, where: str) -> Place:
    """Return ``where`` with the file and line in which ``obj`` is defined, as far as they are known."""
    obj = behind_partial(obj)
    obj = inspect.unwrap(obj) if inspect.isfunction(obj) else getattr(obj, "__func__", obj)
    code = getattr(obj, "__code__", None)
    if code is not None:
        return Place(where, code.co_filename, code.co_firstlineno)
    cls = obj if isinstance(obj, type) else type(obj)
    try:
        file = inspect.getsourcefile(cls) or ""
    except TypeError:
        return Place(where)
    return Place(where, file, _line_of_class(file, cls.__qualname__))


@functools.lru_cache(maxsize=4096)
def _line_of_class(file: str, qualname: str) -> int:
    node: Any = parse(file)
    for name in qualname.split("."):
        node = next((one for one in _definitions(node) if getattr(one, "name", "") == name), None)
    return node.lineno if isinstance(node, ast.ClassDef) else 0


def _definitions(node: Any) -> Iterator[ast.AST]:
    return iter(getattr(node, "body", ()))


def definition(function: Any) -> ast.AsyncFunctionDef | ast.FunctionDef | None:
    """Return the syntax tree of ``function``, if it can be found."""
    function = getattr(function, "__func__", function)
    if not isinstance(function, FunctionType):
        return None
    code = function.__code__
    return _functions_of(code.co_filename).get((code.co_name, code.co_firstlineno))


@functools.lru_cache(maxsize=512)
def _functions_of(file: str) -> dict[tuple[str, int], ast.AsyncFunctionDef | ast.FunctionDef]:
    """Index the functions of ``file`` the way code objects name them."""
    return {
        (node.name, min([node.lineno, *(one.lineno for one in node.decorator_list)])): node
        for node in ast.walk(parse(file) or ast.Module([], []))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def helpers(function: Any, depth: int = DEPTH) -> Iterator[Any]:
    """Yield functions and classes that are given the first argument of ``function``, also by one another.

    Those that only ask whether it is a coroutine function are left out.
    """
    tree = definition(function)
    parameters = [*tree.args.posonlyargs, *tree.args.args] if tree is not None else []
    if tree is None or not parameters or not depth:
        return
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        given = [*call.args, *(one.value for one in call.keywords)]
        helper = global_value(call.func, function)
        if (
            isinstance(helper, FunctionType | type)
            and helper.__name__ != "iscoroutinefunction"
            and any(getattr(one, "id", "") == parameters[0].arg for one in given)
        ):
            yield helper
            yield from helpers(helper, depth - 1)


def global_value(node: ast.expr, function: Any) -> Any:
    """Return what ``name`` or ``module.name`` stands for where ``function`` was written."""
    scope = getattr(function, "__func__", function).__globals__
    if isinstance(node, ast.Attribute):
        module = global_value(node.value, function)
        return vars(module).get(node.attr) if isinstance(module, ModuleType) else None
    return scope.get(getattr(node, "id", ""))


def names_in(function: Any) -> frozenset[str]:
    """Return the names and attributes that the source of ``function`` mentions."""
    tree = definition(function)
    return frozenset() if tree is None else _names(tree)


@functools.lru_cache(maxsize=1024)
def _names(tree: ast.AST) -> frozenset[str]:
    return frozenset(
        getattr(node, "attr", "") or getattr(node, "id", "") for node in ast.walk(tree)
    )
