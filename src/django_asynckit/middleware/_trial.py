"""Users that were found ahead, by Django's own code, without doing anything to the session yet.

Finding a user may flush the session (its password hash does not fit any more) or give it a new key
(the hash fits an older ``SECRET_KEY``). That waits until somebody reads the user.
"""

from __future__ import annotations

import copy
from typing import Any, Final

from django.contrib import auth
from django.contrib.sessions.backends import signed_cookies
from django.http import HttpRequest

from django_asynckit.middleware._replay import peek
from django_asynckit.middleware._sessions import is_awaited

SESSION_KEYS: Final = (auth.SESSION_KEY, auth.BACKEND_SESSION_KEY, auth.HASH_SESSION_KEY)
_TRIAL: Final = "_asynckit_trial"
_UNFINISHED: Final = "_asynckit_unfinished"


class _TrialSession(dict[str, Any]):
    """A copy of a session's data, in memory only; it notes what is to become of the session."""

    effect: str = ""

    def flush(self) -> None:
        self.effect = "flush"

    def cycle_key(self) -> None:
        self.effect = "cycle_key"

    async def aget(self, key: str, default: Any = None) -> Any:
        return self.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        self[key] = value

    async def aflush(self) -> None:
        self.flush()

    async def acycle_key(self) -> None:
        self.cycle_key()


class Unfinished:
    """What finding a user still has to do to a session: ``flush`` or ``cycle_key``."""

    def __init__(self, session: Any, effect: str) -> None:
        self._session, self._effect, self._key = session, effect, session.session_key

    def is_wanted(self) -> bool:
        """Whether the session has the key still that it is to lose."""
        return self._effect == "flush" or self._session.session_key == self._key

    def is_awaitable(self) -> bool:
        """Whether :meth:`afinish` makes no hop."""
        store: Any = type(self._session)
        return store is signed_cookies.SessionStore or is_awaited(self._session)

    def finish(self) -> None:
        """Do it (blocks)."""
        getattr(self._store(), self._effect)()

    async def afinish(self) -> None:
        """Do it with the async method of the store."""
        await getattr(self._store(), f"a{self._effect}")()

    def _store(self) -> Any:
        if self._effect == "flush":
            # The session itself was emptied when the user was read, and may have a new key since.
            return type(self._session)(self._key)
        return self._session


class Trial:
    """Finds the user of ``request`` from what its session holds in memory."""

    def __init__(self, request: HttpRequest) -> None:
        self._owner: Any = request.session
        data = peek(self._owner)
        self._identity = tuple(data.get(key) for key in SESSION_KEYS)
        self._session = _TrialSession(data)
        self._request = copy.copy(request)
        self._request.__dict__["session"] = self._session
        self._user: Any = None
        self._error: Exception | None = None
        request.__dict__[_TRIAL] = self

    def find(self) -> None:
        """Find the user (blocks); an exception is kept for whoever reads the user."""
        try:
            self._user = auth.get_user(self._request)
        except Exception as error:
            self._error = error

    async def afind(self) -> None:
        """Like :meth:`find`, with the async methods of the backend."""
        try:
            self._user = await auth.aget_user(self._request)
        except Exception as error:
            self._error = error

    def names(self, session: Any) -> bool:
        """Whether ``session`` is the one that was tried, and names the same user still.

        To be called only where Django would read the session next: it counts as read.
        """
        return session is self._owner and self._identity == tuple(
            session.get(key) for key in SESSION_KEYS
        )

    def finish(self, request: HttpRequest) -> Any:
        """Return the user, and do to the session in memory what finding the user does to it."""
        if self._error is not None:
            raise self._error
        del request.__dict__[_TRIAL]
        effect = self._session.effect
        if effect:
            request.__dict__[_UNFINISHED] = Unfinished(self._owner, effect)
        if effect == "flush":
            self._owner.clear()
            self._owner._session_key = None
        elif effect == "cycle_key":
            self._owner[auth.HASH_SESSION_KEY] = self._session[auth.HASH_SESSION_KEY]
        return self._user


def has_trial(request: HttpRequest) -> bool:
    """Whether the user of ``request`` was found ahead, and not read yet."""
    return _TRIAL in request.__dict__


def tried_user(request: HttpRequest) -> Any:
    """Return the user who was found ahead while the session still names the same, else ``None``."""
    trial = request.__dict__.get(_TRIAL)
    if trial is None or not trial.names(request.session):
        return None
    return trial.finish(request)


def take_unfinished(request: HttpRequest) -> Unfinished | None:
    """Return what is still to be done to the session of ``request``, once."""
    unfinished: Unfinished | None = request.__dict__.pop(_UNFINISHED, None)
    return unfinished if unfinished is not None and unfinished.is_wanted() else None
