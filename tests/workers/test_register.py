"""Thousands of random steps, after each of which the books must balance.

The workers have no thread: each step that one would make is made by the test, in any order, and
the clock is the test's too.
"""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest
from django.test import override_settings

from django_asynckit.workers import keeps_no_connection_state, pool, register, waiting
from django_asynckit.workers.job import Job, Lag
from django_asynckit.workers.lease import Lease
from django_asynckit.workers.pool import Pool
from django_asynckit.workers.waiting import Waiting
from django_asynckit.workers.worker import Worker


def stateful():
    return "stateful"


@keeps_no_connection_state
def clean():
    return "clean"


def frame():
    return "frame"


def returns_generator():
    generator = iterate()
    next(generator)
    generators.append(generator)
    return generator


def iterate():
    yield 1
    yield 2


generators = []


class World:
    """A pool whose threads and whose clock stand still unless they are moved."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pool = Pool()
        self.now = 1000.0
        self.workers = []
        self.leases = []
        self.jobs = []

    # What may happen.

    def open_lease(self):
        self.leases.append(Lease(self.pool))

    def call(self):
        if self.leases:
            lease = self.random.choice(self.leases)
            target = self.random.choice([stateful, clean, clean, clean, frame, returns_generator])
            job = Job(target, ())
            job.target, job.is_limited = target, target is not frame
            self.pool.submit(lease, job)
            self.jobs.append(job)

    def step(self):
        ready = [worker for worker in self.workers if not worker.inbox.empty()]
        if ready:
            worker = self.random.choice(ready)
            task = worker.inbox.get_nowait()
            if task is None:
                self.workers.remove(worker)
            else:
                task(worker)

    def cancel(self):
        if self.jobs:
            self.random.choice(self.jobs).future.cancel()

    def end(self):
        if self.leases:
            lease = self.random.choice(self.leases)
            self.pool.end(lease)

    def drop(self):
        if self.leases:
            self.leases.remove(self.random.choice(self.leases))

    def drop_generator(self):
        if generators:
            generators.pop(self.random.randrange(len(generators)))

    def release(self):
        if self.leases:
            with contextlib.suppress(RuntimeError):
                self.pool.release(self.random.choice(self.leases))

    def stream(self):
        if self.leases:
            self.pool.stream(self.random.choice(self.leases))

    def pin(self):
        if self.leases:
            lease = self.random.choice(self.leases)
            self.pool.pin(lease, -1 if lease.pins else 1)

    def leave(self):
        idle = [worker for worker in self.workers if worker.inbox.empty()]
        if idle:
            worker = self.random.choice(idle)
            if self.pool.leave(worker):
                self.workers.remove(worker)

    def pass_time(self):
        self.now += self.random.choice([0.01, 0.05, 0.11, 1.0])
        self.ring()

    def ring(self):
        for loop, when in list(self.pool._waiting._alarms.items()):
            if when <= self.now:
                self.pool._waiting._ring(loop, when)

    # What must hold.

    def check(self, limit):
        books, waits = self.pool._register, self.pool._waiting
        leases = {lease for worker in books.workers if (lease := worker.lease()) is not None}
        leases |= {*self.leases, *waits._since}
        holding = {lease.worker: lease for lease in leases if lease.worker is not None}
        assert set(books.running) == {lease for lease in leases if lease.limited}
        assert all(0 <= lease.limited <= lease.running for lease in leases)
        working = {worker for worker, lease in holding.items() if lease.running}
        idle, resting = set(books.idle), set(books.resting)
        assert len(idle) == len(books.idle)
        assert set(books.lendable) <= resting
        assert len(idle | resting | working) == len(idle) + len(resting) + len(working)
        # A worker whose lease was dropped rests until it has seen that.
        assert holding.keys() - working <= resting
        elsewhere = books.workers - idle - resting - working
        assert len(elsewhere) <= books.closing
        assert books.closing >= 0
        assert {lease for lease in leases if lease.waiting} == set(waits._since)
        assert not any(lease.worker for lease in waits._since)
        if waits:
            self.check_that_they_must_wait(limit)

    def check_that_they_must_wait(self, limit):
        books, waits = self.pool._register, self.pool._waiting
        recent = [worker for worker, since in books.resting.items() if since > self.now - 0.1]
        short = [since for since in books.running.values() if since > self.now - 0.1]
        assert len(short) + books.closing + len(recent) >= limit
        assert not any(worker in books.lendable for worker in recent)
        times = [*short, *(books.resting[worker] for worker in recent)]
        if times:  # Else it is told when a worker has been closed.
            (when,) = waits._alarms.values()
            assert when <= min(times) + 0.1001


async def test_a_branch_gets_the_connection_that_could_be_lent_or_none(monkeypatch):
    world = World(0)
    monkeypatch.setattr(Worker, "start", lambda worker: world.workers.append(worker))
    books = world.pool._register
    lender, branch, other = (Lease(world.pool) for _ in range(3))
    job = Job(clean, ())
    job.target, job.is_limited = clean, True
    world.pool.submit(lender, job)
    world.step()
    worker = lender.worker
    assert worker in books.lendable
    books.reserve(other, has_room=False)
    assert other.worker is None  # It is not connected.
    worker.has_place = True
    books.reserve(branch, has_room=False)
    assert (lender.worker, branch.worker) == (None, worker)


STEPS = ["open_lease"] * 3 + ["call"] * 8 + ["step"] * 14 + ["cancel", "end", "end", "drop"]
STEPS += ["drop_generator", "release", "stream", "pin", "pin", "leave", "pass_time", "pass_time"]


@pytest.mark.parametrize("hold", ["auto", "request", "call"])
@pytest.mark.parametrize("seed", range(6))
async def test_the_books_balance_after_each_random_step(monkeypatch, seed, hold):
    generators.clear()
    limit = 1 + seed % 4
    world = World(seed)
    monkeypatch.setattr(register, "SHORT", 0.1)
    monkeypatch.setattr(register, "LAG", Lag())
    for module in (pool, register, waiting):
        monkeypatch.setattr(module, "monotonic", lambda: world.now)
    monkeypatch.setattr(Worker, "start", lambda worker: world.workers.append(worker))
    monkeypatch.setattr(Waiting, "_schedule", lambda *_: None)
    with override_settings(ASYNCKIT_WORKERS=limit, ASYNCKIT_WORKER_HOLD=hold):
        for number in range(800):
            getattr(world, world.random.choice(STEPS))()
            if number % 5 == 0:
                await asyncio.sleep(0)
            world.check(limit)
        await end_all(world)


async def end_all(world):
    while world.leases:
        world.pool.end(world.leases[-1])
        while world.leases[-1].pins:
            world.pool.pin(world.leases[-1], -1)
        del world.leases[-1]
    generators.clear()
    for _ in range(1000):
        world.step()
        world.now += 0.01
        world.ring()
        await asyncio.sleep(0)
    books = world.pool._register
    assert (len(books.running), books.closing, len(world.pool._waiting)) == (0, 0, 0)
    assert not any(map(len, (books.resting, books.lendable)))
    assert books.workers == set(books.idle)
    assert all(job.future.done() for job in world.jobs)
    assert not any(job.future.exception() for job in world.jobs if not job.future.cancelled())
    assert all(worker.inbox.empty() for worker in world.workers)
