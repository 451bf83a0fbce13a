"""One order of the world: what it is, and what truly happens to it, by the clock of the world.

Nothing here knows of transport: when the engine hears of a fact is `delivery`'s business. An order is made from
a generator seeded by the world's seed and its own index, so that it is the same whoever asks and in whatever order.
"""

from __future__ import annotations

from random import Random

import msgspec

from engine.simulate import telling
from engine.simulate.kin import Guise, Kin
from engine.simulate.scenarios import (
    BALANCE_AFTER,
    CALM_BALANCE_AFTER,
    CATEGORIES,
    CHANNELS,
    HOUR,
    MILLISECOND,
    MINUTE,
    PACES,
    SECOND,
    TIGHT,
    USUAL,
    WIDE,
    Channel,
    Pace,
    Scenario,
)
from engine.simulate.telling import Telling
from engine.simulate.words import GOODS, scrambled

Fact = tuple[int, Telling, int]
"""(occurrence in µs, how it is told, parcel or payment concerned)."""

NODES = ("hangzhou-1", "hangzhou-2", "guangzhou-1", "beijing-1", "chengdu-1", "wuhan-1")
CARRIERS = ("sf", "zto", "yto", "jdl", "ems")
SCANS_AT_THE_DOOR = frozenset(("sf", "jdl"))


class Goods(msgspec.Struct, frozen=True, gc=False):
    """One line: `unit_price` in minor units of the order's currency."""

    sku: str
    quantity: int
    unit_price: int
    grams: int


class Order(msgspec.Struct, gc=False):
    """An order as it truly is. Money in minor units, instants in µs UTC.

    `subject` holds the platform's own number, which no other order of the world has; `receivable` is goods + `shipping`
    - `discount`; `parcels` holds the line numbers of each parcel; `by_wms`: its warehouse knows its own number only; `by_gateway`:
    its gateway tells of the payment by the payment number only. `guise` says who it is for where look-alikes are about;
    else `customer` does. `unaddressed`: its channel finds no address for it.
    """

    index: int
    seed: int
    channel: Channel
    source: str
    subject: str
    start: int
    customer: int
    category: str
    lines: tuple[Goods, ...]
    parcels: tuple[tuple[str, ...], ...]
    shipping: int
    discount: int
    subsidy: int
    deposit: int
    receivable: int
    node: str
    carrier: str
    by_wms: bool = False
    by_gateway: bool = False
    guise: Guise | None = None
    unaddressed: bool = False

    @property
    def ship_by(self) -> int:
        """The instant it is promised to leave by, 0 for none."""
        within = self.channel.ship_within
        return self.start + within if within and self.category != "presale" else 0

    def payment(self, number: int) -> str:
        """The gateway's number of the order's payment `number`."""
        return f"{self.channel.gateway[:2].upper()}{scrambled(self.index * 4 + number, 16, self.seed + 1)}"

    def amount(self, number: int) -> int:
        """What payment `number` brings: all of it, or a presale's deposit (0) and balance (1)."""
        if not self.deposit:
            return self.receivable - self.subsidy
        return self.deposit if number == 0 else self.receivable - self.subsidy - self.deposit

    def fee(self, number: int) -> int:
        """What the gateway keeps of that payment: 0.6 %."""
        return self.amount(number) * 6 // 1000

    @property
    def wms(self) -> str:
        return f"W{scrambled(self.index, 12, self.seed + 2)}"

    def waybill(self, parcel: int) -> str:
        return f"{self.carrier.upper()}{scrambled(self.index * 4 + parcel, 13, self.seed + 3)}"


