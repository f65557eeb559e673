"""The words of ``--only``: those of one kind add up, different kinds narrow down."""

from __future__ import annotations

from harness.sites.pages import ALL_PAGES, PATHS, VIEWS, VISITORS, Page
from harness.targets import SITE_SERVERS, SITE_TARGETS, Target

ENGINES = tuple(SITE_TARGETS)
KINDS = (ENGINES, tuple(SITE_SERVERS), tuple(PATHS), VIEWS, VISITORS)
WORDS = [word for kind in KINDS for word in kind]


class Only:
    """What is left of everything."""

    def __init__(self, words: list[str]) -> None:
        chosen = [[word for word in kind if word in words] or list(kind) for kind in KINDS]
        self.engines, self._servers, *page = chosen
        names, views, visitors = page
        self.pages: list[Page] = [
            page
            for page in ALL_PAGES
            if page.name in names and page.views in views and page.visitor in visitors
        ]

    def targets(self, engine: str) -> dict[str, Target]:
        """The servers on a database."""
        found = SITE_TARGETS[engine]
        return {server: found[server] for server in self._servers if server in found}
