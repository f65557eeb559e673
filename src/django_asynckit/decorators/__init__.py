"""View decorators and mixins that work on async views: Django's names and arguments."""

from __future__ import annotations

from django_asynckit.decorators._asyncify import asyncify_view
from django_asynckit.decorators._from_middleware import (
    decorator_from_middleware,
    decorator_from_middleware_with_args,
)
from django_asynckit.decorators._methods import method_decorator

__all__ = [
    "asyncify_view",
    "decorator_from_middleware",
    "decorator_from_middleware_with_args",
    "method_decorator",
]
