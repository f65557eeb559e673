"""The settings: defaults, what each refuses, and that overriding them works."""

from __future__ import annotations

import math
import os

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_asynckit.conf import NAMES, READERS, worker_settings


def test_defaults():
    settings = worker_settings()
    assert settings.limit == 40
    assert settings.at_once == min(32, (os.cpu_count() or 1) + 4)
    assert settings.hold == "auto"
    assert (settings.idle_seconds, settings.wait_seconds) == (10, 30)
    assert settings.reuse is True
    assert settings.carry is None


@override_settings(
    ASYNCKIT_WORKERS=3,
    ASYNCKIT_WORKER_HOLD="call",
    ASYNCKIT_WORKER_IDLE_SECONDS=0.5,
    ASYNCKIT_WORKER_WAIT_SECONDS=2,
    ASYNCKIT_WORKER_REUSE=False,
    ASYNCKIT_CARRY_CONNECTION_STATE="math.hypot",
)
def test_values_are_read_again_after_an_override():
    settings = worker_settings()
    assert (settings.limit, settings.hold, settings.reuse) == (3, "call", False)
    assert (settings.idle_seconds, settings.wait_seconds) == (0.5, 2)
    assert settings.carry is math.hypot
    with override_settings(SITE_ID=7):
        assert worker_settings() is settings


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.hypot, "a function, not <built-in function hypot>."),
        ("fractions.Fraction", "a function, not of <class 'fractions.Fraction'>."),
    ],
)
def test_a_function_is_named_by_its_path(value, text):
    with (
        override_settings(ASYNCKIT_CARRY_CONNECTION_STATE=value),
        pytest.raises(ImproperlyConfigured) as raised,
    ):
        worker_settings()
    assert str(raised.value) == f"ASYNCKIT_CARRY_CONNECTION_STATE must be the dotted path of {text}"


def test_each_setting_has_a_reader():
    assert sorted(READERS) == sorted(NAMES)


WRONG = [
    *(("ASYNCKIT_WORKERS", value) for value in (0, -1, "8", 1.5, True)),
    *(("ASYNCKIT_WORKER_HOLD", value) for value in ("always", None, [], True)),
    *(
        (f"ASYNCKIT_WORKER_{name}_SECONDS", value)
        for name in ("IDLE", "WAIT")
        for value in (0, -1, "8", None, True, math.inf, math.nan)
    ),
    *(("ASYNCKIT_WORKER_REUSE", value) for value in (1, "0", None)),
    *(
        ("ASYNCKIT_CARRY_CONNECTION_STATE", value)
        for value in (
            *(1, "", "nothing", "no.such.module", "math.no_such_name", "math.pi"),
            *(math.hypot, "fractions.Fraction"),
        )
    ),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_wrong_values_are_refused_by_name(name, value):
    with override_settings(**{name: value}):
        with pytest.raises(ImproperlyConfigured, match=f"{name} must be .*, not .*"):
            worker_settings()
        messages = []
        for read in READERS.values():
            try:
                read()
            except ImproperlyConfigured as error:
                messages.append(str(error))
        assert len(messages) == 1
        assert messages[0].startswith(f"{name} must be ")
