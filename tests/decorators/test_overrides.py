"""``translation.override`` and ``timezone.override`` hold while a decorated coroutine runs."""

from __future__ import annotations

import asyncio
import datetime
import zoneinfo

import pytest
from django.utils import timezone as django_timezone
from django.utils import translation as django_translation
from django.utils.translation import trans_real

from django_asynckit.decorators import timezone, translation
from django_asynckit.trace import record_hops


async def language(*_, **__):
    await asyncio.sleep(0)
    return django_translation.get_language()


async def zone(*_, **__):
    await asyncio.sleep(0)
    return django_timezone.get_current_timezone_name()


@pytest.fixture(autouse=True)
def _known():
    """What the tests activate themselves was read before."""
    for code in ("en-gb", "en-us", "de", "es", "fr"):
        trans_real.translation(code)
    yield
    django_translation.deactivate()
    django_timezone.deactivate()


@pytest.mark.parametrize("deactivate", [False, True])
@pytest.mark.parametrize("code", ["de", "fr", None])
async def test_a_language_holds_until_the_coroutine_ends(code, deactivate):
    django_translation.activate("en-gb")
    view = translation.override(code, deactivate=deactivate)(language)
    assert await view() == code
    with django_translation.override(code, deactivate=deactivate):
        pass
    expected = django_translation.get_language()
    django_translation.activate("en-gb")
    await view()
    assert django_translation.get_language() == expected


async def test_the_files_of_the_language_before_are_read_too():
    trans_real._translations.pop("en-us", None)
    with record_hops() as trace:
        assert await translation.override("de")(language)() == "de"
    assert len(trace.hops) == 1


async def test_djangos_is_over_before_the_coroutine_runs():
    assert await django_translation.override("de")(language)() == "en-us"
    assert await translation.override("de")(language)() == "de"


async def test_the_files_of_a_language_are_read_in_a_thread_once():
    view = translation.override("nb")(language)
    trans_real._translations.pop("nb", None)
    with record_hops() as trace:
        assert await view() == "nb"
        assert await view() == "nb"
    assert [hop.target.rpartition(".")[2] for hop in trace.hops] == ["_read"]


async def test_one_decorator_serves_many_coroutines_at_once():
    inside, leave = asyncio.Event(), asyncio.Event()

    @translation.override("de")
    async def slow():
        inside.set()
        await leave.wait()
        return django_translation.get_language()

    async def other():
        django_translation.activate("fr")
        assert await slow() == "de"
        return django_translation.get_language()

    async def first():
        django_translation.activate("es")
        assert await slow() == "de"
        return django_translation.get_language()

    tasks = [asyncio.create_task(first()), asyncio.create_task(other())]
    await inside.wait()
    await asyncio.sleep(0)
    leave.set()
    assert await asyncio.gather(*tasks) == ["es", "fr"]


async def test_an_exception_ends_it_too():
    @translation.override("de")
    @timezone.override("Asia/Tokyo")
    async def broken():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await broken()
    assert django_translation.get_language() == "en-us"
    assert await zone() == "America/Chicago"


@pytest.mark.parametrize(
    "value",
    ["Europe/Berlin", datetime.UTC, None],
)
async def test_a_time_zone_holds_until_the_coroutine_ends(value):
    django_timezone.activate(datetime.timezone(datetime.timedelta(hours=3), "before"))
    names = {"Europe/Berlin": "Europe/Berlin", datetime.UTC: "UTC", None: "America/Chicago"}
    assert await timezone.override(value)(zone)() == names[value]
    assert await zone() == "before"


async def test_djangos_time_zone_is_over_before_the_coroutine_runs():
    assert await django_timezone.override(datetime.UTC)(zone)() == "America/Chicago"


async def test_the_file_of_a_time_zone_is_read_in_a_thread_once():
    zoneinfo.ZoneInfo.clear_cache(only_keys=["Asia/Kathmandu"])
    view = timezone.override("Asia/Kathmandu")(zone)
    with record_hops() as trace:
        assert await view() == "Asia/Kathmandu"
        assert await view() == "Asia/Kathmandu"
    assert len(trace.hops) == 1


async def test_an_unknown_time_zone_is_reported_by_each_call():
    view = timezone.override("Nowhere/Town")(zone)
    for _ in range(2):
        with pytest.raises(zoneinfo.ZoneInfoNotFoundError):
            await view()


def test_on_sync_functions_and_in_with_blocks_they_are_djangos():
    assert translation.override("de")(django_translation.get_language)() == "de"
    assert timezone.override("Asia/Tokyo")(django_timezone.get_current_timezone_name)() == (
        "Asia/Tokyo"
    )
    with translation.override("de"), timezone.override("Asia/Tokyo"):
        assert django_translation.get_language() == "de"
        assert django_timezone.get_current_timezone_name() == "Asia/Tokyo"
    assert issubclass(translation.override, django_translation.override)
    assert issubclass(timezone.override, django_timezone.override)
