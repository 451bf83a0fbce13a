"""One step of one stream: an event, a wake or a re-target goes through the pipeline, decisions down it at once.

Pure but for the row it is given: no store, no clock. The host, a refold, `replay verify` and `--at` all step here, so
they cannot differ.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from hashlib import blake2b, sha256
from operator import attrgetter
from typing import Any

import msgspec

from projections.kernel import Context, Decision, Fold, Handler, Work
from projections.policy import Policy
from projections.row import PIPELINES, Row, Standing
from schemas.envelope import CONFLICT, FRESH, REPEAT, Event
from schemas.events.decisions import WorkOpened
from schemas.registry import TYPES, EventType

CONFLICTED = "fact.conflicted"
"""The handler name under which folds see a second fact of a known key with other content."""

UNKNOWN = "type.unknown"
"""The handler name under which folds see an event of a type this release does not know."""

STANDING_LIMIT = 256
PLANS_KEPT = 1_000

_pack = msgspec.msgpack.Encoder().encode
_CONTENTS: dict[str, Callable[[Any], Any]] = {
    name: attrgetter(*spec.content) for name, spec in TYPES.items() if spec.content
}
"""What a fact must agree in with another of its key, by type: one value, or a tuple of several."""


class FoldFault(Exception):
    """A fold raised; the row is as it was before the step. `fold` and `traceback` say where."""

    def __init__(self, fold: str, text: str) -> None:
        super().__init__(f"{fold}: {text.splitlines()[-1] if text else ''}")
        self.fold = fold
        self.text = text


class Decided(msgspec.Struct, gc=False):
    """A decision with its id and the times of its step: `time` is the due instant, else the step's stream time."""

    id: str
    time: int
    decision: Decision


class Pipeline:
    """The folds of one kind of subject, each with the field of `Row` its state is in, and what is asked of them for
    every event, worked out once: who is concerned by a type, who has timers, who tells facts that a refold may correct, which
    types are judged by when they occurred."""

    __slots__ = ("_plans", "folds", "judged", "telling", "timers")

    def __init__(self, folds: tuple[tuple[str, Fold[Any]], ...]) -> None:
        self.folds = folds
        self.timers = tuple((field, fold.due) for field, fold in folds if type(fold).due is not Fold.due)
        self.telling = tuple(
            (field, fold) for field, fold in folds if type(fold).refolded is not Fold.refolded
        )
        self.judged = frozenset[str]().union(*(fold.judged for _, fold in folds))
        self._plans: dict[str, tuple[tuple[int, str, str, Handler], ...]] = {}

    def plan(self, name: str) -> tuple[tuple[int, str, str, Handler], ...]:
        """(place after it, field, fold name, handler) of the folds concerned by events of that name, in order."""
        plan = self._plans.get(name)
        if plan is None:
            plan = tuple(
                (index + 1, field, fold.name, fold.handlers[name])
                for index, (field, fold) in enumerate(self.folds)
                if name in fold.handlers
            )
            if (
                len(self._plans) < PLANS_KEPT
            ):  # senders choose their types: without a bound they could fill the memory
                self._plans[name] = plan
        return plan

    def __iter__(self) -> Iterator[tuple[str, Fold[Any]]]:
        return iter(self.folds)

    def __len__(self) -> int:
        return len(self.folds)


_PIPELINES = {kind: Pipeline(folds) for kind, folds in PIPELINES.items()}
_NO_FOLDS = Pipeline(())


def pipeline_of(subject: str) -> Pipeline:
    """Stage 1 for a subject's kind; empty where no fold is concerned."""
    return _PIPELINES.get(subject.partition("/")[0], _NO_FOLDS)


def new_row(subject: str, pipeline: Pipeline) -> Row:
    """The row of a stream nothing is known of."""
    row = Row(subject, facts={})
    for field, fold in pipeline:
        setattr(row, field, fold.initial(subject))
    return row


def due_of(row: Row, pipeline: Pipeline) -> int:
    """The earliest instant any fold of the row wants to be woken at, 0 for none."""
    earliest = 0
    for field, due_in in pipeline.timers:
        due = due_in(getattr(row, field))
        if due and (not earliest or due < earliest):
            earliest = due
    return earliest


