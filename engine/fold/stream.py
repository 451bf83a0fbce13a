"""One stream in log order: its next event with the refold it may ask for, and its whole history stepped through again.

The host folds live partitions with `take`; `retrace` walks one stream's inputs the same way, for `order why`, `order diff`
and `projection retry`, so that what they show is what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from engine.fold.refold import INPUT_LIMIT, Timeline, refold
from engine.fold.step import (
    Decided,
    Pipeline,
    due_of,
    new_row,
    open_work,
    step_event,
    step_retarget,
    step_wake,
)
from projections.kernel import Context
from projections.row import Row
from schemas.envelope import Event

_REFOLDS = frozenset(("event.corrected.v1", "event.skipped.v1"))


def take(
    row: Row,
    pipeline: Pipeline,
    event: Event,
    timeline: Timeline,
    ctx: Context,
    inputs: Callable[[], Sequence[Event]],
) -> tuple[Row, list[Decided]]:
    """The row after `event`, at its stream time, and what was decided. `inputs` gives the stream's events when the step
    must be followed by a refold; those after `event` are left aside. Raises FoldFault, the row's states untouched, or
    as the step left them where the refold after it is what raised."""
    if event.time < row.latest:
        row.late += 1
    else:
        row.latest = event.time
    stood = row.decided
    decided = step_event(row, pipeline, event, timeline.last, ctx, event.streamtime)
    row.version = event.streamversion
    row.streamtime = event.streamtime
    reason = ctx.wanted
    if event.type in _REFOLDS:
        reason = f"{event.type.split('.')[1]} by {event.authid or 'a person'}"
    elif not reason and event.time < stood and not event.sameness and event.type in pipeline.judged:
        reason = f"{event.type} occurred before a decision that stood"
    if not reason:
        return row, decided
    if event.streamversion > INPUT_LIMIT:
        title = f"{event.type} asks for a refold of more than {INPUT_LIMIT} events"
        opened = open_work(row, event, "refold_limit", title)
        corrected(row, row, pipeline, ctx)
        return row, decided + opened
    before = [known for known in inputs() if known.streamversion <= event.streamversion]
    again, more = refold(row, pipeline, before, timeline, event, reason)
    corrected(row, again, pipeline, ctx)
    return again, decided + more


def corrected(before: Row, after: Row, pipeline: Pipeline, ctx: Context) -> None:
    """A row was folded again: let the folds that told facts of it say what no longer holds."""
    ctx.row = after
    for field, fold in pipeline.telling:
        ctx.fold = fold.name
        fold.refolded(getattr(before, field), getattr(after, field), ctx)


class Traced(msgspec.Struct):
    """One step of a stream's history: `what` is event | wake | retarget, `row` as it stands after it."""

    what: str
    now: int
    event: Event | None
    row: Row
    decided: list[Decided]


def retrace(
    subject: str,
    pipeline: Pipeline,
    inputs: Sequence[Event],
    timeline: Timeline,
    until: int,
    inclusive: bool = True,
) -> Iterator[Traced]:
    """Step through a stream's inputs in log order with the timers between them, up to stream time `until`; `inclusive`
    says that nothing more comes at that instant, so that what is due at it fires too. The row is the same object while
    nothing replaces it: look at it before asking for the next step."""
    row = new_row(subject, pipeline)
    ctx = Context()
    at = Timeline([(0, timeline.at(0))])
    clock = 0

    def pass_time(to: int, closed: bool) -> Iterator[Traced]:
        for instant, policy in [*timeline.changes(clock, to), (to, None)]:
            edge = closed and policy is None
            while (due := due_of(row, pipeline)) and (due < instant or (edge and due == instant)):
                decided = step_wake(row, pipeline, due, at.last, ctx)
                row.streamtime = max(row.streamtime, due)
                yield Traced("wake", due, None, row, decided)
            if policy is not None:
                if row.version:
                    yield Traced(
                        "retarget",
                        instant,
                        None,
                        row,
                        step_retarget(row, pipeline, at.last, policy, instant, ctx),
                    )
                at.add(instant, policy)

    for event in inputs:
        yield from pass_time(event.streamtime, False)
        clock = event.streamtime
        row, decided = take(row, pipeline, event, at, ctx, lambda: inputs)
        yield Traced("event", event.streamtime, event, row, decided)
    yield from pass_time(until, inclusive)
