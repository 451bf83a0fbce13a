"""What is kept of a node: `node/<id>` changes with every report, `normal/<id>` with every hour. Instants µs UTC, 0 is none."""

from __future__ import annotations

import msgspec

from projections.channel_health.state import Episode

CLOSED, HALF, OPEN = 0, 1, 2
"""The breaker: the node is used; it is being probed; it is suspended."""

UNKNOWN = -1


class Figures(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Throughput a minute, mean response (ms), failures (per mille); UNKNOWN for what was not reported."""

    throughput: int = UNKNOWN
    response: int = UNKNOWN
    failures: int = UNKNOWN


class Sum(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Of one figure: how often it was reported this hour, and the sum."""

    count: int = 0
    total: int = 0


class NodeState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A node. `score` is smoothed, in thousandths of a point, UNKNOWN before the first; `raw` what the last report came
    to (0 to 100), `scores` the last ones in a row, newest last."""

    name: str
    region: str = ""
    capacity: int = 0
    seen: int = 0
    """Its last sign of life."""
    signs: int = 0
    gap: int = 0
    """The longest gap between its signs of life, forgotten slowly."""
    missed: int = 0
    """Signs of life missed in a row."""
    reported: int = 0
    figures: Figures = Figures()
    score: int = UNKNOWN
    raw: int = UNKNOWN
    scores: tuple[int, ...] = ()
    breaker: int = CLOSED
    since: int = 0
    """When it was suspended."""
    until: int = 0
    """When it is probed next."""
    wait: int = 0
    good: int = 0
    """Probes passed in a row."""
    dry: bool = False
    """Its suspension is a dry run."""
    suspends: str = ""
    """The subject that was told under."""
    reason: str = ""
    hour: int = 0
    """Number of the hour being counted, of what clocks show in the nodes' zone."""
    sums: tuple[Sum, Sum, Sum] = (Sum(), Sum(), Sum())
    spoilt: bool = False
    """It was suspended at some time of this hour, which therefore is not learned."""
    normal: Figures = Figures()
    bucket: str = ""
    sample: int = 0
    past: tuple[Episode, ...] = ()
    """Its last suspensions, oldest first."""


class NormalState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Means of (throughput, response, failures), one triple after another, oldest first, for each hour of the day."""

    hours: tuple[tuple[int, ...], ...] = ((),) * 24
