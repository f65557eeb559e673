"""Sessions that were loaded ahead, and look unread until somebody reads them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

_NAME = "_asynckit_replay"
_MISSING = object()


class Replay:
    """What a store's ``load()`` gave, to be given again when the session is read.

    Until then the session has the key and the flags of one that nobody has read. An exception is
    kept too, and raised whenever the session is read.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._changes: dict[str, Any] = {}
        self.data: dict[str, Any] = {}
        self.error: Exception | None = None

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Take back what the store does to the session meanwhile; it does so again at first use."""
        attributes = self._session.__dict__
        before = dict(attributes)
        try:
            yield
        except Exception as error:
            self.error = error
        finally:
            after = dict(attributes)
            attributes.clear()
            attributes.update(before)
        self._changes = {
            name: value for name, value in after.items() if before.get(name, _MISSING) is not value
        }
        attributes.update({"load": self._load, "aload": self._aload, _NAME: self})

    def _load(self) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        forget(self._session)
        self._session.__dict__.update(self._changes)
        return self.data

    async def _aload(self) -> dict[str, Any]:
        return self._load()


def load_ahead(session: Any) -> None:
    """Let the store load ``session`` (blocks)."""
    replay = Replay(session)
    with replay.recording():
        replay.data = session.load()


async def aload_ahead(session: Any) -> None:
    """Await the store's own ``aload()``."""
    replay = Replay(session)
    with replay.recording():
        replay.data = await session.aload()


def is_ahead(session: Any) -> bool:
    """Whether reading ``session`` needs no I/O because it was loaded ahead."""
    return _NAME in session.__dict__


def forget(session: Any) -> None:
    """Let the store load ``session`` itself again, if nobody has read it yet."""
    for name in ("load", "aload", _NAME):
        getattr(session, "__dict__", {}).pop(name, None)


def peek(session: Any) -> dict[str, Any]:
    """Return what ``session`` holds in memory; it does not count as read."""
    replay = session.__dict__.get(_NAME)
    data: dict[str, Any] = replay.data if replay else session.__dict__.get("_session_cache", {})
    return data
