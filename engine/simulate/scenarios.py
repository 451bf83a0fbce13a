"""The settings of the simulated worlds: who sells, how busy it gets, how long things take, how often what goes wrong.

Instants here are offsets from the start of the world in microseconds, shares are per mille, and the rates of sabotage
count orders in ten thousand (an order tells of about eight events).
"""

from __future__ import annotations

from math import exp
from statistics import NormalDist
from typing import Any

import msgspec

from engine.errors import UsageError

MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Channel(msgspec.Struct, frozen=True):
    """Where orders are placed. `share` in per mille of all orders; `handed_over`: the customer leaves with the goods;
    `ship_within`: the promise each order carries, 0 for none; `digits` of the platform's own order numbers."""

    name: str
    share: int
    shops: int
    shop: str
    gateway: str
    method: str
    digits: int
    currency: str = "CNY"
    handed_over: bool = False
    ship_within: int = 0


CHANNELS = (
    Channel("taobao", 300, 9, "shop", "alipay", "alipay", 19, ship_within=48 * HOUR),
    Channel("jd", 200, 6, "shop", "jdpay", "jdpay", 12, ship_within=6 * HOUR),
    Channel("douyin", 200, 5, "shop", "alipay", "alipay", 19, ship_within=48 * HOUR),
    Channel("wechat", 150, 4, "mall", "wechatpay", "wechatpay", 16),
    Channel("pos", 80, 12, "store", "unionpay", "card", 14, handed_over=True),
    Channel("shopify", 70, 2, "shop", "stripe", "card", 10, currency="USD"),
)

CATEGORIES = (("general", 640), ("fresh", 190), ("presale", 90), ("custom", 40), ("high_value", 40))
"""Category of an order's goods → share per mille. Channels that hand goods over sell neither presale nor custom."""


def _skewed(sigma: float) -> tuple[int, ...]:
    """The quantiles of a lognormal distribution with median 1, as 1,024 integers in 1/1024. Integers, because the last
    bit of a float differs between machines and a world must not."""
    normal = NormalDist()
    return tuple(round(1024 * exp(sigma * normal.inv_cdf((k + 0.5) / 1024))) for k in range(1024))


TIGHT, USUAL, WIDE = _skewed(0.35), _skewed(0.6), _skewed(1.0)
"""How much a duration spreads round its median: one in a hundred takes 2.3, 4.0 or 10 times as long."""


class Pace(msgspec.Struct, frozen=True):
    """Median durations (µs) of one category, each from the fact before it."""

    pay: int = 38 * SECOND
    lock: int = 4 * SECOND
    accept: int = 6 * MINUTE
    pick: int = 14 * MINUTE
    pack: int = 6 * MINUTE
    dispatch: int = 9 * MINUTE
    deliver: int = 25 * HOUR
    complete: int = 30 * HOUR


PACES = {
    "general": Pace(),
    "fresh": Pace(
        accept=4 * MINUTE, pick=9 * MINUTE, pack=4 * MINUTE, dispatch=6 * MINUTE, deliver=35 * MINUTE
    ),
    "presale": Pace(),
    "custom": Pace(pick=30 * MINUTE),
    "high_value": Pace(pick=18 * MINUTE, dispatch=12 * MINUTE),
    "handed_over": Pace(
        pay=9 * SECOND,
        lock=SECOND,
        accept=SECOND,
        pick=2 * SECOND,
        pack=2 * SECOND,
        dispatch=2 * SECOND,
        deliver=3 * SECOND,
        complete=5 * SECOND,
    ),
}

BALANCE_AFTER = 100 * MINUTE
"""Median from the deposit of a presale to its balance."""

CALM_BALANCE_AFTER = 35 * MINUTE
"""The same where nothing stands still for two hours."""


class Rates(msgspec.Struct, frozen=True):
    """How many orders in ten thousand meet with each kind of sabotage; an order meets with at most one."""

    duplicate: int
    reserialised: int
    divergent: int
    repeated: int
    conflicting: int
    late: int
    reordered: int
    overdue_news: int
    early: int
    illegal: int
    malformed: int
    unknown_type: int
    unknown_field: int
    orphan: int


class Silence(msgspec.Struct, frozen=True):
    """A channel whose connector stands still from `since` to `until` (0: to the end of the world). What it held back
    comes in one flood, sixty times as fast as it was held back."""

    channel: str
    since: int
    until: int


