"""What a person commands of an order: hold, release, unfreeze, note, assign, review, cancel, complete, correct, skip.

Whether the order takes it is asked of the folds themselves: the event is tried on a copy of the order's row, and what would
doubt the order, or make work of a mistake, is refused before it is an event.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.commands import sending
from engine.commands.sending import Answer, Sending
from engine.errors import IllegalTransition, NotFound, Refused
from engine.fold.step import pipeline_of, step_event
from engine.intake.model import Incoming
from engine.store.database import Store
from engine.views.queries import OrderLine, Reading
from engine.workers.embedded import Engine
from projections.kernel import Context
from projections.policy import Policy
from projections.row import Row
from schemas.envelope import REPEAT, Event
from schemas.events.order import HoldReason

SHORT = {
    "hold": "order.held.v1",
    "release": "order.released.v1",
    "unfreeze": "order.unfrozen.v1",
    "note": "order.note_added.v1",
    "assign": "order.assigned.v1",
    "review": "order.reviewed.v1",
    "cancel": "order.cancelled.v1",
    "complete": "order.completed.v1",
    "correct": "event.corrected.v1",
    "skip": "event.skipped.v1",
}
"""What may be commanded of an order, by the word a person uses."""

MOVES = frozenset({"order.reviewed.v1", "order.cancelled.v1", "order.completed.v1"})
"""Commands the order's map must have a way for."""

WHILE_DOUBTED = frozenset(
    {"order.held.v1", "order.note_added.v1", "order.unfrozen.v1", "event.corrected.v1", "event.skipped.v1"}
)
"""What an order in doubt or frozen takes: DOMAIN.md's hold, note and unfreeze, and the correction of a wrong event,
which is the other way out."""

_MISTAKES = frozenset({"hold_absent", "unfreeze", "line_unknown"})
"""Kinds of work a command would make if it were let through."""

_HOLD_REASONS = frozenset(HoldReason.__args__)  # type: ignore[attr-defined]
_WHY = {"order.held.v1": "note", "order.note_added.v1": "text"}
"""Where the reason goes in types that have no field of that name."""


def word_of(type_: str) -> str:
    """The event type → the word a person uses for it."""
    return next(word for word, known in SHORT.items() if known == type_)


class CommandAnswer(Answer, frozen=True):
    """A command carried out: its event, and the order as the folds then had it. `outcome` is accepted, or refused."""

    order: OrderLine


def type_of(name: str) -> str:
    """`hold`, `order.held` or `order.held.v1` → the event type. UsageError naming those there are."""
    return sending.type_of(name, SHORT, "An order")


def prepare(order: str, name: str, data: dict[str, Any], reason: str, how: Sending) -> Incoming:
    """A command → the event it would append. `reason` goes where the type keeps it; a hold whose reason is none of the known
    ones is an `other` with that note, and is named by its reason unless `data` has a handle.

    Raises UsageError for a command there is none of, Invalid where its schema does not fit."""
    type_ = type_of(name)
    return sending.event_of(order, type_, _with_reason(type_, dict(data), reason), how)


def _with_reason(type_: str, data: dict[str, Any], reason: str) -> dict[str, Any]:
    if type_ == "order.held.v1":
        if reason and "reason" not in data:
            known = reason in _HOLD_REASONS
            data["reason"] = reason if known else "other"
            if not known:
                data.setdefault("note", reason)
        data.setdefault("handle", data.get("reason", ""))
    elif reason:
        data.setdefault(_WHY.get(type_, "reason"), reason)
    return data


# On the thread that owns the engine


def done(engine: Engine, incoming: Incoming, key: str) -> CommandAnswer:
    """Carry a command out, and say how the order then stands. As `sending.carry_out`, with NotFound for an order nothing is
    known of and IllegalTransition for what it does not take as it stands."""
    outcome = sending.carry_out(engine, incoming, try_out)
    subject = incoming.event.subject
    line = Reading(engine.store, engine.book, engine.clock).lines([subject])[subject]
    return CommandAnswer(*sending.answered(incoming, key, outcome), line)


