"""Reads source code: where something is defined, and which hops a coroutine function makes."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

from django_asynckit._compat import iscoroutinefunction
from django_asynckit.audit.findings import Place

#: Functions whose result runs a sync function in a thread when it is called and awaited.
_WRAPPERS: Final = frozenset({"sync_to_async", "database_sync_to_async", "SyncToAsync"})
#: Functions that run a sync function in a thread when they are awaited.
_RUNNERS: Final = frozenset({"to_thread", "run_in_executor", "run_in_worker", "run_in_pool"})
_BRANCHES: Final = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.BoolOp, ast.Match)
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_DEPTH: Final = 4


@dataclass(frozen=True)
class OwnHops:
    """The hops in the code of a coroutine function."""

    #: Those that every call makes.
    always: int = 0
    #: Those in a branch or a loop.
    sometimes: int = 0

    def __add__(self, other: OwnHops) -> OwnHops:
        return OwnHops(self.always + other.always, self.sometimes + other.sometimes)


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


def own_hops(function: Any, owner: Any = None, depth: int = _DEPTH) -> OwnHops:
    """Count the hops in the source of ``function`` and of async methods of ``owner`` that it awaits.

    An estimate: what is hidden behind other objects is not seen.
    """
    tree = definition(function)
    if tree is None or not depth:
        return OwnHops()
    return _count(tree.body, owner, depth, sometimes=False)


def inner_hops(function: Any) -> OwnHops:
    """Count the hops of the coroutine function that ``function`` makes, if it makes one."""
    tree = definition(function)
    if not isinstance(tree, ast.FunctionDef):
        return OwnHops()
    inner = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
    return _count(inner[0].body, None, 1, sometimes=False) if len(inner) == 1 else OwnHops()


def _count(nodes: Sequence[ast.AST], owner: Any, depth: int, *, sometimes: bool) -> OwnHops:
    total = OwnHops()
    for node in nodes:
        if isinstance(node, _SCOPES):
            continue
        if isinstance(node, ast.Await):
            total += _awaited(node.value, owner, depth, sometimes=sometimes)
        if isinstance(node, ast.Try):
            anyway = [*node.body, *node.orelse, *node.finalbody]
            total += _count(anyway, owner, depth, sometimes=sometimes)
            total += _count(node.handlers, owner, depth, sometimes=True)
            continue
        if isinstance(node, _BRANCHES):
            first = _evaluated_first(node)
            others = [one for one in ast.iter_child_nodes(node) if one is not first]
            total += _count([first], owner, depth, sometimes=sometimes)
            total += _count(others, owner, depth, sometimes=True)
            # What comes after an early return does not always come.
            sometimes = sometimes or any(isinstance(one, ast.Return) for one in ast.walk(node))
            continue
        total += _count(list(ast.iter_child_nodes(node)), owner, depth, sometimes=sometimes)
    return total


def _evaluated_first(node: Any) -> ast.AST:
    """Return the part of a branch that runs in any case."""
    if isinstance(node, ast.BoolOp):
        return node.values[0]
    [first] = [getattr(node, name) for name in ("test", "iter", "subject") if hasattr(node, name)]
    return first  # type: ignore[no-any-return]


def _awaited(value: ast.expr, owner: Any, depth: int, *, sometimes: bool) -> OwnHops:
    if not isinstance(value, ast.Call):
        return OwnHops()
    is_wrapped = isinstance(value.func, ast.Call) and _name(value.func.func) in _WRAPPERS
    if is_wrapped or _name(value.func) in _RUNNERS:
        return OwnHops(sometimes=1) if sometimes else OwnHops(always=1)
    method = _method(value.func, owner)
    if method is None:
        return OwnHops()
    inner = own_hops(method, owner, depth - 1)
    return OwnHops(0, inner.always + inner.sometimes) if sometimes else inner


def _name(node: ast.expr) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")


def _method(node: ast.expr, owner: Any) -> Any:
    """Return the async method of ``owner`` that ``self.name`` stands for."""
    is_own = isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "self"
    cls = owner if isinstance(owner, type) else type(owner)
    method = getattr(cls, _name(node), None) if is_own else None
    return method if iscoroutinefunction(method) else None


def helpers(function: Any, depth: int = _DEPTH) -> Iterator[Any]:
    """Yield functions and classes that are given the first argument of ``function``, also by one another.

    Those that only ask whether it is a coroutine function are left out.
    """
    tree = definition(function)
    parameters = [*tree.args.posonlyargs, *tree.args.args] if tree is not None else []
    if tree is None or not parameters or not depth:
        return
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        given = [*call.args, *(one.value for one in call.keywords)]
        helper = _global(call.func, function)
        if (
            isinstance(helper, FunctionType | type)
            and helper.__name__ != "iscoroutinefunction"
            and any(getattr(one, "id", "") == parameters[0].arg for one in given)
        ):
            yield helper
            yield from helpers(helper, depth - 1)


def _global(node: ast.expr, function: Any) -> Any:
    """Return what ``name`` or ``module.name`` stands for where ``function`` was written."""
    scope = getattr(function, "__func__", function).__globals__
    if isinstance(node, ast.Attribute):
        module = _global(node.value, function)
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
