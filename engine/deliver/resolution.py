"""Whether what a notice speaks of is over: then nobody is told any more, and it is recorded so.

A decision is over when a later one of its stream takes it back or answers it; a freeze also when a person lifted it, a
deadline when what was due has happened, a work item when the row has it no more.
"""

from __future__ import annotations

from typing import Any

from engine.deliver.outbox import Intent
from engine.deliver.wording import Subject
from engine.errors import NotFound
from engine.store.database import Store
from engine.views.queries import Reading

ENDED_BY: dict[str, tuple[str, ...]] = {
    "work.opened.v1": ("work.closed.v1",),
    "sla.warned.v1": ("sla.excused.v1",),
    "sla.breached.v1": ("sla.excused.v1",),
    "sla.escalated.v1": ("sla.excused.v1",),
    "order.frozen.v1": ("order.thawed.v1",),
    "merge.suggested.v1": ("merge.made.v1", "merge.declined.v1", "merge.expired.v1"),
    "merge.made.v1": ("batch.dissolved.v1",),
    "channel.silent.v1": ("channel.resumed.v1",),
    "node.suspended.v1": ("node.resumed.v1",),
    "dispatch.paused.v1": ("dispatch.resumed.v1",),
}
"""Decision type → types of the same stream that end it, when they name the same thing."""

SAME = ("work", "stage")
"""Fields that tell apart things of one stream: where both decisions have one, it must agree."""


def is_over(intent: Intent, of: Subject, reading: Reading) -> bool:
    """Whether the decision needs nobody's attention any more."""
    data = of.event.data
    if of.row is not None and of.row.lifecycle is not None:
        if intent.type == "order.frozen.v1" and not of.row.lifecycle.frozen:
            return True
        if intent.type in _DEADLINES and not _runs(of, data.stage):
            return True
    if intent.type == "work.opened.v1" and of.row is not None:
        return all(item.work != data.work for item in of.row.work)
    if intent.type == "work.escalated.v1":
        return _done(data.item, reading)
    return _ended(intent, of, reading.store)


def _done(item: str, reading: Reading) -> bool:
    """Whether the work item `subject#work` of an order or number is open no more; of others, whose rows are elsewhere, False."""
    subject, _, work = item.partition("#")
    if not subject.startswith(("order/", "alias/")):
        return False
    try:
        return all(open_.work != work for open_ in reading.row(subject).work)
    except NotFound:
        return False


_DEADLINES = frozenset({"sla.warned.v1", "sla.breached.v1", "sla.escalated.v1"})


def _runs(of: Subject, stage: str) -> bool:
    assert of.row is not None, "a deadline is an order's"
    return of.row.sla is not None and any(clock.stage == stage for clock in of.row.sla.clocks)


def _ended(intent: Intent, of: Subject, store: Store) -> bool:
    later = False
    for record in store.stream(intent.subject, receipts=True):
        event = record.event
        if event.id == of.event.id:
            later = True
        elif later and event.type in (*ENDED_BY.get(intent.type, ()), "decision.withdrawn.v1"):
            if event.type == "decision.withdrawn.v1":
                if event.data.decision == of.event.id:
                    return True
            elif _same(event.data, of.event.data):
                return True
    return False


def _same(one: Any, two: Any) -> bool:
    return all(
        getattr(one, name) == getattr(two, name) for name in SAME if hasattr(one, name) and hasattr(two, name)
    )
