"""What goes wrong on the way, on purpose, and so that the answers know it.

Each kind takes an order whose facts would arrive in order and spoils their delivery; no order meets with two kinds, so
that none hides another. A kind declines (returns None) where its outcome would hang on a hair: where a deadline
falls between a doubt and its end, or the world ends before the outcome shows. The order then stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from engine.simulate import telling
from engine.simulate.answers import Answers
from engine.simulate.delivery import DROPPED, ECHO, Delivery, queued
from engine.simulate.orders import Order
from engine.simulate.scenarios import HOUR, MILLISECOND, MINUTE, SECOND, Rates
from engine.simulate.spoilt import (
    CONFLICTS,
    DIVERGENCES,
    MALFORMED,
    UNKNOWN_TYPES,
    reserialised,
    with_unknown_field,
)
from engine.simulate.telling import Telling
from engine.simulate.terms import PATH, Path
from engine.simulate.words import scrambled

MARGIN = 3 * SECOND
"""No outcome is decided closer than this to a deadline or to the end."""


class Scene(msgspec.Struct, gc=False):
    """What a kind of sabotage works on: an order, its deliveries by the end, and the answers it changes. Deliveries
    arrive before `cut`."""

    order: Order
    deliveries: list[Delivery]
    answers: Answers
    rng: Random
    cut: int
    offence: Delivery | None = None

    @property
    def path(self) -> Path:
        return self.answers.terms.path_of(self.order.channel.name)

    def pick(self, wanted: Callable[[Delivery], bool]) -> int:
        """The position of one of the wanted deliveries, -1 if there is none."""
        found = [n for n, delivery in enumerate(self.deliveries) if wanted(delivery)]
        return found[int(self.rng.random() * len(found))] if found else -1

    def between(self, least: int, most: int) -> int:
        """So many µs, in whole milliseconds."""
        return (least + int(self.rng.random() * (most - least))) // MILLISECOND * MILLISECOND

    def copy(self, delivery: Delivery, after: int, id_: str, fate: int) -> Delivery:
        return Delivery(
            delivery.arrived + after,
            delivery.time,
            delivery.telling,
            delivery.part,
            id_,
            fate,
            delivery.alter,
        )

    def calm(self, since: int, until: int) -> bool:
        """Whether no deadline of the order passes from `since` to `until`."""
        dues = self.answers.dues(self.order, self.deliveries)
        return not any(since - MARGIN <= due <= until + MARGIN for due in dues)


Sabotage = Callable[[Scene], list[Delivery] | None]


# The same thing twice


def _duplicate(scene: Scene) -> list[Delivery] | None:
    """Any line again, with its source and id, seconds to hours later."""
    return _again(scene, scene.pick(lambda d: True))


def _reserialised(scene: Scene) -> list[Delivery] | None:
    """The same, its data written in another order of fields: equal once parsed."""
    n = scene.pick(lambda d: True)
    return _again(scene, n, lambda copy: setattr(copy, "alter", reserialised))


def _again(scene: Scene, n: int, change: Callable[[Delivery], None] | None = None) -> list[Delivery] | None:
    original = scene.deliveries[n]
    copy = scene.copy(
        original, scene.between(2 * SECOND, scene.rng.choice((MINUTE, HOUR))), original.id, DROPPED
    )
    if copy.arrived >= scene.cut:
        return None
    if change is not None:
        change(copy)
    scene.answers.counts["duplicates"] += 1
    return [*scene.deliveries, copy]


def _divergent(scene: Scene) -> list[Delivery] | None:
    """A line again with its source and id but other data."""
    n = scene.pick(lambda d: d.telling in DIVERGENCES)
    if n < 0:
        return None
    original = scene.deliveries[n]
    copy = scene.copy(original, scene.between(2 * SECOND, MINUTE), original.id, DROPPED)
    if copy.arrived >= scene.cut:
        return None
    copy.alter = DIVERGENCES[original.telling]
    scene.answers.counts["divergent"] += 1
    return [*scene.deliveries, copy]


_KEYED = frozenset(
    (
        telling.PLACED,
        telling.RECEIVED,
        telling.FEE,
        telling.SUBSIDY,
        telling.REFUNDED,
        telling.ACCEPTED,
        telling.PICKED,
        telling.PACKED,
        telling.DISPATCHED,
        telling.COLLECTED,
        telling.DELIVERED,
        telling.COMPLETED,
    )
)


def _repeated(scene: Scene) -> list[Delivery] | None:
    """A fact told again under another id, by a poll; of payments sometimes by the gateway itself."""
    n = scene.pick(lambda d: d.telling in _KEYED)
    original = scene.deliveries[n]
    told = original.telling
    if told is telling.RECEIVED and not scene.order.by_gateway and scene.rng.random() < 0.5:
        told = telling.RECEIVED_POLLED
    return _echo(scene, n, told, None, "repeats")


def _conflicting(scene: Scene) -> list[Delivery] | None:
    """A fact told again under another id, and otherwise."""
    n = scene.pick(lambda d: d.telling in CONFLICTS)
    if n < 0:
        return None
    return _echo(scene, n, scene.deliveries[n].telling, CONFLICTS[scene.deliveries[n].telling], "conflicts")


def _echo(scene: Scene, n: int, told: Telling, alter: Any, count: str) -> list[Delivery] | None:
    # It comes before the order's next fact, so that it is a repeat and nothing else: not late as well.
    original = scene.deliveries[n]
    copy = scene.copy(original, scene.between(SECOND, 20 * SECOND), f"poll-{original.id}", ECHO)
    copy.telling, copy.alter = told, alter
    if copy.arrived >= scene.cut - SECOND:
        return None
    scene.answers.counts[count] += 1
    return queued([*scene.deliveries[: n + 1], copy, *scene.deliveries[n + 1 :]], scene.cut)


# Out of order


def _late(scene: Scene) -> list[Delivery] | None:
    """A fee or a scan that moves no order arrives after facts that occurred later."""
    last = scene.deliveries[-1]
    n = scene.pick(
        lambda d: d.telling in (telling.FEE, telling.COLLECTED, telling.AT_HUB) and d.time < last.time
    )
    if n < 0:
        return None
    arrived = last.arrived + scene.between(SECOND, 10 * MINUTE)
    if arrived >= scene.cut:
        return None
    scene.deliveries[n].arrived = arrived
    return scene.deliveries


def _reordered(scene: Scene) -> list[Delivery] | None:
    """A step arrives after the one that follows it, within the grace: the order is in doubt, and cleared."""
    grace = scene.path.grace
    return _displaced(scene, SECOND, grace - MARGIN - SECOND, "doubt_cleared")


def _overdue_news(scene: Scene) -> list[Delivery] | None:
    """The same after the grace: the order is frozen, and thawed, unless only a person may thaw it."""
    grace = scene.path.grace
    return _displaced(scene, grace + 2 * MARGIN, grace + 20 * MINUTE, "thawed")


_STEPS = (
    telling.RECEIVED,
    telling.LOCKED,
    telling.ACCEPTED,
    telling.PICKED,
    telling.PACKED,
    telling.DISPATCHED,
)


def _displaced(scene: Scene, least: int, most: int, outcome: str) -> list[Delivery] | None:
    order, deliveries = scene.order, scene.deliveries
    steps = [delivery for delivery in deliveries if delivery.telling in _STEPS]
    if len(order.parcels) > 1 or order.by_gateway or order.deposit or len(steps) < 2 or least >= most:
        return None
    first = int(scene.rng.random() * len(steps))
    for n in range(len(steps) - 1):
        step, offender = (steps[(first + n) % (len(steps) - 1) + after] for after in (0, 1))
        arrived = offender.arrived + scene.between(least, most)
        if _settles(scene, step, arrived):
            break
    else:
        return None
    # A warehouse that knew its own number only would wait for the lock, and nothing would come too soon.
    order.by_wms = False
    if outcome == "thawed" and _met(scene.path, step, offender) in scene.path.person_thaws:
        scene.offence = offender
        outcome = "frozen"
    step.arrived = arrived
    scene.answers.orders[outcome].append(order.subject)
    return deliveries


def _met(path: Path, step: Delivery, offender: Delivery) -> tuple[str, str]:
    """(state, trigger) of an offender that comes while `step`, told by then, is missing."""
    state = path.start
    for trigger in PATH[: _STEPS.index(step.telling)]:
        state = path.moves[state, trigger]
    return state, offender.telling.trigger


def _settles(scene: Scene, step: Delivery, arrived: int) -> bool:
    """Whether all will be well, and surely so, if `step` arrives only then."""
    for other in scene.deliveries:
        if other.arrived <= arrived and (
            # What ends the order meanwhile does not wait for a step that is missing; a fee waits for its payment.
            other.telling in (telling.CALLED_OFF, telling.DELIVERED)
            or (other.telling is telling.FEE and step.telling is telling.RECEIVED)
        ):
            return False
    return arrived + MARGIN < scene.cut and scene.calm(step.time, arrived)


def _early(scene: Scene) -> list[Delivery] | None:
    """The payment arrives before the order is placed."""
    order, deliveries = scene.order, scene.deliveries
    if (
        order.subsidy
        or order.by_gateway
        or len(deliveries) < 2
        or deliveries[1].telling is not telling.RECEIVED
    ):
        return None
    placed, received = deliveries[0], deliveries[1]
    arrived = received.arrived + scene.between(SECOND, 50 * SECOND)
    if arrived + MARGIN >= scene.cut or not scene.calm(placed.time, arrived):
        return None
    placed.arrived = arrived
    return queued([received, placed, *deliveries[2:]], scene.cut)


# What must not be

_ILLEGAL = (
    (telling.PLACED, telling.DISPATCHED),
    (telling.LOCKED, telling.PICKED),
    (telling.ACCEPTED, telling.DELIVERED_UNASKED),
    (telling.DISPATCHED, telling.CALLED_OFF),
    (telling.UNPAID, telling.LOCKED),
)


def _illegal(scene: Scene) -> list[Delivery] | None:
    """A step that the map has no way for, and nothing to make it legal: the order is frozen after the grace."""
    order, grace = scene.order, scene.path.grace
    first = int(scene.rng.random() * len(_ILLEGAL))
    for after, offending in (*_ILLEGAL[first:], *_ILLEGAL[:first]):
        n = scene.pick(lambda d, after=after: d.telling is after)  # type: ignore[misc]
        if n < 0 or len(order.parcels) > 1:
            continue
        kept, dropped = scene.deliveries[: n + 1], scene.deliveries[n + 1 :]
        time = kept[-1].time + scene.between(20 * SECOND, 50 * SECOND)
        arrived = max(time, _whole(kept[-1].arrived)) + scene.between(SECOND, 4 * SECOND) + 500
        frozen_at = arrived + grace
        surely = abs(frozen_at - scene.answers.end) >= MARGIN and scene.calm(time, frozen_at)
        if arrived + MARGIN < scene.cut and surely:
            offence = Delivery(arrived, time, offending, 0, f"{kept[-1].id}-x")
            break
    else:
        return None
    order.by_wms = False
    scene.offence = offence
    deliveries = [*kept, offence]
    if after is telling.PLACED and dropped and dropped[0].telling is telling.RECEIVED and not order.deposit:
        # Paid after all, but later than it left: the money counts, the order stays frozen.
        paid = dropped[0]
        paid.time = time + 10 * MINUTE
        paid.arrived = paid.time + SECOND + 500
        if frozen_at < paid.arrived < scene.cut:
            deliveries.append(paid)
    outcome = "frozen" if frozen_at < scene.answers.end else "in_doubt"
    scene.answers.orders[outcome].append(order.subject)
    return deliveries


def _whole(instant: int) -> int:
    return instant - instant % MILLISECOND


# What cannot be read, and what nobody knows


def _malformed(scene: Scene) -> list[Delivery] | None:
    """A line beside the others that no engine can take."""
    n = scene.pick(lambda d: d.telling in MALFORMED)
    original = scene.deliveries[n]
    ways = MALFORMED[original.telling]
    reason, alter = ways[int(scene.rng.random() * len(ways))]
    copy = scene.copy(original, scene.between(SECOND, MINUTE), f"{original.id}-m", DROPPED)
    if copy.arrived >= scene.cut:
        return None
    copy.alter = alter
    scene.answers.dead[reason] += 1
    return [*scene.deliveries, copy]


def _unknown_type(scene: Scene) -> list[Delivery] | None:
    """An event of a type or version nobody has heard of: kept, and counted."""
    n = scene.pick(lambda d: not d.subject(scene.order).startswith("alias/"))
    original = scene.deliveries[n]
    copy = scene.copy(original, SECOND, f"{original.id}-u", ECHO)
    if copy.arrived >= scene.cut - SECOND:
        return None
    copy.alter = UNKNOWN_TYPES[int(scene.rng.random() * len(UNKNOWN_TYPES))]
    scene.answers.counts["unknown_types"] += 1
    return queued([*scene.deliveries[: n + 1], copy, *scene.deliveries[n + 1 :]], scene.cut)


def _unknown_field(scene: Scene) -> list[Delivery] | None:
    """A field nobody has heard of in an event otherwise sound: the event counts, the field is noted."""
    scene.deliveries[0].alter = with_unknown_field
    scene.answers.counts["unknown_fields"] += 1
    return scene.deliveries


def _nobodys(order: Order, part: int) -> str:
    return f"XX{scrambled(order.index, 13, order.seed + 9)}"


_ORPHAN = Telling(
    "fulfilment.moved.v1",
    lambda order, part: f"/carriers/{order.carrier}",
    lambda order, part: f"alias/waybill:{_nobodys(order, part)}",
    lambda order, part: {"waybill": _nobodys(order, part), "scan": "at hub", "place": "unknown sender"},
    0,
    moves=False,
)


def _orphan(scene: Scene) -> list[Delivery] | None:
    """A scan of a waybill that belongs to no order: it stays in limbo."""
    first = scene.deliveries[0]
    scan = Delivery(first.arrived + SECOND, first.time, _ORPHAN, 0, f"{first.id}-o")
    if scan.arrived >= scene.cut:
        return None
    return [*scene.deliveries, scan]


KINDS: dict[str, Sabotage] = {
    "duplicate": _duplicate,
    "reserialised": _reserialised,
    "divergent": _divergent,
    "repeated": _repeated,
    "conflicting": _conflicting,
    "late": _late,
    "reordered": _reordered,
    "overdue_news": _overdue_news,
    "early": _early,
    "illegal": _illegal,
    "malformed": _malformed,
    "unknown_type": _unknown_type,
    "unknown_field": _unknown_field,
    "orphan": _orphan,
}


def drawn(rates: Rates, share: float) -> Sabotage | None:
    """The kind that meets an order which drew `share` (0 ≤ share < 1); None for most."""
    left = int(share * 10_000)
    for name, kind in KINDS.items():
        left -= getattr(rates, name)
        if left < 0:
            return kind
    return None
