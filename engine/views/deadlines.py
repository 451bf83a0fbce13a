"""`sla list` and `sla report`: which clocks run towards their deadline, and which deadlines were missed, by whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from engine.errors import UsageError
from engine.views.queries import COLOURS, LIMIT_MAX, Reading, moment, read_row
from projections.row import Row
from projections.sla import explain
from schemas.data import decode_data

BY = ("owner", "group", "stage", "channel")

BREACHED, EXCUSED = "sla.breached.v1", "sla.excused.v1"


class Running(msgspec.Struct, frozen=True):
    """One running clock. `left_seconds` until its deadline, negative past it; `text` explains the figure."""

    order: str
    stage: str
    colour: str
    state: str
    owner: str
    group: str
    channel: str
    due: datetime | None
    left_seconds: int
    used_seconds: int
    target_seconds: int
    text: str


class Missed(msgspec.Struct, frozen=True):
    """Breaches of one owner, group, stage or channel. `open` of them run on; `excused` were found to be none and are not
    among the `breaches`. Lateness in seconds of working time beyond the deadline, of the breaches that stand."""

    name: str
    breaches: int
    orders: int
    open: int
    excused: int
    late_median_seconds: int
    late_worst_seconds: int
    worst_order: str


def running(
    reading: Reading, colour: str = "", owner: str = "", stage: str = "", limit: int = 100
) -> list[Running]:
    """Running clocks, the nearest deadline first; of an order only those that match. UsageError for no such colour."""
    if colour and colour not in COLOURS:
        raise UsageError(f"{colour!r} is no colour.", f"Choose one of {', '.join(COLOURS)}.")
    if not 1 <= limit <= LIMIT_MAX:
        raise UsageError(
            f"A list has 1 to {LIMIT_MAX} clocks, not {limit}.", "Narrow it by --colour or --owner."
        )
    where = "open > 0 AND due_at > 0" + (" AND owner = :owner" if owner else "")
    found: list[tuple[int, Running]] = []
    with reading.store.read() as cursor:
        rows = cursor.execute(
            f"SELECT owner, grp, row FROM rows WHERE {where}", {"owner": owner} if owner else {}
        )
        for owner_, group, blob in rows:
            for due, clock in _clocks(reading, read_row(blob), owner_, group):
                if (not colour or clock.colour == colour) and (not stage or clock.stage == stage):
                    found.append((due, clock))
    found.sort(key=lambda pair: (pair[0], pair[1].order, pair[1].stage))
    return [clock for _, clock in found[:limit]]


def _clocks(reading: Reading, row: Row, owner: str, group: str) -> Iterator[tuple[int, Running]]:
    for clock in row.sla.clocks if row.sla is not None else ():
        told = explain(clock, reading.now, reading.policy, row)
        yield (
            clock.due_at,
            Running(
                row.subject,
                clock.stage,
                told.colour,
                row.lifecycle.state if row.lifecycle is not None else "",
                owner,
                group,
                row.channel,
                moment(clock.due_at),
                (told.target - told.used) // 1_000_000,
                told.used // 1_000_000,
                told.target // 1_000_000,
                told.text(),
            ),
        )


class _Tally:
    """Breaches of one name, as they are counted."""

    def __init__(self) -> None:
        self.late: list[tuple[int, str]] = []
        self.open = 0
        self.excused = 0


def report(reading: Reading, by: str, since: int = 0, until: int = 0) -> list[Missed]:
    """Breaches decided in [since, until) (µs; 0: no bound), by `by` (one of BY), most first. Owner and group are those
    of the breach, whoever has the order now. UsageError for another `by`."""
    if by not in BY:
        raise UsageError(f"There is no report by {by!r}.", f"Choose one of {', '.join(BY)}.")
    tallies: dict[str, _Tally] = {}
    with reading.store.read() as cursor:
        blobs = cursor.execute("SELECT row FROM rows WHERE breached > 0 OR excused > 0").fetchall()
    for (blob,) in blobs:
        row = read_row(blob)
        late = _late(reading, row)
        names: dict[str, str] = {}
        for record in reading.store.stream(row.subject, receipts=True):
            event = record.event
            stage = event.correlationid
            if event.type == BREACHED:
                breach = decode_data(BREACHED, record.data)
                names[stage] = {
                    "owner": getattr(breach, "owner", ""),
                    "group": getattr(breach, "group", ""),
                    "stage": stage,
                    "channel": row.channel,
                }[by] or "nobody"
                if event.time < since or (until and event.time >= until):
                    names.pop(stage)
                    continue
                tally = tallies.setdefault(names[stage], _Tally())
                if stage in late:
                    by_how_much, open_ = late.pop(stage)
                    tally.late.append((by_how_much, row.subject))
                    tally.open += open_
            elif event.type == EXCUSED and stage in names:
                tallies[names[stage]].excused += 1
    return sorted(
        (_missed(name, tally) for name, tally in tallies.items()), key=lambda one: (-one.breaches, one.name)
    )


def _late(reading: Reading, row: Row) -> dict[str, tuple[int, bool]]:
    """Stage → (working time beyond the deadline, µs; whether the clock still runs) of the breaches that stand."""
    if row.sla is None:
        return {}
    late = {past.stage: (past.used - past.target, False) for past in row.sla.past if past.breached}
    for clock in row.sla.clocks:
        if clock.breached:
            late[clock.stage] = (explain(clock, reading.now, reading.policy, row).used - clock.target, True)
    return late


def _missed(name: str, tally: _Tally) -> Missed:
    late = sorted(tally.late)
    return Missed(
        name,
        len(late),
        len({order for _, order in late}),
        tally.open,
        tally.excused,
        late[(len(late) - 1) // 2][0] // 1_000_000 if late else 0,
        late[-1][0] // 1_000_000 if late else 0,
        late[-1][1] if late else "",
    )
