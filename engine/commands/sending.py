"""What every command has in common: its event, its being carried out once, and the answer kept by its key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec

from engine.append.appender import ACCEPTED, DUPLICATE, STALE, Outcome
from engine.errors import Invalid, Refused, Stale, UsageError
from engine.intake.cloudevents import decode
from engine.intake.model import Credential, Incoming, Rules
from engine.intake.model import Refused as IntakeRefused
from engine.intake.places import pointed
from engine.store.database import Store
from engine.store.record import Record
from engine.workers.embedded import Engine
from schemas.envelope import Event, rfc3339

CHANGED_SHOWN = 20


class Remembered(msgspec.Struct, frozen=True):
    """What was answered to a command: `status` and `answer` (JSON) as sent, `fingerprint` of what was asked."""

    fingerprint: bytes
    status: int
    answer: bytes


def type_of(name: str, words: Mapping[str, str], what: str) -> str:
    """`hold`, `order.held` or `order.held.v1` → the event type, of `words` (word → type). UsageError naming those there are;
    `what` ("An order") takes none such."""
    name = name.strip()
    type_ = words.get(name) or (name if name.endswith(".v1") else f"{name}.v1")
    if type_ not in words.values():
        raise UsageError(f"{what} takes no command {name!r}.", f"It takes {', '.join(words)}.")
    return type_


class Sending(msgspec.Struct, frozen=True):
    """How a command is sent: by whom, under which key ("" makes one up), at `now` (µs), with the version its stream must
    have, 0 for any."""

    who: Credential
    key: str
    rules: Rules
    now: int
    expected: int = 0
    traceparent: str = ""


class Answer(msgspec.Struct, frozen=True):
    """A command carried out: its event, and the version of its stream. `outcome` is accepted."""

    outcome: str
    key: str
    type: str
    event: str
    who: str
    version: int


def event_of(subject: str, type_: str, data: dict[str, Any], how: Sending) -> Incoming:
    """The event of a person's act, of any subject. Invalid where its schema does not fit."""
    sent = msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": how.key or uuid4().hex,
            "source": f"/people/{quote(how.who.authid, safe=':@')}",
            "type": type_,
            "subject": subject,
            "data": data,
            "traceparent": how.traceparent or None,
            "expectedversion": how.expected or None,
        }
    )
    channel = subject.partition("/")[2].partition(":")[0] if subject.startswith("order/") else ""
    credential = Credential(how.who.authtype, how.who.authid, channel, command=True)
    try:
        return decode(sent, how.rules, credential, how.now, False)
    except IntakeRefused as refused:
        raise Invalid(refused.detail, reason=refused.reason, errors=pointed(refused.detail)) from None


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


def carry_out(engine: Engine, incoming: Incoming, trial: Callable[[Engine, Incoming], None]) -> Outcome:
    """Append a command, fold it and write the views; the outcome is ACCEPTED, or DUPLICATE for one carried out before.

    Raises what `trial` does for what cannot be as things stand, Stale with what changed since the version it expected,
    Invalid for an id used for another command, StoreFull."""
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
    trial(engine, incoming)
    outcome = engine.submit([incoming])[0]
    engine.flush()
    if outcome.status == STALE:
        raise _stale(engine.store, event, outcome.version)
    if outcome.status != ACCEPTED:
        raise Refused(
            f"The command was not taken ({outcome.status}): {outcome.detail}.", "Send it under another key."
        )
    return outcome


def judged(engine: Engine, incoming: Incoming, trial: Callable[[Engine, Incoming], None]) -> Outcome:
    """The same, and stage 2 takes it as well before this returns."""
    outcome = carry_out(engine, incoming, trial)
    engine.judge()
    return outcome


def answered(incoming: Incoming, key: str, outcome: Outcome) -> tuple[str, str, str, str, str, int]:
    """The fields of an Answer."""
    event = incoming.event
    return "accepted", key, event.type, event.id, event.authid, outcome.version


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
