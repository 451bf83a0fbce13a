"""Which deadlines an order is under: the first tier that matches it, and the strictest target of its goods.

What a tier makes of each state of a lifecycle map (`Course`) is worked out once: orders enter the same few states
millions of times.
"""

from __future__ import annotations

import msgspec

from projections.policy import Calendar, LifecycleMap, Policy, Stage, Tier
from projections.sla.state import SlaState

_FAR = 1 << 30
"""A rank no state has."""

COURSES_KEPT = 1_000
"""Policies change seldom and channels are few; but senders may name channels of their own."""


class Opening(msgspec.Struct, frozen=True, gc=False):
    """A stage whose clock may be opened: `calendar` it is counted by, `hours` that calendar as the policy has it,
    `tag` the policy behind its target."""

    stage: Stage
    calendar: str
    hours: Calendar | None
    tag: str


class Turn(msgspec.Struct, frozen=True, gc=False):
    """What entering one state means for clocks: those with a stop in `reached` stop, all of them at an end, and
    those of `opens` start."""

    end: bool
    reached: frozenset[str]
    opens: tuple[Opening, ...]


class Course(msgspec.Struct, frozen=True):
    """The turns of a lifecycle's states under one tier of one policy, and the promises it times from placing."""

    policy: Policy
    lifecycle: LifecycleMap
    promises: tuple[Opening, ...]
    turns: dict[str, Turn]


_courses: dict[tuple[int, str, str], Course] = {}
"""By (identity of the policy, tier, channel). A course holds its policy, so no other can come by that identity."""


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
    if len(categories) == 1:
        return within.get(categories[0], other)
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


def opening(stage: Stage, tier: Tier, policy: Policy) -> Opening:
    """The stage with what its clock needs of tier and policy."""
    calendar = calendar_of(stage, tier)
    return Opening(stage, calendar, policy.sla.calendars.get(calendar), tag_of(tier, policy))


def course_of(policy: Policy, tier: str, channel: str) -> Course:
    """The course of orders of that tier ("": of none, nothing opens) and channel under the policy."""
    key = (id(policy), tier, channel)
    course = _courses.get(key)
    if course is None:
        if len(_courses) >= COURSES_KEPT:
            _courses.clear()
        course = _courses[key] = _course(policy, tier_of(policy, tier), policy.lifecycle_of(channel))
    return course


def turn_of(course: Course, name: str) -> Turn:
    """What entering the state `name` means; one the map no longer knows reaches only itself."""
    turn = course.turns.get(name)
    return Turn(False, frozenset((name,)), ()) if turn is None else turn


def _course(policy: Policy, tier: Tier | None, lifecycle: LifecycleMap) -> Course:
    openings = []
    if tier is not None:
        openings = [opening(stage, tier, policy) for stage in tier.stages if stage.stop in lifecycle.rank]
    clocks = [each for each in openings if not each.stage.promise]
    turns = {}
    for name in lifecycle.states:
        end = name in lifecycle.terminal
        reached = frozenset(stop for stop in lifecycle.states if reaches(lifecycle, name, stop))
        opens = () if end else tuple(each for each in clocks if each.stage.start == name)
        turns[name] = Turn(end, reached, opens)
    return Course(policy, lifecycle, tuple(each for each in openings if each.stage.promise), turns)
