"""What is kept of a channel. Instants are µs UTC, 0 is none; gaps and limits µs.

Three kinds of keys: `channel/<id>` changes with every minute that has events, `usual/<id>` with every hour,
`day/<id>/<date>` once.
"""

from __future__ import annotations

import msgspec


class StageState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One stage of a channel. `last` is the end of the last minute with an event, `longest` the longest silence that
    ended in this hour. It is silent from `last` + `limit` on (0: never), `limit` being what this hour's `usual` gap
    allows, as learned from `bucket`: `sample` hours with `events` events."""

    last: int = 0
    longest: int = 0
    limit: int = 0
    usual: int = 0
    bucket: str = ""
    sample: int = 0
    events: int = 0
    silent: int = 0
    """Since when it has been told to be silent."""
    silences: str = ""
    """The subject that was told under."""
    spoilt: bool = False
    """It was silent at some time of this hour."""
    fresh: bool = False
    """It was first heard of in this hour: how long it had been silent before, nobody knows."""


class Unfolded(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A kind of event nobody folds: `count` since `first`, the last at `last`; `opened` is the subject of its work item."""

    first: int
    last: int
    count: int
    opened: str = ""


class Episode(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Something that was wrong and is over."""

    kind: str
    since: int
    until: int
    reason: str


EPISODES_KEPT = 8


class Day(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A channel's day, in its zone: events by stage, fields due and (by `type field`) not told, addresses read or not,
    orders placed by a routing rule or by none, and the golden figure: orders by bucket (its upper bound in seconds), ascending, and
    the `seconds` of them all. `scores` is the sum, `least` the lowest, of the scores at the end of `hours` hours."""

    date: str = ""
    stages: dict[str, int] = {}
    placed: int = 0
    expected: int = 0
    missing: dict[str, int] = {}
    read: int = 0
    unread: int = 0
    routed: int = 0
    unrouted: int = 0
    golden: tuple[tuple[int, int], ...] = ()
    seconds: int = 0
    hours: int = 0
    scores: int = 0
    least: int = 100


class ChannelState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`cells` are the present hour's counts as `projections.flow` words them; `hour` its number, of what clocks show in
    the channel's zone. `today` and `backlog` (open orders by state) hold what came before this hour."""

    hour: int = 0
    heard: int = 0
    """The end of the last minute with any event."""
    beat: int = 0
    """When its connector last gave a sign of life."""
    stages: dict[str, StageState] = {}
    cells: dict[str, int] = {}
    today: Day = Day()
    backlog: dict[str, int] = {}
    placed: tuple[int, ...] = ()
    """Orders placed in each of the last 24 hours, this one not counted."""
    addresses: tuple[int, ...] = ()
    """(part of the window, read, not read), one after another."""
    paused: int = 0
    """Since when dispatch has been paused."""
    pauses: str = ""
    """The subject that was told under."""
    unfolded: dict[str, Unfolded] = {}
    normal: int = 0
    """Usual backlog of this hour, 0 while unknown; out of `normals` days."""
    normals: int = 0
    past: tuple[Episode, ...] = ()
    """The last of what was wrong, oldest first."""
    ripe: int = 0
    """When what the last minute told is to be judged, 0 where there is nothing to judge."""


class StageUsual(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was learned of a stage: (longest silence in minutes, events), one pair after another, oldest first, for each
    hour of the week; and, of silences that ended, for the last 24 hours in which the stage was not silent."""

    hours: tuple[tuple[int, ...], ...]
    recent: tuple[int, ...] = ()


class UsualState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is usual in a channel. `backlog`: open orders at the end of each hour of the day, by day, oldest first."""

    stages: dict[str, StageUsual] = {}
    backlog: tuple[tuple[int, ...], ...] = ()
