"""The bookshop's pages, one for each way in which an async view works."""

# Django gives every view its request, wanted or not.
# ruff: noqa: ARG001

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.shortcuts import aget_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views import View

from books import supplier
from books.catalog import csv_lines
from books.forms import ReviewForm
from books.models import Book, Review
from django_asynckit.decorators import method_decorator
from django_asynckit.decorators.cache import never_cache
from django_asynckit.decorators.http import etag, require_POST
from django_asynckit.decorators.mixins import LoginRequiredMixin

if TYPE_CHECKING:
    from django.http import HttpRequest

SAMPLER = Path(__file__).parent / "data" / "sampler.txt"


@cache
def home_page() -> str:
    """The page is the same for everybody, so it is made once."""
    return render_to_string("books/home.html")


async def home_etag(request: HttpRequest) -> str:
    """Browsers that have the page already are told so."""
    return sha256(home_page().encode()).hexdigest()


@etag(home_etag)
async def home(request: HttpRequest) -> HttpResponse:
    """Nothing blocks here: no hop, no thread."""
    return HttpResponse(home_page())


async def page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    """Render a template that finds everything it needs in its context, so that rendering makes no query."""
    return render(request, template, {"user": await request.auser(), **context})


async def book_list(request: HttpRequest) -> HttpResponse:
    """One query."""
    books = [book async for book in Book.objects.select_related("author")]
    return await page(request, "books/list.html", books=books)


async def book_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Two queries, and a form whose POST is checked for its CSRF token."""
    book = await aget_object_or_404(Book.objects.select_related("author"), pk=pk)
    form = ReviewForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.instance.book = book
        await form.instance.asave()
        messages.success(request, "Thank you for your review.")
        return redirect("books:detail", pk=pk)
    reviews = [review async for review in book.reviews.all()]
    return await page(request, "books/detail.html", book=book, reviews=reviews, form=form)


@require_POST
async def keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a book on the reading list, which lives in the session."""
    book = await aget_object_or_404(Book, pk=pk)
    kept = await request.session.aget("reading_list", [])
    if pk not in kept:
        await request.session.aset("reading_list", [*kept, pk])
    messages.success(request, f"“{book}” is on your reading list.")
    return redirect("books:reading-list")


async def reading_list(request: HttpRequest) -> HttpResponse:
    """A session, messages and a template; a query only if there is something to look up."""
    kept = await request.session.aget("reading_list", [])
    books = (
        [book async for book in Book.objects.select_related("author").filter(pk__in=kept)]
        if kept
        else []
    )
    return await page(request, "books/reading_list.html", books=books)


@method_decorator(never_cache, name="dispatch")
class Account(LoginRequiredMixin, View):
    """A class-based view for those who are logged in; the others go to the login page, without a hop."""

    async def get(self, request: HttpRequest) -> HttpResponse:
        user = await request.auser()
        reviews = await Review.objects.filter(reader=user.get_username()).acount()
        return await page(request, "books/account.html", reviews=reviews)


async def stock(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask slow suppliers, all at once, while the event loop serves others."""
    book = await aget_object_or_404(Book.objects.select_related("author"), pk=pk)
    offers = await supplier.ask_all(book.pk)
    return await page(request, "books/stock.html", book=book, offers=offers)


async def catalog(request: HttpRequest) -> StreamingHttpResponse:
    """A stream from an async generator: the first line leaves before the last row is read."""
    lines = csv_lines(Book.objects.select_related("author"))
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")


def sampler(request: HttpRequest) -> FileResponse:
    """Opening a file blocks, so this view is a plain one, and runs in a thread."""
    return FileResponse(SAMPLER.open("rb"), as_attachment=True)
