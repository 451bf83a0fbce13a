"""Passes on to stage 2 what a stream has for people to do, and closes what a person says is done.

Question: which of its work items are open? From: what earlier folds open and close, and what people command of them; the
row's own list is the truth. Invariant: what stage 2 was told agrees with that list, also after the stream was folded again
(`told` is what it was told): an item is open there if and only if it was opened and not closed.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from projections.kernel import Context, Fold, Handler, Work
from projections.routing import close_work, is_open
from schemas.envelope import Event
from schemas.events.decisions import WorkClosed, WorkOpened
from schemas.events.order import OrderAssigned
from schemas.events.people import WorkAssigned, WorkDone

OPENED, CLOSED = "work.opened.v1", "work.closed.v1"


class WorkState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """(work, cause) of the items stage 2 takes for open, in the order they were opened."""

    told: tuple[tuple[str, int], ...] = ()


def _opened(state: WorkState, event: Event, ctx: Context) -> WorkState:
    """An earlier fold has something for a person."""
    data: WorkOpened = event.data
    ctx.emit(OPENED, ctx.row.subject, data)
    others = tuple(one for one in state.told if one[0] != data.work)
    return WorkState((*others, (data.work, event.streamversion)))


def _closed(state: WorkState, event: Event, ctx: Context) -> WorkState:
    """An earlier fold says that nobody need do it any more."""
    data: WorkClosed = event.data
    left = tuple(one for one in state.told if one[0] != data.work)
    if len(left) == len(state.told) and not is_open(ctx, data.work):
        return state
    ctx.emit(CLOSED, ctx.row.subject, data)
    return WorkState(left)


def _done(state: WorkState, event: Event, ctx: Context) -> WorkState:
    """A person says it is done: the item is closed, in their words."""
    data: WorkDone = event.data
    state = _brought_up(state, ctx)
    if not is_open(ctx, data.work):
        return state
    reason = f"done by {data.by or event.authid or 'a person'}" + (f": {data.note}" if data.note else "")
    close_work(ctx, data.work, reason)
    ctx.emit(CLOSED, ctx.row.subject, WorkClosed(data.work, reason))
    return WorkState(tuple(one for one in state.told if one[0] != data.work))


def _passed_on(state: WorkState, event: Event, ctx: Context) -> WorkState:
    """Who has it and what they note is stage 2's to keep."""
    state = _brought_up(state, ctx)
    ctx.emit(event.type, ctx.row.subject, event.data)
    return state


def _reassigned(state: WorkState, event: Event, ctx: Context) -> WorkState:
    """Whoever is given the order by name has its work too."""
    data: OrderAssigned = event.data
    state = _brought_up(state, ctx)
    for work, _ in state.told:
        given = WorkAssigned(work, data.owner, data.reason, data.group, event.authid or None)
        ctx.emit("work.assigned.v1", ctx.row.subject, given)
    return state


def _escalated(state: WorkState, event: Event, ctx: Context) -> WorkState:
    """The deadlines' own ladder has put an order before somebody: its work item is with them."""
    ctx.emit(event.type, ctx.row.subject, event.data)
    return state


def _brought_up(state: WorkState, ctx: Context) -> WorkState:
    """The state after stage 2 was told of what came or went past the folds, such as items the host opens. At an event,
    before any decision of its step is heard, the row's list and what was told are as of the step before."""
    return state if _same(state, ctx.row.work) else _corrected(state, ctx)


def _same(state: WorkState, work: tuple[Work, ...]) -> bool:
    if not work and not state.told:
        return True
    return sorted(state.told) == sorted((item.work, item.cause) for item in work)


def _corrected(state: WorkState, ctx: Context) -> WorkState:
    """Tell stage 2 the difference between what it was told and the row's list."""
    known = set(state.told)
    there = {item.work for item in ctx.row.work}
    for work, _ in state.told:
        if work not in there:
            reason = "it no longer follows from what is known"
            ctx.emit(CLOSED, ctx.row.subject, WorkClosed(work, reason))
    for item in ctx.row.work:
        if (item.work, item.cause) not in known:
            data = WorkOpened(item.work, item.kind, item.title, item.owner, item.group, item.guide)
            ctx.emit(OPENED, ctx.row.subject, data)
    return WorkState(tuple((item.work, item.cause) for item in ctx.row.work))


class WorkFold(Fold[WorkState]):
    """Last in the pipelines of orders and aliases: hears what all others open and close."""

    name = "work"
    version = 1
    handlers: ClassVar[dict[str, Handler]] = {
        OPENED: _opened,
        CLOSED: _closed,
        "work.taken.v1": _passed_on,
        "work.assigned.v1": _passed_on,
        "work.noted.v1": _passed_on,
        "work.done.v1": _done,
        "order.assigned.v1": _reassigned,
        "sla.escalated.v1": _escalated,
    }

    def initial(self, subject: str) -> WorkState:
        return WorkState()

    def refolded(self, before: WorkState, after: WorkState, ctx: Context) -> None:
        """What stage 2 was told before is made to agree with the row as it was folded again."""
        _corrected(before, ctx)
