"""Follows calls in source code, without running any: what a name stands for, and what is called."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, Final

from django.utils.connection import BaseConnectionHandler
from django.utils.functional import LazyObject, cached_property

from django_asynckit._compat import MiddlewareMixin
from django_asynckit.audit.own_hops import assigned_once, walk
from django_asynckit.audit.sources import behind_partial, definition, helpers, plain

#: What a handler calls for a request.
_HOOKS: Final = (
    "__call__",
    "process_request",
    "aprocess_request",
    "process_view",
    "aprocess_view",
    "process_template_response",
    "aprocess_template_response",
    "process_exception",
    "aprocess_exception",
    "process_response",
    "aprocess_response",
)
#: How many calls are followed from a hook.
_DEPTH: Final = 6
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_CACHED: Final = (functools.cached_property, cached_property)
_OWN: Final = frozenset({"self", "cls"})
_NOT_FOLLOWED: Final = sys.stdlib_module_names | {"asgiref", "django", "django_asynckit"}


@dataclass(frozen=True)
class Code:
    """A function, and what the names in it stand for."""

    tree: _Function
    #: The function that it is, or that it is in.
    function: FunctionType
    #: What ``self`` or ``cls`` is: a class. ``None`` outside of classes.
    owner: Any = None
    outer: Code | None = None
    #: Local variables that are assigned once.
    values: dict[str, ast.expr] = field(default_factory=dict)
    #: The functions that it defines.
    functions: dict[str, _Function] = field(default_factory=dict)
    #: What it imports itself.
    imported: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        return self.function.__code__.co_filename

    @property
    def is_async(self) -> bool:
        return isinstance(self.tree, ast.AsyncFunctionDef)

    def behind(self, node: ast.expr) -> ast.expr:
        """Return what the local variable ``node`` was assigned, or ``node`` itself."""
        return self.values.get(getattr(node, "id", ""), node)


def reached(factory: Any) -> Iterator[Code]:
    """Yield the code that runs for a request in the middleware of ``factory``, and what it calls, each once."""
    known: set[Any] = set()
    for code in hooks_of(factory):
        yield from _reached(code, known, _DEPTH)


def _reached(code: Code, known: set[Any], depth: int) -> Iterator[Code]:
    key = code.tree, code.owner
    if not depth or key in known:
        return
    known.add(key)
    yield code
    for node in walk(code.tree.body):
        for inner in called(node, code):
            yield from _reached(inner, known, depth - 1)


def _code(tree: _Function, function: Any, owner: Any, outer: Code | None = None) -> Code:
    nodes = list(walk(tree.body))
    inner = {node.name: node for node in nodes if isinstance(node, _Function)}
    return Code(
        tree,
        function,
        owner,
        outer,
        {**(outer.values if outer else {}), **assigned_once(tree.body)},
        {**(outer.functions if outer else {}), **inner},
        {**(outer.imported if outer else {}), **dict(_imports(nodes, function))},
    )


def _imports(nodes: Iterable[ast.AST], function: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names that a function imports from modules that are there; nothing is imported."""
    package = function.__globals__.get("__package__") or ""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            module = sys.modules.get(".".join([*above, *([node.module] if node.module else [])]))
            yield from (
                (one.asname or one.name, vars(module or ast).get(one.name)) for one in node.names
            )


def hooks_of(factory: Any) -> Iterator[Code]:
    """Yield the code that runs for a request in the middleware of ``factory``."""
    factory = behind_partial(factory)
    if isinstance(factory, type):
        for name in _HOOKS:
            yield from _codes(inspect.getattr_static(factory, name, None), factory)
    elif isinstance(factory, FunctionType):
        for function in (inspect.unwrap(factory), *helpers(inspect.unwrap(factory))):
            yield from hooks_of(function) if isinstance(function, type) else _inner(function)


def _inner(function: Any) -> Iterator[Code]:
    """Yield the functions that ``function`` defines: one of them is the middleware that it makes."""
    for outer in _codes(function, None):
        for tree in outer.functions.values():
            yield _code(tree, outer.function, None, outer)


def _codes(value: Any, owner: Any) -> Iterator[Code]:
    """Yield the code of the function behind ``value``, if it is one whose source can be read."""
    function = plain(value)
    tree = definition(function)
    if tree is not None and function is not MiddlewareMixin.__call__ and not _is_ours(function):
        yield _code(tree, function, owner)


def called(node: ast.AST, code: Code) -> Iterator[Code]:
    """Yield the code that runs where ``node`` is evaluated, as far as it is known."""
    if isinstance(node, ast.Attribute):
        owner = _class_of(node.value, code)
        found = None if owner is None else inspect.getattr_static(owner, node.attr, None)
        yield from _followed(_getter(found), owner)
    elif isinstance(node, ast.Call):
        yield from _called(node.func, code)


