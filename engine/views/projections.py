"""How far the views are, which folds made them, and what a fold failed on."""

from __future__ import annotations

from datetime import datetime

import msgspec

from engine.views.judged import Judged
from engine.views.queries import Reading, moment, read_row
from projections.row import PIPELINES
from projections.stages import STAGE_TWO


class FoldLine(msgspec.Struct, frozen=True):
    """A fold: its stage, the kind of stream it folds ("facts" in stage 2), its place there, and the types of event, fact and
    decision it answers to."""

    stage: int
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
    """A key whose fold failed: since when, how many events wait (stage 2 does not count them), and the last line of the
    traceback."""

    stage: int
    subject: str
    fold: str
    version: int
    at: datetime | None
    waiting: int
    error: str


class Progress(msgspec.Struct, frozen=True):
    """`watermark` is the lowest one: everything up to it is folded in every partition. `judged`: how far stage 2 is, with
    `facts` that wait for it and `keys` it holds."""

    folds: list[FoldLine]
    partitions: list[PartitionLine]
    rows: int
    timers: int
    watermark: datetime | None
    judged: datetime | None
    facts: int
    keys: int
    faults: list[FaultLine]


def folds() -> list[FoldLine]:
    """Stage 1 in the order of its pipelines, then stage 2."""
    return [
        FoldLine(1, kind, fold.name, fold.version, place, sorted(fold.handlers))
        for kind, pipeline in PIPELINES.items()
        for place, (_, fold) in enumerate(pipeline, 1)
    ] + [
        FoldLine(2, "facts", fold.name, fold.version, place, sorted(fold.handlers))
        for place, fold in enumerate(STAGE_TWO, 1)
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
        judged = Judged(cursor).upto
        facts = cursor.execute("SELECT count(*) FROM facts").fetchone()[0]
        keys = cursor.execute("SELECT count(*) FROM judged").fetchone()[0]
        broken = cursor.execute(
            "SELECT key, fold, at, traceback FROM judge_faults ORDER BY at, fold, key"
        ).fetchall()
    faults = [
        FaultLine(
            1,
            row.subject,
            row.fault.fold,
            row.fault.version,
            moment(row.fault.at),
            row.fault.waiting,
            _last_line(row.fault.traceback),
        )
        for row in faulted
        if row.fault is not None
    ]
    faults += [FaultLine(2, key, fold, 0, moment(at), 0, _last_line(text)) for key, fold, at, text in broken]
    return Progress(folds(), partitions, rows, timers, moment(lowest), moment(judged), facts, keys, faults)


def _last_line(traceback: str) -> str:
    return traceback.strip().rpartition("\n")[2]
