"""``override()`` of ``django.utils.translation``, also as a decorator of async functions."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.utils import translation
from django.utils.translation import trans_real

from django_asynckit._bridge import run_in_worker
from django_asynckit._compat import iscoroutinefunction
from django_asynckit.decorators._calling import V
from django_asynckit.middleware.locale import has_files, is_read

__all__ = ["override"]


class override(translation.override):
    """Use a language in a ``with`` block, or while a decorated function runs, sync or async.

    ``language`` may be ``None`` for no translation; ``deactivate`` goes back to the default language
    afterwards. Follows :class:`django.utils.translation.override`, whose decorator is over before a
    coroutine begins. The language holds for the task that runs the function, and for tasks that it
    starts. The files of a language that is used for the first time are read in one hop.
    """

    def __call__(self, func: V) -> V:
        if not iscoroutinefunction(func):
            return super().__call__(func)

        @wraps(func)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            await _read_files(self.language, translation.get_language())
            # Not self, which remembers the language before; two calls may run at once.
            with translation.override(self.language, self.deactivate):
                return await func(*args, **kwargs)

        return wrapper  # type: ignore[return-value]


async def _read_files(*languages: str | None) -> None:
    """Let Django read the files of languages that it will activate, if it did not do so before."""
    unread = [code for code in languages if code and has_files() and not is_read(code)]
    if unread:
        await run_in_worker(_read, unread)


def _read(languages: list[str]) -> None:
    for language in languages:
        trans_real.translation(language)