def try_out(engine: Engine, incoming: Incoming) -> None:
    """Raise what `carry_out` would, appending nothing; a version that is not the expected one is left to append."""
    event = incoming.event
    event.time, event.timemissing = engine.now, False
    row = _row(engine, event.subject)
    if not event.expectedversion or event.expectedversion == row.version:
        judge(row, engine.policy, event, engine.store)


def judge(row: Row, policy: Policy, event: Event, store: Store) -> None:
    """Whether the order takes the command as it stands: IllegalTransition names what it takes instead."""
    order = row.lifecycle
    if row.fault is not None or order is None:
        raise Refused(
            f"{row.subject} is not folded any further: {row.fault.fold if row.fault else 'no fold'} failed on it.",
            f"`orderfold projection retry {row.subject}` folds it again.",
        )
    stand = "frozen" if order.frozen else "in doubt" if order.in_doubt else order.state or "in limbo"
    if order.offence is not None and event.type not in WHILE_DOUBTED:
        raise _illegal(row, policy, event, stand, f"it is {stand}: {order.offence.reason}")
    if order.offence is None and event.type == "order.unfrozen.v1":
        raise _illegal(row, policy, event, stand, "it is neither frozen nor in doubt")
    if not order.state and event.type in MOVES:
        raise _illegal(row, policy, event, stand, "nobody has placed it yet")
    if event.type in ("event.corrected.v1", "event.skipped.v1"):
        _known_event(row.subject, event.data, store)
        return
    tried = msgspec.structs.replace(row, facts=dict(row.facts))
    event = msgspec.structs.replace(event, streamtime=event.time, streamversion=row.version + 1)
    for one in step_event(tried, pipeline_of(row.subject), event, policy, Context(), event.time):
        made: Any = one.decision.data
        if one.decision.type == "order.doubted.v1":
            raise _illegal(row, policy, event, stand, made.reason)
        if one.decision.type == "work.opened.v1" and made.kind in _MISTAKES:
            raise _illegal(row, policy, event, stand, made.title)
    if event.sameness == REPEAT:
        raise _illegal(row, policy, event, stand, "it was told so before")


def _illegal(row: Row, policy: Policy, event: Event, stand: str, why: str) -> IllegalTransition:
    allowed = _allowed(row, policy)
    return IllegalTransition(
        f"{row.subject} does not take {word_of(event.type)}: {why}.",
        f"It takes {', '.join(allowed)}.",
        order=row.subject,
        event=event.type,
        allowed=allowed,
        **{"from": stand},
    )


def _allowed(row: Row, policy: Policy) -> list[str]:
    """The words an order takes as it stands."""
    order = row.lifecycle
    assert order is not None, "judge has looked"
    if order.offence is not None:
        return [word for word, type_ in SHORT.items() if type_ in WHILE_DOUBTED]
    moves = policy.lifecycle_of(row.channel).moves
    reviewing = any((order.state, f"review.{answer}") in moves for answer in ("passed", "rejected"))
    takes = {
        "order.released.v1": bool(order.holds),
        "order.unfrozen.v1": False,
        "order.reviewed.v1": reviewing,
        "order.cancelled.v1": (order.state, "order.cancelled") in moves,
        "order.completed.v1": (order.state, "order.completed") in moves,
    }
    return [word for word, type_ in SHORT.items() if takes.get(type_, True)]


def _known_event(order: str, data: Any, store: Store) -> None:
    if not any(r.event.id == data.id and r.event.source == data.source for r in store.stream(order)):
        raise NotFound(
            f"{order} holds no event {data.id} of {data.source}.",
            "`orderfold order history` names those it holds.",
        )


def _row(engine: Engine, subject: str) -> Row:
    """The stream's row as folded: from the cache, else as written."""
    entry = engine.host.entry(subject)
    return entry.row if entry is not None else Reading(engine.store, engine.book).row(subject)
