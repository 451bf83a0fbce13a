"""How long a stage is usually silent: which hours teach, what they teach, and what is told before there are enough."""

from __future__ import annotations

from projections.channel_health.state import StageUsual
from projections.channel_health.usual import UNTOUCHED, Usual, learned_with, usual_of
from tests.healthy import FLOW, HOUR, MINUTE

RULE = FLOW.silence
TUESDAY_14 = 24 + 14


def learned(*hours: tuple[int, int, int], since: StageUsual = UNTOUCHED) -> StageUsual:
    """(hour of the week, minutes of silence, events), oldest first."""
    for hour, minutes, events in hours:
        since = learned_with(since, hour, minutes * MINUTE, minutes * MINUTE, events, False, RULE.weeks)
    return since


def test_a_cold_start_knows_nothing() -> None:
    assert usual_of(UNTOUCHED, TUESDAY_14, RULE) is None
    assert usual_of(learned((3, 5, 99), (4, 5, 0)), TUESDAY_14, RULE) is None, "99 events are not enough"
    assert usual_of(learned((3, 5, 500)), TUESDAY_14, RULE) is None, "nor is one hour"


def test_the_hours_just_past_come_first() -> None:
    past = ((2, 90, 60), (3, 7, 60), (4, 5, 60))
    assert usual_of(learned(*past), TUESDAY_14, RULE) is None, "it never saw this hour of a day"
    found = usual_of(learned((14, 6, 0), *past), TUESDAY_14, RULE)

    assert found == Usual(7 * MINUTE, "the last 2 h, and this hour before", 2, 120, 7 * 16 * MINUTE), (
        "no more of them than it takes"
    )
    slow = usual_of(learned((14, 60, 0), *past), TUESDAY_14, RULE)
    assert slow is not None
    assert slow.gap == HOUR, "yesterday it was slower at this hour"


def test_then_the_same_hour_of_all_days() -> None:
    days = [(day * 24 + 14, minutes, 40) for day, minutes in ((2, 6), (3, 30), (4, 4))]
    found = usual_of(learned(*days), TUESDAY_14, RULE)

    assert found == Usual(6 * MINUTE, "14–15 h of all days", 3, 120, 24 * MINUTE), "the second longest"


def test_then_the_same_hour_of_the_same_weekday() -> None:
    weeks = [(TUESDAY_14, minutes, 50) for minutes in (2, 3, 40)]
    others = [(2 * 24 + 14, 50, 50)] * 3
    found = usual_of(learned(*others, *weeks), TUESDAY_14, RULE)

    assert found == Usual(3 * MINUTE, "Tue 14–15 h", 3, 150, 12 * MINUTE), "one outage teaches nothing"


def test_a_change_that_lasts_is_learned() -> None:
    before = learned(*[(TUESDAY_14, 3, 50)] * 4)
    assert usual_of(learned((TUESDAY_14, 20, 50), since=before), TUESDAY_14, RULE) != usual_of(
        learned((TUESDAY_14, 20, 50), (TUESDAY_14, 20, 50), since=before), TUESDAY_14, RULE
    )


def test_silence_is_never_told_before_the_least() -> None:
    busy = learned(*[(TUESDAY_14, 0, 900)] * 3)
    found = usual_of(busy, TUESDAY_14, RULE)

    assert found == Usual(MINUTE, "Tue 14–15 h", 3, 2700, 5 * MINUTE)


def test_a_silent_hour_is_no_recent_one() -> None:
    found = learned_with(UNTOUCHED, 5, 9 * HOUR, 0, 3, True, RULE.weeks)

    assert found.hours[5] == (540, 3)
    assert found.recent == ()


def test_a_silence_that_lasts_does_not_teach_that_it_is_usual() -> None:
    found = learned_with(UNTOUCHED, 5, HOUR, 2 * MINUTE, 3, False, RULE.weeks)

    assert (found.hours[5], found.recent) == ((60, 3), (2, 3))


def test_a_day_on_which_it_rests_is_learned_though_nothing_comes() -> None:
    days = [(day * 24 + 14, 3, 200) for day in range(6) for _ in range(3)]
    sundays = [(6 * 24 + 14, 900, 0)] * 3
    found = usual_of(learned(*days, *sundays), 6 * 24 + 14, RULE)

    assert found is not None
    assert found.gap == 900 * MINUTE


def test_so_many_weeks_are_kept() -> None:
    found = learned(*[(5, minutes, 1) for minutes in range(9)])

    assert found.hours[5] == (5, 1, 6, 1, 7, 1, 8, 1)
    assert len(learned(*[(5, 1, 1)] * 40).recent) == 48
