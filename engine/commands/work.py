"""What people command of work items: take, assign, note, done. Of orders and aliases in their own stream, of all else in the
stream of the day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.commands import sending
from engine.commands.sending import Answer, Sending
from engine.errors import NotFound, Refused
from engine.intake.model import Incoming
from engine.views import work
from engine.views.judged import Judged
from engine.views.queries import Reading
from engine.views.work import OF_STREAMS, WorkItem
from engine.workers.embedded import Engine
from projections.desk import Item, item_key, undated
from projections.policy import Policy
from schemas.envelope import EPOCH

SHORT = {
    "take": "work.taken.v1",
    "assign": "work.assigned.v1",
    "note": "work.noted.v1",
    "done": "work.done.v1",
}
"""What may be commanded of a work item, by the word a person uses."""

_SAID = {
    "work.taken.v1": "note",
    "work.assigned.v1": "reason",
    "work.noted.v1": "text",
    "work.done.v1": "note",
}
"""Where what is said with it goes."""

_BY_DAY = ("channel/", "node/", "board/")
_ENDS_BY = {
    "frozen": "orderfold order unfreeze {order} --reason …",
    "merge": "orderfold merge accept {order} --reason …` or `orderfold merge refuse {order} --reason …",
}
"""Kinds that end by a command of their own."""


class Done(Answer, frozen=True):
    """A command carried out, and the `item` as it then stands, None once it is closed."""

    item: WorkItem | None


def type_of(name: str) -> str:
    """`take`, `work.taken` or `work.taken.v1` → the event type. UsageError naming those there are."""
    return sending.type_of(name, SHORT, "Work")


def prepare(item: Item, name: str, data: dict[str, Any], said: str, how: Sending) -> Incoming:
    """A command of an open item → the event it would append, `said` being what is said with it. Raises UsageError for a
    command there is none of, Invalid where its schema does not fit."""
    type_ = type_of(name)
    filled: dict[str, Any] = {**data, "work": item.work, "by": how.who.authid}
    if said:
        filled.setdefault(_SAID[type_], said)
    return sending.event_of(_stream(item, how.now), type_, filled, how)


def _stream(item: Item, now: int) -> str:
    """Where an act on the item belongs: streams that roll by day have one for today."""
    if item.subject.startswith(_BY_DAY):
        return f"{item.subject}/{(EPOCH + timedelta(microseconds=now)).date().isoformat()}"
    return item.subject


# On the thread that owns the engine


def try_out(engine: Engine, incoming: Incoming) -> None:
    """Raise what `done` would, appending nothing; a version that is not the expected one is left to append."""
    event = incoming.event
    event.time, event.timemissing = engine.now, False
    engine.flush()
    item = _open(engine, undated(event.subject), event.data.work)
    judge(item, event.type, event.data, engine.policy)


def _open(engine: Engine, subject: str, name: str) -> Item:
    """The open item; of an order or alias by its row, which stage 2 follows. NotFound where it is open no more."""
    with engine.store.read() as cursor:
        item: Item | None = Judged(cursor).one("desk", item_key(subject, name))
    if item is not None and subject.partition("/")[0] in OF_STREAMS:
        row = Reading(engine.store, engine.book, engine.clock).row(subject)
        if all(one.work != name for one in row.work):
            item = None
    if item is None:
        raise NotFound(
            f"{subject} has no open work item {name}.",
            "It is closed by now; `orderfold todo` lists what is open.",
        )
    return item


def judge(item: Item, type_: str, data: Any, policy: Policy) -> None:
    """Whether the item takes the command as it stands."""
    if type_ == "work.taken.v1" and item.taken:
        if item.taken == data.by:
            raise Refused(f"{data.by} has {item.id} already.", "Note what you do, or mark it done.")
        raise Refused(
            f"{item.taken} has taken {item.id}.",
            "Ask them; or assign it to yourself with a reason.",
            taken=item.taken,
        )
    if type_ == "work.assigned.v1":
        if data.owner not in policy.people:
            names = ", ".join(sorted(policy.people))
            raise Refused(f"streams.yaml knows nobody called {data.owner!r}.", f"It knows {names}.")
        if data.owner == item.owner and not item.taken and data.group in (None, item.group):
            raise Refused(f"{item.id} is {data.owner}'s already.", "Ask them.")
    if type_ == "work.done.v1" and item.kind in _ENDS_BY:
        way = _ENDS_BY[item.kind].format(order=item.subject.removeprefix("order/"))
        raise Refused(f"{item.id} is not done by saying so.", f"It ends with `{way}`.")


def item_now(engine: Engine, incoming: Incoming) -> WorkItem | None:
    """The item after the command, None once it is closed."""
    event = incoming.event
    reading = Reading(engine.store, engine.book, engine.clock)
    with engine.store.read() as cursor:
        item: Item | None = Judged(cursor).one("desk", item_key(event.subject, event.data.work))
    return work.shown(reading, [item])[0] if item is not None else None


def done(engine: Engine, incoming: Incoming, key: str) -> Done:
    """Carry the command out, and say how the item then stands. As `sending.carry_out`, with Refused for what the item does not
    take."""
    outcome = sending.judged(engine, incoming, try_out)
    return Done(*sending.answered(incoming, key, outcome), item_now(engine, incoming))
