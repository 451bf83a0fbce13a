"""The work of people: the sections `diagnosis` and `work`, and the shifts and absences of `people`; checked and compiled.

Shifts are calendars, compiled with all others; an absence is whole local days in the zone of the person's first shift, else
of the default channel.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.policy.calendars import compile_calendar, is_zone
from engine.policy.document import Path
from engine.policy.finding import Findings, nearest
from projections.diagnosis import BITS, WATCHED
from projections.policy import Absence, Desk, Diagnosis, Pattern, Person, Step, Stuck
from schemas.envelope import micros
from schemas.policy import PatternText, PersonText, PolicyText, StepText, duration
from schemas.registry import TYPES
from schemas.vocabulary import DAYS, DIAGNOSED_KINDS, WORK_KINDS

NO_LADDER = "none"
DEFAULT_LADDER = "default"

HOUR = 3_600_000_000
WEEK_HOURS = 168
WEEKS_LOOKED_AT = 2
"""Weeks from now whose hours are looked at for somebody on duty: a closed holiday week is not every week."""


# Compiling


def compile_people(text: PolicyText) -> dict[str, Person]:
    """Everybody, with the calendars of their shifts and their absences as UTC intervals."""
    return {
        name: Person(
            name,
            person.group,
            person.backup,
            person.supervisor,
            tuple(person.shifts),
            _absences(person, text),
        )
        for name, person in text.people.items()
    }


def _absences(person: PersonText, text: PolicyText) -> tuple[Absence, ...]:
    zone = ZoneInfo(_zone(person, text))
    return tuple(
        sorted(
            (
                Absence(
                    _midnight(absence.first, zone),
                    _midnight(absence.last + timedelta(days=1), zone),
                    absence.reason,
                )
                for absence in person.absences
            ),
            key=lambda absence: absence.start,
        )
    )


def _zone(person: PersonText, text: PolicyText) -> str:
    shift = text.calendars.get(person.shifts[0]) if person.shifts else None
    return shift.zone if shift is not None else text.channels[text.default_channel].zone


def _midnight(day: date, zone: ZoneInfo) -> int:
    return micros(datetime(day.year, day.month, day.day, tzinfo=zone))


def compile_diagnosis(text: PolicyText) -> Diagnosis:
    """The section `diagnosis`."""
    rules = tuple(_pattern(name, rule) for name, rule in text.diagnosis.rules.items())
    watched = 0
    for rule in rules:
        watched |= rule.happened | rule.missing
    return Diagnosis(
        rules,
        tuple(
            Stuck(duration(stuck.after), frozenset(stuck.states), frozenset(stuck.channels), stuck.calendar)
            for stuck in text.diagnosis.stuck
        ),
        watched,
        frozenset(type_ for rule in rules for type_ in rule.count),
    )


def _pattern(name: str, text: PatternText) -> Pattern:
    return Pattern(
        name,
        text.cause,
        text.guide,
        frozenset(text.states),
        frozenset(text.channels),
        duration(text.after) if text.after is not None else 0,
        _mask(text.happened),
        _mask(text.missing),
        {f"{type_}.v1": count for type_, count in text.count.items()},
        tuple(word.casefold() for word in text.reasons),
        frozenset(text.lacks),
        text.kind,
        text.group,
        text.many.orders if text.many is not None else 0,
        duration(text.many.within) if text.many is not None else 0,
        frozenset(text.unless),
    )


def _mask(names: Sequence[str]) -> int:
    mask = 0
    for name in names:
        mask |= BITS[f"{name}.v1"]
    return mask


def compile_desk(text: PolicyText) -> Desk:
    """The section `work`."""
    work = text.work
    ladders: dict[str, tuple[Step, ...]] = {}
    if DEFAULT_LADDER in work.ladders:
        ladders[""] = _steps(work.ladders[DEFAULT_LADDER])
    for kind, name in work.kinds.items():
        ladders[kind] = () if name == NO_LADDER else _steps(work.ladders[name])
    digest = work.digest
    return Desk(
        ladders,
        digest.calendar if digest is not None else "",
        tuple(digest.via) if digest is not None else (),
    )


def _steps(ladder: Sequence[StepText]) -> tuple[Step, ...]:
    return tuple(Step(duration(step.after), step.to, tuple(step.via)) for step in ladder)


# Checking


def check(text: PolicyText, findings: Findings, now: int) -> None:
    """The sections `diagnosis` and `work`; backups that lead round in a circle; hours when nobody is there."""
    for name, rule in text.diagnosis.rules.items():
        _rule(name, rule, text, findings)
    _stuck(text, findings)
    _work(text, findings)
    _backups(text, findings)
    _duty(text, findings, now)


def _rule(name: str, rule: PatternText, text: PolicyText, findings: Findings) -> None:
    at: Path = ("diagnosis", "rules", name)
    states = {s.state: s.end for lifecycle in text.lifecycles.values() for s in lifecycle.states}
    for i, state in enumerate(rule.states):
        if state not in states:
            findings.error((*at, "states", i), f"there is no state {state!r}", nearest(state, states))
        elif states[state]:
            findings.warning(
                (*at, "states", i), f"{state!r} is an end, where nothing is diagnosed", "Take it out."
            )
    _channels(rule.channels, (*at, "channels"), text, findings)
    for key, names in (("happened", rule.happened), ("missing", rule.missing)):
        for i, type_ in enumerate(names):
            if type_ not in WATCHED:
                findings.error(
                    (*at, key, i), f"there is no event {type_!r} to ask for", nearest(type_, WATCHED)
                )
            elif key == "missing" and type_ in rule.happened:
                findings.error(
                    (*at, key, i),
                    f"it can never hold: {type_!r} is in `happened` too",
                    "Keep one of the two.",
                )
    for type_ in rule.count:
        if type_ not in WATCHED:
            findings.error((*at, "count", type_), f"there is no event {type_!r}", nearest(type_, WATCHED))
    if rule.reasons and not any("reason" in _fields(type_) for type_ in rule.count):
        findings.error(
            (*at, "reasons"),
            "it counts no event that gives a reason",
            "Count one that does, such as stock.lock_failed.",
        )
    if not (rule.after or rule.happened or rule.count or rule.lacks):
        findings.error(
            at, "it holds of every order", "Say `after`, `happened`, `count` or `lacks`: what is wrong."
        )
    if rule.kind not in DIAGNOSED_KINDS:
        findings.error(
            (*at, "kind"),
            f"a diagnosis opens no work of kind {rule.kind!r}",
            nearest(rule.kind, DIAGNOSED_KINDS),
        )
    _group(rule.group, (*at, "group"), text, findings)
    for i, other in enumerate(rule.unless):
        if other == name or other not in text.diagnosis.rules:
            others = text.diagnosis.rules.keys() - {name}
            findings.error((*at, "unless", i), f"there is no other rule {other!r}", nearest(other, others))


def _fields(type_: str) -> tuple[str, ...]:
    spec = TYPES.get(f"{type_}.v1")
    return spec.data.__struct_fields__ if spec is not None else ()


def _stuck(text: PolicyText, findings: Findings) -> None:
    states = {s.state: None for lifecycle in text.lifecycles.values() for s in lifecycle.states}
    whole = 0
    for i, stuck in enumerate(text.diagnosis.stuck):
        at: Path = ("diagnosis", "stuck", i)
        if whole:
            findings.error(
                at,
                f"it can never match: that on line {findings.line(('diagnosis', 'stuck', whole - 1))} takes all orders",
                "Put the narrower one first, or take it out.",
            )
        for j, state in enumerate(stuck.states):
            if state not in states:
                findings.error((*at, "states", j), f"there is no state {state!r}", nearest(state, states))
        _channels(stuck.channels, (*at, "channels"), text, findings)
        if stuck.calendar and stuck.calendar not in text.calendars:
            findings.error(
                (*at, "calendar"),
                f"there is no calendar {stuck.calendar!r}",
                nearest(stuck.calendar, text.calendars),
            )
        if not stuck.states and not stuck.channels:
            whole = whole or i + 1


def _channels(names: Sequence[str], at: Path, text: PolicyText, findings: Findings) -> None:
    for i, name in enumerate(names):
        if name not in text.channels:
            findings.error((*at, i), f"there is no channel {name!r}", nearest(name, text.channels))


def _group(name: str, at: Path, text: PolicyText, findings: Findings) -> None:
    if name and name not in text.groups:
        findings.error(at, f"there is no group {name!r}", nearest(name, text.groups))


def _work(text: PolicyText, findings: Findings) -> None:
    work = text.work
    used = {DEFAULT_LADDER, *work.kinds.values()}
    for name, ladder in work.ladders.items():
        at: Path = ("work", "ladders", name)
        if name == NO_LADDER:
            findings.error(at, "`none` is the ladder without rungs", "Give it another name.")
        elif name not in used:
            findings.warning(at, "no kind of work goes up it", "Name it in `kinds`, or take it out.")
        before = -1
        for i, step in enumerate(ladder):
            after = duration(step.after)
            if after < 0:
                findings.error(
                    (*at, i, "after"), "nothing is handed on before it is there", "Write 0s or more."
                )
            if after < before:
                findings.error((*at, i), "it comes before the rung above it", "Sort the rungs by `after`.")
            before = after
            _vias(step.via, (*at, i, "via"), text, findings)
    for kind, name in work.kinds.items():
        if kind not in WORK_KINDS:
            findings.error(
                ("work", "kinds", kind), f"there is no kind of work item {kind!r}", nearest(kind, WORK_KINDS)
            )
        if name != NO_LADDER and name not in work.ladders:
            findings.error(
                ("work", "kinds", kind),
                f"there is no ladder {name!r}",
                nearest(name, [*work.ladders, NO_LADDER]),
            )
    if work.digest is not None:
        if work.digest.calendar not in text.calendars:
            findings.error(
                ("work", "digest", "calendar"),
                f"there is no calendar {work.digest.calendar!r}",
                nearest(work.digest.calendar, text.calendars),
            )
        _vias(work.digest.via, ("work", "digest", "via"), text, findings)


def _vias(names: Sequence[str], at: Path, text: PolicyText, findings: Findings) -> None:
    for i, name in enumerate(names):
        if name not in text.delivery:
            findings.error((*at, i), f"there is no delivery {name!r}", nearest(name, text.delivery))


def _backups(text: PolicyText, findings: Findings) -> None:
    """Two who stand in for each other is usual; both off at the same hours it is nobody."""
    for name, person in text.people.items():
        chain = [name]
        other = person.backup
        while other and other in text.people and other not in chain:
            chain.append(other)
            other = text.people[other].backup
        if (
            other == name
            and len(chain) > 1
            and name == min(chain)
            and not any(text.people[one].supervisor not in ("", *chain) for one in chain)
            and all(text.people[one].shifts for one in chain)
        ):
            findings.warning(
                ("people", name, "backup"),
                f"{' and '.join(chain)} stand in for one another in a circle, with nobody above them and none always there",
                "Give one of them a supervisor.",
            )


def _duty(text: PolicyText, findings: Findings, now: int) -> None:
    """Groups that own orders and have hours of the week when none of them, nor any supervisor of theirs, is there."""
    shifts = {shift for person in text.people.values() for shift in person.shifts}
    if not all(shift in text.calendars and is_zone(text.calendars[shift].zone) for shift in shifts):
        return
    end = now + WEEKS_LOOKED_AT * WEEK_HOURS * HOUR
    calendars = {name: compile_calendar(name, text.calendars[name], now - 24 * HOUR, end) for name in shifts}

    def there(name: str, at: int) -> bool:
        hours = [calendars[shift] for shift in text.people[name].shifts]
        return not hours or any(
            (place := bisect_right(one.opens, at) - 1) >= 0 and at < one.closes[place] for one in hours
        )

    routed = {route.group or _group_of(route.owner, text) for route in text.routing.routes}
    for group in sorted(routed & text.groups.keys()):
        members = {name for name, person in text.people.items() if person.group == group}
        asked = members | {text.people[name].supervisor for name in members}
        asked |= {text.people[name].backup for name in members}
        asked &= text.people.keys()
        begin = -(-now // HOUR) * HOUR
        first = next(
            (
                at
                for at in range(begin, begin + WEEK_HOURS * HOUR, HOUR)
                if asked
                and not any(
                    there(name, at + week * WEEK_HOURS * HOUR)
                    for name in asked
                    for week in range(WEEKS_LOOKED_AT)
                )
            ),
            None,
        )
        if first is not None:
            hour = first // HOUR
            findings.warning(
                ("groups", group),
                f"nobody of it, no backup and no supervisor is on duty {DAYS[(hour // 24 + 3) % 7]} "
                f"{hour % 24:02d}:00 UTC, for one",
                "Give somebody a shift then; what comes up waits for the whole group till then.",
            )
        elif not members:
            findings.warning(("groups", group), "it owns orders and has no members", "Put somebody into it.")


def _group_of(owner: str, text: PolicyText) -> str:
    person = text.people.get(owner)
    return person.group if person is not None else ""
