"""The catalog as lines of CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from django.db.models import QuerySet

    from books.models import Book


def csv_line(values: Iterable[Any]) -> str:
    """One line, quoted where it must be."""
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()


async def csv_lines(books: QuerySet[Book]) -> AsyncIterator[str]:
    """A heading, then a line for each book."""
    yield csv_line(["title", "author", "year", "price"])
    async for book in books.aiterator():
        yield csv_line([book.title, book.author.name, book.year, book.price])
