"""Rounds of load: each page on one server after the other, so that a slow moment hits all of them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.measure import Amount, Result, cores, load, one_round, run
from harness.server import Server
from harness.sites.check import same_answers
from harness.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from harness.sites.pages import Page
    from harness.sites.place import Site
    from harness.targets import Target


@dataclass
class PageResult(Result):
    """A page on a server, its queries, and the most that it took while as many requests were in flight as later."""

    queries: int = 0
    most_threads: int = 0
    most_sessions: int = 0


@dataclass
class Run:
    """Some pages on some servers."""

    site: Site
    targets: Mapping[str, Target]
    pages: list[Page]
    amount: Amount
    say: Callable[[str], None]
    results: dict[Page, dict[str, PageResult]] = field(default_factory=dict)

    def measure(self) -> dict[Page, dict[str, PageResult]]:
        """Count, start, compare, warm up, measure."""
        server_core, self.core = cores()
        self.count()
        with ExitStack() as running:
            self.say("starting servers")
            self.servers = {
                key: running.enter_context(Server(target, server_core))
                for key, target in self.targets.items()
            }
            self.say("comparing answers")
            self.lengths = same_answers(self.servers, self.pages, self.site.cookie)
            self.warm_up()
            self.rounds()
        return self.results

    def count(self) -> None:
        """Hops and threads, without a server."""
        for key, target in self.targets.items():
            self.say(f"counting hops of {key}")
            cookie = self.site.cookie
            counted = run("harness.sites.count", target.key, cookie, environment=target.environment)
            for page in self.pages:
                if is_measured(target, page):
                    result = PageResult(target.name, **counted[str(page)])
                    result.queries = self.site.queries[str(page.as_sync)]
                    self.results.setdefault(page, {})[key] = result

    def each(self) -> Iterator[tuple[Server, Page, PageResult]]:
        """A page on each server, then the next page."""
        for page, results in self.results.items():
            for key, result in results.items():
                yield self.servers[key], page, result

    def warm_up(self) -> None:
        """With a look at threads and sessions, which would cost time later."""
        amount = replace(self.amount, requests=max(40, self.amount.requests // 4))
        for server, page, result in self.each():
            self.say(f"warming up {server.target.key}: {page}")
            with Watch(server, self.site.sessions(server)) as watch:
                load(server, amount, self.core, self.what(page))
            result.most_threads, result.most_sessions = watch.most_threads, watch.most_sessions

    def rounds(self) -> None:
        """What is timed."""
        for turn in range(self.amount.rounds):
            for server, page, result in self.each():
                self.say(f"round {turn + 1} of {self.amount.rounds}: {server.target.key}: {page}")
                one_round(server, result, self.amount, self.core, self.what(page))

    def what(self, page: Page) -> dict[str, Any]:
        """The options of the load generator."""
        return {
            "path": page.path,
            "length": self.lengths[page],
            "cookie": page.cookie(self.site.cookie),
        }


def is_measured(target: Target, page: Page) -> bool:
    """A site under WSGI has sync views; the async ones are compared with those."""
    return not target.is_wsgi or page == page.as_sync
