"""Middleware like that of real packages: what asks, reads, loads or sends, and what does not."""

from __future__ import annotations

import functools
import subprocess
import time
import urllib.request as requests_of_python
from pathlib import Path

from django.core.cache import cache, caches
from django.core.files.storage import default_storage
from django.core.mail import mail_admins
from django.db import connection, connections, transaction
from django.http import FileResponse
from django.middleware.common import BrokenLinkEmailsMiddleware
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject, cached_property

from django_asynckit._compat import MiddlewareMixin
from tests.audit import helping_io


class Plain:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


class Redirects(MiddlewareMixin):
    """As Wagtail's: asks for a redirect where the response is a 404, by way of functions and a model."""

    def process_response(self, request, response):
        if response.status_code == 404:
            return helping_io.get_redirect(request) or response
        return response


class Tenants(MiddlewareMixin):
    """As that of django-tenants: sets the tenant on the connection."""

    def process_request(self, request):
        self.set_up(request)

    @staticmethod
    def set_up(request):
        connection.set_schema_to_public()


class TenantsByAlias(Plain):
    def __call__(self, request):
        with connections["default"].cursor():
            return self.get_response(request)


class Maintenance(MiddlewareMixin):
    """As django-maintenance-mode's: reads its state from a file, and renders a page."""

    def process_request(self, request):
        if helping_io.is_in_maintenance():
            return render(request, "maintenance.html")
        return None


class MaintenanceState(Plain):
    def __call__(self, request):
        request.is_closed = helping_io.is_in_maintenance()
        return self.get_response(request)


class StaticFiles(Plain):
    """As WhiteNoise's: serves files that it has found at its start."""

    def __init__(self, get_response):
        super().__init__(get_response)
        self.files = {"/static/a.css": Path("a.css")}

    def __call__(self, request):
        file = self.files.get(request.path_info)
        return self.serve(file) if file is not None else self.get_response(request)

    @staticmethod
    def serve(file):
        return FileResponse(file.open("rb"))


class Assets(StaticFiles):
    """Builds on it, as real sites do, for other names of files."""

    def immutable_file_test(self, path, url):
        return "hash" in url


class InheritedHook(Redirects):
    """Has no code of its own."""


class BySuper(Tenants):
    def process_request(self, request):
        request.is_seen = True
        return super().process_request(request)


class ReadsUser(Plain):
    def __call__(self, request):
        if request.user.is_authenticated:
            request.is_staff = True
        return self.get_response(request)


class ReadsUserByName(Plain):
    def __call__(self, request):
        user = getattr(request, "user", None)
        request.is_staff = user is not None and user.is_staff
        return self.get_response(request)


class ReadsSession(Plain):
    def __call__(self, request):
        request.session["seen"] = True
        return self.get_response(request)


class ReadsSessionByName(Plain):
    def __call__(self, request):
        session = request.session
        request.language = session.get("language")
        return self.get_response(request)


class LooksIntoSession(Plain):
    def __call__(self, request):
        request.is_other = "impersonated" in request.session
        return self.get_response(request)


class SaysMore(BrokenLinkEmailsMiddleware):
    """A subclass of one of Django's."""

    def process_response(self, request, response):
        return super().process_response(request, response)


class CacheOfProperty(Plain):
    @property
    def pages(self):
        return caches["slow"]

    def __call__(self, request):
        self.pages.get("key")
        return self.get_response(request)


class CacheOfFunction(Plain):
    def __call__(self, request):
        helping_io.get_cache().get("key")
        return self.get_response(request)


class OwnCache(Plain):
    def __call__(self, request):
        caches["slow"].get("key")
        return self.get_response(request)


class DefaultCache(Plain):
    def __call__(self, request):
        request.value = cache.get("key")
        return self.get_response(request)


class CacheOfObject(Plain):
    def __call__(self, request):
        self.the_cache.get_or_set("key", 1)
        return self.get_response(request)


class Client:
    def __init__(self, request):
        self.request = request

    def fetch(self):
        return requests_of_python.urlopen("http://127.0.0.1:9/")


class ByObject(Plain):
    def __call__(self, request):
        client = Client(request)
        client.fetch()
        return self.get_response(request)


class ByObjectOfInit(Plain):
    def __init__(self, get_response):
        super().__init__(get_response)
        self.name = "client"
        self.client = Client(None)

    def __call__(self, request):
        self.client.fetch()
        return self.get_response(request)


