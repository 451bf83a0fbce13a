"""`order show`: everything of one order on one page, with the reasons for what is not as it should be."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from engine.store.record import Record
from engine.views.history import Bar, bars
from engine.views.judged import Judged
from engine.views.masking import masked_fields
from engine.views.queries import Reading, moment
from projections.desk import item_key
from projections.ledger import LedgerState
from projections.lifecycle import LifecycleState
from projections.lifecycle.paths import ways_out
from projections.order_health import FULL, health_at
from projections.row import Row
from projections.sla import explain
from schemas.registry import TYPES

PLACED = "order.placed.v1"


class Hold(msgspec.Struct, frozen=True):
    handle: str
    reason: str
    since: datetime | None
    by: str


class Offence(msgspec.Struct, frozen=True):
    """Why the order is in doubt or frozen. `ways_out` are the shortest legal ones, each a list of triggers; `person`
    whether only a person may free it; `until` the end of the doubt, None once it is frozen."""

    type: str
    event: str
    version: int
    source: str
    time: datetime | None
    known: datetime | None
    state: str
    reason: str
    until: datetime | None
    ways_out: list[list[str]]
    person: bool
    waiting: int


class Parcel(msgspec.Struct, frozen=True):
    parcel: str
    state: str
    lines: list[str]
    waybill: str
    scan: str
    scanned: datetime | None


class ClockShown(msgspec.Struct, frozen=True):
    """A clock that runs or stands still; `text` explains its figure. `due` None while it is paused before its deadline."""

    stage: str
    colour: str
    started: datetime | None
    due: datetime | None
    used_seconds: int
    target_seconds: int
    breached: bool
    text: str


class Ledger(msgspec.Struct, frozen=True):
    """Minor units of `currency`. `outstanding` is what the customer still owes; `foreign` sums money that came in other
    currencies and is not counted."""

    currency: str
    receivable: int
    goods: int
    shipping: int
    discount: int
    received: int
    deposit: int
    refunded: int
    fees: int
    subsidies: int
    outstanding: int
    foreign: dict[str, int]


class Lost(msgspec.Struct, frozen=True):
    """Health points lost, why, by which event, since when."""

    cause: str
    points: int
    event: str
    at: datetime | None


class Task(msgspec.Struct, frozen=True):
    """An open work item; `holder` is who has it now, where that is not its owner."""

    work: str
    kind: str
    title: str
    guide: str
    owner: str
    group: str
    since: datetime | None
    holder: str


class Counts(msgspec.Struct, frozen=True):
    events: int
    late: int
    repeats: int
    conflicts: int
    unknown: int
    excused: int


class Page(msgspec.Struct, frozen=True):
    """One order, or one number that waits for its order (`limbo`). `assigned` says that the owner was named by a person, not
    by the routing rules; `numbers` are all that mean it; `customer` is masked."""

    order: str
    as_of: datetime | None
    channel: str
    state: str
    words: str
    expect: str
    since: datetime | None
    open: bool
    frozen: bool
    in_doubt: bool
    limbo: bool
    colour: str
    owner: str
    group: str
    assigned: bool
    offence: Offence | None
    holds: list[Hold]
    money: Ledger | None
    lines: list[dict[str, Any]]
    parcels: list[Parcel]
    clocks: list[ClockShown]
    stages: list[Bar]
    work: list[Task]
    score: int
    lost: list[Lost]
    customer: dict[str, str]
    numbers: list[str]
    counts: Counts
    waiting: int
    bound: list[str]
    fault: str
    version: int
    updated: datetime | None


def page(reading: Reading, subject: str) -> Page:
    """The page of a subject that `Reading.resolve` gave. NotFound where nothing is folded of it."""
    row = reading.row(subject)
    records = {record.event.streamversion: record for record in reading.store.stream(subject)}
    order = row.lifecycle or LifecycleState()
    map_ = reading.policy.lifecycle_of(row.channel)
    owner, group = reading.owner(row)
    open_ = bool(order.state) and order.state not in map_.terminal
    score, losses = _health(reading, row, open_)
    placed = next((record for record in records.values() if record.event.type == PLACED), None)
    limbo = row.limbo
    return Page(
        subject,
        reading.as_of,
        row.channel,
        order.state,
        reading.words(row.channel, order.state),
        map_.expect.get(order.state, ""),
        moment(order.since or order.limbo_since or (limbo.since if limbo is not None else 0)),
        open_,
        order.frozen,
        order.in_doubt,
        bool(limbo.waiting) if limbo is not None else not order.state,
        _colour(reading, row),
        owner,
        group,
        bool(order.owner or order.group),
        _offence(reading, row, order, records),
        [
            Hold(hold.handle, hold.reason, moment(hold.since), _by(records.get(hold.version)))
            for hold in order.holds
        ],
        _money(row.ledger) if row.ledger is not None and row.ledger.currency else None,
        _lines(placed, order),
        [
            Parcel(one.parcel, one.state, list(one.lines), one.waybill, one.scan, moment(one.scanned))
            for one in order.parcels
        ],
        _clocks(reading, row),
        bars(reading, row),
        _tasks(reading, row, order),
        score,
        [
            Lost(f"{cause} {key}".rstrip(), points, _id(records.get(event)), moment(at))
            for cause, points, event, at, key in losses
        ],
        masked_fields(getattr(placed.event.data, "customer", None)) if placed is not None else {},
        _numbers(records.values()),
        Counts(row.version, row.late, row.repeats, row.conflicts, row.unknown, row.excused),
        limbo.waiting if limbo is not None else len(order.pending) + order.dropped,
        list(limbo.bound) if limbo is not None else [],
        f"{row.fault.fold} at version {row.fault.version}: {row.fault.traceback.strip().splitlines()[-1]}"
        if row.fault is not None
        else "",
        row.version,
        moment(row.streamtime),
    )


def _by(record: Record | None) -> str:
    return (record.event.authid or record.event.source) if record is not None else ""


def _id(record: Record | None) -> str:
    return record.event.id if record is not None else ""


def _colour(reading: Reading, row: Row) -> str:
    sla = row.sla
    if sla is None:
        return ""
    if sla.breached:
        return "red"
    if not sla.due_at:
        return ""
    return "orange" if reading.now >= sla.warn_at else "yellow" if reading.now >= sla.half_at else "green"


def _offence(reading: Reading, row: Row, order: LifecycleState, records: dict[int, Record]) -> Offence | None:
    offence = order.offence
    if offence is None:
        return None
    map_ = reading.policy.lifecycle_of(row.channel)
    record = records.get(offence.version)
    return Offence(
        offence.type,
        offence.id,
        offence.version,
        record.event.source if record is not None else "",
        moment(offence.time),
        moment(record.event.streamtime) if record is not None else None,
        offence.state,
        offence.reason,
        None if order.frozen else moment(order.doubt_until),
        ways_out(map_, order.state, offence.trigger),
        (offence.state, offence.trigger) in map_.person_thaws,
        len(order.pending) + order.dropped,
    )


def _money(ledger: LedgerState) -> Ledger:
    return Ledger(
        ledger.currency,
        ledger.receivable,
        ledger.goods,
        ledger.shipping,
        ledger.discount,
        ledger.received,
        ledger.deposit,
        ledger.refunded,
        ledger.fees,
        ledger.subsidies,
        ledger.outstanding if ledger.placed else 0,
        {purse.currency: purse.received - purse.refunded for purse in ledger.foreign},
    )


def _lines(placed: Record | None, order: LifecycleState) -> list[dict[str, Any]]:
    """The goods lines as placed, with where each stands."""
    if placed is None:
        return []
    states = {line.line: line.state for line in order.lines}
    return [
        {
            "line": line.line,
            "sku": line.sku,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "category": line.category,
            "state": "cancelled" if line.line in order.cancelled else states.get(line.line, order.state),
        }
        for line in placed.event.data.lines
    ]


def _clocks(reading: Reading, row: Row) -> list[ClockShown]:
    shown = []
    for clock in row.sla.clocks if row.sla is not None else ():
        told = explain(clock, reading.now, reading.policy, row)
        shown.append(
            ClockShown(
                clock.stage,
                told.colour,
                moment(told.started),
                moment(told.due),
                told.used // 1_000_000,
                told.target // 1_000_000,
                clock.breached,
                told.text(),
            )
        )
    return shown


def _tasks(reading: Reading, row: Row, order: LifecycleState) -> list[Task]:
    holders: dict[str, str] = {}
    if row.work:
        with reading.store.read() as cursor:
            held = Judged(cursor).under("desk", item_key(row.subject, ""))
            holders = {item.work: item.holder for _, item in held}
    return [
        Task(
            item.work,
            item.kind,
            item.title,
            item.guide or reading.policy.guides.get(item.kind, ""),
            order.owner or item.owner,
            order.group if order.owner else item.group,
            moment(item.since),
            holders.get(item.work, ""),
        )
        for item in sorted(row.work, key=lambda item: (item.since, item.work))
    ]


def _health(reading: Reading, row: Row, open_: bool) -> tuple[int, list[tuple[str, int, int, int, str]]]:
    """(score, losses) as of now, time without news included."""
    if row.health is None:
        return 100, []
    score, losses = health_at(row.health, reading.now, row.streamtime, open_, reading.policy.health)
    left = FULL
    shown = []
    for loss in losses:
        # More than all cannot be lost: an order without news for a year would name thousands of points.
        points = min(loss.points, left)
        left -= points
        if points:
            shown.append((loss.cause, points, loss.event, loss.at, loss.key))
    return score, shown


def _numbers(records: Iterable[Record]) -> list[str]:
    """The numbers its events name, as `kind:number`; each of them finds the order."""
    named: dict[str, None] = {}
    for record in records:
        spec = TYPES.get(record.event.type)
        for field, kind in spec.aliases if spec is not None and record.event.data is not None else ():
            if value := getattr(record.event.data, field):
                named[f"{kind}:{value}"] = None
    return sorted(named)


__all__ = ["Page", "page"]