class Weakness(msgspec.Struct, frozen=True):
    """A node that ails from `since` to `until`, and recovers: within five minutes it answers `slower` times as slowly,
    fails `failures` per mille of what it does, and does `throughput` per mille of what it did."""

    node: str
    since: int
    until: int
    slower: int = 9
    failures: int = 340
    throughput: int = 350


class Trouble(msgspec.Struct, frozen=True):
    """What stops orders placed from `since` to `until` in a field case; which, the kind says:

    address_table_empty   the channel finds no address for them; they stay locked until it does, at `until`
    stock_refused         the stock service refuses them three times and nobody asks again: paid, never locked
    standing_still        `share` per mille of them stop anywhere between paid and packed, for two and a half to six hours
    """

    kind: str
    since: int
    until: int
    channel: str = ""
    share: int = 0


class Scenario(msgspec.Struct, frozen=True):
    """One kind of world. `curve`: (share of orders placed so far, offset) with straight lines between; `pressure`:
    (offset, per mille) by which warehouses are slower from then on; `stock_down`: no lock succeeds in [from, until).

    Without a curve the world is `days` of days, with the rhythm of day and week; offsets then count from the last time
    the clock struck `hour` with `room` left. `calm`: durations keep near their medians, and no order stands still for
    two hours before it is packed. `kin`: groups of look-alikes, per mille. `reports`: nodes report each so many µs, and
    channels show that they live each `beats`; 0 for never."""

    name: str
    span: int
    curve: tuple[tuple[int, int], ...]
    rates: Rates
    pressure: tuple[tuple[int, int], ...] = ((0, 1000),)
    silences: tuple[Silence, ...] = ()
    stock_down: tuple[int, int] = (0, 0)
    calm: bool = False
    hour: int = 10
    room: int = 8 * HOUR
    kin: int = 60
    reports: int = 0
    beats: int = 0
    weaknesses: tuple[Weakness, ...] = ()
    trouble: Trouble | None = None

    @property
    def days(self) -> int:
        """Whole days the world goes on for, where it follows the clock."""
        return 0 if self.curve else self.span // DAY


_FEW = Rates(
    duplicate=60,
    reserialised=4,
    divergent=2,
    repeated=40,
    conflicting=4,
    late=40,
    reordered=20,
    overdue_news=4,
    early=10,
    illegal=8,
    malformed=16,
    unknown_type=8,
    unknown_field=8,
    orphan=4,
)
_MANY = Rates(
    duplicate=800,
    reserialised=60,
    divergent=20,
    repeated=400,
    conflicting=20,
    late=120,
    reordered=70,
    overdue_news=10,
    early=30,
    illegal=50,
    malformed=170,
    unknown_type=30,
    unknown_field=30,
    orphan=20,
)

_NIGHT = (
    (0, 0),
    (90, 5 * MINUTE),
    (250, 30 * MINUTE),
    (420, HOUR + 15 * MINUTE),
    (700, 3 * HOUR),
    (800, 4 * HOUR),
    (870, 6 * HOUR),
    (920, 9 * HOUR),
    (1000, 13 * HOUR + 55 * MINUTE),
)
_NIGHT_PRESSURE = ((0, 1300), (HOUR, 1450), (3 * HOUR, 1200), (6 * HOUR, 1000))
_DAYS = tuple(
    (share + 333 * day + (1 if day == 2 and share == 333 else 0), day * DAY + hour * HOUR)
    for day in range(3)
    for share, hour in ((0, 0), (20, 7), (150, 12), (210, 17), (333, 24))
    if day == 0 or share
)

_BENIGN = Rates(
    duplicate=60,
    reserialised=4,
    divergent=0,
    repeated=30,
    conflicting=0,
    late=30,
    reordered=10,
    overdue_news=0,
    early=5,
    illegal=0,
    malformed=0,
    unknown_type=0,
    unknown_field=0,
    orphan=0,
)
"""What no day is without, and nobody need look at."""

ZONE = 8 * HOUR
"""The world's clocks are those of China."""

BY_HOUR = (20, 10, 6, 4, 4, 6, 14, 30, 48, 60, 68, 66, 58, 54, 56, 58, 58, 54, 52, 62, 78, 80, 58, 34)
"""How busy the hours of a day are beside each other, from midnight by the world's clocks."""

