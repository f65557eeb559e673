"""Reads in the source of a middleware which lazy objects it puts into a ``ContextVar``."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, Final

from django.utils.functional import LazyObject

from django_asynckit.audit.sources import DEPTH, definition, plain

#: Attributes of a request that are lazy objects.
_LAZY: Final = frozenset({"user", "_messages", "csp_nonce", "_csp_nonce", "user_agent"})
_REQUESTS: Final = frozenset({"request", "req"})
_OWN: Final = frozenset({"self", "cls"})
_HOOKS: Final = ("__call__", "__acall__", "process_", "aprocess_")
_REVIEWED: Final = ("django.", "django_asynckit.")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Kept:
    """A lazy object that is put into a variable."""

    #: As the code calls it, for example ``request.user``.
    what: str
    file: str
    line: int


@dataclass
class _Scope:
    """What the names in one function stand for."""

    function: Any
    #: What ``self`` or ``cls`` is.
    owner: Any
    requests: set[str]
    #: Names of lazy objects, with what they are.
    lazies: dict[str, str]
    depth: int = DEPTH
    #: Names of variables that the code makes itself.
    variables: set[str] = field(default_factory=set)
    #: Lazy objects that the code has used, and so loaded.
    used: set[str] = field(default_factory=set)


def kept_by(factory: Any) -> Iterator[Kept]:
    """Yield the lazy objects that the middleware of ``factory``, a class or a function, keeps."""
    scopes = []
    for function, owner in _functions(factory):
        tree = definition(function)
        if tree is not None:
            scope = _Scope(function, owner, set(_request_names(tree, owner)), {})
            scope.variables = set(_variables_made(tree, scope))
            scopes.append((tree, scope))
    of_objects = {name for _, one in scopes for name in one.variables if name.startswith("self.")}
    for tree, scope in scopes:
        scope.variables |= of_objects
        yield from _read(tree, scope)


def _functions(factory: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(factory, FunctionType):
        yield inspect.unwrap(factory), None
        return
    cls = factory if isinstance(factory, type) else type(factory)
    for one in cls.__mro__:
        if one is not object and not f"{one.__module__}.".startswith(_REVIEWED):
            for value in vars(one).values():
                function = plain(value)
                if function is not None:
                    yield function, cls


def _request_names(tree: _Function, owner: Any) -> Iterator[str]:
    """Yield what requests are called: by their usual names, and where Django calls with one."""
    yield from _REQUESTS
    for node in ast.walk(tree):
        if not isinstance(node, _Function) or (node is tree and owner is None):
            continue  # A function that makes a middleware is given get_response.
        names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
        if node is not tree or node.name.startswith(_HOOKS):
            yield from [name for name in names if name not in _OWN][:1]


def _read(tree: _Function, scope: _Scope) -> Iterator[Kept]:
    """Read ``tree`` from top to bottom; branches count as taken."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.expr | ast.stmt)]
    asked = {id(one) for node in nodes for one in _asked(node)}
    for node in sorted(nodes, key=_when_evaluated):
        if id(node) in asked and (what := _lazy(node, scope)) is not None:
            scope.used.add(what)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            _assign(node, scope)
        elif isinstance(node, ast.Call):
            yield from _called(node, scope)


def _when_evaluated(node: Any) -> tuple[int, int, int, int]:
    """Sort what is inside of an expression before it."""
    return node.end_lineno, node.end_col_offset, -node.lineno, -node.col_offset


def _asked(node: ast.AST) -> list[ast.expr]:
    """Return what ``node`` asks for something, which loads a lazy object."""
    match node:
        case ast.Attribute(value=one, ctx=ast.Load()) | ast.Subscript(value=one, ctx=ast.Load()):
            asked = [one]
        case ast.If(test=one) | ast.IfExp(test=one) | ast.While(test=one):
            asked = [one]
        case ast.UnaryOp(operand=one):
            asked = [one]
        case ast.BoolOp(values=[*asked, _]):
            pass
        case ast.Compare(ops=[ast.Is() | ast.IsNot(), *_]):
            asked = []
        case ast.Compare(left=one, comparators=others):
            asked = [one, *others]
        case ast.Call(func=ast.Name(id="isinstance"), args=[one, *_]):
            asked = [one]
        case _:
            asked = []
    return asked


def _assign(node: ast.Assign | ast.AnnAssign | ast.NamedExpr, scope: _Scope) -> None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    what = _lazy(node.value, scope)
    for target in targets:
        name = ast.unparse(target)
        scope.lazies.pop(name, None)
        if what is not None:
            scope.lazies[name] = what


