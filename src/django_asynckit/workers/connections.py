"""The database connections of a worker: what is done when a request begins and ends to use them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Final

from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections, reset_queries
from django.db.backends.base.base import BaseDatabaseWrapper

from django_asynckit.conf import worker_settings
from django_asynckit.workers.cursors import Cursors, Post
from django_asynckit.workers.signals import is_connected
from django_asynckit.workers.wrapper import Wrapper

logger = logging.getLogger("django_asynckit.workers")

#: How many connections of each alias were found dead, by any worker.
_deaths: Final[dict[str, int]] = {}


class Connections:
    """What one worker's thread has in ``django.db.connections``; ``post`` runs a function in it.

    ``before_first`` is called before one is opened while none is open, and ``behind_last`` when none is any more.
    """

    def __init__(
        self, post: Post, before_first: Callable[[], None], behind_last: Callable[[], None]
    ) -> None:
        self._wrappers: dict[str, Wrapper] = {}
        self._post = post
        self._before_first = before_first
        self._behind_last = behind_last
        self._deaths_seen = dict(_deaths)
        #: Whether what runs was declared to leave nothing on a connection.
        self.trusts_job = False

    def prepare(self) -> None:
        """Make the wrappers before any request does, so that all that is set on them is seen."""
        # A wrong setting is for the request that uses the alias.
        with contextlib.suppress(Exception):
            for alias in connections:
                with contextlib.suppress(Exception):
                    self._make(alias)

    def open(self) -> None:
        """Do what ``request_started`` does, and close what died with another connection."""
        for alias, wrapper in list(self._wrappers.items()):
            # DATABASES changes in tests.
            if connections.settings.get(alias) is not wrapper.connection.settings_dict:
                self._renew(alias)
        if is_connected(request_started, reset_queries):
            for wrapper in self._wrappers.values():
                wrapper.connection.queries_log.clear()
        if is_connected(request_started, close_old_connections):
            self._close_old()
        self.check_if_others_died()

    def lend(self) -> None:
        """Do what is needed of that between two requests that use the same open connections."""
        if is_connected(request_started, close_old_connections):
            for wrapper in self._wrappers.values():
                wrapper.renew()
        self.check_if_others_died()

    def carry_from(self, others: dict[str, BaseDatabaseWrapper]) -> None:
        """Take over from ``others``, of another thread, what must hold for all of a request's queries."""
        carry = worker_settings().carry
        for alias, wrapper in self._wrappers.items():
            if alias not in others:
                continue
            mine, other = wrapper.connection, others[alias]
            mine.execute_wrappers += [
                one for one in other.execute_wrappers if one not in mine.execute_wrappers
            ]
            if carry is not None:
                carry(other, mine)

    def all(self) -> dict[str, BaseDatabaseWrapper]:
        """Return the wrappers."""
        return {alias: wrapper.connection for alias, wrapper in list(self._wrappers.items())}

    def note_errors(self) -> None:
        """Close a connection that an error has broken, and have all others of its alias checked."""
        for alias, wrapper in self._wrappers.items():
            if wrapper.has_died():
                _close_dead(wrapper)
                _deaths[alias] = self._deaths_seen[alias] = _deaths.get(alias, 0) + 1

    def check_if_others_died(self) -> None:
        """Close what turns out dead, if another worker's connection did since the last look."""
        if self._deaths_seen == _deaths:
            return
        deaths = dict(_deaths)
        for alias, wrapper in self._wrappers.items():
            if self._deaths_seen.get(alias) != deaths.get(alias) and wrapper.is_dead():
                _close_dead(wrapper)
        self._deaths_seen = deaths

    def in_transaction(self) -> bool:
        """Whether a transaction is open on a connection."""
        return any(wrapper.in_transaction() for wrapper in self._wrappers.values())

    def are_as_before(self) -> bool:
        """Whether the next request could take these connections as they are."""
        return all(
            wrapper.is_as_before() and _current(alias) is wrapper.connection
            for alias, wrapper in self._wrappers.items()
        )

    def may_be_copied(self) -> bool:
        """Whether the request may have more connections: they would have what it set on these."""
        return worker_settings().carry is not None or not self.have_own_state()

    def have_own_state(self) -> bool:
        """Whether a request changed what a class of the user's adds to Django's; for any thread."""
        return any(wrapper.has_own_state() for wrapper in list(self._wrappers.values()))

    def are_kept(self) -> bool:
        """Whether the end of a request closes none of them; one that gets too old is not used again."""
        return all(wrapper.is_kept() for wrapper in self._wrappers.values())

    def close(self) -> None:
        """Do what ``request_finished`` does; then let nothing of the request remain."""
        for alias, wrapper in list(self._wrappers.items()):
            wrapper.cursors.close_all()
            if wrapper.was_left_in_transaction():
                logger.error(
                    "A request ended inside a transaction on the database connection %r. It is "
                    "rolled back: end each transaction where it was begun.",
                    alias,
                )
            if wrapper.in_transaction() or _current(alias) is not wrapper.connection:
                self._replace(alias)
        if is_connected(request_finished, close_old_connections):
            self._close_old()
        for alias, wrapper in list(self._wrappers.items()):
            if wrapper.was_changed():
                self._begin_session(alias)
            self._wrappers[alias].restore()
        self._note_closed()

    def close_all(self) -> None:
        """Close all connections; the next query opens one anew."""
        for wrapper in self._wrappers.values():
            _close(wrapper.connection)
        self._behind_last()

    def clear(self) -> None:
        """Close all connections: their thread ends."""
        self.close_all()
        # Somebody may have put others in their place.
        connections.close_all()

    def drop(self) -> None:
        """Begin with new wrappers: something went wrong with the old ones."""
        for alias in list(self._wrappers):
            self._replace(alias)

    def raw(self) -> list[object]:
        """Return the driver's connections."""
        return [w.connection.connection for w in list(self._wrappers.values())]

    def _make(self, alias: str) -> None:
        connections[alias] = connections.create_connection(alias)
        cursors = Cursors(self._post)
        self._wrappers[alias] = Wrapper(
            connections[alias], self._is_trusted, cursors, self._before_first, self._note_closed
        )

    def _note_closed(self) -> None:
        if not any(wrapper.is_open() for wrapper in self._wrappers.values()):
            self._behind_last()

    def _close_old(self) -> None:
        # As close_old_connections() does; looking for connections takes it longer than this.
        for wrapper in self._wrappers.values():
            wrapper.connection.close_if_unusable_or_obsolete()

    def _is_trusted(self) -> bool:
        return self.trusts_job

    def _renew(self, alias: str) -> None:
        if alias in connections.settings:
            self._replace(alias)
        else:
            _close(self._wrappers.pop(alias).connection)
            del connections[alias]

    def _begin_session(self, alias: str) -> None:
        """Have a wrapper and a session that are as new; without a new connection, where that is known."""
        earlier = self._wrappers[alias]
        raw = earlier.take_session()
        self._replace(alias)
        if raw is None:
            return
        try:
            self._wrappers[alias].begin_with(raw, earlier.connection)
        except Exception:  # Of a receiver, for example: the next request that connects has it too.
            with contextlib.suppress(Exception):
                raw.close()
            self._replace(alias)

    def _replace(self, alias: str) -> None:
        current = _current(alias)
        for connection in (self._wrappers[alias].connection, current):
            if connection is not None:
                _close(connection)
        self._make(alias)


def _current(alias: str) -> BaseDatabaseWrapper | None:
    return getattr(connections._connections, alias, None)  # type: ignore[attr-defined]


def _close_dead(wrapper: Wrapper) -> None:
    """Let the next query connect anew, unless it would miss what the request set: that is to fail."""
    if not wrapper.was_changed():
        _close(wrapper.connection)


def _close(connection: BaseDatabaseWrapper) -> None:
    """Close what may be broken already."""
    with contextlib.suppress(Exception):
        connection.close()
