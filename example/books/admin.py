"""The admin of the bookshop."""

from __future__ import annotations

from django.contrib import admin

from books.models import Author, Book, Review


@admin.register(Author)
class AuthorAdmin(admin.ModelAdmin):
    """Authors."""

    search_fields = ["name"]


@admin.register(Book)
class BookAdmin(admin.ModelAdmin):
    """Books."""

    list_display = ["title", "author", "year", "price"]
    list_select_related = ["author"]
    search_fields = ["title"]


@admin.register(Review)
class ReviewAdmin(admin.ModelAdmin):
    """Reviews."""

    list_display = ["book", "reader", "stars", "written"]
    list_select_related = ["book"]