def _variables_made(tree: _Function, scope: _Scope) -> Iterator[str]:
    """Yield the names of the variables that the code of ``tree`` makes."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=ast.Call() as call):
                if _made(call, scope) is ContextVar:
                    yield from map(ast.unparse, targets)


def _made(call: ast.Call, scope: _Scope) -> Any:
    """Return the class that is called, also as ``ContextVar[User]()``."""
    func = call.func.value if isinstance(call.func, ast.Subscript) else call.func
    return _static(func, scope)


def _lazy(node: ast.AST | None, scope: _Scope) -> str | None:
    """Return what the lazy object is that ``node`` gives, if it may be one that was not used."""
    what = None
    if isinstance(node, ast.IfExp):
        what = _lazy(node.body, scope) or _lazy(node.orelse, scope)
    elif isinstance(node, ast.NamedExpr):
        what = _lazy(node.value, scope)
    elif isinstance(node, ast.Call):
        what = _lazy_call(node, scope)
    elif isinstance(node, ast.expr):
        what = scope.lazies.get(ast.unparse(node))
    if what is None and isinstance(node, ast.Attribute) and _is_request(node.value, scope):
        what = f"request.{node.attr}" if node.attr in _LAZY else None
    return None if what in scope.used else what


def _lazy_call(node: ast.Call, scope: _Scope) -> str | None:
    if getattr(node.func, "id", "") == "getattr" and len(node.args) > 1:
        name = getattr(node.args[1], "value", "")
        return f"request.{name}" if name in _LAZY and _is_request(node.args[0], scope) else None
    made = _made(node, scope)
    is_lazy = isinstance(made, type) and issubclass(made, LazyObject)
    return f"a {made.__name__}" if is_lazy else None


def _is_request(node: ast.expr, scope: _Scope) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in (_REQUESTS if isinstance(node, ast.Attribute) else scope.requests)


def _called(node: ast.Call, scope: _Scope) -> Iterator[Kept]:
    given = {index: (_lazy(one, scope), _is_request(one, scope)) for index, one in _given(node)}
    if not any(lazy or is_request for lazy, is_request in given.values()):
        return
    if _sets_variable(node, scope):
        what = given.get(0, (None, False))[0]
        if what is not None:
            yield Kept(what, scope.function.__code__.co_filename, node.lineno)
        return
    yield from _in_helper(node, given, scope)


def _given(node: ast.Call) -> Iterator[tuple[int | str, ast.expr]]:
    yield from enumerate(node.args)
    yield from ((one.arg, one.value) for one in node.keywords if one.arg)


def _sets_variable(node: ast.Call, scope: _Scope) -> bool:
    if not (isinstance(node.func, ast.Attribute) and node.func.attr == "set"):
        return False
    variable = node.func.value
    is_made_here = ast.unparse(variable) in scope.variables
    return is_made_here or type(_static(variable, scope)) is ContextVar


def _in_helper(
    node: ast.Call, given: dict[int | str, tuple[str | None, bool]], scope: _Scope
) -> Iterator[Kept]:
    """Read the function that is called, with what it is given."""
    helper, owner = plain(_static(node.func, scope)), _owner(node.func, scope)
    tree = None if helper is None else definition(helper)
    if tree is None or not scope.depth or tree.name.startswith("__"):
        return
    names = [one.arg for one in (*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs)]
    if owner is not None and names and names[0] in _OWN:
        names = names[1:]
    inner = _Scope(helper, owner, set(), {}, scope.depth - 1)
    for key, (lazy, is_request) in given.items():
        name = names[key] if isinstance(key, int) and key < len(names) else str(key)
        if lazy is not None:
            inner.lazies[name] = lazy
        if is_request:
            inner.requests.add(name)
    yield from _read(tree, inner)


def _owner(func: ast.expr, scope: _Scope) -> Any:
    """Return what a method that ``func`` names belongs to; ``None`` for a function."""
    found = _static(func.value, scope) if isinstance(func, ast.Attribute) else None
    return None if isinstance(found, ModuleType) else found


def _static(node: ast.expr, scope: _Scope) -> Any:
    """Return what ``node`` stands for, without running any code; ``None`` if that cannot be known."""
    if isinstance(node, ast.Name):
        if node.id in _OWN and scope.owner is not None:
            return scope.owner
        return scope.function.__globals__.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    owner = _static(node.value, scope)
    if isinstance(owner, ModuleType):
        return vars(owner).get(node.attr)
    return None if owner is None else inspect.getattr_static(owner, node.attr, None)
