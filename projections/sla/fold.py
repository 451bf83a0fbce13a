"""Is the order on time? A deadline per stage of its way, and for what was promised at placing.

From: `order.placed` (which tier, which goods, which promises) and the states the order enters, its holds, doubts and
freezes, as the lifecycle fold tells them (`row.lifecycle`). Rules: DOMAIN.md, "SLA timers".
Invariants: one clock a stage and order; a clock's used time, pauses and closed hours add up to the time since it
started; deadlines are judged by occurrence, so a timer fired early or late, or a backlog folded at once, gives the
same breaches; the fold emits no excuse: a stop that was in time is folded again by the host, which withdraws.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from projections.kernel import Context, Fold, Handler
from projections.lifecycle import LifecycleState
from projections.policy import Policy
from projections.sla.clocks import fired, ladder_of, opened, resumed, stopped, timed
from projections.sla.retarget import retargeted
from projections.sla.state import Clock, Past, Pause, SlaState
from projections.sla.tiers import choose_tier, course_of, reaches, target_of, tier_of, turn_of
from projections.sla.timing import PAUSES_MAX, earliest, paused_by, pausing, used_at
from schemas.envelope import Event, micros

Entry = tuple[str, int, int]
"""A state the order entered: (state, occurrence, streamversion)."""


def _placed(state: SlaState, event: Event, ctx: Context) -> SlaState:
    """The order comes under the deadlines of its tier; what it promises runs from its placing."""
    if state.version:
        return _moved(state, event, ctx)
    order, ledger = ctx.row.lifecycle, ctx.row.ledger
    assert order is not None, "an order's row has all folds' states"
    assert ledger is not None
    data = event.data
    promised = [line.ship_by for line in data.lines if line.ship_by is not None]
    deliver_by = 0
    if data.promises is not None:
        if data.promises.deliver_by is not None:
            deliver_by = micros(data.promises.deliver_by)
        if data.promises.ship_by is not None:
            promised.append(data.promises.ship_by)
    customer = data.tier or ""
    tier = choose_tier(ctx.policy, ctx.row.channel, customer, ledger.receivable)
    state = replace(
        state,
        tier="" if tier is None else tier.name,
        customer=customer,
        placed_at=event.time,
        version=event.streamversion,
        ship_by=micros(min(promised)) if promised else 0,
        deliver_by=deliver_by,
    )
    clocks: tuple[Clock, ...] = ()
    if promised or deliver_by:
        heard = _heard(state, event, ctx)
        for opening in course_of(ctx.policy, state.tier, ctx.row.channel).promises:
            target = target_of(opening.stage, (), state)
            if target is not None:
                clock = opened(
                    opening, target, event.time, event.streamversion, state.pauses, heard, ctx.policy
                )
                clocks = (*clocks, clock)
    return _followed(state, order.entered, order, event, ctx, clocks)


def _moved(state: SlaState, event: Event, ctx: Context) -> SlaState:
    """Clocks start and stop with the states the order enters, and stand still while it is held or in doubt."""
    order = ctx.row.lifecycle
    assert order is not None, "an order's row has all folds' states"
    entered = order.entered
    seen = state.seen
    if len(entered) == seen and (not seen or entered[-1][2] == state.seen_version):
        if event.time >= order.since or not _inserted(entered, event):
            if order.offence is None and not order.holds and not state.paused:
                return state
            return _followed(state, (), order, event, ctx, state.clocks)
    elif len(entered) > seen and (not seen or entered[seen - 1][2] == state.seen_version):
        return _followed(state, entered[seen:], order, event, ctx, state.clocks)
    # A late fact was put in between what has been followed already.
    if _matters(state, _inserted(entered, event), entered, ctx):
        ctx.refold("a late fact changed when the order came to a state it is timed by")
    return _followed(state, (), order, event, ctx, state.clocks)


def _inserted(entered: tuple[Entry, ...], event: Event) -> tuple[Entry, ...]:
    return tuple(entry for entry in entered if entry[2] == event.streamversion)


def _matters(state: SlaState, inserted: tuple[Entry, ...], entered: tuple[Entry, ...], ctx: Context) -> bool:
    """Whether a clock would have started or stopped by what a late fact put in between."""
    tier = tier_of(ctx.policy, state.tier)
    lifecycle = ctx.policy.lifecycle_of(ctx.row.channel)
    if tier is None:
        return False
    for entry in inserted:
        index = entered.index(entry)
        before = entered[index - 1][0] if index else ""
        for stage in tier.stages:
            if stage.start == entry[0] and not stage.promise:
                return True
            if reaches(lifecycle, entry[0], stage.stop) and not reaches(lifecycle, before, stage.stop):
                return True
    return False


def _followed(
    state: SlaState,
    entries: tuple[Entry, ...],
    order: LifecycleState,
    event: Event,
    ctx: Context,
    clocks: tuple[Clock, ...],
) -> SlaState:
    """The state after the order, timed by `clocks`, entered `entries`, then stood still or ran as `order` says."""
    past, late = state.past, 0
    if entries:
        clocks, past, late = _through(state, clocks, entries, order, event, ctx)
    since, reason = 0, ""
    if order.holds or order.offence is not None:
        since, reason = pausing(order, ctx.policy)
    pauses = state.pauses
    if reason or state.paused:
        pauses = paused_by(pauses, since, reason, event.time)
        if pauses is not state.pauses:
            if event.time < ctx.row.latest:
                # Beside what is known already, only the order of occurrence tells when clocks stood still.
                ctx.refold(f"{event.type} is late, and clocks stand still by it")
            clocks, pauses = _repaused(clocks, state, pauses, _heard(state, event, ctx), ctx)
    entered = order.entered
    seen_version = entered[-1][2] if entered else 0
    if clocks is state.clocks and past is state.past and pauses is state.pauses:
        if len(entered) == state.seen and seen_version == state.seen_version:
            return state
        return replace(state, seen=len(entered), seen_version=seen_version)
    paused = bool(reason)
    half_at, warn_at, due_at, wake_at = earliest(clocks, paused)
    return replace(
        state,
        clocks=clocks,
        past=past,
        pauses=pauses,
        paused=paused,
        half_at=half_at,
        warn_at=warn_at,
        due_at=due_at,
        wake_at=wake_at,
        breached=state.breached + late,
        heard_at=_heard(state, event, ctx),
        seen=len(entered),
        seen_version=seen_version,
    )


def _heard(state: SlaState, event: Event, ctx: Context) -> int:
    """When what the event says here was known: in a refold, not before all that it builds upon was."""
    heard = ctx.now if ctx.now > event.streamtime else event.streamtime
    return heard if heard > state.heard_at else state.heard_at


def _through(
    state: SlaState,
    clocks: tuple[Clock, ...],
    entries: tuple[Entry, ...],
    order: LifecycleState,
    event: Event,
    ctx: Context,
) -> tuple[tuple[Clock, ...], tuple[Past, ...], int]:
    """Clocks, stopped clocks and new breaches after the order entered these states, in their order. The same
    objects where none of them concerns a clock."""
    policy = ctx.policy
    course = course_of(policy, state.tier, ctx.row.channel)
    past = state.past
    late = 0
    for name, at, version in entries:
        turn = turn_of(course, name)
        left = []
        end, reached = turn.end, turn.reached
        for clock in clocks:
            if end or clock.stop in reached:
                stop = stopped(clock, at, state, ctx)
                past = (*past, stop)
                late += stop.breached and not clock.breached
            else:
                left.append(clock)
        if len(left) < len(clocks):
            clocks = tuple(left)
        for opening in turn.opens:
            if not _known(opening.stage.name, clocks, past):
                target = target_of(opening.stage, order.categories, state)
                if target is not None:
                    heard = _heard(state, event, ctx)
                    clocks = (*clocks, opened(opening, target, at, version, state.pauses, heard, policy))
    return clocks, past, late


def _known(stage: str, clocks: tuple[Clock, ...], past: tuple[Past, ...]) -> bool:
    """Whether the order has or had a clock of that stage: there is one a stage and order."""
    for clock in clocks:
        if clock.stage == stage:
            return True
    for stop in past:  # noqa: SIM110 (a generator costs more than the few stages it goes through)
        if stop.stage == stage:
            return True
    return False


def _repaused(
    clocks: tuple[Clock, ...], state: SlaState, pauses: tuple[Pause, ...], heard: int, ctx: Context
) -> tuple[tuple[Clock, ...], tuple[Pause, ...]]:
    """The clocks with a pause begun, prolonged or ended, and the pauses still to be kept."""
    policy = ctx.policy
    before = state.pauses
    if state.paused and (ended := pauses[len(before) - 1]).until:
        clocks = tuple(resumed(clock, ended, ended.until) for clock in clocks)
        if len(pauses) > PAUSES_MAX and pauses[-1].until:
            clocks = tuple(
                replace(
                    clock,
                    used=used_at(clock, ended.until, pauses, policy.sla.calendars.get(clock.calendar)),
                    since=ended.until,
                )
                for clock in clocks
            )
            pauses = pauses[-1:]
    return (
        tuple(timed(clock, pauses, ladder_of(clock, state, policy), heard, policy) for clock in clocks),
        pauses,
    )


class SlaFold(Fold[SlaState]):
    """Clocks, breaches and escalations of one order."""

    name: ClassVar[str] = "sla"
    version: ClassVar[int] = 2
    judged: ClassVar[frozenset[str]] = frozenset(
        {
            "order.placed.v1",
            "order.confirmed.v1",
            "order.reviewed.v1",
            "order.held.v1",
            "order.released.v1",
            "order.unfrozen.v1",
            "order.cancelled.v1",
            "order.completed.v1",
            "payment.received.v1",
            "payment.refunded.v1",
            "payment.subsidy_granted.v1",
            "stock.locked.v1",
            "stock.lock_failed.v1",
            "stock.unlocked.v1",
            "fulfilment.routed.v1",
            "fulfilment.accepted.v1",
            "fulfilment.picked.v1",
            "fulfilment.packed.v1",
            "fulfilment.dispatched.v1",
            "fulfilment.delivered.v1",
            "fulfilment.refused.v1",
            "fulfilment.lost.v1",
        }
    )
    handlers: ClassVar[dict[str, Handler]] = {
        **dict.fromkeys(judged, _moved),
        "order.placed.v1": _placed,
        "order.doubted.v1": _moved,
        "order.frozen.v1": _moved,
    }

    def initial(self, subject: str) -> SlaState:
        return SlaState()

    def due(self, state: SlaState) -> int:
        return state.wake_at

    def wake(self, state: SlaState, now: int, ctx: Context) -> SlaState:
        """A warning, a deadline or a rung of the ladder is due."""
        clocks = tuple(
            fired(clock, state, ctx) if clock.next_at and clock.next_at <= now else clock
            for clock in state.clocks
        )
        late = sum(
            after.breached and not before.breached for before, after in zip(state.clocks, clocks, strict=True)
        )
        half_at, warn_at, due_at, wake_at = earliest(clocks, state.paused)
        return replace(
            state,
            clocks=clocks,
            half_at=half_at,
            warn_at=warn_at,
            due_at=due_at,
            wake_at=wake_at,
            breached=state.breached + late,
        )

    def retarget(self, state: SlaState, old: Policy, new: Policy, now: int, ctx: Context) -> SlaState:
        """Under another policy deadlines change; the time already used is kept."""
        return retargeted(state, old, new, now, ctx)
