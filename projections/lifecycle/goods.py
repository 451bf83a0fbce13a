"""Lines and parcels: which goods a fact speaks for, and where it takes them.

Goods move by line and parcel (DOMAIN.md, "Lifecycle"). A fact speaks for the lines it names; without lines for
its parcel's, which for a parcel first heard of are all lines in no other parcel; without a parcel for the
whole order. It is legal if the map has a move for every line it names. Of lines it does not name, those stand
aside that are past its target already, or at an end, as long as some line moves. A line divided between
parcels is as far as the furthest of them.
"""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from projections.lifecycle.paths import claimed
from projections.lifecycle.state import (
    CANCELLED,
    PARCELS_KEPT,
    PART_SHIPPED,
    SHIPPED,
    Fact,
    LifecycleState,
    LineState,
    Parcel,
)
from projections.policy import LifecycleMap

How = Literal["judged", "tried", "forced"]
"""judged: an illegal fact is refused; tried: lines that cannot move stay; forced: they go where it claims."""


def enter(
    state: LifecycleState, to: str, time: int, version: int, parcels: tuple[Parcel, ...]
) -> LifecycleState:
    """All goods together enter the state `to`."""
    return replace(
        state, state=to, since=time, entered=(*state.entered, (to, time, version)), parcels=parcels
    )


def advance(
    state: LifecycleState, fact: Fact, map_: LifecycleMap, trigger: str, how: How = "judged"
) -> LifecycleState | str:
    """The order after `fact`, its `trigger` read by the map; or, refused, the state it met that has no way for
    it. A fact dated before the last move (one taken up again) moves the order at the instant of that move."""
    lines, named = spoken_for(state, fact)
    time = max(fact.time, state.since)
    if state.cancelled and how == "judged" and (named or not lines):
        gone = _gone(state, fact, map_, trigger)
        if gone:
            return gone
    if not state.lines and len(lines) == len(state.live):
        at = state.state
        to = map_.moves.get((at, trigger))
        if to is None and not lines:
            if how == "tried" or (_spare(state, fact) and _past(map_, at, claimed(map_, at, trigger))):
                to = at
            elif how == "forced":
                to = claimed(map_, at, trigger)
            else:
                return at
        if to is not None:
            parcels = note_parcel(state, fact, lines, to)
            if to == at:
                return replace(state, parcels=parcels, stayed=max(state.stayed, fact.time))
            moved = tuple(replace(parcel, state=to) if parcel.state else parcel for parcel in parcels)
            return enter(state, to, time, fact.version, moved)
    if state.lines:
        here = {each.line: each for each in state.lines}
    else:
        here = {line: LineState(line, state.state, state.since) for line in state.live}
    targets = _targets(state, fact, map_, trigger, how, named, {line: here[line].state for line in lines})
    if isinstance(targets, str):
        return targets
    return _moved(state, fact, map_, trigger, here, targets, time)


def spoken_for(state: LifecycleState, fact: Fact) -> tuple[tuple[str, ...], bool]:
    """The lines not cancelled that a fact speaks for, in the order's order, and whether it names them."""
    if fact.lines and (state.live or state.cancelled):
        named = set(fact.lines)
        return tuple([line for line in state.live if line in named]), True
    if fact.parcel or fact.waybill:
        known = _known_parcel(state, fact)
        if known is not None:
            if known.lines == state.live:
                return state.live, False
            return tuple([line for line in state.live if line in known.lines]), False
        taken = {line for parcel in state.parcels for line in parcel.lines}
        free = tuple(line for line in state.live if line not in taken)
        if free:
            return free, False
    return state.live, False


def _known_parcel(state: LifecycleState, fact: Fact) -> Parcel | None:
    """The parcel a fact names, if its goods are known."""
    index = find_parcel(state.parcels, fact.parcel, fact.waybill)
    return state.parcels[index] if index >= 0 and state.parcels[index].state else None


def unknown_lines(state: LifecycleState, fact: Fact) -> tuple[str, ...]:
    """Lines a fact names that the order does not have. An order that came without lines cannot tell."""
    if not fact.lines or not (state.live or state.cancelled):
        return ()
    known = {*state.live, *state.cancelled}
    if known.issuperset(fact.lines):
        return ()
    return tuple(line for line in fact.lines if line not in known)


def _spare(state: LifecycleState, fact: Fact) -> bool:
    """A parcel first heard of when all goods are in others: its feed numbers parcels its own way, or does not
    say what is inside. It may say what is known already."""
    return (
        bool(fact.parcel or fact.waybill)
        and not fact.lines
        and any(parcel.state for parcel in state.parcels)
        and _known_parcel(state, fact) is None
    )


def _past(map_: LifecycleMap, at: str, target: str) -> bool:
    return at not in map_.terminal and map_.rank.get(at, -1) >= map_.rank.get(target, -1)


def _gone(state: LifecycleState, fact: Fact, map_: LifecycleMap, trigger: str) -> str:
    """The state of cancelled lines, if a fact names some that cannot take it there; "" if not. To cancel
    them again says nothing new."""
    if trigger == CANCELLED:
        return ""
    parcel = None if fact.lines else _known_parcel(state, fact)
    named = set(parcel.lines if parcel else fact.lines)
    gone = claimed(map_, map_.start, CANCELLED)
    touched = any(line in named for line in state.cancelled)
    return gone if touched and map_.moves.get((gone, trigger)) != gone else ""


