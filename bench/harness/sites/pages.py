"""What is asked for: each page of the site, by each kind of view, as each kind of visitor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

PATHS = {"ping": "ping/", "form": "form/", "list": "list/", "detail": "detail/50/"}
VIEWS = ("sync", "async")
VISITORS = ("anonymous", "logged-in")


@dataclass(frozen=True)
class Page:
    """One of them."""

    name: str
    views: str
    visitor: str

    def __str__(self) -> str:
        return f"{self.name}, {self.views} view, {self.visitor}"

    @property
    def path(self) -> str:
        """Its address."""
        return f"/{self.views}/{PATHS[self.name]}"

    @property
    def as_sync(self) -> Page:
        """The same page as sync view."""
        return replace(self, views="sync")

    def cookie(self, logged_in: str) -> str:
        """The header's value."""
        return logged_in if self.visitor == "logged-in" else ""


ALL_PAGES = [Page(*parts) for parts in product(PATHS, VIEWS, VISITORS)]