BY_WEEKDAY = (1000, 980, 980, 1000, 1060, 1200, 1140)
"""And the days of a week, from Monday."""


def _days(name: str, days: int = 1, rates: Rates = _BENIGN, **more: Any) -> Scenario:
    return Scenario(name, days * DAY, (), rates, calm=True, beats=5 * MINUTE, **more)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("normal", 3 * DAY, _DAYS, _FEW),
        Scenario(
            "sales-night",
            14 * HOUR,
            _NIGHT,
            _MANY,
            _NIGHT_PRESSURE,
            kin=120,
            reports=MINUTE,
            beats=5 * MINUTE,
            weaknesses=(Weakness("guangzhou-1", 2 * HOUR + 30 * MINUTE, 3 * HOUR + 10 * MINUTE),),
        ),
        Scenario(
            "sync-stopped",
            14 * HOUR,
            _NIGHT,
            _FEW,
            silences=(
                Silence("douyin", HOUR + 10 * MINUTE, 4 * HOUR + 10 * MINUTE),
                Silence("wechat", 5 * HOUR, 0),
            ),
        ),
        Scenario(
            "stock-down",
            14 * HOUR,
            _NIGHT,
            _FEW,
            _NIGHT_PRESSURE,
            stock_down=(20 * MINUTE, 62 * MINUTE),
        ),
        _days("day", reports=MINUTE),
        _days("node-failing", 4, reports=MINUTE, weaknesses=(Weakness("guangzhou-1", 0, 70 * MINUTE),)),
        _days(
            "sync-died",
            4,
            hour=19,
            silences=(Silence("taobao", 0, 4 * HOUR),),
        ),
        _days(
            "address-table-empty",
            2,
            hour=20,
            trouble=Trouble("address_table_empty", 0, 2 * HOUR, channel="taobao"),
        ),
        _days("stock-refused", 2, trouble=Trouble("stock_refused", 0, 40 * MINUTE)),
        _days("standing-still", 2, trouble=Trouble("standing_still", -6 * HOUR, 2 * HOUR, share=40)),
    )
}


def lasting(scenario: Scenario, days: int) -> Scenario:
    """The scenario over so many days, 0 for as many as it has. UsageError where it does not follow days."""
    if not days:
        return scenario
    if scenario.curve:
        raise UsageError(
            f"The scenario {scenario.name!r} has a length of its own.",
            f"--days is for {', '.join(one.name for one in SCENARIOS.values() if one.days)}.",
        )
    if days < 0:
        raise UsageError("A world goes on for a day at least.")
    return msgspec.structs.replace(scenario, span=days * DAY)


def curve_of(scenario: Scenario, begin: int) -> tuple[tuple[int, int], ...]:
    """(orders placed so far in 10⁻⁹ of all, offset) of a world that begins at `begin` (µs), with straight lines between."""
    if scenario.curve:
        return tuple((share * 1_000_000, offset) for share, offset in scenario.curve)
    busy = [0]
    places = [0]
    offset = 0
    while offset < scenario.span:
        hours, into = divmod(begin + offset + ZONE, HOUR)
        length = min(HOUR - into, scenario.span - offset)
        weight = BY_HOUR[hours % 24] * BY_WEEKDAY[(hours // 24 + 3) % 7]
        busy.append(busy[-1] + weight * (length // MILLISECOND))
        offset += length
        places.append(offset)
    return tuple(
        (so_far * 1_000_000_000 // busy[-1], place) for so_far, place in zip(busy, places, strict=True)
    )


def anchor_of(scenario: Scenario, begin: int, end: int) -> int:
    """The instant (µs) the scenario's offsets count from. UsageError where what goes wrong would begin before the world."""
    if scenario.curve:
        return begin
    latest = end - scenario.room + ZONE
    day = (latest - scenario.hour * HOUR) // DAY
    anchor = day * DAY + scenario.hour * HOUR - ZONE
    offsets = [silence.since for silence in scenario.silences]
    offsets += [weakness.since for weakness in scenario.weaknesses]
    offsets += [scenario.trouble.since] if scenario.trouble is not None else []
    if offsets and anchor + min(offsets) < begin:
        raise UsageError(
            f"What goes wrong in {scenario.name!r} would begin before a world as short as that.",
            "Give it a day more, with --days.",
        )
    return anchor
