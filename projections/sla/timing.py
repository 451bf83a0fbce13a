"""When a clock will have used how much of its time, with pauses taken out. Arithmetic only; nothing is decided here.

A share of the target that is used up before a pause keeps its instant; one a pause stands before has none (0)
until the pause ends. So a paused clock shows its colour and runs into no deadline, and a deadline that passed before a
hold was laid on stays passed. What would be used up at the very instant a pause begins counts as not used up: an event
exactly at the deadline is in time.
"""

from __future__ import annotations

from msgspec.structs import replace

from projections.lifecycle import LifecycleState
from projections.policy import Calendar, Policy, Sla, Step
from projections.sla.calendar import add_working, working_between
from projections.sla.state import Clock, Pause

PAUSES_MAX = 64
"""Pauses kept of one order; at the next its clocks start afresh from the time used so far."""


def used_at(clock: Clock, instant: int, pauses: tuple[Pause, ...], calendar: Calendar | None) -> int:
    """Working time the clock has used by `instant`, pauses taken out."""
    if calendar is None and not pauses:
        return clock.used + instant - clock.since if instant > clock.since else clock.used
    used = clock.used + working_between(calendar, clock.since, instant)
    for pause in pauses:
        used -= working_between(calendar, max(pause.since, clock.since), min(pause.until or instant, instant))
    return used


def used_up_at(calendar: Calendar | None, pauses: tuple[Pause, ...], since: int, amount: int) -> int:
    """The instant at which `amount` more has been used, counted from `since`; 0 if an open pause stands before."""
    at = since
    for pause in pauses:
        if pause.until and pause.until <= at:
            continue
        if pause.since > at:
            free = working_between(calendar, at, pause.since)
            if amount < free:
                return add_working(calendar, at, amount)
            amount -= free
        if not pause.until:
            return 0
        at = pause.until
    return add_working(calendar, at, amount) if amount > 0 else at


def instants(
    calendar: Calendar | None, pauses: tuple[Pause, ...], since: int, used: int, target: int, sla: Sla
) -> tuple[int, int, int]:
    """When half, warning share and all of the target are used up, of which `used` were at `since`."""
    half = target * sla.half // 1000 - used
    warn = target * sla.warn // 1000 - used
    due = target - used
    if calendar is None and not pauses:
        # The usual case, without a call: opening clocks is on the path of every order.
        return (
            since + half if half > 0 else since,
            since + warn if warn > 0 else since,
            since + due if due > 0 else since,
        )
    return (
        used_up_at(calendar, pauses, since, max(half, 0)),
        used_up_at(calendar, pauses, since, max(warn, 0)),
        used_up_at(calendar, pauses, since, max(due, 0)),
    )


def settled(due: int, heard: int, settle: int) -> int:
    """A timer's instant: `due`, unless that was past when the engine heard of what sets it.

    `heard` is the stream time of the event, in a refold its original one, so that a refold neither judges a backlog
    earlier than the first folding did nor decides at other instants (`kernel.settled` counts from the
    step's clock, which a refold turns back)."""
    return due if due > heard else heard + settle


def next_judgement(warn_at: int, due_at: int, warned: bool, heard: int, settle: int) -> int:
    """When an unbreached clock must be looked at next: for its warning or its deadline; 0 if a pause stands before."""
    if not warned and heard < warn_at < due_at:
        return warn_at
    timer = settled(due_at, heard, settle) if due_at else 0
    if not warned and warn_at and warn_at != due_at:
        warning = settled(warn_at, heard, settle)
        return min(timer, warning) if timer else warning
    return timer


def next_timer(clock: Clock, ladder: tuple[Step, ...], paused: bool, heard: int, settle: int) -> int:
    """When the clock must be woken next; after a breach for the next step of its ladder."""
    if not clock.breached:
        return next_judgement(clock.warn_at, clock.due_at, clock.warned, heard, settle)
    if paused or clock.rung >= len(ladder):
        return 0
    return settled(clock.ladder_from + ladder[clock.rung].after, heard, settle)


def pausing(lifecycle: LifecycleState, policy: Policy) -> tuple[int, str]:
    """Since when the order's clocks must stand still, and why: the earliest pausing hold, or the offending fact of a
    doubt or freeze. (0, "") when nothing stops them."""
    since, reason = 0, ""
    if lifecycle.offence is not None:
        since = lifecycle.offence.time
        reason = "frozen" if lifecycle.frozen else "in_doubt"
    for hold in lifecycle.holds:
        if hold.reason in policy.sla.pausing_holds and (not since or hold.since < since):
            since, reason = hold.since, hold.reason
    return since, reason


def paused_by(pauses: tuple[Pause, ...], since: int, reason: str, now: int) -> tuple[Pause, ...]:
    """The pauses after the order's clocks were found to stand still `since` for `reason` ("": to run), by an
    event that occurred at `now`. The same object if nothing changed."""
    standing = pauses[-1] if pauses and not pauses[-1].until else None
    if standing is None:
        if not reason:
            return pauses
        return (*pauses, Pause(max(since, pauses[-1].until) if pauses else since, 0, reason))
    if not reason:
        return (*pauses[:-1], replace(standing, until=max(now, standing.since)))
    begun = max(since, pauses[-2].until) if len(pauses) > 1 else since
    if begun <= standing.since:
        # Known to go back further, or a doubt that became a freeze.
        if begun == standing.since and reason == standing.reason:
            return pauses
        return (*pauses[:-1], Pause(begun, 0, reason))
    # The reason it began with is gone, another laid on meanwhile still stands.
    ended = max(now, standing.since)
    if reason == standing.reason and begun <= ended:
        return pauses
    return (*pauses[:-1], replace(standing, until=ended), Pause(max(begun, ended), 0, reason))


def earliest(clocks: tuple[Clock, ...], paused: bool) -> tuple[int, int, int, int]:
    """(half_at, warn_at, due_at, wake_at) of all clocks together; the first three 0 while paused."""
    half_at = warn_at = due_at = wake_at = 0
    for clock in clocks:
        if not paused:
            half, warn, due = clock.half_at, clock.warn_at, clock.due_at
            if not half_at or half < half_at:
                half_at = half
            if not warn_at or warn < warn_at:
                warn_at = warn
            if not due_at or due < due_at:
                due_at = due
        wake = clock.next_at
        if wake and (not wake_at or wake < wake_at):
            wake_at = wake
    return half_at, warn_at, due_at, wake_at
