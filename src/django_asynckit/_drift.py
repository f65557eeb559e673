"""Whether the code of Django that we mirror is code that we reviewed.

A native class stands in only where it is, so that a security release of Django is never undone.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import io
import tokenize
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.utils.module_loading import import_string

from django_asynckit._mirrored import MIRRORED, REVIEWED

_LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


@functools.cache
def is_reviewed(path: str) -> bool:
    """Whether all of Django's functions behind our class at ``path`` are versions that we reviewed."""
    return not list(unreviewed(path))


def unreviewed(path: str) -> Iterator[str]:
    """Yield the dotted paths of Django's functions behind ``path`` that differ from all reviewed ones."""
    for name in MIRRORED[path]:
        if hash_of(name) not in REVIEWED.get(name, {}):
            yield name


def hash_of(name: str) -> str:
    """Return the hash of the source of Django's function ``module:qualified.name``, or ``""``.

    Comments and layout do not count. A wrapper that an APM tool put around the function does not
    either. Without source (a bytecode-only installation) nothing can be known: ``""``.
    """
    try:
        source = inspect.getsource(inspect.unwrap(_find(name)))
        text = "".join(_significant(source.splitlines(keepends=True)))
    except (AttributeError, ImportError, OSError, TypeError, tokenize.TokenError):
        return ""
    # Python 3.12 splits f-strings into tokens, which drops doubled braces and spaces.
    text = "".join(text.split()).replace("{{", "{").replace("}}", "}")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _find(name: str) -> Callable[..., Any]:
    module, _, qualified_name = name.partition(":")
    target: Any = import_string(f"{module}.{qualified_name.partition('.')[0]}")
    for attribute in qualified_name.split(".")[1:]:
        target = inspect.getattr_static(target, attribute)
    return getattr(target, "fget", None) or getattr(target, "func", target)  # type: ignore[no-any-return]


def _significant(lines: Iterable[str]) -> Iterator[str]:
    reader = iter(lines)
    # An indented method is parsed as the body of a block.
    header = (
        io.StringIO("if 1:\n")
        if next(iter(lines), "").startswith(" ")
        else io.StringIO()
    )
    for token in tokenize.generate_tokens(
        lambda: header.readline() or next(reader, "")
    ):
        if token.type not in _LAYOUT:
            yield token.string
