"""`orderfold summary`: the whole store on one page, as of an instant."""

from __future__ import annotations

import sqlite3
from datetime import datetime

import msgspec

from engine.append.appender import DIVERGENT
from engine.deliver.listing import counts
from engine.store.database import Store
from engine.views.health import Alarms, alarms
from engine.views.judged import Judged
from engine.views.merges import counts as merge_counts
from engine.views.queries import COLOUR, COLOURS, OVERDUE, Reading

LAST_INGEST = "last_ingest"
"""The setting that keeps what the last ingest into a store did."""


class Ingested(msgspec.Struct, frozen=True):
    """What an ingest did. `seconds` of wall time, from its first event to the last one's being durable and folded."""

    files: list[str]
    events: int
    accepted: int
    duplicates: int
    divergent: int
    dead: int
    refused: int
    seconds: float
    complete: bool = True

    @property
    def events_per_second(self) -> int:
        return round(self.events / self.seconds) if self.seconds else 0


class Sums(msgspec.Struct, frozen=True):
    """Sums over all orders in one currency, in minor units."""

    receivable: int
    received: int
    refunded: int
    fees: int
    subsidies: int


class Colours(msgspec.Struct, frozen=True):
    """Orders by the colour of their strictest clock. Red: a breach stands, whether the order has moved on or not;
    `excused` are breaches that turned out not to be."""

    green: int = 0
    yellow: int = 0
    orange: int = 0
    red: int = 0
    excused: int = 0


class Summary(msgspec.Struct, frozen=True):
    """`events` are facts kept, each once for each order it speaks of; engine's own entries and copies that wait under an
    alias are not counted. `orders` have been placed, `limbo` counts the orders and numbers with facts and none placed.
    `dead` letters wait for somebody; `divergent` of them bear an id that is known with other data. `overdue` orders run
    past a deadline now. `seconds` and `events_per_second` are the last ingest's, 0 before the first."""

    as_of: datetime | None
    kind: str
    policy: str
    events: int
    orders: int
    open: int
    by_state: dict[str, int]
    frozen: int
    in_doubt: int
    limbo: int
    held: int
    overdue: int
    late_facts: int
    duplicates: int
    repeats: int
    conflicts: int
    dead: int
    divergent: int
    sla: Colours
    breaches: int
    money: dict[str, Sums]
    work: int
    notices: dict[str, int]
    unknown_types: int
    unknown_fields: dict[str, int]
    faults: int
    seconds: float
    events_per_second: int
    health: Alarms
    """What is wrong with channels and nodes now."""
    merges: dict[str, int] = {}
    """Suggestions and batches of the last days by what they stand at."""


_TOTALS = (
    "count(*) FILTER (WHERE kind = 'order' AND limbo = 0)",
    "total(open)",
    "total(frozen)",
    "total(doubt)",
    "total(limbo)",
    "count(*) FILTER (WHERE held > 0)",
    f"total({OVERDUE})",
    "total(late)",
    "total(repeats)",
    "total(conflicts)",
    "total(excused)",
    "total(breached)",
    "total(work)",
    "total(unknown)",
    "total(fault)",
    "total(CASE WHEN kind = 'alias' AND limbo = 0 THEN version ELSE 0 END)",
)


def summary(reading: Reading) -> Summary:
    """One reading of the whole view; it costs a pass over all rows."""
    owned = reading.store.ownership()
    with reading.store.read() as cursor:
        totals = [
            int(value)
            for value in cursor.execute(
                f"SELECT {', '.join(_TOTALS)} FROM rows", {"now": reading.now}
            ).fetchone()
        ]
        by_state = dict(
            cursor.execute(
                "SELECT state, count(*) FROM rows WHERE state <> '' GROUP BY state ORDER BY count(*) DESC, state"
            ).fetchall()
        )
        colours = dict(
            cursor.execute(
                f"SELECT {COLOUR} AS colour, count(*) FROM rows WHERE kind = 'order' GROUP BY colour",
                {"now": reading.now},
            ).fetchall()
        )
        money = {
            row[0]: Sums(*(int(value) for value in row[1:]))
            for row in cursor.execute(
                "SELECT currency, sum(receivable), sum(received), sum(refunded), sum(fees), sum(subsidies) "
                "FROM rows WHERE currency <> '' GROUP BY currency ORDER BY currency"
            )
        }
        own_entries = _policy_entries(cursor)
        health = alarms(cursor, reading.policy, reading.now)
        merged = merge_counts(Judged(cursor))
        dead, divergent, diverged = cursor.execute(
            "SELECT count(*) FILTER (WHERE status = 'waiting'), count(*) FILTER (WHERE status = 'waiting' AND reason = ?1), "
            "count(*) FILTER (WHERE reason = ?1) FROM dead_letters",
            (DIVERGENT,),
        ).fetchone()
        fields = {
            f"{row[0]} {row[1]}": row[2]
            for row in cursor.execute(
                "SELECT type, path, count FROM unknown_fields ORDER BY count DESC, type, path LIMIT 20"
            )
        }
    orders, open_, frozen, doubt, limbo, held, overdue, late, repeats, conflicts, excused, *rest = totals
    breaches, work, unknown, faults, copies = rest
    last = last_ingest(reading.store)
    return Summary(
        reading.as_of,
        reading.kind,
        reading.policy.name,
        sum(own.inputs for own in owned) - own_entries - copies,
        orders,
        open_,
        by_state,
        frozen,
        doubt,
        limbo,
        held,
        overdue,
        late,
        sum(own.duplicates for own in owned) - diverged,
        repeats,
        conflicts,
        dead,
        divergent,
        Colours(**{colour: colours.get(colour, 0) for colour in COLOURS}, excused=excused),
        breaches,
        money,
        work,
        counts(reading.store),
        unknown,
        fields,
        faults,
        last.seconds if last is not None else 0.0,
        last.events_per_second if last is not None else 0,
        health,
        merged,
    )


def _policy_entries(cursor: sqlite3.Cursor) -> int:
    """Publications appended to the partitions' logs: inputs, but the engine's own."""
    return sum(
        len(msgspec.msgpack.decode(row[0]))
        for row in cursor.execute("SELECT policies FROM folded").fetchall()
    )


def last_ingest(store: Store) -> Ingested | None:
    """What the last ingest into this store did, None before the first."""
    text = store.setting(LAST_INGEST)
    return msgspec.json.decode(text, type=Ingested) if text else None


def remember(store: Store, done: Ingested) -> None:
    """Keep what an ingest did. The caller holds the writer's lock."""
    with store.write() as cursor:
        store.set_setting(cursor, LAST_INGEST, msgspec.json.encode(done).decode())
