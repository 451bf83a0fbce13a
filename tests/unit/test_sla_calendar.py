"""Working time, against days counted by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.policy import Calendar
from projections.sla import add_working, working_between
from schemas.envelope import micros

HOUR = 3_600_000_000


def at(text: str, zone: str = "UTC") -> int:
    return micros(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def nine_to_six(zone: str, first: date, days: int, opens: int = 9, closes: int = 18) -> Calendar:
    """Every day 9–18 local time; an interval is an hour longer or shorter where the clocks change within it."""
    midnight = [
        datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone)) + timedelta(n)
        for n in range(days)
    ]
    return Calendar(
        "shop",
        tuple(micros(day.replace(hour=opens)) for day in midnight),
        tuple(micros(day.replace(hour=closes)) for day in midnight),
    )


WEEK = nine_to_six("UTC", date(2026, 1, 5), 5)


def test_always_open_without_a_calendar() -> None:
    assert add_working(None, 100, 50) == 150
    assert working_between(None, 100, 150) == 50
    assert working_between(None, 150, 100) == 0
    assert add_working(Calendar("empty", (), ()), 100, 50) == 150


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-01-05T10:00", 2, "2026-01-05T12:00"),
        ("2026-01-05T17:00", 1, "2026-01-05T18:00"),  # to closing time, not to the next opening
        ("2026-01-05T17:00", 2, "2026-01-06T10:00"),
        ("2026-01-05T18:00", 1, "2026-01-06T10:00"),
        ("2026-01-05T22:00", 1, "2026-01-06T10:00"),
        ("2026-01-05T09:00", 27, "2026-01-07T18:00"),
        ("2026-01-05T22:00", 0, "2026-01-05T22:00"),
        # Nothing is compiled before the first opening and after the last closing: every hour counts.
        ("2026-01-05T07:00", 3, "2026-01-05T10:00"),
        ("2026-01-04T09:00", 3, "2026-01-04T12:00"),
        ("2026-01-09T17:00", 3, "2026-01-09T20:00"),
        ("2026-02-09T17:00", 3, "2026-02-09T20:00"),
    ],
)
def test_working_hours_by_hand(start: str, hours: int, end: str) -> None:
    assert add_working(WEEK, at(start), hours * HOUR) == at(end)
    assert working_between(WEEK, at(start), at(end)) == hours * HOUR


def test_closed_hours_count_nothing() -> None:
    assert working_between(WEEK, at("2026-01-05T19:00"), at("2026-01-06T08:00")) == 0
    assert working_between(WEEK, at("2026-01-05T12:00"), at("2026-01-07T12:00")) == 18 * HOUR


def test_the_day_the_clocks_go_forward_is_an_hour_short() -> None:
    night = nine_to_six("Europe/Berlin", date(2026, 3, 27), 4, opens=0, closes=6)
    # Berlin, Sunday 29 March 2026: 02:00 becomes 03:00.
    assert (
        working_between(
            night, at("2026-03-29T00:00", "Europe/Berlin"), at("2026-03-29T06:00", "Europe/Berlin")
        )
        == 5 * HOUR
    )
    assert add_working(night, at("2026-03-28T05:00", "Europe/Berlin"), 4 * HOUR) == at(
        "2026-03-29T04:00", "Europe/Berlin"
    )


def test_the_day_the_clocks_go_back_is_an_hour_long() -> None:
    night = nine_to_six("America/New_York", date(2026, 10, 31), 4, opens=0, closes=6)
    # New York, Sunday 1 November 2026: 02:00 becomes 01:00.
    start, end = at("2026-11-01T00:00", "America/New_York"), at("2026-11-01T06:00", "America/New_York")
    assert working_between(night, start, end) == 7 * HOUR
    assert add_working(night, start, 6 * HOUR) == at("2026-11-01T05:00", "America/New_York")


CHANGES = (
    nine_to_six("Europe/Berlin", date(2026, 3, 26), 9),
    nine_to_six("America/Sao_Paulo", date(2018, 11, 1), 9, opens=0, closes=5),
    nine_to_six("Australia/Lord_Howe", date(2026, 4, 1), 9, opens=1, closes=4),
    WEEK,
)


@given(st.sampled_from(CHANGES), st.integers(-40, 300), st.integers(0, HOUR), st.integers(0, 60 * HOUR))
def test_adding_and_measuring_agree(calendar: Calendar, hours: int, more: int, amount: int) -> None:
    start = calendar.opens[0] + hours * HOUR + more
    end = add_working(calendar, start, amount)
    assert end >= start
    assert working_between(calendar, start, end) == amount
    if amount:
        assert working_between(calendar, start, end - 1) == amount - 1, "and not a moment later than need be"


@given(st.sampled_from(CHANGES), st.lists(st.integers(-40 * HOUR, 300 * HOUR), min_size=3, max_size=3))
def test_working_time_adds_up(calendar: Calendar, instants: list[int]) -> None:
    a, b, c = (calendar.opens[0] + instant for instant in sorted(instants))
    assert working_between(calendar, a, b) + working_between(calendar, b, c) == working_between(
        calendar, a, c
    )
