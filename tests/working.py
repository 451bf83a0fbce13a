"""Policies with shifts, ladders and diagnoses made by hand, and the facts and items the desk's tests speak of."""

from __future__ import annotations

from typing import Any

from projections.diagnosis import BITS
from projections.policy import (
    Absence,
    Calendar,
    Desk,
    Diagnosis,
    Pattern,
    Person,
    Policy,
    Route,
    Step,
    Stuck,
)
from tests.orders import T0
from tests.policies import HOUR, policy

NONE: frozenset[str] = frozenset()
ANN = Route(NONE, NONE, NONE, "ann", "sales")
"""Everything is Ann's."""

LADDER = (
    Step(0, "owner", ("wecom",)),
    Step(HOUR, "backup", ("wecom",)),
    Step(4 * HOUR, "supervisor", ("sms",)),
)


def hours(name: str, *spans: tuple[int, int]) -> Calendar:
    """A calendar open in these hours after T0; before the first and after the last it says nothing."""
    return Calendar(
        name, tuple(T0 + first * HOUR for first, _ in spans), tuple(T0 + last * HOUR for _, last in spans)
    )


def person(name: str, *shifts: str, backup: str = "", supervisor: str = "", away: Any = ()) -> Person:
    """Somebody of the sales group; `away` are (first hour, last hour, reason) after T0."""
    absences = tuple(Absence(T0 + first * HOUR, T0 + last * HOUR, why) for first, last, why in away)
    return Person(name, "sales", backup, supervisor, shifts, absences)


def pattern(name: str, **conditions: Any) -> Pattern:
    """A rule; `happened` and `missing` by names, all else as `Pattern` has it."""

    def mask(names: tuple[str, ...]) -> int:
        return sum(BITS[f"{each}.v1"] for each in names)

    return Pattern(
        name,
        conditions.get("cause", f"it is {name}"),
        conditions.get("guide", f"mend {name}"),
        frozenset(conditions.get("states", ())),
        frozenset(conditions.get("channels", ())),
        conditions.get("after", 0),
        mask(conditions.get("happened", ())),
        mask(conditions.get("missing", ())),
        conditions.get("count", {}),
        conditions.get("reasons", ()),
        frozenset(conditions.get("lacks", ())),
        conditions.get("kind", "diagnosis"),
        conditions.get("group", ""),
        conditions.get("orders", 0),
        conditions.get("window", 0),
        frozenset(conditions.get("unless", ())),
    )


def diagnosing(*rules: Pattern, stuck: tuple[Stuck, ...] = (), **changes: Any) -> Policy:
    """A policy with these rules."""
    watched = 0
    for rule in rules:
        watched |= rule.happened | rule.missing
    counted = frozenset(type_ for rule in rules for type_ in rule.count)
    return policy(diagnosis=Diagnosis(rules, stuck, watched, counted), routes=(ANN,), **changes)


def staffed(*people: Person, calendars: tuple[Calendar, ...] = (), **changes: Any) -> Policy:
    """A policy with these people, and `LADDER` for all work."""
    plain = policy(
        people={one.name: one for one in people},
        desk=Desk({"": LADDER, "sla": ()}),
        routes=(ANN,),
    )
    plain.sla.calendars.update({calendar.name: calendar for calendar in calendars})
    return policy(people=plain.people, desk=plain.desk, routes=plain.routes, sla=plain.sla, **changes)
