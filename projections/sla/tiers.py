"""Which deadlines an order is under: the first tier that matches it, and the strictest target of its goods."""

from __future__ import annotations

from projections.policy import LifecycleMap, Policy, Stage, Tier
from projections.sla.state import SlaState

_FAR = 1 << 30
"""A rank no state has."""


def choose_tier(policy: Policy, channel: str, customer: str, amount: int) -> Tier | None:
    """The first tier that takes the channel, the customer's tier and the amount (minor units); None if none does."""
    for tier in policy.sla.tiers:
        if (
            amount >= tier.amount_at_least
            and (not tier.channels or channel in tier.channels)
            and (not tier.customers or customer in tier.customers)
        ):
            return tier
    return None


def tier_of(policy: Policy, name: str) -> Tier | None:
    """A tier by its name."""
    if name:
        for tier in policy.sla.tiers:
            if tier.name == name:
                return tier
    return None


def stage_of(tier: Tier | None, name: str) -> Stage | None:
    """A stage of the tier by its name."""
    if tier is not None:
        for stage in tier.stages:
            if stage.name == name:
                return stage
    return None


def target_of(stage: Stage, categories: tuple[str, ...], state: SlaState) -> int | None:
    """Microseconds the stage allows this order: the strictest of its goods categories, or from placing to what was
    promised. None where the stage says nothing of it; an order without lines is as others. A promise already past when made allows 0."""
    if stage.promise:
        promised = state.ship_by if stage.promise == "ship_by" else state.deliver_by
        return max(0, promised - state.placed_at) if promised else None
    within = stage.within
    other = within.get("")
    strictest = None
    for category in categories or ("",):
        target = within.get(category, other)
        if target is not None and (strictest is None or target < strictest):
            strictest = target
    return strictest


def calendar_of(stage: Stage, tier: Tier) -> str:
    """The calendar a stage is counted by: a promise names an instant, so every hour counts towards it."""
    return "" if stage.promise else tier.calendar


def tag_of(tier: Tier, policy: Policy) -> str:
    """The policy behind a figure, short enough to be read out: tier and start of the policy's hash."""
    return f"{tier.name}-{policy.hash[:6]}"


def reaches(lifecycle: LifecycleMap, name: str, stop: str) -> bool:
    """Whether an order that enters state `name` has come as far as `stop`, or to an end."""
    return (
        name == stop
        or name in lifecycle.terminal
        or lifecycle.rank.get(name, -1) >= lifecycle.rank.get(stop, _FAR)
    )
