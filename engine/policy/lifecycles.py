"""Checks of lifecycles and of the channels that follow them.

A map must let every order in, through and out: each state is reached from `start`, each that is no end has a
way to one, and for a state and a trigger there is one answer."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from engine.policy.calendars import is_zone, zones
from engine.policy.document import Path
from engine.policy.finding import Findings, nearest
from schemas.envelope import micros
from schemas.policy import LifecycleText, PolicyText, duration
from schemas.vocabulary import DERIVED_STATES, TRIGGERS

PLACED = "order.placed"
DISPATCHED = "fulfilment.dispatched"
PART_SHIPPED = "part_shipped"
_FIRST = "Write the first instant your orders can have, such as 2016-01-01T00:00:00Z."


def check(text: PolicyText, findings: Findings, now: int) -> None:
    """Lifecycles, channels, and what the whole engine runs by."""
    for name, lifecycle in text.lifecycles.items():
        _lifecycle(lifecycle, ("lifecycles", name), findings)
    _channels(text, findings)
    if not duration(text.timers.settle):
        findings.error(
            ("timers", "settle"),
            "a deadline already past would be due again at once, for ever",
            "Write a duration of at least 1ms; 2s is usual.",
        )
    _limits(text, findings, now)


def reachable(lifecycle: LifecycleText, start: str) -> set[str]:
    """The states moves lead to from `start`, itself included."""
    ways: dict[str, set[str]] = {}
    for move in lifecycle.moves:
        if move.target is not None:
            for state in move.origins:
                ways.setdefault(state, set()).add(move.target)
    found = {start}
    edge = [start]
    while edge:
        for state in ways.get(edge.pop(), ()):
            if state not in found:
                found.add(state)
                edge.append(state)
    return found


def _lifecycle(lifecycle: LifecycleText, at: Path, findings: Findings) -> None:
    states: dict[str, int] = {}
    for i, state in enumerate(lifecycle.states):
        here = (*at, "states", i)
        if state.state in states:
            first = findings.line((*at, "states", states[state.state]))
            findings.error(
                here, f"the state {state.state!r} stands twice, first on line {first}", "Keep one of the two."
            )
        states.setdefault(state.state, i)
        if state.derived and state.state not in DERIVED_STATES:
            findings.error(
                (*here, "derived"),
                f"the engine shows no state {state.state!r} by itself",
                f"Drop `derived` and give the state moves; derived is only {_listed(DERIVED_STATES)}.",
            )
        if state.state in DERIVED_STATES and not state.derived:
            findings.error(
                here,
                f"{state.state!r} is shown by the engine itself, no move leads there",
                "Write `derived: true`.",
            )
    derived = {state.state for state in lifecycle.states if state.derived or state.state in DERIVED_STATES}
    if lifecycle.start not in states or lifecycle.start in derived:
        findings.error(
            (*at, "start"),
            f"there is no state {lifecycle.start!r} to start in",
            nearest(lifecycle.start, states.keys() - derived),
        )
    _moves(lifecycle, at, states.keys() - derived, findings)
    triggers = {move.trigger for move in lifecycle.moves}
    if DISPATCHED in triggers and PART_SHIPPED not in states:
        findings.error(
            (*at, "states"),
            f"orders can be shipped in parts here, and {PART_SHIPPED!r} has no words",
            "Add {state: part_shipped, words: …, derived: true} before the state in which all is shipped.",
        )
    if duration(lifecycle.grace) == 0:
        findings.warning(
            (*at, "grace"), "without grace, news in the wrong order freezes at once", "Write 120s, the usual."
        )
    _person_thaws(lifecycle, at, triggers, states, findings)
    if lifecycle.start in states:
        _ways(lifecycle, at, states, derived, findings)


def _person_thaws(
    lifecycle: LifecycleText, at: Path, triggers: set[str], states: Iterable[str], findings: Findings
) -> None:
    """That each trigger can freeze an order in each of its states."""
    legal = {(state, move.trigger) for move in lifecycle.moves for state in (*move.origins, *move.stay)}
    for trigger, met in (lifecycle.person_thaws or {}).items():
        here = (*at, "person_thaws", trigger)
        if trigger not in triggers:
            findings.error(
                here,
                f"no move names {trigger!r}, so it never freezes an order",
                nearest(trigger, triggers),
            )
            continue
        for i, state in enumerate(met):
            if state not in states:
                findings.error((*here, i), f"there is no state {state!r}", nearest(state, states))
            elif (state, trigger) in legal:
                findings.error(
                    (*here, i),
                    f"{trigger} is legal in {state!r}, so it never freezes an order there",
                    "Drop the state, or the move.",
                )


def _moves(lifecycle: LifecycleText, at: Path, states: set[str], findings: Findings) -> None:
    """Each move by itself, and that state and trigger have one answer."""
    answers: dict[tuple[str, str], tuple[str, Path]] = {}
    for i, move in enumerate(lifecycle.moves):
        here = (*at, "moves", i)
        if move.trigger == PLACED:
            findings.error(
                (*here, "trigger"),
                "order.placed creates the order in `start`; it moves none",
                "Take the move out.",
            )
        elif move.trigger not in TRIGGERS:
            findings.error(
                (*here, "trigger"), f"there is no trigger {move.trigger!r}", nearest(move.trigger, TRIGGERS)
            )
        if not move.origins and not move.stay:
            findings.error(
                here, "it moves from nowhere and stays nowhere", "Give it `from` and `to`, or `stay`."
            )
        if move.origins and move.target is None:
            findings.error(
                here, "it has `from` but no `to`", "Say where it moves to; or write `stay` instead of `from`."
            )
        if move.target is not None and not move.origins:
            findings.error((*here, "to"), "it has `to` but no `from`", "Say from which states it moves.")
        if move.target is not None and move.target not in states:
            findings.error(
                (*here, "to"), f"there is no state {move.target!r} to move to", nearest(move.target, states)
            )
        told = [("from", j, state, move.target or "") for j, state in enumerate(move.origins)]
        told += [("stay", j, state, state) for j, state in enumerate(move.stay)]
        for key, j, state, target in told:
            place = (*here, key, j)
            if state not in states:
                findings.error(place, f"there is no state {state!r}", nearest(state, states))
                continue
            known = answers.setdefault((state, move.trigger), (target, place))
            if known[1] != place:
                verb = "contradicts" if known[0] != target else "repeats"
                findings.error(
                    place,
                    f"{move.trigger} in {state!r} → {target!r} {verb} "
                    f"line {findings.line(known[1])} (→ {known[0]!r})",
                    "Keep one of the two: a trigger has one answer in a state.",
                )


def _ways(
    lifecycle: LifecycleText, at: Path, states: dict[str, int], derived: set[str], findings: Findings
) -> None:
    """That every state is reached, and that from every one the order can come to an end."""
    ends = {state.state for state in lifecycle.states if state.end}
    if not ends:
        findings.error(
            (*at, "states"),
            "no state is an end, so no order is ever finished",
            "Mark the last with `end: true`.",
        )
        return
    found = reachable(lifecycle, lifecycle.start)
    onward = {
        state
        for move in lifecycle.moves
        for state in move.origins
        if move.target is not None and move.target != state
    }
    for name, i in states.items():
        if name in derived:
            continue
        here = (*at, "states", i)
        if name not in found:
            findings.error(
                here,
                f"the state {name!r} cannot be reached from {lifecycle.start!r}",
                f"Add a move with `to: {name}` from a state that is reached, or take the state out.",
            )
        elif name in ends:
            continue
        elif name not in onward:
            findings.error(
                here,
                f"the state {name!r} is a dead end: no move leads on",
                "Add a move from it, or mark it `end: true`.",
            )
        elif not reachable(lifecycle, name) & ends:
            findings.error(
                here,
                f"from {name!r} no end can be reached",
                f"Add a move towards {_listed(ends)}, or mark an end on its way.",
            )


def _channels(text: PolicyText, findings: Findings) -> None:
    followed = set()
    sources: list[tuple[str, Path]] = []
    for name, channel in text.channels.items():
        at: Path = ("channels", name)
        followed.add(channel.lifecycle)
        if channel.lifecycle not in text.lifecycles:
            findings.error(
                (*at, "lifecycle"),
                f"there is no lifecycle {channel.lifecycle!r}",
                nearest(channel.lifecycle, text.lifecycles),
            )
        if not is_zone(channel.zone):
            findings.error(
                (*at, "zone"), f"there is no time zone {channel.zone!r}", nearest(channel.zone, zones())
            )
        for i, source in enumerate(channel.sources):
            here = (*at, "sources", i)
            if source.startswith("/orderfold"):
                findings.error(
                    here, "sources under /orderfold are the engine's own", "Name the channel's own source."
                )
            wider = next((place for pattern, place in sources if fnmatchcase(source, pattern)), None)
            if wider is not None:
                findings.error(
                    here,
                    f"it never matches: line {findings.line(wider)} takes {source!r} first",
                    "Make the earlier pattern narrower, put this channel before it, or drop this pattern.",
                )
            sources.append((source, here))
    if text.default_channel not in text.channels:
        findings.error(
            ("default_channel",),
            f"there is no channel {text.default_channel!r}",
            nearest(text.default_channel, text.channels),
        )
    for name in text.lifecycles:
        if name not in followed:
            findings.warning(
                ("lifecycles", name),
                "no channel follows this lifecycle",
                "Name it under a channel, or take it out.",
            )


def _limits(text: PolicyText, findings: Findings, now: int) -> None:
    intake = text.intake
    if micros(intake.earliest) < 0:
        findings.error(("intake", "earliest"), "instants are counted from 1970 on", _FIRST)
    elif micros(intake.earliest) > now:
        findings.warning(("intake", "earliest"), "until then every event is refused", _FIRST)
    if intake.max_body_bytes < intake.max_event_bytes:
        findings.error(
            ("intake", "max_body_bytes"),
            f"a request could not carry one event of {intake.max_event_bytes} bytes",
            "Write at least max_event_bytes.",
        )
    if duration(text.views.flush_idle) > duration(text.views.flush_latest):
        findings.error(
            ("views", "flush_latest"),
            "it comes before flush_idle, which then never counts",
            "Write at least flush_idle.",
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
