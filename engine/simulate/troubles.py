"""Field cases: what stops some orders of a world, known to the last one.

Each takes the facts of an order as they would have been and gives them as they were, with what a colleague should notice:
since when the order stands, where, and when it goes on.
"""

from __future__ import annotations

from random import Random

import msgspec

from engine.simulate import telling
from engine.simulate.orders import Fact, Order
from engine.simulate.scenarios import MILLISECOND, MINUTE, Trouble


class Struck(msgspec.Struct, frozen=True, gc=False):
    """An order stands in `state` from `since` until `until` (µs; 0: it never goes on)."""

    state: str
    since: int
    until: int = 0


_STATES = {
    telling.LOCKED: "paid",
    telling.ACCEPTED: "locked",
    telling.PICKED: "accepted",
    telling.PACKED: "picking",
    telling.DISPATCHED: "packed",
}
"""What the order waits for → where it stands meanwhile."""


def stopped(
    trouble: Trouble, order: Order, facts: list[Fact], anchor: int, rng: Random
) -> tuple[list[Fact], Struck] | None:
    """The facts as the trouble leaves them, or None for an order it does not meet. `anchor` as the scenario's offsets."""
    since, until = anchor + trouble.since, anchor + trouble.until
    if order.channel.handed_over or any(fact[1] is telling.CALLED_OFF for fact in facts):
        return None
    if trouble.kind == "stock_refused":
        return _refused(facts, since, until, rng)
    if not since <= order.start < until:
        return None
    if trouble.kind == "address_table_empty":
        if order.channel.name != trouble.channel:
            return None
        order.unaddressed = True
        accepted = _first(facts, telling.ACCEPTED)
        again = until + int(rng.random() * 20 * MINUTE) // MILLISECOND * MILLISECOND
        return _put_off(facts, accepted, again) if 0 < accepted < again else None
    if rng.random() * 1000 >= trouble.share or len(order.parcels) > 1 or order.deposit:
        return None
    step = tuple(_STATES)[int(rng.random() * len(_STATES))]
    at = _first(facts, step)
    pause = 150 * MINUTE + int(rng.random() * 210 * MINUTE) // MILLISECOND * MILLISECOND
    return _put_off(facts, at, at + pause) if at else None


def _first(facts: list[Fact], told: telling.Telling) -> int:
    """When it first happens, 0 for never."""
    return min((fact[0] for fact in facts if fact[1] is told), default=0)


def _put_off(facts: list[Fact], at: int, again: int) -> tuple[list[Fact], Struck]:
    """The step that would happen at `at` happens at `again`, and all that follows it as much later. Fees fall due as ever."""
    moved = [
        (time + again - at, told, part) if time >= at and told is not telling.FEE else (time, told, part)
        for time, told, part in facts
    ]
    moved.sort(key=lambda fact: fact[0])
    step = next(told for time, told, _ in moved if time == again)
    since = max(time for time, _, _ in moved if time < again)
    return moved, Struck(_STATES[step], since, again)


def _refused(facts: list[Fact], since: int, until: int, rng: Random) -> tuple[list[Fact], Struck] | None:
    at = _first(facts, telling.LOCKED)
    if not since <= at < until:
        return None
    kept = [fact for fact in facts if fact[0] < at or fact[1] is telling.FEE]
    paid = max(fact[0] for fact in kept if fact[1] is telling.RECEIVED)
    for attempt in range(3):
        wait = attempt * (8 * MINUTE + int(rng.random() * MINUTE) // MILLISECOND * MILLISECOND)
        kept.append((at + wait, telling.LOCK_FAILED, 0))
    kept.sort(key=lambda fact: fact[0])
    return kept, Struck("paid", paid)
