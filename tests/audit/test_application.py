"""The ASGI application is found without importing it."""

from __future__ import annotations

import sys

import pytest
from django.test import override_settings

from django_asynckit.audit.application import find_application


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Write a package with an ``asgi.py``; importing that fails."""

    def write(source):
        package = tmp_path / "mysite"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "asgi.py").write_text(f"{source}\nraise RuntimeError('imported')\n")
        return str(package / "asgi.py")

    monkeypatch.syspath_prepend(str(tmp_path))
    yield write
    sys.modules.pop("mysite", None)


def test_ours_is_found(site):
    file = site("from django_asynckit.asgi import get_asgi_application")
    with override_settings(ASGI_APPLICATION="mysite.asgi.application"):
        found = find_application()
    assert (found.module, found.file, found.handler) == ("mysite.asgi", file, "asynckit")
    assert found.findings == []


def test_django_s_is_found_and_named(site, monkeypatch):
    file = site("import os\nfrom django.core.asgi import get_asgi_application")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.settings")
    found = find_application()
    assert found.handler == "stock"
    [finding] = found.findings
    assert (finding.id, finding.file, finding.line) == ("asynckit.I007", file, 2)


def test_one_that_another_module_passes_on_is_found(site, tmp_path):
    site("from django_asynckit.asgi import get_asgi_application\napplication = 1")
    (tmp_path / "mysite" / "served.py").write_text(
        "import os\nfrom mysite.asgi import application\n"
    )
    with override_settings(ASGI_APPLICATION="mysite.served.application"):
        found = find_application()
    assert (found.module, found.handler) == ("mysite.served", "asynckit")
    with override_settings(ASGI_APPLICATION="mysite.served.other"):
        assert find_application().handler == "unknown"


def test_that_of_django_configurations_is_django_s_with_settings_of_its_own(site):
    site("from configurations.asgi import get_asgi_application")
    with override_settings(ASGI_APPLICATION="mysite.asgi.application"):
        found = find_application()
    assert found.handler == "stock"
    assert "configurations.setup()" in found.findings[0].hint


def test_so_it_is_where_ours_is_imported_too(site):
    site(
        "import configurations\nconfigurations.setup()\n"
        "from django.core.asgi import get_asgi_application as of_admin\n"
        "from django_asynckit.asgi import get_asgi_application"
    )
    with override_settings(ASGI_APPLICATION="mysite.asgi.application"):
        found = find_application()
    assert (found.handler, found.findings) == ("asynckit", [])


@pytest.mark.parametrize(
    ("base", "handler"),
    [("django.core.handlers.asgi", "stock"), ("django_asynckit.handler.asgi", "asynckit")],
)
def test_a_subclass_in_another_module_is_seen(site, tmp_path, base, handler):
    site("from mysite.handler import get_asgi_application\napplication = get_asgi_application()")
    (tmp_path / "mysite" / "handler.py").write_text(
        f"from {base} import ASGIHandler\n\n\nclass Patched(ASGIHandler):\n    pass\n"
    )
    with override_settings(ASGI_APPLICATION="mysite.asgi.application"):
        found = find_application()
    assert found.handler == handler
    hints = [finding.hint for finding in found.findings]
    assert hints == [] or "derive the class from django_asynckit.handler.asgi" in hints[0]
    assert bool(hints) == (handler == "stock")


def test_one_that_an_unknown_module_makes_is_not_known(site, tmp_path):
    site("from mysite.made import application")
    (tmp_path / "mysite" / "made.py").write_text("application = print\n")
    with override_settings(ASGI_APPLICATION="mysite.asgi.application"):
        assert find_application().handler == "unknown"


def test_another_one_is_not_known(site):
    site("from channels.routing import get_default_application")
    with override_settings(ASGI_APPLICATION="mysite.asgi.application"):
        found = find_application()
    assert found.is_found
    assert (found.handler, found.findings) == ("unknown", [])


@pytest.mark.parametrize("path", ["no_such_site.asgi.application", "application", "..", ""])
def test_a_wrong_name_is_an_error(path):
    with override_settings(ASGI_APPLICATION=path):
        found = find_application()
    assert [finding.id for finding in found.findings] == ["asynckit.E008"]
    assert not found.is_found


def test_none_at_all_is_named(monkeypatch):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    with override_settings(ROOT_URLCONF="urls"):
        found = find_application()
    assert [finding.id for finding in found.findings] == ["asynckit.I006"]
