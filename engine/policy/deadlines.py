"""Checks of deadlines: stages, tiers, ladders, calendars.

A deadline that cannot fire is worse than none: people believe they are warned. So each stage of each tier
must have an order that starts it and could stop it, time to run in, and a ladder that begins where it ends.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from engine.policy.calendars import compile_calendar, is_zone, open_time, spans_of, zones
from engine.policy.compile import AHEAD, OTHER, REMIND, targets
from engine.policy.coverage import Rule, first_matches, shadow_of
from engine.policy.document import Path
from engine.policy.finding import Findings, nearest
from engine.policy.lifecycles import reachable
from schemas.envelope import EPOCH
from schemas.policy import CalendarText, LifecycleText, PolicyText, StageText, TierText, duration, is_duration

PER_MILLE = 1000


def check(text: PolicyText, findings: Findings, now: int) -> None:
    """The sections `sla` and `calendars`; calendars are judged for the two years from `now` (µs UTC)."""
    open_times = {name: _calendar(name, text.calendars[name], findings, now) for name in text.calendars}
    sla = text.sla
    if sla.warn >= PER_MILLE:
        findings.error(
            ("sla", "warn"),
            f"{sla.warn} per mille of the time is not before the deadline",
            "Write less than 1000; 800 is usual.",
        )
    if sla.half >= sla.warn:
        findings.error(
            ("sla", "half"), "yellow would come no earlier than orange", f"Write less than warn ({sla.warn})."
        )
    _ladders(text, findings)
    for name, stage in sla.stages.items():
        _stage(name, stage, text, findings)
    _tiers(text, open_times, findings)


def _ladders(text: PolicyText, findings: Findings) -> None:
    for name, ladder in text.sla.ladders.items():
        if not ladder:
            findings.error(
                ("sla", "ladders", name), "it has no rung", "Add {after: 0s, to: owner, via: […]}."
            )
        before = 0
        for i, step in enumerate(ladder):
            at: Path = ("sla", "ladders", name, i)
            after = duration(step.after)
            if after < 0:
                findings.error(
                    (*at, "after"),
                    "a rung comes after its deadline, not before it",
                    "Write 0s; `sla.warn` warns before it.",
                )
            elif after < before:
                findings.error(
                    (*at, "after"), "it comes before the rung above it", "Put the rungs in order of time."
                )
            before = max(before, after)
            if any(other.after == step.after and other.to == step.to for other in ladder[:i]):
                findings.error(
                    at, f"it tells the {step.to} again at the same time", "Put all of `via` into one rung."
                )
            for j, via in enumerate(step.via):
                if via not in text.delivery:
                    findings.error(
                        (*at, "via", j), f"there is no delivery {via!r}", nearest(via, text.delivery)
                    )


def _stage(name: str, stage: StageText, text: PolicyText, findings: Findings) -> None:
    """What can be said of a stage whatever the tier."""
    at: Path = ("sla", "stages", name)
    if stage.ladder not in text.sla.ladders:
        findings.error(
            (*at, "ladder") if stage.ladder != "default" else at,
            f"there is no ladder {stage.ladder!r}",
            nearest(stage.ladder, text.sla.ladders),
        )
    if stage.promise is not None and stage.within is not None:
        findings.error(
            (*at, "within"), "a promise has its own instant, it runs `within` nothing", "Drop one of the two."
        )
    if stage.promise is None and stage.within is None:
        findings.error(at, "it says neither `within` nor `promise`", "Write within: 2h, or promise: ship_by.")
    if stage.promise is None and stage.start is None:
        findings.error(
            at, "it does not say where its clock starts", "Write from: and the state that starts it."
        )
    if stage.promise is not None and stage.start is not None:
        findings.error((*at, "from"), "a promise runs from the order's placing", "Take `from` out.")
    if stage.within is not None:
        _within(stage.within, (*at, "within"), text, findings)
    states = {s.state: s.derived for lifecycle in text.lifecycles.values() for s in lifecycle.states}
    moved = {state for state, derived in states.items() if not derived}
    for key, state in (("from", stage.start), ("to", stage.stop)):
        if state is not None and state not in moved:
            why = "is only shown, no order enters it" if state in states else "is in no lifecycle"
            findings.error(
                (*at, key), f"the state {state!r} {why}, so the deadline cannot fire", nearest(state, moved)
            )
    if not any(name in tier.stages for tier in text.sla.tiers):
        findings.warning(
            at, "no tier names this stage, so it never runs", "Add it to a tier's stages, or take it out."
        )


def _within(within: str | dict[str, str], at: Path, text: PolicyText, findings: Findings) -> None:
    if isinstance(within, str):
        if not is_duration(within):
            findings.error(at, f"{within!r} is no duration", "Write a duration such as 45m or 2h.")
        elif not duration(within):
            findings.error(
                at, "a deadline of no time is always missed", "Write the time allowed, such as 30m."
            )
        return
    if not within:
        findings.error(
            at, "it names no category, so the deadline never runs", "Write {other: 2h}, or one duration."
        )
    for category, time in within.items():
        if category != OTHER and category not in text.categories:
            findings.error(
                (*at, category),
                f"there is no category {category!r}",
                nearest(category, {*text.categories, OTHER}),
            )
        if not duration(time):
            findings.error(
                (*at, category),
                "a deadline of no time is always missed",
                "Write the time allowed, such as 30m.",
            )


def _tiers(text: PolicyText, open_times: dict[str, int | None], findings: Findings) -> None:
    tiers = text.sla.tiers
    names: dict[str, int] = {}
    left = set(text.channels)
    for i, tier in enumerate(tiers):
        at: Path = ("sla", "tiers", i)
        if tier.name in names:
            findings.error(
                (*at, "name"),
                f"the tier {tier.name!r} stands on line "
                f"{findings.line(('sla', 'tiers', names[tier.name]))} already",
                "Give each its own name: figures are told apart by it.",
            )
        names.setdefault(tier.name, i)
        for j, channel in enumerate(tier.channels):
            if channel not in text.channels:
                findings.error(
                    (*at, "channels", j), f"there is no channel {channel!r}", nearest(channel, text.channels)
                )
        if tier.calendar and tier.calendar not in text.calendars:
            findings.error(
                (*at, "calendar"),
                f"there is no calendar {tier.calendar!r}",
                nearest(tier.calendar, text.calendars),
            )
        for name, within in tier.within.items():
            here: Path = (*at, "within", name)
            if name not in tier.stages:
                findings.error(here, f"{name!r} is no stage of this tier", nearest(name, tier.stages))
            elif text.sla.stages.get(name) is not None and text.sla.stages[name].promise is not None:
                findings.error(here, f"{name!r} is a promise; the order sets its time", "Take it out.")
            _within(within, here, text, findings)
        channels = (set(tier.channels) & left) if tier.channels else set(left)
        maps = [
            text.lifecycles[text.channels[channel].lifecycle]
            for channel in sorted(channels)
            if text.channels[channel].lifecycle in text.lifecycles
        ]
        _tier_stages(tier, at, maps, text, open_times.get(tier.calendar), findings)
        if not tier.customers and not tier.amount_at_least:
            left -= channels
    _coverage(text, findings)


def _tier_stages(
    tier: TierText,
    at: Path,
    maps: list[LifecycleText],
    text: PolicyText,
    open_time_ahead: int | None,
    findings: Findings,
) -> None:
    """That each stage of a tier can run in one of the maps its orders follow, within the calendar's open
    time."""
    for i, name in enumerate(tier.stages):
        here: Path = (*at, "stages", i)
        stage = text.sla.stages.get(name)
        if stage is None:
            findings.error(here, f"there is no stage {name!r}", nearest(name, text.sla.stages))
            continue
        if name in tier.stages[:i]:
            findings.error(here, f"the stage {name!r} stands twice", "Keep one of the two.")
        if maps and (problem := _cannot_run(stage, maps)):
            findings.error(
                here,
                f"the deadline {name!r} cannot fire: {problem}",
                "Take it out of this tier, or correct `from` and `to` on line "
                f"{findings.line(('sla', 'stages', name))}.",
            )
        within = tier.within.get(name, stage.within)
        if within is None or stage.promise is not None or open_time_ahead is None:
            continue
        if isinstance(within, str) and not is_duration(within):
            continue
        longest = max(targets(within).values(), default=0)
        if 0 < open_time_ahead < longest:
            findings.error(
                here,
                f"the deadline {name!r} cannot fire: {tier.calendar!r} is open for less in two years",
                "Shorten `within`, or open the calendar for longer.",
            )


def _cannot_run(stage: StageText, maps: list[LifecycleText]) -> str:
    """Why no order of these maps could run the stage; "" if one could."""
    problem = ""
    for lifecycle in maps:
        start = stage.start or lifecycle.start
        ranks = {state.state: rank for rank, state in enumerate(lifecycle.states) if not state.derived}
        if (
            start not in ranks
            or lifecycle.start not in ranks
            or start not in reachable(lifecycle, lifecycle.start)
        ):
            problem = problem or f"no order of its channels enters {start!r}"
        elif stage.stop not in ranks or stage.stop not in reachable(lifecycle, start):
            problem = f"{stage.stop!r} is not reached from {start!r}"
        elif ranks[stage.stop] <= ranks[start]:
            problem = f"{start!r} is as advanced as {stage.stop!r}, so its clock stops at once"
        elif next(state.end for state in lifecycle.states if state.state == start):
            problem = f"{start!r} is an end, where no clock runs"
        else:
            return ""
    return problem


def _coverage(text: PolicyText, findings: Findings) -> None:
    """Tiers no order ever comes to, and orders no tier takes."""
    tiers = text.sla.tiers
    amounts = sorted({0, *(tier.amount_at_least for tier in tiers)})
    rules: list[Rule] = [
        (
            frozenset(tier.channels),
            frozenset(tier.customers),
            frozenset(str(amount) for amount in amounts if amount >= tier.amount_at_least)
            if tier.amount_at_least
            else frozenset(),
        )
        for tier in tiers
    ]
    customers = sorted({customer for tier in tiers for customer in tier.customers})
    matched, missed = first_matches(rules, (list(text.channels), [*customers, ""], list(map(str, amounts))))
    for i, tier in enumerate(tiers):
        if i not in matched and set(tier.channels) <= set(text.channels):
            earlier = shadow_of(rules, i)
            by = "those before it" if earlier is None else f"tier {tiers[earlier].name!r}"
            findings.error(
                ("sla", "tiers", i),
                f"the tier {tier.name!r} can never match: {by} takes all its orders",
                "Put the narrower tier first, or take it out.",
            )
    if missed is not None:
        channel, customer, amount = missed
        whose = f" of a {customer!r} customer" if customer else ""
        findings.warning(
            ("sla", "tiers"),
            f"an order of channel {channel!r}{whose}, amount {amount}, is in no tier and has no deadline",
            "End with a tier without conditions.",
        )


def _calendar(name: str, calendar: CalendarText, findings: Findings, now: int) -> int | None:
    """Its open time (µs) in the next two years; None if it cannot be compiled."""
    at: Path = ("calendars", name)
    for day in sorted(set(calendar.holidays) & calendar.special.keys()):
        findings.error(
            (*at, "special", str(day)),
            "the day is a holiday and has hours of its own",
            "Keep it in one of the two lists.",
        )
    hours: list[tuple[Path, list[str]]] = [
        ((*at, "hours", day), spans) for day, spans in calendar.hours.items()
    ]
    hours += [((*at, "special", str(day)), spans) for day, spans in calendar.special.items()]
    for here, texts in hours:
        spans = spans_of(texts)
        if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
            findings.error(here, "its hours overlap", "Write each span once, one after the other.")
    if not is_zone(calendar.zone):
        findings.error(
            (*at, "zone"), f"there is no time zone {calendar.zone!r}", nearest(calendar.zone, zones())
        )
        return None
    open_ahead = open_time(compile_calendar(name, calendar, now, now + AHEAD), now, now + AHEAD)
    if not open_ahead:
        findings.error(at, "it is never open in the next two years", "Give it hours on some day.")
    if calendar.known_until is not None:
        remind_from = (EPOCH + timedelta(microseconds=now + REMIND)).date()
        if calendar.known_until < remind_from:
            findings.warning(
                (*at, "known_until"),
                f"its holidays are known until {calendar.known_until} only; later ones count as working days",
                "Enter the holidays to come, and move known_until.",
            )
    return open_ahead
