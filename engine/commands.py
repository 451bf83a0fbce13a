"""What a person commands: checked, made an event of, and carried out. The API and the command line both come here.

A command is an ordinary event under the source `/people/<who>`, with the Idempotency-Key as its id: whoever sends it twice,
even across a crash, has commanded once. Whether the order takes it is asked of the folds themselves: the event is tried on
a copy of the order's row, and what would doubt the order, or make work of a mistake, is refused before it is an event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec

from engine.append.appender import ACCEPTED, DUPLICATE, STALE, Outcome
from engine.errors import IllegalTransition, Invalid, NotFound, Refused, Stale, UsageError
from engine.fold.step import pipeline_of, step_event
from engine.intake.cloudevents import decode
from engine.intake.model import Credential, Incoming, Rules
from engine.intake.model import Refused as IntakeRefused
from engine.intake.places import pointed
from engine.store.database import Store
from engine.store.record import Record
from engine.views.queries import Reading
from engine.workers.embedded import Engine
from projections.kernel import Context
from projections.policy import Policy
from projections.row import Row
from schemas.envelope import REPEAT, Event, rfc3339
from schemas.events.order import HoldReason
from schemas.registry import TYPES
from schemas.vocabulary import COMMANDS

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

CHANGED_SHOWN = 20


class Remembered(msgspec.Struct, frozen=True):
    """What was answered to a command: `status` and `answer` (JSON) as sent, `fingerprint` of what was asked."""

    fingerprint: bytes
    status: int
    answer: bytes


def type_of(name: str) -> str:
    """`hold`, `order.held` or `order.held.v1` → the event type. UsageError naming those there are."""
    name = name.strip()
    type_ = SHORT.get(name) or (name if name in TYPES else f"{name}.v1")
    if type_ not in SHORT.values() or type_.rpartition(".")[0] not in COMMANDS:
        raise UsageError(f"An order takes no command {name!r}.", f"It takes {', '.join(SHORT)}.")
    return type_


def word_of(type_: str) -> str:
    """The event type → the word a person uses for it."""
    return next(word for word, known in SHORT.items() if known == type_)


def prepare(
    order: str,
    name: str,
    data: dict[str, Any],
    *,
    reason: str,
    who: Credential,
    key: str,
    rules: Rules,
    now: int,
    expected: int = 0,
    traceparent: str = "",
) -> Incoming:
    """A command → the event it would append; `now` in µs. `reason` goes where the type keeps it; a hold whose reason is
    none of the known ones is an `other` with that note, and is named by its reason unless `data` has a handle. `key` ""
    makes one up; `expected` is the version the order must have, 0 for any.

    Raises UsageError for a command there is none of, Invalid where its schema does not fit."""
    type_ = type_of(name)
    filled = _with_reason(type_, dict(data), reason)
    return event_of(order, type_, filled, who, key, rules, now, expected, traceparent)


def event_of(
    subject: str,
    type_: str,
    data: dict[str, Any],
    who: Credential,
    key: str,
    rules: Rules,
    now: int,
    expected: int = 0,
    traceparent: str = "",
) -> Incoming:
    """The event of a person's act, of any subject; the parameters as `prepare` has them. Invalid where its schema does
    not fit."""
    sent = msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": key or uuid4().hex,
            "source": f"/people/{quote(who.authid, safe=':@')}",
            "type": type_,
            "subject": subject,
            "data": data,
            "traceparent": traceparent or None,
            "expectedversion": expected or None,
        }
    )
    channel = subject.partition("/")[2].partition(":")[0] if subject.startswith("order/") else ""
    credential = Credential(who.authtype, who.authid, channel, command=True)
    try:
        return decode(sent, rules, credential, now, False)
    except IntakeRefused as refused:
        raise Invalid(refused.detail, reason=refused.reason, errors=pointed(refused.detail)) from None


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


def shown(incoming: Incoming) -> dict[str, Any]:
    """The event a command would append, for `--dry-run`."""
    event = incoming.event
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "authtype": event.authtype,
        "authid": event.authid,
        **({"expectedversion": event.expectedversion} if event.expectedversion else {}),
        "data": msgspec.Raw(incoming.raw or b"{}"),
    }


# On the thread that owns the engine


def carry_out(
    engine: Engine, incoming: Incoming, trial: Callable[[Engine, Incoming], None] | None = None
) -> Outcome:
    """Append a command, fold it and write the views; the outcome is ACCEPTED, or DUPLICATE for one carried out before.
    `trial` is `try_out`, unless the command is not of an order.

    Raises NotFound for an order nothing is known of, IllegalTransition for what it does not take as it stands, Stale with
    what changed since the version it expected, Invalid for an id used for another command, StoreFull."""
    event = incoming.event
    known = _carried(engine.store, event)
    if known is not None:
        if known.event.type != event.type or msgspec.json.decode(known.data) != msgspec.json.decode(
            incoming.raw
        ):
            raise Invalid(
                f"{event.id} names another command of {event.authid}.", "Give each command a key of its own."
            )
        return Outcome(DUPLICATE, event.subject, version=known.event.streamversion)
    (trial or try_out)(engine, incoming)
    outcome = engine.submit([incoming])[0]
    engine.flush()
    if outcome.status == STALE:
        raise _stale(engine.store, event, outcome.version)
    if outcome.status != ACCEPTED:
        raise Refused(
            f"The command was not taken ({outcome.status}): {outcome.detail}.", "Send it under another key."
        )
    return outcome


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


def _carried(store: Store, event: Event) -> Record | None:
    """The command's event, if its stream holds it already."""
    for record in store.stream(event.subject):
        if record.event.id == event.id and record.event.source == event.source:
            return record
    return None


def _stale(store: Store, event: Event, actual: int) -> Stale:
    expected = event.expectedversion
    later = [record for record in store.stream(event.subject) if record.event.streamversion > expected]
    return Stale(
        f"{event.subject} is at version {actual}, not {expected}.",
        "Look at what changed since, and decide again under a new key.",
        order=event.subject,
        expected=expected,
        actual=actual,
        changed=[
            {
                "version": record.event.streamversion,
                "type": record.event.type,
                "time": rfc3339(record.event.time),
                "who": record.event.authid or record.event.source,
            }
            for record in later[-CHANGED_SHOWN:]
        ],
    )


# Answers, kept by key


def remembered(store: Store, key: str) -> Remembered | None:
    """What was answered under a key, None where nothing was."""
    with store.read() as cursor:
        row = cursor.execute(
            "SELECT fingerprint, status, answer FROM commands WHERE key=?", (key,)
        ).fetchone()
    return None if row is None else Remembered(row[0], row[1], row[2])


def remember(engine: Engine, key: str, answer: Remembered) -> None:
    """Keep an answer under its key; the first one given stays."""
    with engine.store.write() as cursor:
        cursor.execute(
            "INSERT OR IGNORE INTO commands VALUES (?,?,?,?,?)",
            (key, answer.fingerprint, engine.now, answer.status, answer.answer),
        )
