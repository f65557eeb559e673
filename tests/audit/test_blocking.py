"""What a middleware does besides computing is seen in its source, and no more than that."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import override_settings

from django_asynckit.audit.blocking import io_in
from tests.audit import broken, doing_io

SLOW = {name: {"BACKEND": "tests.audit.stores.SlowCache"} for name in ("default", "slow")}
FINE = [
    doing_io.FineHeader,
    doing_io.FineLazy,
    doing_io.FineCircles,
    doing_io.FineOther,
    doing_io.fine_function,
    doing_io.fine_object,
]
CASES = [
    (doing_io.Redirects, "asks the database", "model.objects.filter"),
    (doing_io.Tenants, "asks the database", "connection.set_schema_to_public"),
    (doing_io.TenantsByAlias, "asks the database", "connections['default'].cursor"),
    (doing_io.Maintenance, "renders a template", "render"),
    (doing_io.MaintenanceState, "uses files", "os.path.exists"),
    (doing_io.Assets, "uses files", "FileResponse"),
    (doing_io.InheritedHook, "asks the database", "model.objects.filter"),
    (doing_io.BySuper, "asks the database", "connection.set_schema_to_public"),
    (doing_io.ReadsUser, "loads request.user", "request.user.is_authenticated"),
    (doing_io.ReadsUserByName, "loads request.user", "user.is_staff"),
    (doing_io.ReadsSession, "loads the session", "request.session['seen']"),
    (doing_io.ReadsSessionByName, "loads the session", "session.get"),
    (doing_io.LooksIntoSession, "loads the session", "'impersonated' in request.session"),
    (doing_io.SaysMore, "sends mail", "mail_managers"),
    (doing_io.CacheOfProperty, "uses a cache", "self.pages.get"),
    (doing_io.CacheOfFunction, "uses a cache", "helping_io.get_cache().get"),
    (doing_io.OwnCache, "uses a cache", "caches['slow'].get"),
    (doing_io.DefaultCache, "uses a cache", "cache.get"),
    (doing_io.CacheOfObject, "uses a cache", "self.the_cache.get_or_set"),
    (doing_io.ByObject, "uses the network", "requests_of_python.urlopen"),
    (doing_io.ByObjectOfInit, "uses the network", "requests_of_python.urlopen"),
    (doing_io.ByMakingAnObject, "uses files", "Path('state').read_text"),
    (doing_io.ByProperty, "uses files", "open"),
    (doing_io.ByCachedProperty, "uses files", "Path('state').read_bytes"),
    (doing_io.ByClassMethod, "asks the database", "transaction.atomic"),
    (doing_io.ByLocalImport, "asks the database", "model.objects.filter"),
    (doing_io.ByInnerFunction, "sends mail", "mail_admins"),
    (doing_io.Uploads, "uses files", "default_storage.exists"),
    (doing_io.Counts, "asks the database", "request.visit.refresh_from_db"),
    (doing_io.CountsElsewhere, "uses the network", "self.redis.incr"),
    (doing_io.Runs, "runs another program", "subprocess.run"),
    (doing_io.function, "uses files", "path.read_text"),
    (doing_io.by_helper, "asks the database", "model.objects.filter"),
    (doing_io.by_class, "asks the database", "model.objects.filter"),
    (doing_io.partial, "asks the database", "model.objects.filter"),
]


@pytest.mark.parametrize(("factory", "what", "code"), CASES)
def test_io_is_seen_where_it_is(factory, what, code):
    with override_settings(CACHES=SLOW):
        first = io_in(factory)[0]
    assert (first.what, first.code) == (what, code)
    line = Path(first.file).read_text(encoding="utf-8").splitlines()[first.line - 1]
    assert code.rpartition(".")[2] in line.replace('"', "'")


@pytest.mark.parametrize("factory", FINE)
def test_what_does_none_is_left_alone(factory):
    with override_settings(CACHES=SLOW):
        assert io_in(factory) == []


@pytest.mark.parametrize(
    "factory", [doing_io.OwnCache, doing_io.DefaultCache, doing_io.CacheOfObject]
)
def test_caches_in_memory_are_no_io(factory):
    assert io_in(factory) == []


@pytest.mark.parametrize(
    "factory", [None, 3, len, broken.hostile, type("Made", (), {})], ids=range(5)
)
def test_what_cannot_be_read_is_not_known(factory):
    assert io_in(factory) == []
