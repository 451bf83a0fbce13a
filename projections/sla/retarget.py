"""The policy changed under an order: new targets, the time already used kept (DOMAIN.md, "SLA timers").

A new deadline is never judged by what happened before it was made: one that would have passed already passes at the
moment of the change, and breaches with reason `re-targeted`. A breach that stands was judged by the policy then in
force and keeps its deadline; only its ladder follows the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from projections.kernel import Context
from projections.policy import Policy, Stage, Tier
from projections.sla.clocks import dropped, opened, timed
from projections.sla.state import Clock, SlaState
from projections.sla.tiers import (
    calendar_of,
    choose_tier,
    opening,
    reaches,
    stage_of,
    tag_of,
    target_of,
)
from projections.sla.timing import earliest, next_timer, used_at

if TYPE_CHECKING:
    from projections.row import Row


class RetargetEffects(msgspec.Struct, frozen=True, gc=False):
    """What a policy would do to one order: whether it changes a clock, and how many deadlines it lets pass."""

    touched: bool
    passed: int


def retargeted(state: SlaState, old: Policy, new: Policy, now: int, ctx: Context) -> SlaState:
    """The state under `new`, in force from `now`. The same object where nothing changes."""
    order, ledger = ctx.row.lifecycle, ctx.row.ledger
    if not state.version or order is None or ledger is None:
        return state
    tier = choose_tier(new, ctx.row.channel, state.customer, ledger.receivable)
    rank = new.lifecycle_of(ctx.row.channel).rank
    clocks: list[Clock] = []
    for clock in state.clocks:
        stage = stage_of(tier, clock.stage)
        target = None
        if stage is not None and stage.stop in rank:
            target = target_of(stage, order.categories, state)
        if tier is None or stage is None or target is None:
            dropped(clock, ctx)
        else:
            clocks.append(_kept(clock, stage, tier, target, state, old, new, now))
    if tier is not None:
        clocks += _begun(tier, state, new, now, ctx)
    name = "" if tier is None else tier.name
    after = tuple(clocks)
    if name == state.tier and after == state.clocks:
        return state
    half_at, warn_at, due_at, wake_at = earliest(after, state.paused)
    return replace(
        state,
        tier=name,
        clocks=after,
        half_at=half_at,
        warn_at=warn_at,
        due_at=due_at,
        wake_at=wake_at,
    )


def retarget_effects(state: SlaState, old: Policy, new: Policy, row: Row, now: int) -> RetargetEffects:
    """What publishing `new` at `now` would do to the order of `row`; changes nothing."""
    ctx = Context()
    ctx.policy, ctx.row, ctx.now, ctx.cause, ctx.fold = new, row, now, 0, "sla"
    after = retargeted(state, old, new, now, ctx)
    missed = {clock.stage for clock in state.clocks if clock.breached or 0 < clock.due_at <= now}
    passed = [clock for clock in after.clocks if 0 < clock.due_at <= now and clock.stage not in missed]
    return RetargetEffects(after.clocks != state.clocks, len(passed))


def _kept(
    clock: Clock,
    stage: Stage,
    tier: Tier,
    target: int,
    state: SlaState,
    old: Policy,
    new: Policy,
    now: int,
) -> Clock:
    calendar = calendar_of(stage, tier)
    if clock.stop != stage.stop:
        clock = replace(clock, stop=stage.stop)
    if clock.breached:
        timer = next_timer(clock, stage.ladder, state.paused, now, new.settle)
        return replace(clock, next_at=timer)
    was = old.sla.calendars.get(clock.calendar)
    if (
        target == clock.target
        and calendar == clock.calendar
        and new.sla.calendars.get(calendar) == was
        and (new.sla.half, new.sla.warn) == (old.sla.half, old.sla.warn)
    ):
        return clock
    return _from_now(clock, used_at(clock, now, state.pauses, was), stage, tier, target, state, new, now)


def _from_now(
    clock: Clock,
    used: int,
    stage: Stage,
    tier: Tier,
    target: int,
    state: SlaState,
    new: Policy,
    now: int,
) -> Clock:
    """The clock under `new` from `now` on, `used` carried over. More time than before may earn a second warning."""
    clock = replace(
        clock,
        target=target,
        calendar=calendar_of(stage, tier),
        policy=tag_of(tier, new),
        since=max(now, clock.since),
        used=used,
        warned=clock.warned and used >= target * new.sla.warn // 1000,
        retargeted_at=now,
    )
    return timed(clock, state.pauses, stage.ladder, now, new)


def _begun(tier: Tier, state: SlaState, new: Policy, now: int, ctx: Context) -> list[Clock]:
    """Clocks of stages the old policy did not have and the order is in the midst of."""
    known = {clock.stage for clock in state.clocks} | {past.stage for past in state.past}
    order = ctx.row.lifecycle
    assert order is not None
    lifecycle = new.lifecycle_of(ctx.row.channel)
    clocks = []
    for stage in tier.stages:
        if stage.name in known or stage.stop not in lifecycle.rank:
            continue
        target = target_of(stage, order.categories, state)
        if target is None:
            continue
        at, version, rest = state.placed_at, state.version, order.entered
        if not stage.promise:
            index = next((i for i, entry in enumerate(order.entered) if entry[0] == stage.start), -1)
            if index < 0:
                continue
            _, at, version = order.entered[index]
            rest = order.entered[index + 1 :]
        if any(reaches(lifecycle, entry[0], stage.stop) for entry in rest):
            continue
        clock = opened(opening(stage, tier, new), target, at, version, state.pauses, now, new)
        used = used_at(clock, now, state.pauses, new.sla.calendars.get(clock.calendar))
        clocks.append(_from_now(clock, used, stage, tier, target, state, new, now))
    return clocks
