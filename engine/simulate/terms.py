"""What the house promises, as far as the answers depend on it: the lifecycle's moves, grace, deadlines.

Plain settings, so that answers can be worked out by the clock and the calendar alone. `HOUSE` says what the
delivered streams.yaml says; `terms_of` reads another policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.errors import UsageError
from engine.simulate.scenarios import CHANNELS, MINUTE, SECOND

if TYPE_CHECKING:
    from projections.policy import Calendar, LifecycleMap, Policy, Stage

PATH = (
    "paid.full",
    "stock.locked",
    "fulfilment.accepted",
    "fulfilment.picked",
    "fulfilment.packed",
    "fulfilment.dispatched",
    "fulfilment.delivered",
    "order.completed",
)
"""The moves every order of the world makes, in order, if nothing ends it before."""


class Deadline(msgspec.Struct, frozen=True):
    """From entering the state `start` (from placing, with a `promise`) until `stop` or beyond; `within` in µs by
    category, "" for those not named. `opens` and `closes` are working hours (µs UTC), empty for always."""

    stage: str
    start: str
    stop: str
    promise: str = ""
    within: dict[str, int] = {}
    opens: tuple[int, ...] = ()
    closes: tuple[int, ...] = ()


class Tier(msgspec.Struct, frozen=True):
    """Deadlines of the orders of these channels (empty: all) and of at least this amount."""

    channels: frozenset[str]
    amount_at_least: int
    deadlines: tuple[Deadline, ...]


class Path(msgspec.Struct, frozen=True):
    """A channel's lifecycle: `moves` from (state, trigger) to a state, `rank` of its states, `ends` those in which no
    clock runs; an illegal step is frozen after `grace` (µs); only a person thaws those of `person_thaws`,
    (state met, trigger)."""

    start: str
    moves: dict[tuple[str, str], str]
    rank: dict[str, int]
    ends: frozenset[str]
    grace: int
    person_thaws: frozenset[tuple[str, str]]


class Terms(msgspec.Struct, frozen=True):
    """`paths` by channel, `path` for those not named; the first of `tiers` that matches holds; `settle` in µs;
    orders of `review_at` minor units or more (0: none) or of `review_categories` wait for a person once paid."""

    path: Path
    paths: dict[str, Path]
    tiers: tuple[Tier, ...]
    settle: int
    review_at: int
    review_categories: frozenset[str]
    review_channels: frozenset[str]

    def path_of(self, channel: str) -> Path:
        return self.paths.get(channel, self.path)

    def deadlines_of(self, channel: str, amount: int) -> tuple[Deadline, ...]:
        """Of the first tier that takes the channel and the amount (minor units); () if none does."""
        for tier in self.tiers:
            if amount >= tier.amount_at_least and (not tier.channels or channel in tier.channels):
                return tier.deadlines
        return ()

    def reviewed(self, channel: str, category: str, amount: int) -> bool:
        """Whether a person must look at the order once it is paid."""
        return (
            (0 < self.review_at <= amount)
            or category in self.review_categories
            or channel in self.review_channels
        )


_STATES = (
    "placed",
    "part_paid",
    "paid",
    "review",
    "reviewed",
    "locked",
    "accepted",
    "picking",
    "packed",
    "part_shipped",
    "shipped",
    "delivered",
    "completed",
    "refused",
    "lost",
    "cancelled",
)
_MOVES = {
    ("placed", "paid.part"): "part_paid",
    ("placed", "paid.full"): "paid",
    ("part_paid", "paid.full"): "paid",
    ("paid", "review.required"): "review",
    ("paid", "stock.locked"): "locked",
    ("locked", "fulfilment.accepted"): "accepted",
    ("accepted", "fulfilment.picked"): "picking",
    ("picking", "fulfilment.packed"): "packed",
    ("packed", "fulfilment.dispatched"): "shipped",
    ("shipped", "fulfilment.delivered"): "delivered",
    ("delivered", "order.completed"): "completed",
} | {
    (state, "order.cancelled"): "cancelled"
    for state in (
        "placed",
        "part_paid",
        "paid",
        "review",
        "reviewed",
        "locked",
        "accepted",
        "picking",
        "packed",
    )
}

HOUSE = Terms(
    path=Path(
        "placed",
        _MOVES,
        {state: rank for rank, state in enumerate(_STATES)},
        frozenset(("completed", "refused", "lost", "cancelled")),
        120 * SECOND,
        frozenset((("placed", "fulfilment.dispatched"), ("part_paid", "fulfilment.dispatched"))),
    ),
    paths={},
    tiers=(
        Tier(
            frozenset(),
            0,
            (
                Deadline("pay", "placed", "paid", within={"": 5 * MINUTE}),
                Deadline("review", "review", "reviewed", within={"": 120 * MINUTE}),
                Deadline("accept", "paid", "accepted", within={"": 30 * MINUTE}),
                Deadline("pick", "paid", "picking", within={"fresh": 45 * MINUTE, "": 120 * MINUTE}),
                Deadline("ship", "accepted", "shipped", within={"": 60 * MINUTE}),
                Deadline("ship_by", "placed", "shipped", promise="ship_by"),
                Deadline("deliver_by", "placed", "delivered", promise="deliver_by"),
            ),
        ),
    ),
    settle=2 * SECOND,
    review_at=0,
    review_categories=frozenset(),
    review_channels=frozenset(),
)


def terms_of(policy: Policy) -> Terms:
    """The terms a policy sets for the channels of the world.

    Raises UsageError for a channel whose lifecycle lacks the path the world tells of: what is illegal there
    could not be said."""
    paths = {}
    for channel in (each.name for each in CHANNELS):
        map_ = policy.lifecycle_of(channel)
        path = paths[channel] = _path(map_)
        state = path.start
        for trigger in PATH:
            if (state, trigger) not in path.moves:
                raise UsageError(
                    f"The lifecycle {map_.name!r} of channel {channel!r} knows no {trigger} in state {state!r}, "
                    "which every simulated order goes through.",
                    "Simulate under the delivered streams.yaml, or give the channel its `standard` lifecycle.",
                )
            state = path.moves[state, trigger]
    return Terms(
        path=next(iter(paths.values())),
        paths=paths,
        tiers=tuple(
            Tier(
                tier.channels,
                tier.amount_at_least,
                tuple(_deadline(stage, policy.sla.calendars.get(tier.calendar)) for stage in tier.stages),
            )
            for tier in policy.sla.tiers
            if not tier.customers
        ),
        settle=policy.settle,
        review_at=policy.review.amount_at_least,
        review_categories=policy.review.categories,
        review_channels=policy.review.channels,
    )


def _path(map_: LifecycleMap) -> Path:
    return Path(map_.start, map_.moves, map_.rank, map_.terminal, map_.grace, map_.person_thaws)


def _deadline(stage: Stage, calendar: Calendar | None) -> Deadline:
    hours = calendar if calendar is not None and not stage.promise else None
    return Deadline(
        stage.name,
        stage.start,
        stage.stop,
        stage.promise,
        stage.within,
        hours.opens if hours is not None else (),
        hours.closes if hours is not None else (),
    )
