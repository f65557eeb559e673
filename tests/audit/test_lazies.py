"""Middleware that keeps a lazy object in a context variable is found; what is healthy is not."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from django_asynckit.audit import lazies
from django_asynckit.audit.lazies import in_context_variables
from django_asynckit.audit.stack import audit_stack
from django_asynckit.checks import TAG
from tests.audit import keeping

HERE = "tests.audit.keeping"
FINE = [name for name in vars(keeping) if name.lower().startswith("fine")]
MADE = (keeping.Base, keeping.MiddlewareMixin)
KEEPING = [
    name
    for name, one in vars(keeping).items()
    if (isinstance(one, type) and issubclass(one, MADE) and one not in MADE and name not in FINE)
    or name == "function"
]


def found(*names, handler="unknown"):
    with override_settings(MIDDLEWARE=[f"{HERE}.{name}" for name in names]):
        return list(in_context_variables(audit_stack(makes=False).entries, handler))


@pytest.mark.parametrize("name", KEEPING)
def test_each_way_to_keep_one_is_found(name):
    findings = found(name)
    assert findings
    for finding in findings:
        assert (finding.id, finding.where) == ("asynckit.W026", f"{HERE}.{name}")
        line = Path(finding.file).read_text(encoding="utf-8").splitlines()[finding.line - 1]
        assert line.endswith("# found")
    expected = inspect.getsource(getattr(keeping, name)).count("# found")
    assert len(findings) == max(expected, 1)


def test_many_ways_were_tried():
    assert len(KEEPING) > 20
    assert len(FINE) > 15


@pytest.mark.parametrize("name", FINE)
def test_what_is_healthy_is_not(name):
    assert found(name) == []


def test_it_names_what_is_kept():
    [user] = found("ByHelper")
    assert "keeps request.user, which is lazy, in a ContextVar" in user.message
    nonce, made, aliased = found("OtherLazy")
    assert "keeps request.csp_nonce, " in nonce.message
    assert "keeps a SimpleLazyObject, " in made.message
    assert "keeps a SimpleLazyObject, " in aliased.message


def test_one_place_is_told_once():
    assert len(found("Direct", "Inherited")) == 1


def test_middleware_that_cannot_be_imported_or_read():
    assert found("no_such_name") == []


def test_our_handler_loads_nothing(monkeypatch):
    [finding] = found("Direct", handler="asynckit")
    assert (finding.id, finding.is_check) == ("asynckit.I018", False)
    assert "Under our handler it is loaded by who reads it" in finding.message
    monkeypatch.setattr(lazies, "values_are_asked", lambda: True)
    [finding] = found("Direct", handler="asynckit")
    assert finding.id == "asynckit.W026"


def test_it_is_a_system_check(settings):
    settings.ASGI_APPLICATION = "tests.asgi_stock.application"
    settings.MIDDLEWARE = [f"{HERE}.Direct"]
    assert "asynckit.W026" in [message.id for message in run_checks(tags=[TAG])]
    settings.ASGI_APPLICATION = "tests.asgi_asynckit.application"
    assert "asynckit.W026" not in [message.id for message in run_checks(tags=[TAG])]
