"""Tests of the bookshop: `python manage.py test`."""

from __future__ import annotations

import asyncio
import re
from io import StringIO

from bookshop.asgi import application
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import AsyncClient, SimpleTestCase, TestCase

from books.models import Book, Review
from django_asynckit.trace import record_hops


class ShopTestCase(TestCase):
    """A shop with a book in it."""

    @classmethod
    def setUpTestData(cls) -> None:
        call_command("seed", stdout=StringIO())
        cls.book = Book.objects.get(title="Emma")


class PageTests(ShopTestCase):
    """What a visitor reads."""

    async def test_home(self) -> None:
        response = await self.async_client.get("/")
        self.assertContains(response, "async all the way")

    async def test_home_is_not_sent_twice(self) -> None:
        response = await self.async_client.get("/")
        again = await self.async_client.get("/", headers={"if-none-match": response["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    async def test_list_and_detail(self) -> None:
        response = await self.async_client.get("/books/")
        self.assertContains(response, f'href="/books/{self.book.pk}/"')
        response = await self.async_client.get(f"/books/{self.book.pk}/")
        self.assertContains(response, "I should not have listened to her.")

    async def test_an_unknown_book(self) -> None:
        response = await self.async_client.get("/books/987654/")
        assert response.status_code == 404

    async def test_the_catalog_is_streamed(self) -> None:
        response = await self.async_client.get("/catalog.csv")
        lines = [line async for line in response]
        assert response.is_async
        assert lines[0] == b"title,author,year,price\r\n"
        assert len(lines) == 1 + await Book.objects.acount()

    async def test_suppliers_answer(self) -> None:
        response = await self.async_client.get(f"/books/{self.book.pk}/stock/")
        self.assertContains(response, "Far Away")

    def test_the_sampler_is_a_download(self) -> None:
        response = self.client.get("/sampler.txt")
        assert response["Content-Disposition"] == 'attachment; filename="sampler.txt"'
        assert b"Frankenstein" in response.getvalue()


class ReaderTests(ShopTestCase):
    """What a visitor does."""

    async def test_keep_a_book(self) -> None:
        response = await self.async_client.post(f"/books/{self.book.pk}/keep/", follow=True)
        self.assertContains(response, "“Emma” is on your reading list.")
        self.assertContains(response, f'href="/books/{self.book.pk}/"')
        response = await self.async_client.get("/reading-list/")
        self.assertNotContains(response, "is on your reading list")

    async def test_review_a_book(self) -> None:
        client, url = AsyncClient(enforce_csrf_checks=True), f"/books/{self.book.pk}/"
        review = {
            "reader": "Knightley",
            "stars": 5,
            "text": "Badly done, and well told.",
        }
        refused = await client.post(url, review)
        assert refused.status_code == 403

        form = await client.get(url)
        token = (
            re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', form.content).group(1).decode()
        )
        response = await client.post(url, {**review, "csrfmiddlewaretoken": token}, follow=True)
        self.assertContains(response, "Thank you for your review.")
        assert await Review.objects.filter(reader="Knightley", book=self.book).aexists()

    async def test_a_review_needs_stars_within_reach(self) -> None:
        review = {"reader": "Churchill", "stars": 6, "text": "More!"}
        response = await self.async_client.post(f"/books/{self.book.pk}/", review)
        self.assertContains(response, "less than or equal to 5")

    async def test_log_in_and_out(self) -> None:
        login = {"username": "reader", "password": "reader"}
        await self.async_client.post("/accounts/login/", login)
        self.assertContains(await self.async_client.get("/books/"), "Log out reader")
        await self.async_client.post("/accounts/logout/")
        self.assertContains(await self.async_client.get("/books/"), "Log in")

    async def test_the_account_is_for_those_who_are_logged_in(self) -> None:
        response = await self.async_client.get("/account/")
        assert response["Location"] == "/accounts/login/?next=/account/"
        await Review.objects.acreate(book=self.book, reader="reader", stars=4, text="Read it.")
        reader = await get_user_model().objects.aget(username="reader")
        await self.async_client.aforce_login(reader)
        response = await self.async_client.get("/account/")
        self.assertContains(response, "You wrote 1 review.")
        assert "no-store" in response["Cache-Control"]

    async def test_the_admin_lists_books(self) -> None:
        await self.async_client.aforce_login(await get_user_model().objects.aget(username="admin"))
        self.assertContains(await self.async_client.get("/admin/books/book/"), "Emma")


class HandlerTests(SimpleTestCase):
    """Test clients have handlers of their own; this is what a server gets."""

    def test_pages_where_nothing_blocks_need_no_thread(self) -> None:
        for path, expected in (("/", 200), ("/account/", 302)):
            asyncio.run(self.get(path))  # once to warm up
            with record_hops() as trace:
                status = asyncio.run(self.get(path))
            assert status == expected
            assert trace.hops == []
            assert trace.threads_started == 0

    async def get(self, path: str) -> int:
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "headers": [(b"host", b"localhost")],
            "query_string": b"",
        }
        sent: asyncio.Queue[dict] = asyncio.Queue()
        request = asyncio.Queue()
        request.put_nowait({"type": "http.request"})
        await application(scope, request.get, sent.put)
        return sent.get_nowait()["status"]
