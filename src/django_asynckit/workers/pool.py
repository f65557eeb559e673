"""Lends workers to requests."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

from django_asynckit.conf import worker_settings
from django_asynckit.workers.job import Job
from django_asynckit.workers.lease import Lease
from django_asynckit.workers.places import Places
from django_asynckit.workers.register import Register
from django_asynckit.workers.starting import Starter
from django_asynckit.workers.statistics import Statistics
from django_asynckit.workers.unrecognised import Unrecognised
from django_asynckit.workers.waiting import Waiting
from django_asynckit.workers.worker import Worker


class Pool:
    """The workers of this process. All methods may be called from any thread."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        #: What the garbage collector wanted done while its thread had the lock: it comes at any time.
        self._late: deque[Callable[[], None]] = deque()
        self._starter = Starter(self.lock, self, self._fail)
        self._register = Register(self._starter.make, self.look_again)
        self._places = Places(self.lock, self._register, self._empty)
        self._waiting = Waiting(self._tick, self.lock)
        self._unrecognised = Unrecognised()

    def submit(self, lease: Lease, job: Job) -> None:
        """Give ``job`` to the worker of ``lease``, or let it wait for one."""
        worker = lease.own_worker()
        if worker is not None and worker.ident == threading.get_ident():
            raise RuntimeError(
                "A worker cannot wait for itself: asyncio.run() and the like do not work in sync "
                "code of a request. Use asgiref's async_to_sync() there, or make it async."
            )
        # What runs beside a block must not take the place that the block waits for.
        job.is_limited = job.is_limited and not lease.never_waits
        with self.lock:
            if lease.worker is not None or self._may_begin(lease, job):
                self._hand_over(lease, job)
                if self._waiting and not job.is_limited:
                    self._serve()  # It counted while it was at rest, and does no more.
            else:
                self._queue(lease, job)
        self._unlocked()
        if job.target is None:
            self._unrecognised.note(job.call)

    def end(self, lease: Lease) -> None:
        """Take the worker back, behind what it still runs: the request is over."""
        if self._postpones(self.end, lease):
            return
        with self.lock:
            lease.has_ended = True
            lease.must_close = lease.worker is not None
            self._settle(lease)
        self._unlocked()

    def release(self, lease: Lease) -> None:
        """Take the worker back before the request is over; ``RuntimeError`` if it is in use."""
        with self.lock:
            if lease.worker is None:
                return
            if lease.running or lease.is_in_transaction or lease.keeps_open():
                raise RuntimeError(
                    "The worker cannot be released now: a call, a transaction or an iterator of "
                    "this request is using it."
                )
            if lease.has_own_state():
                raise RuntimeError(
                    "The worker cannot be released now: the next query would not have what this "
                    "request has set on its connection, whose class is not Django's: the tenant, for "
                    "example."
                )
            lease.must_close = True
            self._settle(lease)
        self._unlocked()

    def stream(self, lease: Lease) -> None:
        """Let ``lease`` keep no worker while it waits, unless there is something on it to keep."""
        with self.lock:
            lease.is_streaming = True
            self._settle(lease)
        self._unlocked()

    def pin(self, lease: Lease, count: int) -> None:
        """Keep the worker of ``lease`` where it is until as many are taken away as were added."""
        if self._postpones(self.pin, lease, count):
            return
        with self.lock:
            lease.pins += count
            self._settle(lease)
        self._unlocked()

    def let_go(self, lease: Lease) -> None:
        """Take the worker back as soon as nothing needs it; the next call takes one anew."""
        if self._postpones(self.let_go, lease):
            return
        with self.lock:
            lease.must_close = lease.worker is not None
            self._settle(lease)
        self._unlocked()

    def reserve(self, lease: Lease) -> bool:
        """Give ``lease`` a worker with a connection for the call that follows, unless that would have to wait.

        It is a branch of code that wants to do several things at once, so many short calls are no
        reason to wait.
        """
        with self.lock:
            if lease.worker is None and self._places.has_no_queue():
                self._register.reserve(lease, self._places.has_room())
            has_worker = lease.worker is not None
        self._unlocked()
        return has_worker

    def keeps(self, lease: Lease) -> bool:
        """Whether ``lease`` has a worker that it would not lend."""
        with self.lock:
            return lease.worker is not None and not lease.may_lend()

    def shut_down(self, seconds: float) -> None:
        """End all workers, and wait for that at most ``seconds``. Later calls start new ones."""
        with self.lock:
            workers, self._register.workers = self._register.workers, set()
            for worker in self._register.idle:
                worker.inbox.put(None)
            self._register.idle.clear()
        until = monotonic() + seconds
        for worker in workers - {threading.current_thread()}:
            if worker.ident is not None:
                worker.join(max(0, until - monotonic()))

    def workers(self) -> list[Worker]:
        """Return all workers."""
        return list(self._register.workers)

    def forget_leases(self) -> None:
        """Let all leases begin anew, in a child process, which has their code but not their workers."""
        for worker in self.workers():
            lease = worker.lease()
            if lease is not None:
                lease.begin_anew()
        for lease in self._waiting.all():
            lease.begin_anew()

    def statistics(self) -> Statistics:
        """Return what the workers do now, and have done."""
        with self.lock:
            register = self._register
            return Statistics(
                limit=worker_settings().limit,
                workers=len(register.workers),
                idle=len(register.idle),
                connected=self._places.taken(),
                running=len(register.running),
                resting=len(register.resting),
                waiting=len(self._waiting) + len(self._places),
                started=self._starter.count,
                waited=self._waiting.served + self._places.served,
                longest_wait=max(self._waiting.longest, self._places.longest),
                timed_out=self._places.timed_out,
                unrecognised=self._unrecognised.count,
            )

    # Called by a worker, in its thread.

    def leave(self, worker: Worker) -> bool:
        """Let ``worker`` end, which has had nothing to do for long, unless it is at work by now."""
        with self.lock:
            if worker not in self._register.idle:
                return False
            self._register.idle.remove(worker)
            self._register.workers.discard(worker)
            return True

    def take_place(self, worker: Worker) -> None:
        """Wait until ``worker`` may connect; ``WorkerTimeout`` after ``ASYNCKIT_WORKER_WAIT_SECONDS``."""
        self._places.take(worker)

    def give_place_back(self, worker: Worker) -> None:
        """Let another worker connect: ``worker`` has no connection open any more."""
        self._places.give_back(worker)

    def _run(self, lease: Lease, job: Job, worker: Worker) -> None:
        result, error = None, None
        if not job.future.cancelled():
            # Now, too: what comes while it runs goes where its iterators are.
            lease.note_generators(job.arguments, self.look_again)
            result, error = worker.call(job.call, job.is_declared())
            try:
                self._note(lease, job, result, worker)
            except Exception as failure:  # Of a user's object that was compared, for example.
                error = error or failure
        with self.lock:
            self._register.end(lease, job)
            to_close = self._register.rest(lease)
            self._serve()
        job.deliver(result, error)
        # The traceback of the error has this frame, and the call has the error: a cycle.
        del lease, job, result, error
        self._unlocked()
        if to_close is not None:
            self._close(worker)

    def _note(self, lease: Lease, job: Job, result: Any, worker: Worker) -> None:
        was_stateless = lease.is_stateless
        lease.is_stateless = worker.is_as_if_closed = False  # Until it is known.
        lease.note_generators((*job.arguments, result), self.look_again)
        lease.is_in_transaction = worker.connections.in_transaction()
        lease.may_keep_iterator |= job.target is None
        lease.is_stateless = (
            was_stateless
            and worker_settings().hold == "auto"
            and job.keeps_no_connection_state()
            and worker.connections.are_as_before()
        )
        worker.is_as_if_closed = (
            lease.is_stateless and not lease.is_in_transaction and worker.has_nothing_to_close()
        )

    def _close(self, worker: Worker) -> None:
        try:
            worker.close()
        finally:
            with self.lock:
                self._closed(worker)
                self._serve()
            self._unlocked()

    def _drop(self, worker: Worker) -> None:
        worker.drop_connections()
        with self.lock:
            self._closed(worker)
            self._serve()
        self._unlocked()

    def look_again(self, worker: Worker) -> None:
        """See whether the worker is still needed: an iterator of its lease, or that, was dropped."""
        with self.lock:
            if worker not in self._register.resting:
                return
            lease = worker.lease()
            to_close = (
                self._register.detach(worker) if lease is None else self._register.rest(lease)
            )
            self._serve()  # There may be one more to lend.
        self._unlocked()
        if to_close is not None:
            self._close(worker)

    # Called with the lock held.

    def _settle(self, lease: Lease) -> None:
        worker = self._register.rest(lease)
        if worker is not None and not worker.is_as_if_closed:
            worker.inbox.put(self._close)
            return
        if worker is not None:
            worker.begin_anew()
            self._closed(worker)
        if self._waiting:
            self._serve()  # There may be one more to lend.

    def _empty(self, worker: Worker) -> None:
        """Have ``worker``, which its lease would lend, let others have its place."""
        self._register.detach(worker).inbox.put(self._drop)

    def _closed(self, worker: Worker) -> None:
        if not self._register.closed(worker):
            worker.inbox.put(None)

    def _may_begin(self, lease: Lease, job: Job) -> bool:
        """Find a worker for ``lease``, unless others were there before."""
        if job.is_limited and not self._take_limited(lease):
            return False
        if lease.worker is None:
            self._register.take(lease, is_limited=False)
        self._end_wait(lease)
        return True

    def _take_limited(self, lease: Lease) -> bool:
        return not self._waiting and self._register.take(lease, is_limited=True)

    def _hand_over(self, lease: Lease, job: Job) -> None:
        assert lease.worker is not None
        self._register.begin(lease, job)
        lease.worker.inbox.put(functools.partial(self._run, lease, job))

    def _queue(self, lease: Lease, job: Job) -> None:
        if not lease.waiting:
            lease.waiting = deque()
        lease.waiting.append(job)
        job.future.add_done_callback(functools.partial(self._withdraw, lease, job))
        self._waiting.add(lease)
        self._set_alarm()

    def _serve(self) -> None:
        """Give workers to those who wait, as long as there are any."""
        while self._waiting:
            lease = self._waiting.first()
            if not self._register.take(lease, lease.waiting[0].is_limited):
                break
            self._end_wait(lease)
        self._set_alarm()

    def _end_wait(self, lease: Lease) -> None:
        self._waiting.end(lease)
        while lease.waiting:
            self._hand_over(lease, lease.waiting.popleft())

    def _set_alarm(self) -> None:
        if self._waiting:
            self._waiting.set_alarm(self._register.next_change)

    # Called without the lock.

    def _postpones(self, function: Callable[..., None], *args: Any) -> bool:
        """Whether this thread has the lock, so that an abandoned task is being closed: then later."""
        is_inside: bool = self.lock._is_owned()  # type: ignore[attr-defined]
        if is_inside:
            self._late.append(functools.partial(function, *args))
        return is_inside

    def _unlocked(self) -> None:
        """Do what could not be done with the lock held."""
        if self._late:
            with contextlib.suppress(IndexError):  # Another thread was quicker.
                while True:
                    self._late.popleft()()
        if self._starter.start():
            self._rescue_blocks()

    def _rescue_blocks(self) -> None:
        """Free workers whose transaction nobody can end, since its event loop is closed."""
        with self.lock:
            leases = [worker.lease() for worker in self._register.resting]
        for lease in leases:
            if lease is not None:
                lease.rescue_blocks()

    def _tick(self) -> None:
        with self.lock:
            self._serve()
        self._unlocked()

    def _withdraw(self, lease: Lease, job: Job, future: Any) -> None:
        if not future.cancelled():
            return
        with self.lock:
            if job in lease.waiting:
                lease.waiting.remove(job)
            if not lease.waiting:
                self._waiting.remove(lease)
                self._set_alarm()  # It may be on a loop that ends now.
        self._unlocked()

    def _fail(self, worker: Worker, error: RuntimeError) -> None:
        """Answer all calls that were given to ``worker``, which has no thread."""
        with self.lock:
            self._register.lost(worker)
            while not worker.inbox.empty():
                task = worker.inbox.get()
                if isinstance(task, functools.partial) and task.func == self._run:
                    lease, job = task.args
                    self._register.end(lease, job)
                    job.deliver(None, error)
            self._serve()
