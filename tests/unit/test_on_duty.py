"""Who takes up what comes now: through shifts, absences, backups and supervisors, and why it is they."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.policy.check import check
from engine.policy.load import load_policy
from projections.routing import Duty, off_duty, on_duty
from schemas.envelope import micros
from tests.orders import T0
from tests.policies import HOUR, policy
from tests.streams import HOUSE, NOW, edited
from tests.working import hours, person, staffed

DAY = hours("day", (0, 8), (24, 32), (48, 56))
NIGHT = hours("night", (-9, -8), (8, 12), (20, 24), (44, 48))

CREW = staffed(
    person("ann", "day", backup="bob", supervisor="eve", away=[(2, 4, "dentist"), (6, 7, "")]),
    person("bob", "night", backup="ann", supervisor="eve"),
    person("cat", "day", "night", supervisor="eve"),
    person("eve", away=[(9, 10, "leave")]),
    calendars=(DAY, NIGHT),
)


def at(hour: int) -> int:
    return T0 + hour * HOUR


@pytest.mark.parametrize(
    ("hour", "who", "role", "reason"),
    [
        (1, "ann", "owner", ""),
        (2, "eve", "supervisor", "ann is absent (dentist); bob is off shift"),
        (4, "ann", "owner", ""),
        (6, "eve", "supervisor", "ann is absent; bob is off shift"),
        (8, "bob", "backup", "ann is off shift"),
        (13, "eve", "supervisor", "ann is off shift; bob is off shift"),
        (24, "ann", "owner", ""),
    ],
)
def test_owner_then_backup_then_supervisor(hour: int, who: str, role: str, reason: str) -> None:
    assert on_duty(CREW, "ann", at(hour)) == Duty(who, role, reason)


def test_the_group_when_nobody_is_there() -> None:
    crew = staffed(person("ann", "day", supervisor="eve"), person("eve", "day"), calendars=(DAY, NIGHT))
    assert on_duty(crew, "ann", at(9)) == Duty("sales", "group", "ann is off shift; eve is off shift")


@pytest.mark.parametrize(
    ("rung", "who"), [("owner", "ann"), ("backup", "eve"), ("supervisor", "eve"), ("group", "sales")]
)
def test_a_rung_begins_where_it_says(rung: str, who: str) -> None:
    assert on_duty(CREW, "ann", at(1), rung=rung).to == who


def test_what_is_a_groups_is_the_groups_until_its_supervisor_is_asked() -> None:
    assert on_duty(CREW, "", at(1), "sales") == Duty("sales", "group")
    assert on_duty(CREW, "", at(1), "sales", "backup") == Duty("sales", "group")
    assert on_duty(CREW, "", at(1), "sales", "supervisor") == Duty("eve", "supervisor")
    assert on_duty(CREW, "", at(1), "else", "supervisor") == Duty("else", "group")


def test_several_shifts_are_all_worked() -> None:
    assert [off_duty(CREW, "cat", at(hour)) for hour in (1, 9, 13)] == ["", "", "cat is off shift"]


def test_a_shift_ends_at_its_end_and_begins_at_its_beginning() -> None:
    assert off_duty(CREW, "ann", at(8) - 1) == ""
    assert off_duty(CREW, "ann", at(8)) == "ann is off shift"
    assert off_duty(CREW, "ann", at(24) - 1) == "ann is off shift"
    assert off_duty(CREW, "ann", at(24)) == ""


@pytest.mark.parametrize("hour", [-5, 56, 500])
def test_beyond_what_a_calendar_is_compiled_for_everybody_is_there(hour: int) -> None:
    assert off_duty(CREW, "ann", at(hour)) == ""


def test_whoever_is_not_known_is_there() -> None:
    assert on_duty(policy(), "zoe", at(1)) == Duty("zoe", "owner")


# As streams.yaml says it


def test_absences_are_whole_days_where_the_person_works() -> None:
    text = edited(
        (
            "he.jun: {group: warehouse, backup: tang.li, supervisor: chen.hao, shifts: [warehouse]}",
            "he.jun: {group: warehouse, backup: tang.li, supervisor: chen.hao, shifts: [warehouse],\n"
            "    absences: [{from: 2027-01-04, until: 2027-01-05, reason: leave}]}",
        )
    )
    compiled, _ = load_policy(text, now=NOW)
    first = micros(datetime(2027, 1, 3, 16, tzinfo=UTC))
    last = micros(datetime(2027, 1, 5, 16, tzinfo=UTC))

    assert [(a.start, a.end, a.reason) for a in compiled.people["he.jun"].absences] == [
        (first, last, "leave")
    ]
    assert (
        on_duty(compiled, "he.jun", first + HOUR).reason == "he.jun is absent (leave); tang.li is off shift"
    )
    noon = first + 12 * HOUR
    assert on_duty(compiled, "he.jun", noon) == Duty("tang.li", "backup", "he.jun is absent (leave)")
    assert on_duty(compiled, "he.jun", last + 12 * HOUR) == Duty("he.jun", "owner")


def test_the_delivered_shifts() -> None:
    compiled, _ = load_policy(HOUSE, now=NOW)
    monday = micros(datetime(2026, 11, 23, 2, tzinfo=UTC))  # 10:00 in Shanghai
    assert on_duty(compiled, "lin.yue", monday) == Duty("lin.yue", "owner")
    lunch = monday + 2 * HOUR + HOUR // 2
    assert on_duty(compiled, "lin.yue", lunch).to == "chen.hao"


def warnings(text: str) -> list[tuple[str, str]]:
    return [(f.path, f.problem) for f in check(text, NOW) if f.path.startswith(("people", "groups"))]


def test_the_delivered_people_are_found_sound() -> None:
    assert warnings(HOUSE) == []


def test_hours_when_nobody_is_there_are_warned_of() -> None:
    text = edited(
        ("chen.hao: {group: service, backup: gao.yi}", "chen.hao: {group: service, shifts: [office]}")
    )
    found = dict(warnings(text))

    assert set(found) == {"groups.logistics", "groups.risk", "groups.service", "groups.warehouse"}
    assert found["groups.risk"].startswith(
        "nobody of it, no backup and no supervisor is on duty sun 00:00 UTC"
    )


def test_backups_in_a_circle_with_nobody_above_them() -> None:
    text = edited(
        (
            "gao.yi: {group: risk, backup: chen.hao, supervisor: chen.hao, shifts: [office]}",
            "gao.yi: {group: risk, backup: chen.hao, shifts: [office]}",
        ),
        (
            "chen.hao: {group: service, backup: gao.yi}",
            "chen.hao: {group: service, backup: gao.yi, shifts: [office]}",
        ),
    )
    assert ("people.chen.hao.backup" in dict(warnings(text))) is True
