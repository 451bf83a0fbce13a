"""What happens to one clock: it is opened, warned of, breached, escalated, stopped.

Deadlines are judged by occurrence: stopping at the deadline is in time, and whether a timer or the stop itself
brings a missed deadline to light, the same is decided. The ladder waits for people, so it counts from when the
breach was decided.
"""

from __future__ import annotations

from msgspec.structs import replace

from projections.kernel import Context
from projections.policy import Policy, Step
from projections.routing import close_work, on_duty, open_work, owner_of
from projections.sla.state import Clock, Past, Pause, SlaState
from projections.sla.tiers import Opening, stage_of, tier_of
from projections.sla.timing import instants, next_judgement, next_timer, used_at
from schemas.events.decisions import SlaBreached, SlaEscalated, SlaWarned


def opened(
    opening: Opening,
    target: int,
    at: int,
    version: int,
    pauses: tuple[Pause, ...],
    heard: int,
    policy: Policy,
) -> Clock:
    """A clock that runs from `at`, because of event `version` heard of at stream time `heard`."""
    half_at, warn_at, due_at = instants(opening.hours, pauses, at, 0, target, policy.sla)
    return Clock(
        opening.stage.name,
        opening.stage.stop,
        version,
        at,
        target,
        opening.calendar,
        opening.tag,
        at,
        0,
        half_at,
        warn_at,
        due_at,
        next_judgement(warn_at, due_at, False, heard, policy.settle),
    )


def timed(
    clock: Clock, pauses: tuple[Pause, ...], ladder: tuple[Step, ...], heard: int, policy: Policy
) -> Clock:
    """The clock with its instants and timer as they follow from its figures and the order's pauses."""
    calendar = policy.sla.calendars.get(clock.calendar)
    half_at, warn_at, due_at = instants(calendar, pauses, clock.since, clock.used, clock.target, policy.sla)
    clock = replace(clock, half_at=half_at, warn_at=warn_at, due_at=due_at)
    paused = bool(pauses) and not pauses[-1].until
    return replace(clock, next_at=next_timer(clock, ladder, paused, heard, policy.settle))


def ladder_of(clock: Clock, state: SlaState, policy: Policy) -> tuple[Step, ...]:
    """The escalation steps of the clock's stage under the policy."""
    stage = stage_of(tier_of(policy, state.tier), clock.stage)
    return () if stage is None else stage.ladder


def fired(clock: Clock, state: SlaState, ctx: Context) -> Clock:
    """The clock after its timer, due now: warned of, breached, or a step further up the ladder."""
    now = ctx.now
    if not clock.breached:
        clock = _judged(clock, now, now + 1, state, ctx, now)
        if not clock.breached:
            timer = next_judgement(clock.warn_at, clock.due_at, clock.warned, now, ctx.policy.settle)
            return replace(clock, next_at=timer)
        open_work(ctx, _work(clock), "sla", f"{clock.stage} is overdue", clock.version, now)
        clock = replace(clock, ladder_from=now)
    ladder = ladder_of(clock, state, ctx.policy)
    if not state.paused:
        while clock.rung < len(ladder) and clock.ladder_from + ladder[clock.rung].after <= now:
            _escalate(clock, ladder[clock.rung], ctx)
            clock = replace(clock, rung=clock.rung + 1)
    return replace(clock, next_at=next_timer(clock, ladder, state.paused, now, ctx.policy.settle))


def stopped(clock: Clock, at: int, state: SlaState, ctx: Context) -> Past:
    """The clock closed by an event that occurred at `at`."""
    if at < clock.started:
        at = clock.started
    if clock.breached:
        if at <= clock.due_at or not clock.due_at:
            ctx.refold(f"{clock.stage} was reached in time, before its breach was decided")
        close_work(ctx, _work(clock), f"{clock.stage} was reached")
    elif at > clock.warn_at or at > clock.due_at:
        clock = _judged(clock, at, at, state, ctx, 0)
    used = used_at(clock, at, state.pauses, ctx.policy.sla.calendars.get(clock.calendar))
    return Past(clock.stage, clock.started, at, used, clock.target, clock.breached)


def dropped(clock: Clock, ctx: Context) -> None:
    """The policy no longer knows the clock's stage: nobody waits for it any more."""
    if clock.breached:
        close_work(ctx, _work(clock), f"the policy no longer has a stage {clock.stage}")


def resumed(clock: Clock, pause: Pause, until: int) -> Clock:
    """A breached clock's ladder stands still with the clock: it waits as much longer as the pause lasted."""
    if not clock.breached:
        return clock
    return replace(clock, ladder_from=clock.ladder_from + max(0, until - max(pause.since, clock.ladder_from)))


def _judged(clock: Clock, at: int, before: int, state: SlaState, ctx: Context, due: int) -> Clock:
    """Decide of an unbreached clock, as it stands `at`, what became true of it `before` an instant: a timer
    has its own instant behind it, a stop exactly at the deadline is in time."""
    warns = not clock.warned and clock.warn_at and clock.warn_at < before and clock.warn_at != clock.due_at
    breaches = clock.due_at and clock.due_at < before
    if not warns and not breaches:
        return clock
    used = used_at(clock, at, state.pauses, ctx.policy.sla.calendars.get(clock.calendar))
    if warns:
        warning = SlaWarned(clock.stage, clock.due_at, used, clock.target, clock.policy)
        ctx.decide("sla.warned.v1", clock.stage, warning, clock.version, due)
        clock = replace(clock, warned=True)
    if breaches:
        owner, group = _owner(ctx)
        # What a re-target carried over suffices for a breach only where the new target is the reason.
        reason = "re-targeted" if clock.retargeted_at and clock.used >= clock.target else "overdue"
        breach = SlaBreached(
            clock.stage, clock.due_at, used, clock.target, clock.policy, owner, group, reason
        )
        ctx.decide("sla.breached.v1", clock.stage, breach, clock.version, due)
        clock = replace(clock, breached=True)
    return clock


def _escalate(clock: Clock, step: Step, ctx: Context) -> None:
    owner, group = _owner(ctx)
    duty = on_duty(ctx.policy, owner, ctx.now, group, step.to)
    reason = f"{clock.stage} is overdue" + (f"; {duty.reason}" if duty.reason else "")
    data = SlaEscalated(clock.stage, clock.rung, duty.to, list(step.via), reason)
    ctx.decide("sla.escalated.v1", f"{clock.stage}:{clock.rung}", data, cause=clock.version, due=ctx.now)


def _owner(ctx: Context) -> tuple[str, str]:
    order = ctx.row.lifecycle
    assert order is not None
    return owner_of(ctx.policy, ctx.row.channel, order.categories, order.state, order.owner, order.group)


def _work(clock: Clock) -> str:
    return f"sla:{clock.stage}"
