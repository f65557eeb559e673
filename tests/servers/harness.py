"""Servers as subprocesses, each with the test site on Django's handler and on ours."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 40
STOP_SECONDS = 15
HOST = "127.0.0.1"

KINDS = ("uvicorn", "daphne", "hypercorn", "granian")
APPLICATIONS = {
    "stock": "tests.asgi_stock:application",
    "asynckit": "tests.asgi_asynckit:application",
}


def command(kind: str, application: str, port: int, *options: str) -> list[str]:
    """The command line of one server in one process."""
    arguments = {
        "uvicorn": [
            f"--host={HOST}",
            f"--port={port}",
            "--timeout-graceful-shutdown=3",
        ],
        "daphne": ["-b", HOST, "-p", str(port), "--application-close-timeout=2"],
        "hypercorn": ["--workers=0", f"--bind={HOST}:{port}", "--graceful-timeout=1"],
        "granian": [
            "--interface=asgi",
            f"--host={HOST}",
            f"--port={port}",
            "--workers=1",
            "--loop=asyncio",
        ],
    }
    return [sys.executable, "-m", kind, *arguments[kind], *options, application]


def missing(kind: str) -> str | None:
    """Why a server cannot be tested, or ``None``."""
    return None if importlib.util.find_spec(kind) else f"{kind} is not installed"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def environment(**extra: str) -> dict[str, str]:
    """The variables of a subprocess: those of coverage stay, those that make Python slow do not."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDEVMODE"}
    variables["PYTHONUNBUFFERED"] = "1"
    return {**variables, "DJANGO_SETTINGS_MODULE": "tests.servers.settings", **extra}


class Server:
    """One server process; ``start()`` does not wait, ``wait_until_it_answers()`` does."""

    def __init__(
        self, arguments: list[str], port: int, log: Path, variables: dict[str, str]
    ) -> None:
        self.arguments, self.port, self.log, self.variables = (
            arguments,
            port,
            log,
            variables,
        )

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.arguments,
                cwd=ROOT,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with self.connect(timeout=10) as connection:
                    connection.sendall(b"GET / HTTP/1.0\r\nHost: example.test\r\n\r\n")
                    if connection.recv(5) == b"HTTP/":
                        return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{self.arguments} did not start:\n{self.output}")

    def connect(self, timeout: float = 20) -> socket.socket:
        return socket.create_connection((HOST, self.port), timeout)

    def begin_to_stop(self) -> None:
        """Ask it to stop, the way that lets it write its coverage data."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)

    def stop(self) -> int:
        """Stop it and return its exit code."""
        if self.process.poll() is None:
            self.begin_to_stop()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def worker(self) -> Path:
        """The folder in ``/proc`` of the process that answers: the last child, if there is one."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return Path("/proc", children[-1] if children else str(pid))

    def threads(self) -> int:
        status = (self.worker / "status").read_text()
        return int(status.partition("Threads:")[2].split(maxsplit=1)[0])

    def open_files(self) -> list[str]:
        """What the process has open, apart from sockets."""
        names = []
        for entry in (self.worker / "fd").iterdir():
            try:
                name = os.readlink(entry)
            except OSError:
                continue
            if not name.startswith("socket:"):
                names.append(name)
        return sorted(names)


def stop_all(servers: Iterable[Server]) -> None:
    """Stop ``servers`` side by side, since each takes a while."""
    servers = list(servers)
    for server in servers:
        server.begin_to_stop()
    for server in servers:
        server.stop()
