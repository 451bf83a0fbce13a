"""What people say of merges: accept, refuse, undo. In the stream of the pair or of the batch it is said of.

Whether it can be is asked of the fold's own rules, over its states as stored; if they change before the verdict is judged,
the fold declines it and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import msgspec

from engine.commands import sending
from engine.commands.sending import Answer, Sending
from engine.errors import NotFound, Refused, UsageError
from engine.intake.model import Incoming
from engine.views.judged import Judged
from engine.views.merges import FOLD, MergeLine, find, line_of
from engine.views.queries import Reading
from engine.workers.embedded import Engine
from projections.merge.batches import KEPT_APART, obstacle, obstacle_to_undoing
from projections.merge.handles import pair_of
from projections.merge.pairs import listed, short
from projections.merge.state import BatchState, PairState

ACCEPTED, REFUSED, UNDONE = "merge.accepted.v1", "merge.refused.v1", "merge.undone.v1"
SHORT = {"accept": ACCEPTED, "refuse": REFUSED, "undo": UNDONE}
"""What may be said of a merge, by the word a person uses."""

ORDERS_MAX = 20


class Target(msgspec.Struct, frozen=True):
    """What a verdict is of: the stream it belongs to, and the orders or the batch it names."""

    subject: str
    data: dict[str, Any]


class Done(Answer, frozen=True):
    """A verdict carried out. `merge` is the suggestion or batch as it then stands, None where there is none; `declined` why
    it could not be followed after all, "" if it was."""

    merge: MergeLine | None
    declined: str


def type_of(name: str) -> str:
    """`accept`, `merge.accepted` or `merge.accepted.v1` → the event type. UsageError naming those there are."""
    return sending.type_of(name, SHORT, "A merge")


def target(reading: Reading, name: str, names: Sequence[str]) -> Target:
    """What is meant by the names given: one merge or batch, an order that has just one, or several orders by any of their
    numbers. UsageError where it is not plain, NotFound for what is not known."""
    type_ = type_of(name)
    if not names:
        raise UsageError("A verdict is of something.", "Name a merge, or the orders.")
    with reading.store.read() as cursor:
        judged = Judged(cursor)
        if type_ == UNDONE:
            if len(names) > 1:
                raise UsageError("One batch is undone at a time.", "Name it, or one of its orders.")
            return _batch(reading, judged, names[0])
        orders = _orders(reading, judged, names)
    if len(orders) < 2:
        raise UsageError("A verdict is of two orders or more.", "Name the other as well.")
    if len(orders) > ORDERS_MAX:
        raise UsageError(f"A verdict is of at most {ORDERS_MAX} orders.", "Say it of fewer.")
    orders = sorted(orders)
    return Target(pair_of(orders[0], orders[1]), {"orders": orders})


def _batch(reading: Reading, judged: Judged, name: str) -> Target:
    key, state = find(reading, judged, name)
    if isinstance(state, PairState) and state.batch:
        key, state = state.batch, judged.one(FOLD, state.batch)
    if not isinstance(state, BatchState):
        raise NotFound(f"{key} is no batch: nothing was merged that could be undone.", "Refuse it instead.")
    return Target(key, {"batch": key})


def _orders(reading: Reading, judged: Judged, names: Sequence[str]) -> list[str]:
    if len(names) > 1:
        return list(dict.fromkeys(reading.resolve(name) for name in names))
    name = names[0]
    for key in (name, f"merge/{name}"):
        state = judged.one(FOLD, key) if key.startswith("merge/") else None
        if isinstance(state, PairState):
            return [state.a, state.b]
    if name.startswith(("merge/", "batch/")):
        raise NotFound(f"Nothing is suggested as {name}.", "`orderfold merge list` names what is.")
    order = reading.resolve(name)
    known = judged.one(FOLD, order)
    pairs: tuple[str, ...] = known.pairs if known is not None else ()
    if len(pairs) != 1:
        named = f": {', '.join(pairs)}" if pairs else ""
        raise UsageError(
            f"{short(order)} has {len(pairs)} suggestions open{named}.", "Name one, or both orders."
        )
    pair = judged.one(FOLD, pairs[0])
    return [pair.a, pair.b]


def prepare(what: Target, name: str, reason: str, how: Sending) -> Incoming:
    """A verdict → the event it would append. UsageError without a reason, Invalid where the schema does not fit."""
    if not reason.strip():
        raise UsageError("A verdict needs a reason.", "Say why; it is kept with the merge.")
    data = {**what.data, "reason": reason, "by": how.who.authid}
    return sending.event_of(what.subject, type_of(name), data, how)


# On the thread that owns the engine


def try_out(engine: Engine, incoming: Incoming) -> None:
    """Raise what `done` would, appending nothing; a version that is not the expected one is left to append."""
    event = incoming.event
    event.time, event.timemissing = engine.now, False
    engine.flush()
    with engine.store.read() as cursor:
        judged = Judged(cursor)
        if event.type == UNDONE:
            problem = obstacle_to_undoing(event.subject, judged.one(FOLD, event.subject))
        elif event.type == ACCEPTED:
            problem = _obstacle(judged, event.data.orders, engine)
        else:
            problem = _obstacle_to_refusing(judged, event.data.orders)
    if problem:
        raise Refused(
            f"That cannot be: {problem}.",
            "`orderfold merge why A B` says how the two stand.",
            merge=event.subject,
        )


def _obstacle(judged: Judged, orders: Sequence[str], engine: Engine) -> str:
    rules = engine.policy.merge
    if not rules.on:
        return "the policy has no section merge"
    states = {order: judged.one(FOLD, order) for order in orders}
    batches = sorted({state.batch for state in states.values() if state is not None and state.batch})
    batch = judged.one(FOLD, batches[0]) if len(batches) == 1 else None
    return obstacle(states, batch, batches, rules)


def _obstacle_to_refusing(judged: Judged, orders: Sequence[str]) -> str:
    apart = 0
    for a, b in combinations(orders, 2):
        pair = judged.one(FOLD, pair_of(a, b))
        apart += pair is not None and pair.status in KEPT_APART
        ours, theirs = judged.one(FOLD, a), judged.one(FOLD, b)
        if ours is not None and theirs is not None and ours.batch and ours.batch == theirs.batch:
            problem = obstacle_to_undoing(ours.batch, judged.one(FOLD, ours.batch))
            if problem:
                return f"{listed([a, b])} travel in {ours.batch}, and {problem}"
    if apart == len(orders) * (len(orders) - 1) // 2:
        return f"{listed(list(orders))} are kept apart already"
    return ""


def done(engine: Engine, incoming: Incoming, key: str) -> Done:
    """Carry a verdict out, and say how the merge then stands. As `sending.carry_out`, with Refused for what cannot be."""
    event = incoming.event
    outcome = sending.judged(engine, incoming, try_out)
    with engine.store.read() as cursor:
        judged = Judged(cursor)
        name = event.subject
        state = judged.one(FOLD, name)
        if event.type == ACCEPTED:
            first = judged.one(FOLD, event.data.orders[0])
            if first is not None and first.batch:
                name, state = first.batch, judged.one(FOLD, first.batch)
    declined = ""
    for receipt in engine.store.stream(event.subject, receipts=True):
        if receipt.event.type == "merge.declined.v1" and receipt.event.causationid == (
            f"{event.subject}@{outcome.version}"
        ):
            said: dict[str, Any] = msgspec.json.decode(receipt.data)
            declined = said["reason"] if event.type != REFUSED or said["reason"] != event.data.reason else ""
    merge = line_of(name, state) if state is not None else None
    return Done(*sending.answered(incoming, key, outcome), merge, declined)