def _lasting(rng: Random, median: int, spread: tuple[int, ...], pressure: int = 1000) -> int:
    """A duration round `median` µs, in whole milliseconds: upstream clocks tell no finer, and no instant of
    the world then falls on another's deadline by less than the engine's own stamps may shift it."""
    exact = median * spread[int(rng.random() * 1024)] * pressure // 1_024_000
    return (exact // MILLISECOND + int(rng.random() * 64) + 1) * MILLISECOND


_REGULARS = 50


def _customer(customers: int, drawn: float) -> int:
    """Customer `k` comes back in proportion to 1/(k + 50): Zipf's law with Mandelbrot's offset, without which one person
    in six thousand would place every twelfth order."""
    return int(_REGULARS * (customers / _REGULARS + 1) ** drawn) - _REGULARS + 1


def _of_share(shares: tuple[tuple[str, int], ...], drawn: float) -> str:
    left = int(drawn * 1000)
    for name, share in shares:
        left -= share
        if left < 0:
            return name
    return shares[0][0]


_CHANNEL_SHARES = tuple((channel.name, channel.share) for channel in CHANNELS)
_CHANNELS = {channel.name: channel for channel in CHANNELS}


def make(index: int, seed: int, start: int, customers: int, rng: Random, kin: Kin | None = None) -> Order:
    """The order placed as the world's `index`-th, at `start` (µs), by one of `customers` people or somebody of `kin`."""
    draw = rng.random
    channel = _CHANNELS[_of_share(_CHANNEL_SHARES, draw())]
    member = kin.member(index) if kin is not None else None
    if member is not None:
        channel = member.channel
    category = _of_share(CATEGORIES, draw())
    if channel.handed_over and category in ("presale", "custom"):
        category = "general"
    count = 1 if draw() < 0.62 else 2 + int(draw() * draw() * 4)
    if category in ("presale", "custom", "high_value"):
        count = 1
    goods = GOODS[category]
    lines = []
    for _ in range(count):
        sku, price, grams = goods[int(draw() * len(goods))]
        if channel.currency == "USD":
            price = price // 7 // 10 * 10 + 9
        quantity = 1 if category == "high_value" or draw() < 0.75 else 2 + int(draw() * 3)
        lines.append(Goods(sku, quantity, price, grams))
    numbers = tuple(str(n + 1) for n in range(count))
    parcels: tuple[tuple[str, ...], ...] = (numbers,)
    if count > 1 and not channel.handed_over and draw() < 0.25:
        parcels = (numbers[: count // 2], numbers[count // 2 :])
    total = sum(line.quantity * line.unit_price for line in lines)
    shipping = 0 if channel.handed_over or total > 9900 else 800
    discount = total * (1 + int(draw() * 3)) // 20 if draw() < 0.4 else 0
    subsidy = min(500 + int(draw() * 15) * 100, total // 10) if draw() < 0.05 else 0
    return Order(
        index,
        seed,
        channel,
        f"/channels/{channel.name}/{channel.shop}-{1 + int(draw() * draw() * channel.shops)}",
        f"order/{channel.name}:{seed % 90 + 10}{scrambled(index, channel.digits - 2, seed)}",
        start,
        _customer(customers, draw()),
        category,
        tuple(lines),
        parcels,
        shipping,
        discount,
        subsidy,
        total // 5 if category == "presale" else 0,
        total + shipping - discount,
        NODES[int(draw() * len(NODES))],
        CARRIERS[int(draw() * len(CARRIERS))],
        by_wms=not channel.handed_over and draw() < 0.3,
        by_gateway=not channel.handed_over and category != "presale" and draw() < 0.06,
        guise=kin.guise(member) if kin is not None and member is not None else None,
    )


def _pressure(scenario: Scenario, offset: int) -> int:
    now = 1000
    for since, pressure in scenario.pressure:
        if offset >= since:
            now = pressure
    return now


def life(order: Order, scenario: Scenario, begin: int, review: bool, rng: Random) -> list[Fact]:
    """All that truly happens to the order, in order of occurrence; the scenario's offsets count from `begin` (µs).

    One in forty is never paid and cancelled by its channel after half an hour; one in seventy is cancelled after payment
    and paid back. With `review` it waits, once paid, for a person who is not in this world.
    """
    facts = _until_paid(order, rng, scenario.calm)
    paid = facts[-1]
    if paid[1] is not telling.RECEIVED:
        return facts
    if not order.channel.handed_over and rng.random() < 0.2:
        facts.append((paid[0] + _lasting(rng, 4 * MINUTE, USUAL), telling.FEE, paid[2]))
    if not review:
        facts += _until_done(order, scenario, begin, paid[0], rng)
    facts.sort(key=_occurrence)
    if not review and not order.channel.handed_over and rng.random() < 0.015:
        return _cut_short(facts, paid, rng)
    return facts


def _occurrence(fact: Fact) -> int:
    return fact[0]


def _until_paid(order: Order, rng: Random, calm: bool) -> list[Fact]:
    pace = PACES["handed_over" if order.channel.handed_over else order.category]
    start = order.start
    facts: list[Fact] = [(start, telling.PLACED, 0)]
    if order.subsidy:
        facts.append((start + 20 * MILLISECOND, telling.SUBSIDY, 0))
    if not order.channel.handed_over and rng.random() < 0.025:
        facts.append((start + 30 * MINUTE, telling.UNPAID, 0))
        return facts
    paid = start + 2 * SECOND + _lasting(rng, pace.pay, TIGHT if calm else WIDE)
    if order.by_gateway:
        # The first attempt fails: from it the order's own channel learns the gateway's number.
        facts.append((paid, telling.FAILED, 0))
        paid += _lasting(rng, 25 * SECOND, USUAL)
    facts.append((paid, telling.RECEIVED, 0))
    if order.deposit:
        paid += MINUTE + (
            _lasting(rng, CALM_BALANCE_AFTER, TIGHT) if calm else _lasting(rng, BALANCE_AFTER, USUAL)
        )
        facts.append((paid, telling.RECEIVED, 1))
    return facts


def _until_done(order: Order, scenario: Scenario, begin: int, paid: int, rng: Random) -> list[Fact]:
    """Stock, warehouse, carrier. Parcels go side by side, but none leaves before all are packed."""
    handed_over = order.channel.handed_over
    pace = PACES["handed_over" if handed_over else order.category]
    facts: list[Fact] = []
    spread = TIGHT if scenario.calm else USUAL
    now = paid + _lasting(rng, pace.lock, spread)
    down, up = (begin + offset for offset in scenario.stock_down)
    if down <= now < up and not handed_over:
        while now < up:
            facts.append((now, telling.LOCK_FAILED, 0))
            now += 8 * MINUTE + _lasting(rng, 4 * MINUTE, TIGHT)
        now = up + _lasting(rng, 3 * MINUTE, USUAL)
    facts.append((now, telling.LOCKED, 0))
    pressure = 1000 if handed_over else _pressure(scenario, now - begin)
    packed = [
        _packed_parcel(facts, pace, now, parcel, pressure, spread, rng)
        for parcel in range(len(order.parcels))
    ]
    left = []
    for parcel in range(len(order.parcels)):
        gone = max(packed) + _lasting(rng, pace.dispatch, spread, pressure)
        facts.append((gone, telling.DISPATCHED, parcel))
        left.append(gone)
    delivered = [
        _travel(facts, order, pace, max(left), parcel, rng, scenario.calm)
        for parcel in range(len(order.parcels))
    ]
    facts.append((max(delivered) + _lasting(rng, pace.complete, USUAL), telling.COMPLETED, 0))
    return facts


def _packed_parcel(
    facts: list[Fact],
    pace: Pace,
    locked: int,
    parcel: int,
    pressure: int,
    spread: tuple[int, ...],
    rng: Random,
) -> int:
    accepted = locked + _lasting(rng, pace.accept, spread, pressure)
    picked = accepted + _lasting(rng, pace.pick, spread, pressure)
    packed = picked + _lasting(rng, pace.pack, TIGHT, pressure)
    facts.append((accepted, telling.ACCEPTED, parcel))
    facts.append((picked, telling.PICKED, parcel))
    facts.append((packed, telling.PACKED, parcel))
    return packed


def _travel(
    facts: list[Fact], order: Order, pace: Pace, left: int, parcel: int, rng: Random, calm: bool
) -> int:
    """From the door of the warehouse to the customer's; far parcels are scanned on the way."""
    if pace.deliver > HOUR:
        if order.carrier in SCANS_AT_THE_DOOR:
            facts.append((left + _lasting(rng, 40 * MINUTE, USUAL), telling.COLLECTED, parcel))
        left += 3 * HOUR + _lasting(rng, 2 * HOUR, USUAL)
        facts.append((left, telling.AT_HUB, parcel))
    # Where nothing stands still nobody waits three days for a parcel either.
    delivered = left + _lasting(rng, pace.deliver, TIGHT, 800 if calm else 1000)
    facts.append((delivered, telling.DELIVERED, parcel))
    return delivered


def _cut_short(facts: list[Fact], paid: Fact, rng: Random) -> list[Fact]:
    """The channel cancels once stock is locked and before anything is picked; the money goes back."""
    locked = next(fact[0] for fact in facts if fact[1] is telling.LOCKED)
    picked = next(fact[0] for fact in facts if fact[1] is telling.PICKED)
    at = locked + (picked - locked) // 3 // MILLISECOND * MILLISECOND
    kept = [fact for fact in facts if fact[0] < at]
    kept.append((at, telling.CALLED_OFF, 0))
    # A refund is by payment; of a presale only the balance comes back, the deposit is forfeit.
    kept.append((at + _lasting(rng, 3 * MINUTE, USUAL), telling.REFUNDED, paid[2]))
    return kept


__all__ = ["CARRIERS", "NODES", "Fact", "Goods", "Order", "life", "make"]
