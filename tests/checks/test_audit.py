"""The audit's findings as system checks."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from django_asynckit.checks import TAG
from django_asynckit.checks.audit import check_audit

BROKEN, HEALTHY = "tests.audit.broken", "tests.audit.stacks"


@pytest.fixture
def served_with_asgi(settings):
    settings.ASGI_APPLICATION = "tests.asgi_asynckit.application"


def ids():
    return [message.id for message in run_checks(tags=[TAG])]


@pytest.mark.usefixtures("served_with_asgi")
def test_all_is_well_with_a_new_site():
    assert ids() == []


@pytest.mark.usefixtures("served_with_asgi")
def test_a_finding_is_a_check_with_a_hint_and_a_place():
    with override_settings(MIDDLEWARE=[f"{BROKEN}.Bypassing"]):
        [message] = [one for one in check_audit() if one.id == "asynckit.W006"]
    assert message.is_serious(30)
    assert message.hint
    assert message.obj == f"{BROKEN}.Bypassing"
    assert "tests/audit/broken.py:" in message.msg


@pytest.mark.usefixtures("served_with_asgi")
def test_it_can_be_silenced():
    with override_settings(
        MIDDLEWARE=[f"{HEALTHY}.SyncClass"], SILENCED_SYSTEM_CHECKS=["asynckit.W003"]
    ):
        [message] = run_checks(tags=[TAG])
    assert message.id == "asynckit.W003"
    with override_settings(SILENCED_SYSTEM_CHECKS=["asynckit.W003"]):
        assert message.is_silenced()


@pytest.mark.usefixtures("served_with_asgi")
def test_no_middleware_is_made_for_it():
    with override_settings(MIDDLEWARE=[f"{HEALTHY}.Failing", f"{HEALTHY}.makes_nothing"]):
        assert ids() == ["asynckit.W003", "asynckit.W003"]


def test_middleware_is_not_blamed_where_nobody_serves_asgi():
    with override_settings(MIDDLEWARE=[f"{HEALTHY}.SyncClass", f"{BROKEN}.Local"]):
        assert ids() == []


@pytest.mark.usefixtures("served_with_asgi")
def test_what_only_costs_is_left_to_the_command():
    with override_settings(MIDDLEWARE=[f"{HEALTHY}.Hooks", "no_such.Middleware"]):
        assert ids() == []


def test_views_are_checked_and_a_broken_urlconf_is_django_s_to_report():
    with override_settings(ROOT_URLCONF="tests.audit.urls"):
        assert set(ids()) == {f"asynckit.W{number:03}" for number in (8, 9, 10, 12)}
    with override_settings(ROOT_URLCONF="no_such_urls"):
        assert ids() == []


def test_a_project_that_cannot_be_looked_at_is_reported_and_stops_nothing():
    class Odd:
        def __str__(self):
            raise ValueError("no text")

    with override_settings(ASGI_APPLICATION=Odd()):
        [message] = check_audit()
    assert message.id == "asynckit.I015"
    assert "ValueError: no text" in message.msg