def decision_id(subject: str, decision: Decision, ordinal: int, step: int = 0) -> str:
    """hash(fold, type, key, cause, due, ordinal): the same decision has the same id wherever it is derived. `step` is the
    event whose step made it, where that is not the cause, or less than 0 the one whose refold did: what was cleared may be
    decided once more of the same cause."""
    cause = f"{decision.cause}:{step}" if step and step != decision.cause else str(decision.cause)
    text = f"{decision.fold}|{decision.type}|{decision.key}|{subject}@{cause}|{decision.due}|{ordinal}"
    return sha256(text.encode()).hexdigest()[:32]


def step_event(
    row: Row, pipeline: Pipeline, event: Event, policy: Policy, ctx: Context, now: int
) -> list[Decided]:
    """Fold one event into the row at stream time `now`. Raises FoldFault with the row's states untouched.

    A repeat of a known fact moves nothing; `ctx.wanted` is set when a fold asks for a refold. In a refold sameness is
    taken as judged before: of two facts under one key the one stored first holds, whenever they occurred."""
    ctx.wanted = ""
    if not row.first:
        row.first = event.streamtime
    if not row.channel:
        row.channel = _channel_of(row.subject, event, policy)
    spec = TYPES.get(event.type)
    sameness = FRESH
    if spec is None:
        row.unknown += 1
    elif spec.key is not None:
        if not ctx.refolding:
            event.sameness = sameness_of(row.facts, spec, event)
        sameness = event.sameness
        if sameness == REPEAT:
            row.repeats += 1
            return []
        if sameness == CONFLICT:
            row.conflicts += 1
    name = UNKNOWN if spec is None else CONFLICTED if sameness else event.type
    ctx.policy = policy
    ctx.row = row
    ctx.now = now
    ctx.cause = event.streamversion
    decisions: list[Decision] = []
    ctx.decisions = decisions
    before: list[tuple[str, Any]] = []
    try:
        for after, field, fold, handler in pipeline.plan(name):
            ctx.fold = fold
            state = getattr(row, field)
            before.append((field, state))
            setattr(row, field, handler(state, event, ctx))
            if decisions:
                # From here on every fold also hears what was decided: the event first, then decisions as made.
                for later, listener in pipeline.folds[after:]:
                    before.append((later, getattr(row, later)))
                    _told(row, later, listener, event, name, decisions, ctx)
                break
    except Exception:
        _undo(row, before)
        raise FoldFault(ctx.fold, traceback.format_exc(limit=-8)) from None
    return _settle(row, decisions, now, event.streamversion) if decisions else []


def _channel_of(subject: str, event: Event, policy: Policy) -> str:
    """An order's channel is in its name (`order/<channel>:<number>`): its first event may come from a gateway or carrier."""
    named = subject.partition("/")[2].partition(":")[0]
    return named if named in policy.channels else event.channel


def step_wake(row: Row, pipeline: Pipeline, due: int, policy: Policy, ctx: Context) -> list[Decided]:
    """Wake, in order, every fold of the row whose timer is due at `due`."""
    decided: list[Decided] = []
    for index, (field, fold) in enumerate(pipeline):
        if fold.due(getattr(row, field)) == due:
            decided += _from(row, pipeline, index, "wake", due, due, policy, policy, ctx)
            left = fold.due(getattr(row, field))
            if left and left <= due:
                raise FoldFault(fold.name, f"wake at {due} left the earlier due {left}")
    return decided


def step_retarget(
    row: Row, pipeline: Pipeline, old: Policy, new: Policy, now: int, ctx: Context
) -> list[Decided]:
    """Put the row under a new policy, fold by fold."""
    decided: list[Decided] = []
    for index in range(len(pipeline.folds)):
        decided += _from(row, pipeline, index, "retarget", now, 0, old, new, ctx)
    return decided


def sameness_of(facts: dict[str, str], spec: EventType, event: Event) -> int:
    """FRESH, REPEAT or CONFLICT against the facts stored before it; a fresh one is added to them."""
    assert spec.key is not None
    key = spec.key(event.data, event.time)
    content = ""
    if spec.content:
        content = blake2b(_pack(_CONTENTS[spec.name](event.data)), digest_size=8).hexdigest()
    known = facts.get(key)
    if known is None:
        facts[key] = content
        return FRESH
    return REPEAT if known == content else CONFLICT


