"""Random programs, nested five deep, of all that takes a worker, a thread or a transaction.

A program is a tree of tuples: what a node is, and the nodes in it. It prints as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory
from django.urls import path

from django_asynckit.db import TaskGroup, aatomic, agather, aon_commit, database_sync_to_async
from django_asynckit.handler.asgi import ASGIHandler
from django_asynckit.test import AsyncClientHandler, ClientHandler
from django_asynckit.workers import worker_lease
from tests.databases.models import Note
from tests.driver import drive

DEPTH = 5
Node = tuple[str, list[Any]]


class PlannedError(Exception):
    """An error that belongs to the program."""


#: What a node of async and of sync code may be, and how often.
_ASYNC = {
    "write": 5, "sleep": 2, "atomic": 5, "fail": 1, "gather": 2, "agather": 2, "group": 1, "thread": 3,
    "pool": 1, "lease": 2, "own": 1, "call": 1, "on_commit": 1, "client": 1, "request": 1,
    "generator": 1, "break": 1, "leave": 1, "cancel": 2, "timeout": 1,
}  # fmt: skip
_SYNC = {"write": 4, "atomic": 3, "fail": 1, "loop": 5, "on_commit": 1, "client": 1}
_LEAVES = ("write", "sleep", "fail")
#: What is in them runs at the same time.
_PARALLEL = ("gather", "agather", "group")
#: They stop what is in them.
_STOPPING = ("cancel", "timeout")
#: Async code that runs sync code.
_TO_SYNC = ("thread", "pool", "own", "call")


def generate(seed: int) -> Node:
    """Return the program of ``seed``: where it runs, and what."""
    chosen = random.Random(seed)
    place = chosen.choice(sorted(PLACES))
    return place, Part(chosen, is_sync=place.endswith("sync view")).several()


@dataclass(frozen=True)
class Part:
    """Where in a program the next nodes are.

    What is undone in one task takes with it what others write at that moment in no block of their
    own, if they share a connection. So where several tasks run each has a block, or nothing fails.
    """

    chosen: random.Random
    is_sync: bool
    depth: int = 0
    may_fail: bool = True
    may_be_stopped: bool = False

    def several(self) -> list[Node]:
        return [self.one() for _ in range(self.chosen.randint(1, 3))]

    def one(self) -> Node:
        weights = _SYNC if self.is_sync else _ASYNC
        kinds = [kind for kind in weights if self._may_be(kind)]
        kind = self.chosen.choices(kinds, [weights[kind] for kind in kinds])[0]
        if kind in _LEAVES:
            return kind, []
        inside = replace(self, depth=self.depth + 1)
        if kind in _PARALLEL:
            return kind, inside.beside_each_other()
        if kind == "leave":
            return kind, [("atomic", replace(inside, may_fail=False).several())]
        if kind == "client" and self.chosen.random() < 0.5:
            return "client sync view", replace(inside, is_sync=True).several()
        is_sync = kind in _TO_SYNC or (self.is_sync and kind not in ("loop", "client"))
        is_stopped = self.may_be_stopped or kind in _STOPPING
        return kind, replace(inside, is_sync=is_sync, may_be_stopped=is_stopped).several()

    def _may_be(self, kind: str) -> bool:
        if kind == "fail" or kind in _STOPPING:
            return self.may_fail and (self.depth < DEPTH or kind == "fail")
        if kind == "pool":  # Nobody waits for such a thread when its task is cancelled.
            return self.depth < DEPTH and not self.may_be_stopped
        if kind == "leave":
            return self.depth < DEPTH and self.may_fail and not self.may_be_stopped
        return self.depth < DEPTH or kind in _LEAVES

    def beside_each_other(self) -> list[Node]:
        """Return nodes for several tasks."""
        if self.may_be_stopped or (self.may_fail and self.chosen.random() < 0.5):
            inside = replace(self, depth=self.depth + 1)
            return [("atomic", inside.several()) for _ in range(self.chosen.randint(2, 3))]
        return replace(self, may_fail=False).several()


@dataclass
class Scope:
    """A transaction or savepoint of the program, by where it stands in its text."""

    outer: Scope | None
    #: Whether it is one on the same connection as the outer one, as far as the text says.
    is_nested: bool = True
    is_committed: bool = False
    has_failed: bool = False

    def chain(self) -> list[Scope]:
        return [self, *(self.outer.chain() if self.outer else [])]

    def must_be_kept(self) -> bool:
        return all(scope.is_committed for scope in self.chain())

    def must_be_undone(self) -> bool:
        for scope in self.chain():
            if scope.has_failed:
                return True
            if not scope.is_nested:
                break
        return False


@dataclass
class Run:
    """One run of a program: what it wrote, and where."""

    name: str
    place: str
    root: Scope = field(default_factory=lambda: Scope(None, is_committed=True))
    written: dict[str, Scope] = field(default_factory=dict)
    left: list[asyncio.Task[Any]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    is_refused: bool = False
    numbers: Any = field(default_factory=itertools.count)

    @contextlib.contextmanager
    def noting_errors(self):
        try:
            yield
        except Exception as error:
            self.errors.append(error)
            raise

    def token(self) -> str:
        return f"{self.name}-{next(self.numbers)}"

    def faults(self, found: set[str]) -> list[str]:
        """Say what is wrong about the rows that were ``found`` afterwards."""
        lost = [t for t, scope in self.written.items() if scope.must_be_kept() and t not in found]
        kept = [t for t, scope in self.written.items() if scope.must_be_undone() and t in found]
        return [f"lost: {token}" for token in lost] + [f"not undone: {token}" for token in kept]

    async def wait_for_left(self):
        """Let the tasks of this loop end that nobody waits for."""
        loop = asyncio.get_running_loop()
        for task in [task for task in self.left if task.get_loop() is loop]:
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is not None:
                self.errors.append(task.exception())

    # Async code.

    async def all(self, nodes: list[Node], scope: Scope) -> None:
        for node in nodes:
            await self.one(node, scope)

    async def one(self, node: Node, scope: Scope) -> None:
        kind, nodes = node
        await getattr(self, "_" + kind.partition(" ")[0])(kind, nodes, scope)

    async def _write(self, kind, nodes, scope):
        token = self.token()
        await Note.objects.acreate(tenant="nest", text=token)
        self.written[token] = scope

    async def _sleep(self, kind, nodes, scope):
        await asyncio.sleep(0.002)

    async def _fail(self, kind, nodes, scope):
        raise PlannedError

    async def _atomic(self, kind, nodes, scope):
        inner = Scope(scope)
        with contextlib.suppress(PlannedError):
            async with aatomic():
                with self._failing(inner):
                    await self.all(nodes, inner)
            inner.is_committed = True

    @contextlib.contextmanager
    def _failing(self, scope):
        try:
            yield
        except PlannedError:
            scope.has_failed = True
            raise

    async def _gather(self, kind, nodes, scope):
        results = await asyncio.gather(
            *(self.one(node, scope) for node in nodes), return_exceptions=True
        )
        raise_first(results)

    async def _agather(self, kind, nodes, scope):
        inner = Scope(scope, is_nested=False, is_committed=True)
        await agather(*(self.one(node, inner) for node in nodes), limit=2)

    async def _group(self, kind, nodes, scope):
        inner = Scope(scope, is_nested=False, is_committed=True)
        async with TaskGroup() as group:
            for node in nodes:
                group.create_task(self.one(node, inner))

    async def _thread(self, kind, nodes, scope):
        await sync_to_async(self.all_sync)(nodes, scope)

    async def _pool(self, kind, nodes, scope):
        def run():
            try:
                self.all_sync(nodes, Scope(scope, is_nested=False, is_committed=True))
            finally:
                connections.close_all()

        await sync_to_async(run, thread_sensitive=False)()

    async def _lease(self, kind, nodes, scope):
        async with worker_lease():
            await self.all(nodes, Scope(scope, is_nested=False, is_committed=True))

    async def _own(self, kind, nodes, scope):
        inner = Scope(scope, is_nested=False, is_committed=True)
        await database_sync_to_async(self.all_sync, own_connection=True)(nodes, inner)

    async def _call(self, kind, nodes, scope):
        inner = Scope(scope)

        def run():
            with self._failing(inner):
                self.all_sync(nodes, inner)

        with contextlib.suppress(PlannedError):
            await database_sync_to_async(run, atomic=True)()
            inner.is_committed = True

    async def _on_commit(self, kind, nodes, scope):
        inner = Scope(scope, is_nested=False, is_committed=True)

        async def callback():
            await self.all(nodes, inner)

        await aon_commit(callback)

    # As the test clients do it, without what cannot be done by several at a time: they disconnect
    # receivers of signals, and raise what goes wrong in the requests of others too.

    async def _client(self, kind, nodes, scope):
        with self._view(kind, nodes, scope) as (url, answered):
            answered(await handler(AsyncClientHandler).get_response_async(async_requests.get(url)))

    async def _request(self, kind, nodes, scope):
        # A request closes the connection of a thread that waits for it, in a transaction too; also on
        # stock Django.
        is_waited_for = self.place.startswith("script") or scope.outer is not None
        await (self._client if is_waited_for else self.whole_request)(kind, nodes, scope)

    async def whole_request(self, kind, nodes, scope):
        with self._view(kind, nodes, scope) as (url, answered):
            reply = await drive(handler(ASGIHandler), url)
            answered(HttpResponse(status=reply.status))

    @contextlib.contextmanager
    def _view(self, kind, nodes, scope):
        is_atomic = connections["default"].settings_dict["ATOMIC_REQUESTS"]
        inner = Scope(scope, is_nested=False, is_committed=not is_atomic)
        where = "sync" if kind.endswith("sync view") else "async"
        url = f"/{where}/{self.name}.{next(self.numbers)}/"

        def answered(response):
            inner.is_committed = inner.is_committed or response.status_code == 200

        VIEWS[url] = (self, nodes, inner)
        try:
            yield url, answered
        finally:
            del VIEWS[url]

    async def _items(self, nodes, inner):
        async with aatomic():
            for node in nodes:
                await self.one(node, inner)
                yield
        inner.is_committed = True

    async def _generator(self, kind, nodes, scope):
        inner = Scope(scope)
        # Where there is one connection the code between two items is in the transaction too.
        between = Scope(inner, is_nested=False, is_committed=True)
        async with contextlib.aclosing(self._items(nodes, inner)) as items:
            async for _ in items:
                await self._write(kind, [], between)

    async def _break(self, kind, nodes, scope):
        async for _ in self._items(nodes, Scope(scope)):
            break
        await self._write(kind, [], scope)

    async def _leave(self, kind, nodes, scope):
        # What it begins when the block around it has ended already is outside of that.
        inner = Scope(scope, is_nested=False, is_committed=True)
        self.left.append(asyncio.create_task(self.all(nodes, inner)))
        await asyncio.sleep(0.003)

    async def _cancel(self, kind, nodes, scope):
        task = asyncio.create_task(self.all(nodes, scope))
        try:
            await asyncio.wait([task], timeout=0.002)
        finally:
            # To the end, as a TaskGroup does: what is still at work goes on writing.
            while not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([task], timeout=1)
        if not task.cancelled():
            task.result()

    async def _timeout(self, kind, nodes, scope):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.004):
                await self.all(nodes, scope)

    # Sync code.

    def all_sync(self, nodes: list[Node], scope: Scope) -> None:
        for kind, inside in nodes:
            getattr(self, "_sync_" + kind.partition(" ")[0])(kind, inside, scope)

    def _sync_write(self, kind, nodes, scope):
        token = self.token()
        Note.objects.create(tenant="nest", text=token)
        self.written[token] = scope

    def _sync_fail(self, kind, nodes, scope):
        raise PlannedError

    def _sync_atomic(self, kind, nodes, scope):
        inner = Scope(scope)
        with contextlib.suppress(PlannedError):
            with transaction.atomic(), self._failing(inner):
                self.all_sync(nodes, inner)
            inner.is_committed = True

    def _sync_loop(self, kind, nodes, scope):
        async_to_sync(self.all)(nodes, scope)

    def _sync_on_commit(self, kind, nodes, scope):
        inner = Scope(scope, is_nested=False, is_committed=True)
        transaction.on_commit(lambda: self.all_sync(nodes, inner))

    def _sync_client(self, kind, nodes, scope):
        with self._view(kind, nodes, scope) as (url, answered):
            answered(handler(ClientHandler).get_response(requests.get(url)))


def raise_first(results: list[Any]) -> None:
    for result in results:
        if isinstance(result, BaseException):
            raise result


#: What the views of requests run.
VIEWS: dict[str, tuple[Run, list[Node], Scope]] = {}
requests, async_requests = RequestFactory(), AsyncRequestFactory()


@functools.cache
def handler(cls: type[Any]) -> Any:
    made = cls()
    made.load_middleware()
    return made


async def async_view(request: HttpRequest, name: str) -> HttpResponse:
    run, nodes, scope = VIEWS[request.path]
    with run.noting_errors():
        await run.all(nodes, scope)
    return HttpResponse("done")


def sync_view(request: HttpRequest, name: str) -> HttpResponse:
    run, nodes, scope = VIEWS[request.path]
    with run.noting_errors():
        run.all_sync(nodes, scope)
    return HttpResponse("done")


urlpatterns = [path("async/<name>/", async_view), path("sync/<name>/", sync_view)]


def sync_only(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Middleware in whose thread the rest of a request waits."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    return middleware


# Where a program runs.


async def in_async_view(run: Run, nodes: list[Node]) -> None:
    await run.whole_request("async view", nodes, run.root)


async def in_sync_view(run: Run, nodes: list[Node]) -> None:
    await run.whole_request("sync view", nodes, run.root)


async def in_lease(run: Run, nodes: list[Node]) -> None:
    async with worker_lease():
        await run.all(nodes, run.root)


async def in_script(run: Run, nodes: list[Node]) -> None:
    await asyncio.to_thread(_in_thread, async_to_sync(_all_to_the_end), run, nodes, run.root)


async def in_script_in_transaction(run: Run, nodes: list[Node]) -> None:
    def script() -> None:
        with contextlib.suppress(PlannedError):
            with transaction.atomic(), run._failing(inner):
                async_to_sync(_all_to_the_end)(run, nodes, inner)
            inner.is_committed = True

    inner = Scope(run.root)
    await asyncio.to_thread(_in_thread, script)


async def _all_to_the_end(run: Run, nodes: list[Node], scope: Scope) -> None:
    """Run the program and what it leaves: else the end of the loop cancels that.

    There is one connection here, so what is undone then takes with it what others wrote beside it.
    """
    try:
        await run.all(nodes, scope)
    finally:
        await run.wait_for_left()


def _in_thread(function: Callable[..., object], *args: object) -> None:
    try:
        function(*args)
    finally:
        is_open = connections["default"].in_atomic_block
        connections["default"].close()
        if is_open:
            del connections["default"]
            raise AssertionError("A transaction was left open in the thread of the script.")


PLACES = {
    "async view": in_async_view,
    "in sync view": in_sync_view,
    "lease": in_lease,
    "script": in_script,
    "script in transaction": in_script_in_transaction,
}
