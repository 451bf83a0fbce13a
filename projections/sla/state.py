"""What the SLA fold keeps of an order. All instants and durations are microseconds; 0 is 'none'.

All are stored as arrays: their fields keep their order, and a change of it raises `SlaFold.version`.
"""

from __future__ import annotations

import msgspec


class Pause(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The order's clocks stood still from `since` to `until` (0: still do), because of `reason`: a hold's,
    "in_doubt" or "frozen". Pauses of an order are sorted and disjoint."""

    since: int
    until: int
    reason: str


class Clock(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A deadline that runs, or stands still while the order is paused.

    `version` is the event that opened it, at `started`; it closes when the order reaches `stop`. `used` of its
    `target` were used up at `since`: 0 at `started`, or what a re-target carried over. From there follow `half_at`,
    `warn_at` and `due_at`, by which deadlines are judged; 0 where a pause stands before them. `next_at` is
    when the clock wants to be woken: never before what it waits for, but later where that is
    already past (DESIGN.md, "Timers").
    """

    stage: str
    stop: str
    version: int
    started: int
    target: int
    calendar: str
    policy: str
    """Tier and short hash of the policy that set `target`."""
    since: int
    used: int
    half_at: int
    warn_at: int
    due_at: int
    next_at: int
    warned: bool = False
    breached: bool = False
    ladder_from: int = 0
    """When the breach was decided, plus all pauses since: what the ladder's steps wait from."""
    rung: int = 0
    """The next step of the ladder."""
    retargeted_at: int = 0


class Past(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A clock that stopped: enough for a stage bar. `breached` says that it stopped late."""

    stage: str
    started: int
    stopped: int
    used: int
    target: int
    breached: bool


class SlaState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The clocks of one order, and what of `order.placed` (event `version`) chooses them.

    `half_at`, `warn_at`, `due_at` are the earliest of all running clocks, 0 when paused or none runs; `breached`
    counts the breaches that stand, of running and of stopped clocks; `wake_at` is the next timer. The first
    `seen` states the order entered, the last of them by event `seen_version`, have been followed.
    """

    tier: str = ""
    customer: str = ""
    placed_at: int = 0
    version: int = 0
    ship_by: int = 0
    deliver_by: int = 0
    clocks: tuple[Clock, ...] = ()
    past: tuple[Past, ...] = ()
    pauses: tuple[Pause, ...] = ()
    paused: bool = False
    half_at: int = 0
    warn_at: int = 0
    due_at: int = 0
    wake_at: int = 0
    breached: int = 0
    heard_at: int = 0
    """Stream time at which the last event that changed anything here was known."""
    seen: int = 0
    seen_version: int = 0
