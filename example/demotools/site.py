"""One of the two sites: its server process and a connection to it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from demotools.load import HOST
from demotools.steps import DemoError, tail

EXAMPLE = Path(__file__).resolve().parents[1]
START_SECONDS = 30
STOP_SECONDS = 5


def environment(**extra: str) -> dict[str, str]:
    """The environment of the example's processes."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "bookshop.settings",
        "BOOKSHOP_DEBUG": "0",
        **extra,
    }


def check_port(port: int) -> None:
    """Say so at once if somebody else listens there."""
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise DemoError(
                f"Port {port} cannot be used ({error.strerror}). Choose another with --port."
            ) from None


class Site:
    """A context manager: the server runs while it is open."""

    def __init__(self, name: str, module: str, *, python: str, port: int, core: int | None) -> None:
        self.name, self.port = name, port
        self.url = f"http://{HOST}:{port}/"
        self.command = [
            python,
            "-m",
            "uvicorn",
            "demotools.server:application",
            "--host",
            HOST,
            "--port",
            str(port),
        ]
        self.command += ["--workers", "1", "--log-level", "warning", "--no-access-log"]
        # This connection rests while the other site is measured.
        self.command += ["--timeout-keep-alive", "600"]
        self.environment = environment(
            DEMO_SITE=module, DEMO_CORE="" if core is None else str(core)
        )
        self.connection = http.client.HTTPConnection(HOST, port, timeout=30)

    def __enter__(self) -> Site:
        check_port(self.port)
        self.log = tempfile.TemporaryFile("w+")
        options = {"stdin": subprocess.PIPE, "stdout": self.log, "stderr": self.log}
        self.process = subprocess.Popen(self.command, cwd=EXAMPLE, env=self.environment, **options)
        try:
            self.wait_until_it_answers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.process.stdin.close()  # the server stops when it sees this
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def wait_until_it_answers(self) -> None:
        """Until its first answer, or its end."""
        for _ in range(START_SECONDS * 10):
            if self.answers():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.log.seek(0)
        raise DemoError(f"The server of {self.name} did not start:\n\n{tail(self.log.read())}")

    def answers(self) -> bool:
        """Whether it listens already."""
        try:
            self.cpu_seconds()
        except OSError:
            self.connection.close()
            return False
        return True

    def get(self, path: str) -> bytes:
        """The body of a page that must answer 200."""
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise DemoError(
                f"{self.name} answered {response.status} to {path}, where 200 was expected."
            )
        return body

    def ask(self, question: str) -> dict[str, Any]:
        """What the control path answers."""
        return json.loads(self.get(f"/-demo-/{question}"))

    def cpu_seconds(self) -> float:
        """The CPU time that the server has used."""
        return self.ask("cpu")["cpu"]
