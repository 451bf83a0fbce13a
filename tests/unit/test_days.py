"""Days and hours by integers, against the calendar of the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.health import compile_zone
from projections.days import HOUR, SECOND, day_of, hour_name, hour_of_week, local
from projections.policy import ZoneOffsets
from schemas.envelope import EPOCH, micros

START, END = (micros(datetime(year, 1, 1, tzinfo=UTC)) for year in (2015, 2031))
ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/Berlin",
    "Africa/Casablanca",
    "UTC",
)


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_a_day_is_that_of_the_calendar(second: int) -> None:
    expected = (EPOCH + timedelta(seconds=second)).date().isoformat()

    assert day_of(second * SECOND) == expected


@given(st.sampled_from(ZONES), st.integers(START // SECOND, END // SECOND - 1))
def test_a_zone_shows_what_its_clocks_show(name: str, second: int) -> None:
    zone = compile_zone(name, START // SECOND, END // SECOND)
    shown = (EPOCH + timedelta(seconds=second)).astimezone(ZoneInfo(name))

    found = local(zone, second * SECOND)

    assert day_of(found) == shown.date().isoformat()
    assert hour_of_week(found) == shown.weekday() * 24 + shown.hour


def test_clocks_change_at_the_second() -> None:
    zone = compile_zone("America/New_York", START // SECOND, END // SECOND)
    change = micros(datetime(2026, 3, 8, 7, tzinfo=UTC))

    assert local(zone, change) - change == -4 * HOUR
    assert local(zone, change - 1) - change + 1 == -5 * HOUR


@pytest.mark.parametrize("instant", [-10, 0, 99, 100, 10**18])
def test_beyond_what_is_compiled_the_nearest_offset_holds(instant: int) -> None:
    zone = ZoneOffsets((0, 100), (1, 2))

    assert local(zone, instant) - instant == (2 if instant >= 100 else 1)


def test_hours_have_names() -> None:
    assert hour_name(0) == "Mon 00–01 h"
    assert hour_name(38) == "Tue 14–15 h"