class Opener:
    def __init__(self):
        self.text = Path("state").read_text(encoding="utf-8")


class ByMakingAnObject(Plain):
    def __call__(self, request):
        Opener()
        request.url = helping_io.Url()
        return self.get_response(request)


class ByProperty(Plain):
    @property
    def state(self):
        return open("state")

    def __call__(self, request):
        request.state = self.state
        return self.get_response(request)


class ByCachedProperty(Plain):
    @cached_property
    def state(self):
        return Path("state").exists() or Path("state").read_bytes()

    def __call__(self, request):
        request.state = self.state
        return self.get_response(request)


class ByClassMethod(Plain):
    @classmethod
    def load(cls):
        with transaction.atomic():
            time.sleep(1)

    def __call__(self, request):
        self.load()
        return self.get_response(request)


class ByLocalImport(Plain):
    def __call__(self, request):
        from tests.audit.helping_io import get_redirect as found

        return found(request) or self.get_response(request)


class ByInnerFunction(Plain):
    def __call__(self, request):
        def tell():
            mail_admins("A page", request.path)

        tell()
        return self.get_response(request)


class Uploads(Plain):
    def __call__(self, request):
        request.logo = default_storage.exists("logo")
        return self.get_response(request)


class Counts(Plain):
    """A queue, a program, and methods whose names tell what they do."""

    def __call__(self, request):
        request.visit.refresh_from_db()
        return self.get_response(request)


class CountsElsewhere(Plain):
    def __call__(self, request):
        self.redis.incr("visits")
        return self.get_response(request)


class Runs(Plain):
    def __call__(self, request):
        subprocess.run(["true"], check=True)
        return self.get_response(request)


def function(get_response):
    path = Path("state")

    def read():
        return path.read_text(encoding="utf-8")

    def middleware(request):
        request.state = read()
        return get_response(request)

    return middleware


def by_helper(get_response):
    return helping_io.make(get_response)


def by_class(get_response):
    return Redirects(get_response)


def configured(option, get_response):
    def middleware(request):
        helping_io.get_redirect(option)
        return get_response(request)

    return middleware


partial = functools.partial(configured, "option")


class FineHeader(MiddlewareMixin):
    """Only sets a header, and makes lazy objects that nobody asks here."""

    def __init__(self, get_response):
        super().__init__(get_response)
        self.text = Path(__file__).read_text(encoding="utf-8")

    def process_request(self, request):
        request.seen = SimpleLazyObject(lambda: helping_io.get_redirect(request))
        request.session.modified = True
        request.is_new = request.session.accessed or not request.session.session_key

    def process_response(self, request, response):
        response["X-Name"] = self.name(response.headers)
        return response

    def name(self, headers):
        self.again = self.name
        return headers.get("Server") or str(Path("a") / "b").lower()


def _load():
    raise AssertionError("An audit loads nothing.")


lazy = SimpleLazyObject(_load)


class FineLazy(Plain):
    """Only a request loads what is lazy."""

    def __call__(self, request):
        request.lazy = lazy.name(request) or lazy["name"]
        return self.get_response(request)


class FineCircles(Plain):
    """Names that refer to themselves, and results that are not one thing."""

    def __init__(self, get_response):
        super().__init__(get_response)
        self.name = self.name.strip()

    def __call__(self, request):
        request = request.copy()
        self.name.lower()
        helping_io.one_of(request).get("key")
        helping_io.nothing().get("key")
        request.has_key = "key" in request.headers
        request.is_first = request.count < 3
        return self.get_response(request)


class FineOther(Plain):
    """Calls what cannot be known, and itself."""

    kinds = {}

    def __call__(self, request):
        self.kinds.get("kind")
        self.cache.get("is not known to be one of Django's")
        (lambda one: one)(request)
        self.count(3)
        super().no_such_name(request)
        helping_io.no_such_name(request)
        from no_such_module import nothing

        nothing(request)
        return self.get_response(request)

    def count(self, number):
        return number and self.count(number - 1)


async def _page(request):
    """Not called."""


def fine_function(get_response):
    async def other(request):
        return Path("state").read_text(encoding="utf-8")

    def middleware(request):
        request.other = other
        return get_response(request)

    return middleware


fine_object = Plain(_page)
