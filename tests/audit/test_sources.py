"""Where something is defined."""

from __future__ import annotations

import functools

import pytest

from django_asynckit.audit import chain
from django_asynckit.audit.hooks import has
from django_asynckit.audit.sources import locate, parse


def work():
    """Blocks."""


class Owner:
    async def always(self):
        """Somewhere in this file."""


def test_places_of_classes_functions_and_what_is_neither():
    assert locate(Owner.always, "x").line == Owner.always.__code__.co_firstlineno
    assert locate(Owner().always, "x").file == __file__
    assert locate(functools.wraps(work)(lambda: None), "x").line == work.__code__.co_firstlineno
    place = locate(Owner(), "x")
    assert (place.where, place.file) == ("x", __file__)
    with open(__file__, encoding="utf-8") as file:
        assert file.read().splitlines()[place.line - 1] == "class Owner:"
    assert locate(len, "len") == locate(3, "len")
    assert locate(3, "len").file == ""


def test_a_class_that_is_made_by_code_has_no_line():
    made = type("Made", (), {"__module__": __name__})
    assert locate(made, "x").line == 0


def test_files_that_cannot_be_parsed_are_none(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("def (")
    assert parse(str(broken)) is None
    assert parse(str(tmp_path / "missing.py")) is None


def test_a_hook_that_fails_to_be_looked_up_is_none():
    class Failing:
        @property
        def process_view(self):
            raise ValueError

    assert not has(Failing(), "process_view")


async def test_the_samples_are_never_to_be_called():
    with pytest.raises(NotImplementedError):
        await chain._async_sample(None)
    with pytest.raises(NotImplementedError):
        chain._sync_sample(None)
