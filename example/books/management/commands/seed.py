"""Fill the database with a few books and two users."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from books.models import Author, Book

SEED = Path(__file__).parents[2] / "data" / "seed.json"


class Command(BaseCommand):
    """Run it as often as you like: what is there stays."""

    help = "Create example books, reviews and the users admin/admin and reader/reader."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        for entry in json.loads(SEED.read_text(encoding="utf-8")):
            self.add_book(**entry)
        self.add_user("admin", is_staff=True, is_superuser=True)
        self.add_user("reader")
        self.stdout.write(f"{Book.objects.count()} books, users admin/admin and reader/reader.")

    def add_book(
        self, *, author: str, title: str, reviews: list[dict[str, Any]], **fields: Any
    ) -> None:
        writer, _ = Author.objects.get_or_create(name=author)
        book, created = Book.objects.get_or_create(
            title=title, defaults={"author": writer, **fields}
        )
        if created:
            for review in reviews:
                book.reviews.create(**review)

    def add_user(self, name: str, **flags: bool) -> None:
        users = get_user_model().objects
        if not users.filter(username=name).exists():
            users.create_user(name, password=name, **flags)
