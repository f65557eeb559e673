"""All faults at once and at random: ``TESTS_STRESS_SECONDS=60 pytest tests/databases/test_stress.py``."""

from __future__ import annotations

import os
import random
import threading
import time

import pytest

from tests.databases.client import ask
from tests.databases.servers import NOTES
from tests.databases.test_faults import RECEIVERS, aborted, assert_nothing_is_lost

SECONDS = float(os.environ.get("TESTS_STRESS_SECONDS", "8"))
WORKERS = 3
#: What may be asked for, and what must come back, if nothing was killed or broken meanwhile.
TARGETS = {
    "/count/": str(NOTES),
    "/count/sync/": str(NOTES),
    "/twice/?seconds=0.05": str(NOTES),
    "/twice/?seconds=0.3": str(NOTES),
    "/locked/?raw=1": str(NOTES),
    "/self/": "asked",
    "/nested/": str(NOTES),
    "/nested/async/": str(NOTES),
    "/straggle/?seconds=0.2": "begun",
    "/long/?seconds=0.2": "queried",
    "/release/?seconds=0.1": str(NOTES),
    "/stream/?seconds=0.1": f"{NOTES}\nend\n",
    "/stream/rows/?seconds=0.01": "".join(f"{number}\n" for number in range(1, NOTES + 1)),
    "/open/": "left",
    "/left/": "left",
    "/fail/": None,
    "/count/?break=started": None,
    "/count/?break=finished": str(NOTES),
}


class Trouble(threading.Thread):
    """Goes away in the middle of requests, and kills sessions, until the time is over."""

    def __init__(self, server, database, seed: int) -> None:
        super().__init__(daemon=True)
        self.server, self.database = server, database
        self.random, self.is_over = random.Random(seed), threading.Event()

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *exception: object) -> None:
        self.is_over.set()
        self.join(30)

    def run(self) -> None:
        while not self.is_over.wait(self.random.random() / 5):
            if self.random.random() < 0.1:
                sessions = self.database.sessions()
                for session in self.random.sample(sessions, min(2, len(sessions))):
                    self.database.server.kill(session)
            else:
                target = self.random.choice(list(TARGETS))
                aborted(self.server, target, self.random.random() / 3)


@pytest.mark.timeout(240 + 3 * SECONDS)
@pytest.mark.parametrize("hold", ["auto", "request", "call"])
@pytest.mark.parametrize("age", [None, 0], ids=["persistent", "new"])
def test_everything_at_once(network_database, start_only_site, hold, age):
    settings = {"ASYNCKIT_WORKERS": WORKERS, "ASYNCKIT_WORKER_HOLD": hold, **RECEIVERS}
    server = start_only_site(network_database, settings, CONN_MAX_AGE=age)
    ask_for_each(server)
    seed = random.randrange(1_000_000)
    print("seed", seed)
    with Trouble(server, network_database, seed):
        ask_at_random(server, random.Random(seed))
    ask(server, ["/outcomes/"])
    assert_nothing_is_lost(server, network_database, WORKERS)


def ask_for_each(server) -> None:
    """Without trouble each is right; the random ones may fail, and would hide one that always does."""
    for target, expected in TARGETS.items():
        answers = ask(server, [target])
        got = answers.bodies[0] if answers.statuses == [200] else None
        assert got == expected, (target, server.output[-3000:])


def ask_at_random(server, chosen: random.Random) -> None:
    """Ask until the time is over; what is answered at all must be right."""
    right = []
    until = time.monotonic() + SECONDS / 2
    while time.monotonic() < until:
        targets = chosen.choices(list(TARGETS), k=60)
        answers = ask(server, targets, concurrency=20)
        # A stream that breaks costs the connection to the client.
        results = zip(targets, answers.statuses, answers.bodies, strict=True)
        wrong = [one for one in results if one[1] == 200 and one[2] != TARGETS[one[0]]]
        assert not wrong, server.output[-3000:]
        right.append(answers.counted().get(200, 0))
    assert sum(right) > len(right) * 60 / 3
