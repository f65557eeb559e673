"""The test clients run our handler's path."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client as DjangoClient
from django.test import TestCase, override_settings
from django.urls import path

from django_asynckit.middleware import AsyncMiddlewareMixin
from django_asynckit.test import AsyncClient, Client
from django_asynckit.trace import record_hops


class Stamp(AsyncMiddlewareMixin):
    """Says which hook ran."""

    def process_response(self, request, response):
        response["X-Hook"] = "sync"
        return response

    async def aprocess_response(self, request, response):
        response["X-Hook"] = "async"
        return response


async def users(request):
    return HttpResponse(str(await User.objects.acount()))


async def broken(request):
    raise ValueError("broken")


urlpatterns = [path("users/", users), path("broken/", broken)]


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[f"{__name__}.Stamp"])
class TestClients(TestCase):
    client_class = Client
    async_client_class = AsyncClient

    @classmethod
    def setUpTestData(cls):
        User.objects.create(username="alice")

    def test_sync_client_runs_the_async_chain_in_the_transaction_of_the_test(self):
        response = self.client.get("/users/")
        assert (response.content, response["X-Hook"]) == (b"1", "async")
        assert response.wsgi_request.path == "/users/"

    async def test_async_client_runs_it_too(self):
        response = await self.async_client.get("/users/")
        assert (response.content, response["X-Hook"]) == (b"1", "async")
        assert response.asgi_request.path == "/users/"

    def test_django_s_own_client_does_not(self):
        assert DjangoClient().get("/users/")["X-Hook"] == "sync"

    def test_exceptions_are_raised_in_the_test(self):
        with pytest.raises(ValueError, match="broken"):
            self.client.get("/broken/")
        assert Client(raise_request_exception=False).get("/broken/").status_code == 500

    async def test_exceptions_are_raised_in_the_async_test(self):
        with pytest.raises(ValueError, match="broken"):
            await self.async_client.get("/broken/")

    def test_unknown_urls_are_404(self):
        assert self.client.get("/nowhere/").status_code == 404


async def test_no_hops_in_the_chain():
    client = AsyncClient()
    await client.get("/")
    with record_hops() as trace:
        response = await client.get("/")
    assert response.content == b"Hello, world"
    # Django's client itself hops to send request_started and to close the response.
    assert len(trace.hops) == 2


def test_csrf_checks_can_be_enforced():
    assert Client().post("/form/").status_code == 200
    assert Client(enforce_csrf_checks=True).post("/form/").status_code == 403


def test_headers_and_query_params_are_django_s_arguments():
    client = Client(headers={"accept": "text/plain"}, query_params={"a": "1"})
    assert client.get("/environment/", query_params={"b": "2"}).json()["query"]["b"] == "2"
