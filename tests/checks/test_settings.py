"""The checks of our settings."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_asynckit.checks import TAG
from django_asynckit.handler.asgi import ASGIHandler


def test_all_is_well_by_default():
    assert run_checks(tags=[TAG]) == []


@override_settings(ASYNCKIT_NATIVE_MIDDLEWARE="no")
def test_a_wrong_value_is_an_error_with_a_hint():
    (error,) = run_checks(tags=[TAG])
    assert error.id == "asynckit.E001"
    assert "must be True or False, not 'no'" in error.msg
    assert error.hint
    with pytest.raises(ImproperlyConfigured, match="ASYNCKIT_NATIVE_MIDDLEWARE"):
        ASGIHandler()


@override_settings(ASYNCKIT_WORKERS="8", ASYNCKIT_WORKER_HOLD="always", ASYNCKIT_WORKER_REUSE="0")
def test_all_wrong_values_are_named_at_once():
    errors = run_checks(tags=[TAG])
    assert {error.id for error in errors} == {"asynckit.E001"}
    assert [error.msg.split()[0] for error in errors] == [
        "ASYNCKIT_WORKERS",
        "ASYNCKIT_WORKER_HOLD",
        "ASYNCKIT_WORKER_REUSE",
    ]
    assert ["convert it" in error.hint for error in errors] == [True, False, True]


@override_settings(
    ASYNCKIT_WORKERS=0,
    ASYNCKIT_CARRY_CONNECTION_STATE="no.such.function",
    ASYNCKIT_NON_BLOCKING_MIDDLEWARE="csp.middleware.CSPMiddleware",
)
def test_only_a_string_may_come_from_the_environment():
    hints = {error.hint for error in run_checks(tags=[TAG])}
    assert hints == {"Leave it out for its default."}


@override_settings(ASYNCKIT_WORKERS="8")
def test_a_wrong_worker_setting_is_reported_when_the_application_is_made():
    with pytest.raises(ImproperlyConfigured, match="ASYNCKIT_WORKERS"):
        ASGIHandler()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ASYNCKIT_WORKER", "Did you mean ASYNCKIT_WORKERS?"),
        ("ASYNCKIT_NONBLOCKING_MIDDLEWARE", "Did you mean ASYNCKIT_NON_BLOCKING_MIDDLEWARE?"),
        ("ASYNCKIT_WORKER_IDLE", "Did you mean ASYNCKIT_WORKER_IDLE_SECONDS?"),
        ("ASYNCKIT_LOGO", "Take it out."),
        ("ASYNCKIT_", "Take it out."),
    ],
)
def test_a_misspelt_name_is_a_warning_that_names_the_nearest(name, hint):
    with override_settings(**{name: object()}):
        (warning,) = run_checks(tags=[TAG])
    assert (warning.id, warning.obj, warning.hint) == ("asynckit.W020", name, hint)
    assert warning.msg.startswith(f"{name} is no setting")


def test_names_of_others_are_theirs():
    with override_settings(ASYNC_KIT_WORKERS=8, asynckit_worker=8, ASYNCKIT=8):
        assert run_checks(tags=[TAG]) == []
