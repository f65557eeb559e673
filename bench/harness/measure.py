"""Rounds of load, one target after the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from harness.server import BENCH, Server
from harness.targets import BODY, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass
class Amount:
    """How much to send."""

    rounds: int
    requests: int
    connections: int


@dataclass
class Result:
    """One line of the table, with a number for each round."""

    name: str
    hops: int
    threads: int
    cpu_us: list[float] = field(default_factory=list)
    requests_per_second: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Medians, and the rounds they come from."""
        medians = {
            "cpu_us": median(self.cpu_us),
            "requests_per_second": median(self.requests_per_second),
            "p99_ms": median(self.p99_ms),
        }
        return {**asdict(self), "median": medians}


def cheaper(result: Result, than: Result) -> float:
    """How many times less CPU time than another: the median of the ratios within each round."""
    return median(theirs / ours for ours, theirs in zip(result.cpu_us, than.cpu_us, strict=True))


def cores() -> tuple[int | None, int | None]:
    """A core for the servers and another for the load, where the system lets us choose."""
    available = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (available[-1], available[0]) if len(available) > 1 else (None, None)


def run(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run one of our modules in a process of its own; its answer is JSON."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command,
        cwd=BENCH,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed.")
    return json.loads(done.stdout)


def count(target: Target) -> Result:
    """Hops and threads."""
    return Result(target.name, **run("harness.count", target.key, environment=target.environment))


def load(server: Server, amount: Amount, core: int | None, what: Mapping[str, Any]) -> Any:
    """What the load generator measured; ``what`` are its options: a path, and what is a right answer."""
    options = {
        "port": server.port,
        "requests": amount.requests,
        "connections": amount.connections,
        **what,
    }
    if core is not None:
        options["core"] = core
    return run("harness.load", *(f"--{name}={value}" for name, value in options.items()))


def one_round(
    server: Server, result: Result, amount: Amount, core: int | None, what: Mapping[str, Any]
) -> None:
    """Add a number of each kind to the result."""
    before = server.cpu_seconds()
    found = load(server, amount, core, what)
    used = server.cpu_seconds() - before
    result.cpu_us.append(round(used / amount.requests * 1e6, 2))
    result.requests_per_second.append(round(amount.requests / found["seconds"], 1))
    result.p99_ms.append(round(found["p99_ms"], 2))


def hello(target: Target) -> dict[str, str]:
    """What is asked of the targets of one view."""
    return {"path": target.path, "body": BODY.decode()}


def measure(
    targets: Mapping[str, Target], amount: Amount, say: Callable[[str], None]
) -> dict[str, Result]:
    """All targets: counted, warmed up, then timed in rounds (A B C, A B C), so that a slow moment hits all of them."""
    server_core, load_core = cores()
    warm_up = replace(amount, requests=max(200, amount.requests // 10))
    say("counting hops and threads")
    results = {key: count(target) for key, target in targets.items()}
    with ExitStack() as running:
        say("starting servers")
        servers = {
            key: running.enter_context(Server(target, server_core))
            for key, target in targets.items()
        }
        for key, server in servers.items():
            say(f"warming up {key}")
            load(server, warm_up, load_core, hello(server.target))
        for turn in range(amount.rounds):
            for key, server in servers.items():
                say(f"round {turn + 1} of {amount.rounds}: {key}")
                one_round(server, results[key], amount, load_core, hello(server.target))
    return results
