"""Refold: a stream folded again in order of occurrence, and its outcome compared with the decisions that stand.

One mechanism for late facts that contradict the path or lie before a standing decision, for corrections and skips,
for faulted keys and for questions about the past (DESIGN.md, "Refold"). Clock = `time`; the policy is the one in force
at each instant. Compared by (type, key, cause): only what is new or no longer follows is emitted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from engine.fold.step import (
    Decided,
    Pipeline,
    decision_id,
    due_of,
    new_row,
    sameness_of,
    step_event,
    step_retarget,
    step_wake,
)
from projections.kernel import Context, Decision
from projections.policy import Policy
from projections.row import Row, Standing
from schemas.data import decode_data
from schemas.envelope import Event
from schemas.events import decisions as made
from schemas.events.common import Data
from schemas.registry import TYPES

INPUT_LIMIT = 2_000
"""A longer stream is not folded again but becomes a work item."""

_WITHDRAWN_AS = {
    "order.frozen.v1": "order.thawed.v1",
    "order.doubted.v1": "order.doubt_cleared.v1",
    "sla.breached.v1": "sla.excused.v1",
    "work.opened.v1": "work.closed.v1",
}
_NONE_PINNED: Mapping[int, str] = MappingProxyType({})
_ANSWERS = frozenset(_WITHDRAWN_AS.values()) | {"decision.withdrawn.v1"}
"""Decisions that only ever answer another: a refold does not look for them."""


class Timeline:
    """The policies of a partition in order of the stream time they came into force."""

    def __init__(self, policies: Sequence[tuple[int, Policy]]) -> None:
        assert policies, "a partition has a policy before it has an event"
        self._from = [since for since, _ in policies]
        self._policies = [policy for _, policy in policies]

    def at(self, instant: int) -> Policy:
        """The policy in force at `instant`; before the first one, the first."""
        return self._policies[max(0, bisect_right(self._from, instant) - 1)]

    def changes(self, after: int, upto: int) -> list[tuple[int, Policy]]:
        """Publications with after < instant ≤ upto."""
        low = max(1, bisect_right(self._from, after))
        high = bisect_right(self._from, upto)
        return list(zip(self._from[low:high], self._policies[low:high], strict=True))

    def add(self, since: int, policy: Policy) -> None:
        self._from.append(since)
        self._policies.append(policy)

    @property
    def last(self) -> Policy:
        return self._policies[-1]


def effective(inputs: Iterable[Event]) -> list[Event]:
    """What holds of a stream's inputs, in log order: skipped events left out, corrected ones with what holds instead."""
    events = list(inputs)
    skipped: set[tuple[str, str]] = set()
    corrected: dict[tuple[str, str], msgspec.Raw] = {}
    for event in events:
        if event.type == "event.skipped.v1":
            skipped.add((event.data.source, event.data.id))
        elif event.type == "event.corrected.v1":
            corrected[(event.data.source, event.data.id)] = event.data.data
    kept = [event for event in events if (event.source, event.id) not in skipped]
    if corrected:
        kept = [
            replace(event, data=decode_data(event.type, bytes(corrected[(event.source, event.id)])))
            if (event.source, event.id) in corrected
            else event
            for event in kept
        ]
    return kept


def _judged(events: Iterable[Event]) -> dict[str, str]:
    """Judge sameness in log order; returns the facts by business key."""
    facts: dict[str, str] = {}
    for event in events:
        spec = TYPES.get(event.type)
        if spec is not None and spec.key is not None:
            event.sameness = sameness_of(facts, spec, event)
    return facts


def fold_again(
    subject: str,
    pipeline: Pipeline,
    inputs: Iterable[Event],
    timeline: Timeline,
    until: int,
    pinned: Mapping[int, str] = _NONE_PINNED,
) -> tuple[Row, list[Decided]]:
    """A fresh row of the inputs folded in order of occurrence, timers fired to `until`, and all it decided."""
    row = new_row(subject, pipeline)
    ctx = Context()
    ctx.refolding = True
    ctx.pinned = pinned
    decided: list[Decided] = []
    clock = 0

    def run_to(instant: int, inclusive: bool) -> None:
        nonlocal clock
        for at, policy in timeline.changes(clock, instant) if clock else ():
            fire(at, False)
            decided.extend(step_retarget(row, pipeline, timeline.at(at - 1), policy, at, ctx))
            clock = at
        fire(instant, inclusive)
        clock = max(clock, instant)

    def fire(instant: int, inclusive: bool) -> None:
        while (due := due_of(row, pipeline)) and (due < instant or (inclusive and due == instant)):
            decided.extend(step_wake(row, pipeline, due, timeline.at(due), ctx))

    events = effective(inputs)
    row.facts = _judged(events)
    for event in sorted(events, key=lambda event: (event.time, event.streamversion)):
        run_to(event.time, False)
        decided += step_event(row, pipeline, event, timeline.at(event.time), ctx, event.time)
        row.latest = max(row.latest, event.time)
        row.version = max(row.version, event.streamversion)
    run_to(until, True)
    return row, decided


