"""A stream's steps with the state before and after each: what history, why and diff look at.

They are taken again by `engine.fold.stream.retrace`, exactly as the host took them; nothing is decided or written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import msgspec

from engine.errors import NotFound
from engine.fold.refold import Timeline
from engine.fold.step import Decided, Pipeline, pipeline_of
from engine.fold.stream import retrace
from engine.store.record import Record
from engine.views.queries import Reading
from projections.kernel import Fold
from projections.row import Row

EVENT, WAKE, RETARGET = "event", "wake", "retarget"

_ANSWERS = (
    "order.thawed.v1",
    "order.doubt_cleared.v1",
    "sla.excused.v1",
    "work.closed.v1",
    "decision.withdrawn.v1",
)


class Step(msgspec.Struct):
    """One step of a stream. `what` is EVENT, WAKE or RETARGET; `at` its stream time or due instant, µs; `record` the
    event's, None for the others; `late` whether it occurred before one known already; `refolded` why it made the stream
    be folded again in order of occurrence, "" where it did not."""

    what: str
    at: int
    record: Record | None
    before: Row
    after: Row
    decided: Sequence[Decided]
    late: bool
    refolded: str

    @property
    def version(self) -> int:
        """The event's version in its stream, 0 for a wake or a re-target."""
        return self.record.event.streamversion if self.record is not None else 0


class Stream(msgspec.Struct):
    """A stream as stored, and the policies it was folded under."""

    subject: str
    records: list[Record]
    pipeline: Pipeline
    timeline: Timeline
    watermark: int

    def steps(self) -> Iterator[Step]:
        """Every step so far, in the order in which things became known."""
        records = {record.event.streamversion: record for record in self.records}
        inputs = [record.event for record in self.records]
        before: Row | None = None
        same: Row | None = None
        for traced in retrace(self.subject, self.pipeline, inputs, self.timeline, self.watermark):
            after = copy(traced.row)
            record = records[traced.event.streamversion] if traced.event is not None else None
            known = before if before is not None else _unknown(self.subject, self.pipeline)
            again = record is not None and same is not None and traced.row is not same
            yield Step(
                traced.what,
                traced.now,
                record,
                known,
                after,
                traced.decided,
                record is not None and record.event.time < known.latest,
                _reason(traced.decided) if again else "",
            )
            before, same = after, traced.row


def stream(reading: Reading, subject: str) -> Stream:
    """A stream to be stepped through. NotFound for one that has no events, or none a fold is concerned with."""
    store = reading.store
    records = store.stream(subject)
    pipeline = pipeline_of(subject)
    if not records or not pipeline:
        raise NotFound(f"{subject} has no history.", "`orderfold order list` names the orders there are.")
    with store.read() as cursor:
        partition = store.find(cursor, [subject])[subject][0]
        folded = cursor.execute(
            "SELECT watermark, streamtime, policies FROM folded WHERE partition=?", (partition,)
        ).fetchone()
    known = msgspec.msgpack.decode(folded[2], type=list[tuple[int, bytes]]) if folded is not None else []
    if not known:
        raise NotFound(
            f"{subject} is not folded yet.", "`orderfold projection list` says how far the views are."
        )
    policies = [(since, reading.book.get(hash_)) for since, hash_ in known]
    return Stream(subject, records, pipeline, Timeline(policies), folded[0])


def fold_of(pipeline: Pipeline, name: str) -> Fold[Any] | None:
    """The fold of that name."""
    return next((fold for _, fold in pipeline if fold.name == name), None)


def _unknown(subject: str, pipeline: Pipeline) -> Row:
    row = Row(subject)
    for field, fold in pipeline:
        setattr(row, field, fold.initial(subject))
    return row


def _reason(decided: Sequence[Decided]) -> str:
    """Why a refold was asked for, as far as the decisions it withdrew say so."""
    for one in decided:
        if one.decision.fold == "refold" and one.decision.type in _ANSWERS:
            return str(getattr(one.decision.data, "reason", "")) or "it occurred earlier"
    return "it occurred before what was known or decided already"
