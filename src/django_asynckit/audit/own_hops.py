"""Counts the hops in the source of a coroutine function."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django_asynckit._asgiref import behind_sync_to_async
from django_asynckit._compat import iscoroutinefunction
from django_asynckit.audit.sources import DEPTH, definition, global_value

#: Functions whose result runs a sync function in a thread when it is called and awaited.
_WRAPPERS: Final = frozenset({"sync_to_async", "database_sync_to_async", "SyncToAsync"})
#: Functions that run a sync function in a thread when they are awaited.
_RUNNERS: Final = frozenset(
    {"to_thread", "run_in_executor", "run_in_worker", "run_in_pool", "run_beside"}
)
#: Functions that await what they are given.
_AWAITERS: Final = frozenset(
    {"gather", "agather", "wait_for", "shield", "create_task", "ensure_future"}
)
_BRANCHES: Final = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.BoolOp, ast.Match)
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True)
class OwnHops:
    """The hops in the code of a coroutine function."""

    #: Those that every call makes.
    always: int = 0
    #: Those in a branch or a loop.
    sometimes: int = 0

    def __add__(self, other: OwnHops) -> OwnHops:
        return OwnHops(self.always + other.always, self.sometimes + other.sometimes)

    def in_branch(self) -> OwnHops:
        """Return the same hops where they are not always made."""
        return OwnHops(0, self.always + self.sometimes)


@dataclass(frozen=True)
class _Scope:
    """What names stand for where code is read."""

    function: Any
    #: What ``self`` is.
    owner: Any
    #: Local variables that are assigned once.
    values: dict[str, ast.expr]
    depth: int

    def value(self, node: ast.expr) -> ast.expr:
        return self.values.get(getattr(node, "id", ""), node)

    def deeper(self) -> _Scope:
        return dataclasses.replace(self, depth=self.depth - 1)


def own_hops(function: Any, owner: Any = None, depth: int = DEPTH) -> OwnHops:
    """Count the hops in the source of ``function`` and of async methods of ``owner`` that it awaits.

    An estimate: what is hidden behind other objects is not seen.
    """
    tree = definition(function)
    if tree is None or not depth:
        return OwnHops()
    return _count(
        tree.body, _Scope(function, owner, assigned_once(tree.body), depth), sometimes=False
    )


def inner_hops(function: Any) -> OwnHops:
    """Count the hops of the coroutine function that ``function`` makes, if it makes one."""
    tree = definition(function)
    if not isinstance(tree, ast.FunctionDef):
        return OwnHops()
    inner = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
    if len(inner) != 1:
        return OwnHops()
    values = {**assigned_once(tree.body), **assigned_once(inner[0].body)}
    return _count(inner[0].body, _Scope(function, None, values, DEPTH), sometimes=False)


def assigned_once(body: Iterable[ast.AST]) -> dict[str, ast.expr]:
    """Return what local variables are assigned, without those that are assigned more than once."""
    values: dict[str, ast.expr] = {}
    times: Counter[str] = Counter()
    for node in walk(body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            times[node.id] += 1
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            values.update({one.id: node.value for one in targets if isinstance(one, ast.Name)})
    return {name: value for name, value in values.items() if times[name] == 1}


def walk(nodes: Iterable[ast.AST]) -> Iterator[Any]:
    """Yield ``nodes`` and what is in them, but not what is in functions and classes."""
    for node in nodes:
        yield node
        if not isinstance(node, _SCOPES):
            yield from walk(ast.iter_child_nodes(node))


def _count(nodes: Sequence[ast.AST], scope: _Scope, *, sometimes: bool) -> OwnHops:
    total = OwnHops()
    for node in nodes:
        if isinstance(node, _SCOPES):
            continue
        if isinstance(node, ast.Await):
            total += _awaited(node.value, scope, sometimes=sometimes)
        if isinstance(node, ast.Try):
            anyway = [*node.body, *node.orelse, *node.finalbody]
            total += _count(anyway, scope, sometimes=sometimes)
            total += _count(node.handlers, scope, sometimes=True)
            continue
        if isinstance(node, _BRANCHES):
            first = _evaluated_first(node)
            others = [one for one in ast.iter_child_nodes(node) if one is not first]
            total += _count([first], scope, sometimes=sometimes)
            total += _count(others, scope, sometimes=True)
            # What comes after an early return does not always come.
            sometimes = sometimes or any(isinstance(one, ast.Return) for one in ast.walk(node))
            continue
        total += _count(list(ast.iter_child_nodes(node)), scope, sometimes=sometimes)
    return total


def _evaluated_first(node: Any) -> ast.AST:
    """Return the part of a branch that runs in any case."""
    if isinstance(node, ast.BoolOp):
        return node.values[0]
    [first] = [getattr(node, name) for name in ("test", "iter", "subject") if hasattr(node, name)]
    return first  # type: ignore[no-any-return]


def _awaited(value: ast.expr, scope: _Scope, *, sometimes: bool) -> OwnHops:
    call = scope.value(value)
    if not isinstance(call, ast.Call) or not scope.depth:
        return OwnHops()
    if _hops(scope.value(call.func), scope):
        hops = OwnHops(always=1)
    elif _name(call.func) in _AWAITERS and not _is_of_self(call.func):
        hops = _awaited_together(call, scope.deeper())
    else:
        hops = own_hops(_method(call.func, scope.owner), scope.owner, scope.depth - 1)
    return hops.in_branch() if sometimes else hops


def _awaited_together(call: ast.Call, scope: _Scope) -> OwnHops:
    """Count the hops of what ``gather()`` is given; a comprehension may give it nothing."""
    total = OwnHops()
    for one in call.args:
        given = scope.value(one.value) if isinstance(one, ast.Starred) else one
        if isinstance(given, ast.GeneratorExp | ast.ListComp):
            total += _awaited(given.elt, scope, sometimes=True)
        else:
            total += _awaited(given, scope, sometimes=False)
    return total


def _hops(called: ast.expr, scope: _Scope) -> bool:
    """Whether the result of calling ``called`` runs something in a thread when it is awaited."""
    if isinstance(called, ast.Call):
        return _name(called.func) in _WRAPPERS
    if _is_of_self(called):
        found = inspect.getattr_static(scope.owner, _name(called), None)
    else:
        found = global_value(called, scope.function)
    return _name(called) in _RUNNERS or behind_sync_to_async(found) is not None


def _name(node: ast.expr) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")


def _is_of_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "self"


def _method(node: ast.expr, owner: Any) -> Any:
    """Return the async method of ``owner`` that ``self.name`` stands for."""
    cls = owner if isinstance(owner, type) else type(owner)
    method = getattr(cls, _name(node), None) if _is_of_self(node) else None
    return method if iscoroutinefunction(method) else None
