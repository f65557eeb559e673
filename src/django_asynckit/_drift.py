"""Whether the code of Django and WhiteNoise that we mirror, and of asgiref that we rely on, was reviewed.

A native class stands in only where it was, so that a security release is never undone.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django_asynckit._mirrored import MIRRORED, REVIEWED
from django_asynckit.dropins import DROPINS, dotted_path

#: The path of our handler in the lists.
HANDLER: Final = "django_asynckit.handler.asgi.ASGIHandler"
#: The path of our way to make requests; where it was not reviewed, Django's own makes them.
REQUEST: Final = "django_asynckit.handler.requests.make_request"
#: The path of what we know of asgiref; where it was not reviewed, its public parts must do.
ASGIREF: Final = "django_asynckit._asgiref"
_LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@functools.cache
def is_reviewed(path: str) -> bool:
    """Whether all of the functions behind our class or module at ``path`` are versions that we reviewed."""
    return not list(unreviewed(path))


def native_path(cls: object) -> str | None:
    """Return the path of the reviewed native class for ``cls``, if that is one of those in ``DROPINS``."""
    native = DROPINS.get(dotted_path(cls)) if isinstance(cls, type) else None
    return native if native and is_reviewed(native) else None


def unreviewed(path: str) -> Iterator[str]:
    """Yield the dotted paths of the functions behind ``path`` that differ from all reviewed ones."""
    for name in MIRRORED[path]:
        if hash_of(name) not in REVIEWED.get(name, {}):
            yield name


def hash_of(name: str) -> str:
    """Return the hash of the source of the function or class ``module:qualified.name``, or ``""``.

    The installed file is read, not what the name stands for now: APM tools put wrappers in the place
    of functions. Comments and layout do not count. Without source (a bytecode-only installation)
    nothing can be known: ``""``.
    """
    module, _, qualified_name = name.partition(":")
    try:
        source, tree = _parse(module)
        definition = _find(tree, qualified_name.split("."))
    except (ImportError, LookupError, OSError, SyntaxError, UnicodeDecodeError):
        return ""
    # The lines, not the segment: the indentation is kept, and decorators are left out.
    lines = source.splitlines(keepends=True)[definition.lineno - 1 : definition.end_lineno]
    # Python 3.12 splits f-strings into tokens, which drops doubled braces and spaces.
    text = "".join("".join(_significant(lines)).split()).replace("{{", "{").replace("}}", "}")
    return _digest(text.removeprefix("if1:"))


@functools.cache
def _parse(module: str) -> tuple[str, ast.Module]:
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.has_location or spec.origin is None:
        raise ImportError(module)
    source = Path(spec.origin).read_text(encoding="utf-8")
    return source, ast.parse(source)


def _find(tree: ast.AST, names: list[str]) -> _Definition:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, _Definition) and node.name == names[0]:
            return _find(node, names[1:]) if names[1:] else node
    raise LookupError(names[0])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _significant(lines: list[str]) -> Iterator[str]:
    # An indented method is parsed as the body of a block.
    header = ["if 1:\n"] if lines[0].startswith(" ") else []
    readline = io.StringIO("".join(header + lines)).readline
    for token in tokenize.generate_tokens(readline):
        if token.type not in _LAYOUT:
            yield token.string