def _told(
    row: Row, field: str, fold: Fold[Any], event: Event, name: str, decisions: list[Decision], ctx: Context
) -> None:
    """One fold's turn when earlier ones have decided: the event, then their decisions."""
    ctx.fold = fold.name
    earlier = list(decisions)
    state = getattr(row, field)
    handler = fold.handlers.get(name)
    if handler is not None:
        state = handler(state, event, ctx)
    setattr(row, field, _hand_on(fold, state, earlier, ctx))


def _from(
    row: Row,
    pipeline: Pipeline,
    index: int,
    what: str,
    now: int,
    due: int,
    old: Policy,
    new: Policy,
    ctx: Context,
) -> list[Decided]:
    """A wake or re-target of the fold at `index`, its decisions handed to the folds after it."""
    ctx.policy = new
    ctx.row = row
    ctx.now = now
    ctx.cause = 0
    ctx.wanted = ""
    decisions: list[Decision] = []
    ctx.decisions = decisions
    before = [(field, getattr(row, field)) for field, _ in pipeline]
    field, fold = pipeline.folds[index]
    try:
        ctx.fold = fold.name
        state = getattr(row, field)
        changed = fold.wake(state, due, ctx) if what == "wake" else fold.retarget(state, old, new, now, ctx)
        setattr(row, field, changed)
        for field, fold in pipeline.folds[index + 1 :] if decisions else ():
            ctx.fold = fold.name
            setattr(row, field, _hand_on(fold, getattr(row, field), list(decisions), ctx))
    except Exception:
        _undo(row, before)
        raise FoldFault(fold.name, traceback.format_exc(limit=-8)) from None
    return _settle(row, decisions, now) if decisions else []


def _hand_on(fold: Fold[Any], state: Any, decisions: list[Decision], ctx: Context) -> Any:
    for decision in decisions:
        handler = fold.handlers.get(decision.type)
        if handler is not None and decision.fold != fold.name:
            told = Event(
                decision.type,
                ctx.row.subject,
                "",
                f"/orderfold/{decision.fold}",
                ctx.now,
                decision.data,
                ctx.row.channel,
                ctx.now,
                ctx.now,
                decision.cause,
            )
            state = handler(state, told, ctx)
    return state


def _undo(row: Row, before: list[tuple[str, Any]]) -> None:
    for field, state in before:
        setattr(row, field, state)


def _settle(row: Row, decisions: list[Decision], now: int, step: int = 0) -> list[Decided]:
    """Give ids, and keep in the row what stands and what work is open."""
    decided: list[Decided] = []
    seen: dict[tuple[str, str, str, int, int], int] = {}
    for decision in decisions:
        identity = (decision.fold, decision.type, decision.key, decision.cause, decision.due)
        ordinal = seen.get(identity, 0)
        seen[identity] = ordinal + 1
        time = decision.due or now
        id_ = decision_id(row.subject, decision, ordinal, step)
        decided.append(Decided(id_, time, decision))
        note_decision(row, id_, decision, time, now)
    return decided


def note_decision(row: Row, id_: str, decision: Decision, time: int, now: int) -> None:
    """Keep a decision in the row: among those that stand, and in its open work."""
    if decision.type == "work.opened.v1":
        data: Any = decision.data
        item = Work(data.work, data.kind, data.title, data.owner, data.group, data.guide, now, decision.cause)
        row.work = (*(w for w in row.work if w.work != item.work), item)
    elif decision.type == "work.closed.v1":
        row.work = tuple(w for w in row.work if w.work != decision.key)
    row.standing = (
        *row.standing[-(STANDING_LIMIT - 1) :],
        Standing(id_, decision.type, decision.key, decision.cause, time),
    )
    if time > row.decided:
        row.decided = time


def open_work(row: Row, event: Event, kind: str, title: str) -> list[Decided]:
    """A work item the host itself opens, because of `event`."""
    data = WorkOpened(kind, kind, title, "", "")
    return _settle(
        row, [Decision("host", "work.opened.v1", kind, event.streamversion, 0, data)], event.streamtime
    )


__all__ = [
    "CONFLICTED",
    "Decided",
    "FoldFault",
    "Pipeline",
    "decision_id",
    "due_of",
    "new_row",
    "open_work",
    "pipeline_of",
    "sameness_of",
    "step_event",
    "step_retarget",
    "step_wake",
]
