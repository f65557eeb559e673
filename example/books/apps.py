"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig


class BooksConfig(AppConfig):
    """The bookshop."""

    name = "books"
