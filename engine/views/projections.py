"""How far the views are, which folds made them, and what a fold failed on."""

from __future__ import annotations

from datetime import datetime

import msgspec

from engine.views.queries import Reading, moment, read_row
from projections.row import PIPELINES


class FoldLine(msgspec.Struct, frozen=True):
    """A fold of stage 1: the kind of stream it folds, its place in that pipeline, and the event types it answers to."""

    kind: str
    name: str
    version: int
    place: int
    reads: list[str]


class PartitionLine(msgspec.Struct, frozen=True):
    """A partition: position and watermark of its views, and of its log."""

    partition: int
    position: int
    log: int
    watermark: datetime | None
    streamtime: datetime | None


class FaultLine(msgspec.Struct, frozen=True):
    """A key whose fold failed: since when, how many events wait, and the last line of the traceback."""

    subject: str
    fold: str
    version: int
    at: datetime | None
    waiting: int
    error: str


class Progress(msgspec.Struct, frozen=True):
    """`watermark` is the lowest one: everything up to it is folded in every partition."""

    folds: list[FoldLine]
    partitions: list[PartitionLine]
    rows: int
    timers: int
    watermark: datetime | None
    faults: list[FaultLine]


def folds() -> list[FoldLine]:
    """Stage 1, in the order of its pipelines."""
    return [
        FoldLine(kind, fold.name, fold.version, place, sorted(fold.handlers))
        for kind, pipeline in PIPELINES.items()
        for place, (_, fold) in enumerate(pipeline, 1)
    ]


def progress(reading: Reading) -> Progress:
    """As of this reading."""
    log = {own.partition: own.position for own in reading.store.ownership()}
    with reading.store.read() as cursor:
        partitions = [
            PartitionLine(row[0], row[1], log.get(row[0], 0), moment(row[2]), moment(row[3]))
            for row in cursor.execute(
                "SELECT partition, position, watermark, streamtime FROM folded ORDER BY partition"
            )
        ]
        lowest = cursor.execute("SELECT coalesce(min(max(watermark, streamtime)), 0) FROM folded").fetchone()[
            0
        ]
        rows, timers = cursor.execute("SELECT count(*), count(*) FILTER (WHERE due > 0) FROM rows").fetchone()
        faulted = [
            read_row(row[0])
            for row in cursor.execute("SELECT row FROM rows WHERE fault > 0 ORDER BY id LIMIT 1000")
        ]
    faults = [
        FaultLine(
            row.subject,
            row.fault.fold,
            row.fault.version,
            moment(row.fault.at),
            row.fault.waiting,
            row.fault.traceback.strip().rpartition("\n")[2],
        )
        for row in faulted
        if row.fault is not None
    ]
    return Progress(folds(), partitions, rows, timers, moment(lowest), faults)
