"""The bookshop: authors, books and reviews."""

from __future__ import annotations
