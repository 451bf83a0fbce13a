"""A clock that explains itself: where its figure comes from, in integers and in one line.

"31 min used of 45: 12 picking, 19 waiting; paused 3 h 10 (customer), closed hours 14 h; policy fresh-3 since 10:02"

Time since the start is used time, pauses and closed hours, and nothing else; used time is told by the states the
order passed through. Colours are computed on reading (DOMAIN.md, "SLA timers"), red excepted: a deadline
is missed when the engine has said so, since a fact that was in time may still be on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from projections.days import HOUR, MINUTE, SECOND, span, unit_of
from projections.policy import Calendar, Policy
from projections.sla.calendar import working_between
from projections.sla.state import Clock, Pause, SlaState
from projections.sla.timing import used_at

if TYPE_CHECKING:
    from projections.row import Row

NONE, GREEN, YELLOW, ORANGE, RED = "none", "green", "yellow", "orange", "red"

EARLIER = "before the policy changed"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REASONS = {"in_doubt": "in doubt", "high_risk_of_fraud": "fraud risk"}


def colour(timed: SlaState | Clock, now: int) -> str:
    """The colour at `now` of a clock, or of an order by its columns.

    A paused clock keeps the colour it stopped at. An order is red while a breach of it stands, though the clock
    may have stopped since; "none" if no clock runs."""
    if timed.breached:
        return RED
    if isinstance(timed, SlaState) and not timed.due_at:
        return NONE
    if timed.warn_at and now >= timed.warn_at:
        return ORANGE
    return YELLOW if timed.half_at and now >= timed.half_at else GREEN


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """The figures of one clock at `now`, all µs. `used` = Σ `states`; `now` - `started` = `used` + Σ `pauses` +
    `closed`. `states` by first entering, `pauses` by first reason, both without zeros."""

    stage: str
    now: int
    started: int
    since: int
    """From when the policy named has held for this clock."""
    target: int
    used: int
    due: int
    """The deadline; 0 while the clock is paused before it."""
    colour: str
    policy: str
    states: tuple[tuple[str, int], ...]
    pauses: tuple[tuple[str, int], ...]
    closed: int

    def text(self, clock_time: Callable[[int], datetime] | None = None) -> str:
        """One line of English. `clock_time` turns an instant into wall time where the reader is; without it, UTC."""
        wall = clock_time or _utc
        unit = unit_of(self.used)
        short = unit == MINUTE and self.used < HOUR and MINUTE <= self.target < HOUR
        if self.used < SECOND and self.target < HOUR:
            unit, short = MINUTE, True
        of = f"{self.target // MINUTE}" if short and not self.target % MINUTE else span(self.target)
        text = f"{span(self.used, unit)} used of {of}"
        parts = [
            f"{amount if short else span(amount * unit, unit)} {state.replace('_', ' ')}"
            for state, amount in zip(
                (state for state, _ in self.states),
                shares([time for _, time in self.states], unit),
                strict=True,
            )
            if amount
        ]
        if parts:
            text += f": {', '.join(parts)}"
        stood = [
            f"{span(time)} ({_REASONS.get(reason) or reason.removeprefix('awaiting_').replace('_', ' ')})"
            for reason, time in self.pauses
        ]
        aside = [f"paused {', '.join(stood)}"] if stood else []
        if self.closed:
            aside.append(f"closed hours {span(self.closed)}")
        if aside:
            text += f"; {', '.join(aside)}"
        since = wall(self.since)
        shown = "%H:%M" if since.date() == wall(self.now).date() else "%Y-%m-%d %H:%M"
        return f"{text}; policy {self.policy} since {since.strftime(shown)}"


def explain(clock: Clock, now: int, policy: Policy, row: Row) -> Explanation:
    """What makes up a running clock's used time at `now`, of the order of `row`; `policy` as in force."""
    state, order = row.sla, row.lifecycle
    pauses = state.pauses if state is not None else ()
    entered = order.entered if order is not None else ()
    calendar = policy.sla.calendars.get(clock.calendar)
    now = max(now, clock.started)
    used = used_at(clock, now, pauses, calendar)
    states = _by_state(entered, clock.started, now, pauses, calendar)
    if sum(states.values()) != used:
        # What was used before a re-target was counted by the calendar of that time.
        states = _by_state(entered, clock.since, now, pauses, calendar)
        states = {EARLIER: clock.used, **states}
    stood: dict[str, int] = {}
    for pause in pauses:
        overlap = min(pause.until or now, now) - max(pause.since, clock.started)
        if overlap > 0:
            stood[pause.reason] = stood.get(pause.reason, 0) + overlap
    return Explanation(
        stage=clock.stage,
        now=now,
        started=clock.started,
        since=clock.retargeted_at or clock.started,
        target=clock.target,
        used=used,
        due=clock.due_at,
        colour=colour(clock, now),
        policy=clock.policy,
        states=tuple((name, time) for name, time in states.items() if time),
        pauses=tuple(stood.items()),
        closed=max(0, now - clock.started - used - sum(stood.values())),
    )


def _by_state(
    entered: tuple[tuple[str, int, int], ...],
    start: int,
    end: int,
    pauses: tuple[Pause, ...],
    calendar: Calendar | None,
) -> dict[str, int]:
    """Working time in [start, end), pauses taken out, by the state the order was in."""
    times: dict[str, int] = {}
    ends = [at for _, at, _ in entered[1:]] + [end]
    for (name, at, _), left in zip(entered, ends, strict=True):
        low, high = max(at, start), min(left, end)
        if low >= high:
            continue
        time = working_between(calendar, low, high)
        for pause in pauses:
            time -= working_between(calendar, max(pause.since, low), min(pause.until or high, high))
        times[name] = times.get(name, 0) + time
    return times


def shares(times: list[int], unit: int) -> list[int]:
    """Times in whole units that add up to their sum in whole units: what rounding down loses goes to
    the largest remainders, earlier ones first."""
    whole = [time // unit for time in times]
    order = sorted(range(len(times)), key=lambda i: (-(times[i] % unit), i))
    for i in order[: sum(times) // unit - sum(whole)]:
        whole[i] += 1
    return whole


def _utc(instant: int) -> datetime:
    return _EPOCH + timedelta(microseconds=instant)