def _is_ours(function: Any) -> bool:
    return str(function.__module__).startswith("django_asynckit.")


def _called(func: ast.expr, code: Code) -> Iterator[Code]:
    inner = code.functions.get(getattr(func, "id", ""))
    if inner is not None:
        yield _code(inner, code.function, code.owner, code)
    elif isinstance(func, ast.Attribute) and _is_super(func.value):
        for value in _of_bases(func.attr, code):
            yield from _codes(value, code.owner)
    else:
        value = value_of(func, code)
        if isinstance(value, type):
            yield from _followed(inspect.getattr_static(value, "__init__", None), value)
        elif isinstance(func, ast.Attribute) and getattr(func.value, "id", "") in _OWN:
            yield from _codes(value, code.owner)  # Django's middleware, too.
        elif isinstance(func, ast.Attribute):
            yield from _followed(value, _class_of(func.value, code))
        else:
            yield from _followed(value, None)


def _followed(value: Any, owner: Any) -> Iterator[Code]:
    root = str(getattr(plain(value), "__module__", "")).partition(".")[0]
    if root not in _NOT_FOLLOWED:
        yield from _codes(value, owner)


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super"


def _of_bases(name: str, code: Code) -> Iterator[Any]:
    """Yield what ``super().name`` may stand for: what the classes after that of ``code`` have."""
    is_after = False
    for cls in getattr(code.owner, "__mro__", ()):
        if is_after and name in vars(cls):
            yield vars(cls)[name]
            return
        is_after = is_after or plain(vars(cls).get(code.tree.name)) is code.function


def _class_of(node: ast.expr, code: Code) -> Any:
    """Return the class whose object ``node`` is, or which it is."""
    value = value_of(node, code)
    return value if value is None or isinstance(value, type) else None


def value_of(node: ast.expr, code: Code, depth: int = _DEPTH * 2) -> Any:
    """Return what ``node`` stands for, without running any code; ``None`` if that cannot be known.

    A class stands for its objects too. ``depth`` ends what refers to itself.
    """
    value = _value_of(code.behind(node), code, depth - 1) if depth else None
    # To look into a lazy object would load it.
    return type(value) if issubclass(type(value), LazyObject) else value


def _value_of(node: ast.expr, code: Code, depth: int) -> Any:
    if isinstance(node, ast.Name):
        return _named(node.id, code)
    if isinstance(node, ast.Call):
        made = value_of(node.func, code, depth)
        return made if isinstance(made, type) else _result_of(made, None, depth)
    if isinstance(node, ast.Subscript):
        return _named_handler(value_of(node.value, code, depth))
    if not isinstance(node, ast.Attribute):
        return None
    return _attribute(value_of(node.value, code, depth), node.attr, depth)


def _named(name: str, code: Code) -> Any:
    if name in _OWN and code.owner is not None:
        return code.owner
    return code.imported.get(name, code.function.__globals__.get(name))


def _attribute(owner: Any, name: str, depth: int) -> Any:
    if isinstance(owner, ModuleType):
        return vars(owner).get(name)
    found = None if owner is None else inspect.getattr_static(owner, name, None)
    if found is None and isinstance(owner, type):
        return _made_in_init(owner, name, depth)
    getter = _getter(found)
    return found if getter is None else _result_of(getter, owner, depth)


def _getter(value: Any) -> Any:
    """Return the function of a property, Django's or Python's cached ones too."""
    if isinstance(value, property):
        return value.fget
    return value.func if isinstance(value, _CACHED) else None


def _result_of(function: Any, owner: Any, depth: int) -> Any:
    """Return what the only ``return`` of ``function`` stands for."""
    for code in _codes(function, owner):
        returned = [node.value for node in walk(code.tree.body) if isinstance(node, ast.Return)]
        if len(returned) == 1 and returned[0] is not None:
            return value_of(returned[0], code, depth)
    return None


def _made_in_init(cls: type[Any], name: str, depth: int) -> Any:
    """Return what ``__init__`` assigns to ``self.name``."""
    for code in _codes(inspect.getattr_static(cls, "__init__", None), cls):
        for node in walk(code.tree.body):
            if isinstance(node, ast.Assign) and _is_attribute(node.targets[0], name):
                return value_of(node.value, code, depth)
    return None


def _is_attribute(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == name


def _named_handler(value: Any) -> Any:
    """Return what stands for an item of ``connections`` or ``caches``: these themselves."""
    return value if isinstance(value, BaseConnectionHandler) else None
