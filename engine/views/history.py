"""`order history`: everything told and decided of one stream, in the order it became known, and its stages as bars."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from engine.fold.step import Decided
from engine.store.record import Record
from engine.views.masking import masked
from engine.views.money import money
from engine.views.queries import Reading, moment
from engine.views.steps import RETARGET, Step, Stream, stream
from engine.views.values import Values, flat, values
from engine.views.why import actor_of, reason_of
from projections.row import Row
from projections.sla import explain
from schemas.envelope import CONFLICT, REPEAT
from schemas.upcasts import unknown_version

_QUIET = ("since", "sla.due", "owner", "group")
"""Values that follow from others; a timeline that told them each time would hide what happened."""


class Changed(msgspec.Struct, frozen=True):
    """A value and what it was before; None where it was not set."""

    field: str
    before: Any
    after: Any


class Entry(msgspec.Struct, frozen=True):
    """One line of the timeline. `kind` is event, decision or policy. `time` is when it occurred (of a decision: when it
    took effect), `known` when the engine learned of it; `late` if something later was known already. `version` is 0 for
    what is no input; `cause` names the event that caused a decision. `sameness` is repeat, conflict or "". `reason` is
    the event's or decision's own; of a work item its title. `told` says in a few words what the data hold, personal fields
    masked; `refolded` why the stream was folded again."""

    kind: str
    time: datetime | None
    known: datetime | None
    late: bool
    type: str
    id: str
    version: int
    actor: str
    via: str
    cause: str
    reason: str
    sameness: str
    told: str
    refolded: str
    changes: list[Changed]


class Bar(msgspec.Struct, frozen=True):
    """A stage and how much of its time was used; `outcome` is in time, late, runs, overdue or paused."""

    stage: str
    outcome: str
    started: datetime | None
    stopped: datetime | None
    used_seconds: int
    target_seconds: int


class History(msgspec.Struct, frozen=True):
    """The whole timeline of a stream as of an instant."""

    order: str
    as_of: datetime | None
    entries: list[Entry]
    stages: list[Bar]


def history(reading: Reading, subject: str) -> History:
    """NotFound for a stream that has no events, or none a fold is concerned with."""
    found = stream(reading, subject)
    entries: list[Entry] = []
    decided: set[str] = set()
    row: Row | None = None
    for step in found.steps():
        entries += _entries(reading, found, step)
        decided.update(one.id for one in step.decided)
        row = step.after
    for record in reading.store.stream(subject, receipts=True):
        if record.event.id not in decided:
            _insert(entries, _receipt(record))
    return History(subject, reading.as_of, entries, bars(reading, row) if row is not None else [])


def bars(reading: Reading, row: Row) -> list[Bar]:
    """The stages an order has gone through, those that still run last."""
    if row.sla is None:
        return []
    stages = [
        Bar(
            past.stage,
            "late" if past.breached else "in time",
            moment(past.started),
            moment(past.stopped),
            past.used // 1_000_000,
            past.target // 1_000_000,
        )
        for past in row.sla.past
    ]
    for clock in row.sla.clocks:
        shown = explain(clock, reading.now, reading.policy, row)
        outcome = "overdue" if clock.breached else "paused" if row.sla.paused else "runs"
        stages.append(
            Bar(
                clock.stage,
                outcome,
                moment(clock.started),
                None,
                shown.used // 1_000_000,
                clock.target // 1_000_000,
            )
        )
    return stages


def _entries(reading: Reading, found: Stream, step: Step) -> Iterator[Entry]:
    changes = changed(values(step.before, reading.policy), values(step.after, reading.policy))
    if step.record is not None:
        event = step.record.event
        yield Entry(
            "event",
            moment(event.time),
            moment(event.streamtime),
            step.late,
            event.type,
            event.id,
            event.streamversion,
            actor_of(event),
            event.via,
            event.causationid,
            reason_of(event),
            {REPEAT: "repeat", CONFLICT: "conflict"}.get(event.sameness, ""),
            told(event.data) if event.data is not None else _untold(event.type),
            step.refolded,
            changes,
        )
        changes = []
    elif step.what == RETARGET and (changes or step.decided):
        yield _own("policy", step, "policy.published.v1", changes)
        changes = []
    for one in step.decided:
        yield _decision(found, one, step, changes)
        changes = []
    if changes:
        yield _own("decision", step, "timer", changes)


def _own(kind: str, step: Step, type_: str, changes: list[Changed]) -> Entry:
    at = moment(step.at)
    return Entry(kind, at, at, False, type_, "", 0, "orderfold", "", "", "", "", "", "", changes)


def _decision(found: Stream, one: Decided, step: Step, changes: list[Changed]) -> Entry:
    decision = one.decision
    cause = found.records[decision.cause - 1].event if 0 < decision.cause <= len(found.records) else None
    return Entry(
        "decision",
        moment(one.time),
        moment(step.at),
        False,
        decision.type,
        one.id,
        0,
        decision.fold,
        "",
        f"{cause.type} v{cause.streamversion}" if cause is not None else "",
        getattr(decision.data, "reason", "") or getattr(decision.data, "title", ""),
        "",
        told(decision.data),
        "",
        changes,
    )


def _receipt(record: Record) -> Entry:
    """A decision that no fold derives: a command refused."""
    event = record.event
    _, _, version = event.causationid.rpartition("@")
    return Entry(
        "decision",
        moment(event.time),
        moment(event.time),
        False,
        event.type,
        event.id,
        0,
        event.source.removeprefix("/orderfold/"),
        "",
        f"v{version}" if version else "",
        reason_of(event),
        "",
        told(event.data),
        "",
        [],
    )


def _insert(entries: list[Entry], entry: Entry) -> None:
    """Behind the last entry known before it."""
    index = len(entries)
    while (
        index
        and entry.known is not None
        and (known := entries[index - 1].known) is not None
        and known > entry.known
    ):
        index -= 1
    entries.insert(index, entry)


def changed(before: Values, after: Values) -> list[Changed]:
    """What a step changed, by dotted name, without what only follows from it."""
    one, other = flat(before), flat(after)
    names = [*one, *(name for name in other if name not in one)]
    return [
        Changed(name, one.get(name), other.get(name))
        for name in names
        if one.get(name) != other.get(name) and name not in _QUIET
    ]


def told(data: Any) -> str:
    """What an event's data say, in a few words: names and values of its plain fields, the number of what is in lists.
    Personal fields are masked, whole persons and addresses left out."""
    if data is None or isinstance(data, msgspec.Raw):
        return ""
    words = []
    personal = _personal(type(data))
    currency = getattr(data, "currency", "")
    for field in data.__struct_fields__:
        value = getattr(data, field)
        if field in ("reason", "text", "currency", "guide", "policy") or value in (None, "", [], 0):
            continue
        if field in personal:
            words.append(f"{field} {masked(field, value)}")
        elif isinstance(value, list):
            plain = all(isinstance(item, str) for item in value) and len(value) <= 3
            words.append(f"{field} {', '.join(value)}" if plain else _counted(len(value), field))
        elif isinstance(value, int) and field in ("amount", "shipping", "discount", "deposit"):
            words.append(f"{field} {money(value, currency)}")
        elif isinstance(value, int) and field in ("due", "until"):
            words.append(f"{field} {_rfc(value)}")
        elif isinstance(value, int) and field in ("used", "target"):
            words.append(f"{field} {value // 1_000_000} s")
        elif isinstance(value, str | int):
            words.append(f"{field} {value}")
    return " · ".join(words)


def _untold(type_: str) -> str:
    """Why an event kept as received says nothing to this release."""
    return unknown_version(type_) or f"{type_} is no type this release knows; kept as received, moves nothing"


def _counted(count: int, things: str) -> str:
    """`1 line`, `3 lines`, `2 ways out`."""
    things = things.replace("_", " ")
    return f"{count} {things.removesuffix('s') if count == 1 else things}"


def _rfc(instant: int) -> str:
    shown = moment(instant)
    return shown.isoformat(timespec="seconds").replace("+00:00", "Z") if shown is not None else ""


_PERSONAL: dict[type[Any], frozenset[str]] = {}


def _personal(data: type[Any]) -> frozenset[str]:
    """The fields of an event's data that are marked personal in its schema."""
    found = _PERSONAL.get(data)
    if found is None:
        fields = msgspec.inspect.type_info(data).fields  # type: ignore[attr-defined]
        found = _PERSONAL[data] = frozenset(
            field.name for field in fields if "personal" in _marks(field.type)
        )
    return found


def _marks(node: Any) -> set[str]:
    if isinstance(node, msgspec.inspect.Metadata):
        return {(node.extra_json_schema or {}).get("x-classification", "")} | _marks(node.type)
    if isinstance(node, msgspec.inspect.UnionType):
        return set().union(*(_marks(member) for member in node.types))
    return set()


__all__ = ["Bar", "Changed", "Entry", "History", "bars", "changed", "history", "told"]
