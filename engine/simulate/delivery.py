"""How the facts of an order reach the engine when nothing worse than the usual happens: late by seconds, in order.

Also what does happen to whole channels: a connector that stands still, and the flood when it runs again.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from engine.simulate.orders import Fact, Order
from engine.simulate.scenarios import MILLISECOND, WIDE, Silence
from engine.simulate.telling import Telling, encoded, event_of

Alter = Callable[["Delivery", Order, dict[str, Any]], bytes]
"""What is sent instead of the event given."""

FACT, ECHO, DROPPED = 0, 1, 2
"""What a delivery comes to: a fact of its stream; one that is kept but tells nothing new; nothing."""


class Delivery(msgspec.Struct, gc=False):
    """One line on its way: `arrived` and `time` in µs; `part` the parcel or payment its telling is asked about."""

    arrived: int
    time: int
    telling: Telling
    part: int
    id: str
    fate: int = FACT
    alter: Alter | None = None

    def subject(self, order: Order) -> str:
        """The stream it names: the order's, or that of an alias."""
        return self.telling.subject(order, self.part)


def wired(order: Order, delivery: Delivery) -> bytes:
    """The delivery as a JSON line."""
    telling, part = delivery.telling, delivery.part
    event = event_of(
        delivery.id,
        telling.source(order, part),
        telling.type,
        telling.subject(order, part),
        delivery.time,
        delivery.arrived,
        telling.data(order, part),
    )
    return encoded(event) if delivery.alter is None else delivery.alter(delivery, order, event)


def transport(order: Order, facts: list[Fact], cut: int, rng: Random) -> list[Delivery]:
    """Deliveries of `facts` that arrive by `cut` (µs), in order of occurrence and of arrival alike: each source
    keeps its own order, and what one source causes at another comes after it."""
    deliveries = []
    before = 0
    draw = rng.random
    prefix = f"{order.seed:x}-{order.index:x}-"
    for number, (time, telling, part) in enumerate(facts):
        drawn = int(draw() * 1_048_576)
        delay = telling.delay * WIDE[drawn & 1023] // 1_024_000 * MILLISECOND
        before = max(time + delay, before) + MILLISECOND
        if before >= cut:
            break
        deliveries.append(Delivery(before + _fraction(drawn >> 10), time, telling, part, f"{prefix}{number}"))
    return deliveries


def _fraction(drawn: int) -> int:
    """What an arrival adds to a whole millisecond: deadlines are whole milliseconds, and no arrival must fall on one,
    not even when the appender moves its stamp by a microsecond or two."""
    return 200 + drawn % 600


def queued(deliveries: list[Delivery], cut: int) -> list[Delivery]:
    """The deliveries in the order given, each arriving after the one before it; those that no longer arrive by
    `cut` (µs) are left out."""
    before = 0
    for delivery in deliveries:
        earliest = before + MILLISECOND
        if delivery.arrived < earliest:
            delivery.arrived = earliest + delivery.arrived % MILLISECOND
        before = delivery.arrived - delivery.arrived % MILLISECOND
    return [delivery for delivery in deliveries if delivery.arrived < cut]


def held_back(
    order: Order, deliveries: list[Delivery], silence: Silence, begin: int, cut: int
) -> list[Delivery] | None:
    """The deliveries of an order whose channel fell silent, or None if the silence did not touch it.

    What names the order goes through the channel's connector and waits. What names only a number of a warehouse,
    carrier or gateway comes as ever, and waits in limbo instead; but with two parcels one could overtake
    the other, and of a cancelled order a refund its cause, so there all waits.
    """
    since = begin + silence.since
    until = begin + silence.until if silence.until else 0
    if not any(since <= d.arrived and (not until or d.arrived < until) for d in deliveries):
        return None
    passes = (
        order.by_wms
        and len(order.parcels) == 1
        and not any(d.telling.trigger in ("order.cancelled", "payment.refunded") for d in deliveries)
    )
    free, waiting = [], []
    for delivery in deliveries:
        alone = passes and delivery.subject(order).startswith("alias/")
        if delivery.arrived < since or (alone and not (until and delivery.arrived >= until)):
            free.append(delivery)
        elif until:
            if delivery.arrived < until:
                fraction = delivery.arrived % MILLISECOND
                flood = until + (delivery.arrived - since) // 60
                delivery.arrived = flood - flood % MILLISECOND + fraction
            waiting.append(delivery)
    return free + queued(waiting, cut)
