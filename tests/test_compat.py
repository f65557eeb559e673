"""What differs between versions gives the same answers."""

from __future__ import annotations

import functools

import pytest
from asgiref.sync import iscoroutinefunction as asgiref_iscoroutinefunction
from asgiref.sync import markcoroutinefunction

from django_asynckit._compat import iscoroutinefunction


async def coroutine_function():
    """Awaited."""


async def generator_function():
    yield


def function():
    """Called."""


def marked():
    return coroutine_function()


class Callable:
    async def __call__(self):
        """Awaited too."""


@pytest.mark.parametrize(
    "func",
    [
        coroutine_function, generator_function, function, markcoroutinefunction(marked), Callable, Callable(),
        Callable().__call__, functools.partial(coroutine_function), functools.partial(function), len, None,
    ],
    ids=str,
)  # fmt: skip
def test_a_coroutine_function_is_what_asgiref_calls_so(func):
    assert iscoroutinefunction(func) is asgiref_iscoroutinefunction(func)
