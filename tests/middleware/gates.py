"""Holds real services up for a while: Redis and PostgreSQL behind a proxy, and the file system."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

HELD_SECONDS = 1.5


class Gate:
    """Open at first; ``hold()`` closes it for a while."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self._timers: list[threading.Timer] = []
        self.waited = 0

    def hold(self) -> None:
        self._open.clear()
        timer = threading.Timer(HELD_SECONDS, self._open.set)
        self._timers.append(timer)
        timer.start()

    def wait(self) -> None:
        if not self._open.is_set():
            self.waited += 1
            assert self._open.wait(4 * HELD_SECONDS)

    def close(self) -> None:
        for timer in self._timers:
            timer.join()

    def around(self, function):
        """Return ``function`` behind the gate."""

        def call(*args, **kwargs):
            self.wait()
            return function(*args, **kwargs)

        return call


@contextlib.contextmanager
def proxy(gate: Gate, host: str, port: int) -> Iterator[int]:
    """Forward a port of this machine to ``host:port``; what comes back waits for the gate."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, gate, host, port), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)  # Ends accept().


def _accept(server: socket.socket, gate: Gate, host: str, port: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = server.accept()
            service = socket.create_connection((host, port))
            for source, target, wait in (
                (client, service, lambda: None),
                (service, client, gate.wait),
            ):
                threading.Thread(target=_pump, args=(source, target, wait), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket, wait) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            wait()
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


class Watchdog:
    """Measures the longest time for which the event loop did nothing else than one thing."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def __aenter__(self):
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        await asyncio.sleep(0.02)
        self._task.cancel()

    async def _watch(self):
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            self.longest = max(self.longest, time.monotonic() - before)