def _targets(
    state: LifecycleState,
    fact: Fact,
    map_: LifecycleMap,
    trigger: str,
    how: How,
    named: bool,
    stood: dict[str, str],
) -> dict[str, str] | str:
    """Where each line spoken for goes, those that stand aside left out; or the state that refuses."""
    targets: dict[str, str] = {}
    refusing: list[str] = []
    for line, at in stood.items():
        to = map_.moves.get((at, trigger))
        if to is None:
            refusing.append(line)
        else:
            targets[line] = to
    if how == "tried" or not refusing:
        return targets
    if how == "forced":
        return targets | {line: claimed(map_, stood[line], trigger) for line in refusing}
    goal = min(targets.values(), key=lambda to: map_.rank[to], default="")
    spare = _spare(state, fact)
    for line in refusing:
        at = stood[line]
        past = _past(map_, at, goal or claimed(map_, at, trigger))
        if named:
            aside = past and any(
                line in parcel.lines and parcel.parcel != fact.parcel for parcel in state.parcels
            )
        else:
            aside = (bool(goal) and (past or at in map_.terminal)) or (spare and past)
        if not aside:
            return at
    return targets


def _moved(
    state: LifecycleState,
    fact: Fact,
    map_: LifecycleMap,
    trigger: str,
    here: dict[str, LineState],
    targets: dict[str, str],
    time: int,
) -> LifecycleState:
    """The order with some of its lines moved, and shown by what they come to."""
    live, cancelled = state.live, state.cancelled
    changed = False
    last = state.state
    for line, to in targets.items():
        if trigger == CANCELLED and to in map_.terminal:
            live = tuple(other for other in live if other != line)
            cancelled = (*cancelled, line)
            last = to
            del here[line]
            changed = True
        elif to != here[line].state:
            here[line] = LineState(line, to, time)
            changed = True
    if not changed:
        parcels = note_parcel(state, fact, tuple(targets), state.state)
        return replace(state, parcels=parcels, stayed=max(state.stayed, fact.time))
    states = {each.state for each in here.values()}
    shown = shown_state(map_, states) if states else last
    together = len(states) <= 1
    parcels = tuple(
        [_stands(map_, parcel, here, last) for parcel in note_parcel(state, fact, tuple(targets), shown)]
    )
    entered = state.entered if shown == state.state else (*state.entered, (shown, time, fact.version))
    return replace(
        state,
        state=shown,
        since=time,
        entered=entered,
        live=live,
        cancelled=cancelled,
        lines=() if together else tuple([here[line] for line in live]),
        parcels=parcels,
    )


def shown_state(map_: LifecycleMap, states: set[str]) -> str:
    """What an order whose lines stand in `states` is shown as: the least advanced of them, or part_shipped while
    some of them have left and some have not, if the map knows that state."""
    if len(states) == 1:
        return next(iter(states))
    ranks = [(map_.rank.get(state, -1), state) for state in states]
    rank, least = min(ranks)
    left = map_.rank.get(SHIPPED)
    if left is None or PART_SHIPPED not in map_.rank or rank >= left:
        return least
    return PART_SHIPPED if max(ranks)[0] >= left else least


def _stands(map_: LifecycleMap, parcel: Parcel, here: dict[str, LineState], gone: str) -> Parcel:
    """The parcel, as far as the least advanced of its goods; `gone` once they are all cancelled."""
    if not parcel.state:
        return parcel
    states = [here[line].state for line in parcel.lines if line in here]
    if len(states) > 1:
        least = min(states, key=lambda state: map_.rank.get(state, -1))
    else:
        least = states[0] if states else gone
    return parcel if parcel.state == least else replace(parcel, state=least)


def note_parcel(state: LifecycleState, fact: Fact, lines: tuple[str, ...], stands: str) -> tuple[Parcel, ...]:
    """The order's parcels, with what `fact` says of the one it names: its goods and its waybill."""
    parcels = state.parcels
    if not fact.parcel and not fact.waybill:
        return parcels
    index = find_parcel(parcels, fact.parcel, fact.waybill)
    if index < 0:
        if len(parcels) >= PARCELS_KEPT:
            return parcels
        return (*parcels, Parcel(fact.parcel, lines, stands, fact.waybill))
    known = parcels[index]
    held = known.lines
    if lines != held and not set(held).issuperset(lines):
        held = tuple(line for line in state.live if line in held or line in lines)
    noted = Parcel(
        known.parcel or fact.parcel,
        held,
        known.state or stands,
        fact.waybill or known.waybill,
        known.scan,
        known.scanned,
    )
    return parcels if noted == known else (*parcels[:index], noted, *parcels[index + 1 :])


def find_parcel(parcels: tuple[Parcel, ...], number: str, waybill: str) -> int:
    """Index of the parcel of that number, else of that waybill, else of the only one if it lacks what is given;
    -1 if there is none."""
    if number:
        for index, parcel in enumerate(parcels):
            if parcel.parcel == number:
                return index
    if waybill:
        for index, parcel in enumerate(parcels):
            if parcel.waybill == waybill and not (number and parcel.parcel):
                return index
    if len(parcels) == 1:
        only = parcels[0]
        if not (number and only.parcel) and not (waybill and only.waybill):
            return 0
    return -1
