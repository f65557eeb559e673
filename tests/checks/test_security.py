"""Django's security checks where MIDDLEWARE has native classes by path."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.test import override_settings

from django_asynckit.dropins import DROPINS

NATIVE = [DROPINS[path] for path in settings.MIDDLEWARE]


def messages(**changes):
    with override_settings(**changes):
        before = settings.MIDDLEWARE
        found = run_checks(tags=[Tags.security], include_deployment_checks=True)
        assert settings.MIDDLEWARE is before
    return found


def ids(found):
    return {message.id for message in found}


def test_what_django_would_have_checked_is_checked():
    expected, found = ids(messages()), ids(messages(MIDDLEWARE=NATIVE))
    assert {"security.W004", "security.W008", "security.W012", "security.W016"} <= expected
    assert expected <= found
    # Django looks for its class by path, and for these says that it is missing.
    assert {"security.W001", "security.W002", "security.W003"} <= found - expected


def test_false_alarms_are_named():
    false = [one for one in messages(MIDDLEWARE=NATIVE) if one.id == "asynckit.I009"]
    assert {one.obj for one in false} == {"security.W001", "security.W002", "security.W003"}
    assert all("SILENCED_SYSTEM_CHECKS" in one.hint for one in false)


def test_silencing_the_false_alarms_leaves_what_is_true():
    silenced = ["security.W001", "security.W002", "security.W003", "asynckit.I009"]
    found = messages(MIDDLEWARE=NATIVE, SILENCED_SYSTEM_CHECKS=silenced)
    with override_settings(SILENCED_SYSTEM_CHECKS=silenced):
        told = ids(one for one in found if not one.is_silenced())
    # It tells of the sessions' cookie in two messages, and Django in one.
    assert told - {"security.W010"} == ids(messages())


@pytest.mark.parametrize("middleware", [settings.MIDDLEWARE, [], [3]], ids=str)
def test_without_native_paths_there_is_nothing_to_stand_in_for(middleware):
    assert "asynckit.I009" not in ids(messages(MIDDLEWARE=middleware))


def test_it_runs_for_deploy_only():
    with override_settings(MIDDLEWARE=NATIVE):
        assert "asynckit.I009" not in ids(run_checks(tags=[Tags.security]))