def for_a_person(row: Row, inputs: Iterable[Event], policy: Policy) -> dict[int, str]:
    """Versions of the events whose standing freeze only a person may lift, each with the state it met: the row's offence
    knows it. Of a freeze a person has judged already the offence is gone; there the trigger alone decides, so that what
    was judged is not thawed once more."""
    frozen = {one.cause for one in row.standing if one.type == "order.frozen.v1"}
    if not frozen:
        return {}
    thaws = policy.lifecycle_of(row.channel).person_thaws
    found: dict[int, str] = {}
    offence = row.lifecycle.offence if row.lifecycle is not None else None
    if offence is not None and offence.version in frozen:
        frozen.remove(offence.version)
        if (offence.state, offence.trigger) in thaws:
            found[offence.version] = offence.state
    triggers = {trigger for _, trigger in thaws}
    for event in inputs if frozen else ():
        if event.streamversion in frozen and event.type.rpartition(".")[0] in triggers:
            found[event.streamversion] = ""
    return found


def refold(
    old: Row, pipeline: Pipeline, inputs: Sequence[Event], timeline: Timeline, event: Event, reason: str
) -> tuple[Row, list[Decided]]:
    """The row after `event` made the stream worth folding again, and what is thereby new or withdrawn.

    `inputs` are the stream's, up to and with `event`; the outcome holds as of the event's stream time."""
    pinned = for_a_person(old, inputs, timeline.last)
    row, derived = fold_again(old.subject, pipeline, inputs, timeline, event.streamtime, pinned)
    row.first, row.version, row.streamtime, row.latest = old.first, old.version, old.streamtime, old.latest
    row.late, row.excused = old.late, old.excused

    standing: defaultdict[tuple[str, str, int], list[Standing]] = defaultdict(list)
    for known in old.standing:
        standing[(known.type, known.key, known.cause)].append(known)
    new: list[Decided] = []
    stands: list[Standing] = []
    for item in derived:
        decision = item.decision
        known_here = standing[(decision.type, decision.key, decision.cause)]
        if known_here:
            stands.append(known_here.pop(0))
        else:
            # Of a cause that was decided and cleared before, this is another decision: the refold's event tells them apart.
            item.id = decision_id(old.subject, decision, len(new), -event.streamversion)
            new.append(item)
            stands.append(Standing(item.id, decision.type, decision.key, decision.cause, item.time))
    row.standing = tuple(stands[-256:])
    row.decided = max((one.time for one in row.standing), default=0)

    still_open = {(work.work, work.cause) for work in old.work}
    withdrawn: list[Decided] = []
    gone = (one for left in standing.values() for one in left if one.type not in _ANSWERS)
    for known in sorted(gone, key=lambda one: (one.time, one.id)):
        if known.type == "work.opened.v1" and (known.key, known.cause) not in still_open:
            continue
        withdrawn.append(_withdrawal(row, known, event, reason, len(withdrawn)))
        if known.type == "sla.breached.v1":
            row.excused += 1
    return row, withdrawn + new


def _withdrawal(row: Row, known: Standing, event: Event, reason: str, ordinal: int) -> Decided:
    type_ = _WITHDRAWN_AS.get(known.type, "decision.withdrawn.v1")
    data: Data
    if type_ == "order.thawed.v1":
        data = made.OrderThawed(reason)
    elif type_ == "order.doubt_cleared.v1":
        data = made.OrderDoubtCleared(reason)
    elif type_ == "sla.excused.v1":
        data = made.SlaExcused(known.key, reason)
    elif type_ == "work.closed.v1":
        data = made.WorkClosed(known.key, reason)
    else:
        data = made.DecisionWithdrawn(known.id, known.type, reason)
    decision = Decision("refold", type_, known.key, event.streamversion, 0, data)
    id_ = decision_id(row.subject, decision, ordinal)
    if type_ == "work.closed.v1":
        row.work = tuple(work for work in row.work if (work.work, work.cause) != (known.key, known.cause))
    return Decided(id_, event.streamtime, decision)


__all__ = ["INPUT_LIMIT", "Timeline", "effective", "fold_again", "for_a_person", "refold"]
