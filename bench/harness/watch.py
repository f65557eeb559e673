"""How many threads and database sessions a server has at most."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.server import Server


class Watch(threading.Thread):
    """``with``: looks at the server's threads, and at what ``sessions()`` counts, all the time."""

    def __init__(self, server: Server, sessions: Callable[[], int]) -> None:
        super().__init__(daemon=True)
        self._status = Path(f"/proc/{server.pid()}/status")
        self._sessions = sessions
        self._is_over = threading.Event()
        self.most_threads = self.most_sessions = 0

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self.join()

    def run(self) -> None:
        while not self._is_over.wait(0.02):
            self.most_threads = max(self.most_threads, self._threads())
            self.most_sessions = max(self.most_sessions, self._sessions())

    def _threads(self) -> int:
        if not self._status.exists():  # Not Linux.
            return 0
        return int(self._status.read_text().partition("Threads:")[2].split()[0])
