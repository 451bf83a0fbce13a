"""The policy as folds read it: checked, compiled, immutable. `engine.policy` makes it out of streams.yaml.

All durations and instants are integer microseconds. Nothing here parses text or knows a time zone.
"""

from __future__ import annotations

import msgspec


class LifecycleMap(msgspec.Struct, frozen=True):
    """A named map of order states.

    `states` in order of advancement (the index is the rank); `moves` maps (state, trigger) to the next state,
    which may be the same. Triggers are event types without version (`fulfilment.picked`), or what a fold makes of
    one: `paid.full`, `paid.part`, `review.required`, `review.passed`, `review.rejected`. A trigger that no
    move names is not the map's business; one that is named but not for the present state is illegal.
    """

    name: str
    start: str
    states: tuple[str, ...]
    rank: dict[str, int]
    moves: dict[tuple[str, str], str]
    triggers: frozenset[str]
    terminal: frozenset[str]
    words: dict[str, str]
    expect: dict[str, str]
    grace: int
    person_thaws: frozenset[tuple[str, str]]
    """(state met, trigger) of freezes that only a person may lift, whatever facts arrive later."""


class Calendar(msgspec.Struct, frozen=True):
    """Working time as sorted, disjoint UTC intervals [opens[i], closes[i]). Before the first and after the last,
    where nothing is compiled, every hour counts (`projections.sla.calendar` says why)."""

    name: str
    opens: tuple[int, ...]
    closes: tuple[int, ...]


class Step(msgspec.Struct, frozen=True):
    """A rung of an escalation ladder: `after` the breach, to owner | backup | supervisor | group, `via` channels."""

    after: int
    to: str
    via: tuple[str, ...]


class Stage(msgspec.Struct, frozen=True):
    """A clock from reaching `start` to reaching `stop` (or anything more advanced, or a terminal state).
    A promise stage (`promise` = ship_by | deliver_by) runs from the order's placing to the instant promised."""

    name: str
    start: str
    stop: str
    promise: str
    within: dict[str, int]
    """Working time by goods category; "" for those not named. Empty for a promise."""
    ladder: tuple[Step, ...]


class Tier(msgspec.Struct, frozen=True):
    """The stages for the orders it matches; the first matching tier of the policy holds."""

    name: str
    channels: frozenset[str]
    customers: frozenset[str]
    amount_at_least: int
    stages: tuple[Stage, ...]
    calendar: str


class Sla(msgspec.Struct, frozen=True):
    """`half` and `warn` are shares of the time in per mille; `pausing_holds` the hold reasons that stop clocks."""

    tiers: tuple[Tier, ...]
    half: int
    warn: int
    pausing_holds: frozenset[str]
    calendars: dict[str, Calendar]


class Route(msgspec.Struct, frozen=True):
    """Who owns what: the first route whose conditions all hold. Empty sets match everything."""

    channels: frozenset[str]
    categories: frozenset[str]
    states: frozenset[str]
    owner: str
    group: str


class Person(msgspec.Struct, frozen=True):
    name: str
    group: str
    backup: str
    supervisor: str


class Review(msgspec.Struct, frozen=True):
    """Orders that must be reviewed after payment: any rule that holds. 0 and empty sets mean 'no such rule'."""

    amount_at_least: int
    categories: frozenset[str]
    channels: frozenset[str]


class HealthWeights(msgspec.Struct, frozen=True):
    """Points out of 100 an order loses, by cause (`frozen`, `doubted`, `held`, `warned`, `breached`, `conflict`,
    `late`, `missing_lines`, `missing_address`, `lock_failed`, …)."""

    points: dict[str, int]
    stuck_after: int
    stuck_points_per_hour: int


class Channel(msgspec.Struct, frozen=True):
    name: str
    lifecycle: str
    zone: str
    sources: tuple[str, ...]


class Policy(msgspec.Struct, frozen=True):
    """All a fold may know of streams.yaml. `hash` is the SHA-256 (hex) of the text."""

    hash: str
    name: str
    channels: dict[str, Channel]
    default_channel: Channel
    lifecycles: dict[str, LifecycleMap]
    sla: Sla
    review: Review
    routes: tuple[Route, ...]
    people: dict[str, Person]
    health: HealthWeights
    settle: int
    limbo_after: int
    frozen_group: str
    guides: dict[str, str]
    """What to do, by kind of work item."""
    notify: dict[str, tuple[str, ...]]
    """Delivery channels by kind of notice, e.g. frozen → (wecom,)."""

    def lifecycle_of(self, channel: str) -> LifecycleMap:
        """The map the channel's orders follow."""
        return self.lifecycles[self.channels.get(channel, self.default_channel).lifecycle]
