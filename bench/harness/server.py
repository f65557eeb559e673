"""A target's server process."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.targets import Target

BENCH = Path(__file__).resolve().parents[1]
CONTROL = "/-cpu-/"
START_SECONDS = 30
STOP_SECONDS = 10


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(target: Target, port: int) -> list[str]:
    """Gunicorn's threads for WSGI, uvicorn for the others; one process each, no access log."""
    module = "harness.app:application"
    if target.is_wsgi:
        threads = [
            "--worker-class=gthread",
            "--workers=1",
            f"--threads={target.wsgi_threads}",
            "--keep-alive=30",
        ]
        return [
            sys.executable,
            "-m",
            "gunicorn",
            *threads,
            "--log-level=warning",
            f"--bind=127.0.0.1:{port}",
            module,
        ]
    options = [
        "--host=127.0.0.1",
        f"--port={port}",
        "--workers=1",
        "--no-access-log",
        "--log-level=warning",
    ]
    return [sys.executable, "-m", "uvicorn", *options, module]


class Server:
    """A context manager: the server runs while it is open."""

    def __init__(self, target: Target, core: int | None) -> None:
        self.target, self.core = target, core

    def __enter__(self) -> Server:
        self.port = free_port()
        self.log = tempfile.TemporaryFile("w+")
        environment = {
            **os.environ,
            **self.target.environment,
            "BENCH_CORE": "" if self.core is None else str(self.core),
        }
        options = {"stdin": subprocess.DEVNULL, "stdout": self.log, "stderr": self.log}
        self.process = subprocess.Popen(
            command(self.target, self.port), cwd=BENCH, env=environment, **options
        )
        try:
            self.wait_until_it_answers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def wait_until_it_answers(self) -> None:
        """Until its first answer, or its end."""
        for _ in range(START_SECONDS * 10):
            try:
                self.cpu_seconds()
            except OSError:
                time.sleep(0.1)
            else:
                return
            if self.process.poll() is not None:
                break
        self.log.seek(0)
        raise SystemExit(f"The server of {self.target.name!r} did not start:\n\n{self.log.read()}")

    def cpu_seconds(self) -> float:
        """The CPU time that the server's process has used, as it says itself."""
        return float(self._control()[1])

    def pid(self) -> int:
        """The process that answers: with gunicorn, a child of the one that was started."""
        return int(self._control()[0])

    def _control(self) -> list[bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", CONTROL)
            return connection.getresponse().read().split()
        finally:
            connection.close()
