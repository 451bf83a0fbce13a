"""A node's availability, 0 to 100: what it reports against its own normal, and what is normal. All in integers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from projections.channel_health.score import FULL, falling, median
from projections.node_health.state import UNKNOWN, Figures, NormalState, Sum
from projections.policy import Figure, Nodes

FIGURES = ("throughput", "response", "failures")
SCALE = 1000
"""A smoothed score is kept in thousandths, so that small changes are not lost."""


class Normal(msgspec.Struct, frozen=True, gc=False):
    """What is normal, learned from which hours and how many of them."""

    figures: Figures
    bucket: str
    sample: int


class Scored(msgspec.Struct, frozen=True, gc=False):
    """One figure: reported, normal, and what it comes to."""

    name: str
    weight: int
    value: int
    normal: int
    score: int


def normal_of(learned: NormalState, hour: int, rules: Nodes) -> Normal | None:
    """Normal for an hour of the day: the median of that hour's days, else of all hours kept; None before there are enough."""
    same = learned.hours[hour]
    if len(same) // 3 >= rules.samples:
        return Normal(_medians(same), f"{hour:02d}–{hour + 1:02d} h of {len(same) // 3} days", len(same) // 3)
    every = [value for kept in learned.hours for value in kept]
    if len(every) // 3 >= rules.recent_hours:
        return Normal(_medians(every), f"all {len(every) // 3} hours known", len(every) // 3)
    return None


def _medians(triples: Sequence[int]) -> Figures:
    found = []
    for place in range(3):
        values = [value for value in triples[place::3] if value != UNKNOWN]
        found.append(median(values) if values else UNKNOWN)
    return Figures(*found)


def learned_with(learned: NormalState, hour: int, sums: Sequence[Sum], days: int) -> NormalState:
    """One more hour: the means of what was reported in it. An hour without reports teaches nothing."""
    if not any(one.count for one in sums):
        return learned
    means = [one.total // one.count if one.count else UNKNOWN for one in sums]
    kept = (*learned.hours[hour], *means)[-3 * days :]
    return NormalState((*learned.hours[:hour], kept, *learned.hours[hour + 1 :]))


def scored_of(figures: Figures, normal: Figures, rules: Nodes) -> tuple[Scored, ...]:
    """Every figure that is reported and has a normal to be judged by."""
    found = []
    for name in FIGURES:
        rule: Figure = getattr(rules, name)
        value, usual = getattr(figures, name), getattr(normal, name)
        if value == UNKNOWN or usual == UNKNOWN or usual < rule.least:
            continue
        if name == "failures":
            score = falling(value - usual, rule.full, rule.empty)
        elif not usual:
            continue
        elif name == "response":
            score = falling(value * 1000 // usual, rule.full, rule.empty)
        else:
            score = FULL - falling(value * 1000 // usual, rule.empty, rule.full)
        found.append(Scored(name, rule.weight, value, usual, score))
    return tuple(found)


def raw_of(scored: Sequence[Scored]) -> int:
    """The weighted mean, UNKNOWN where nothing can be judged."""
    weight = sum([one.weight for one in scored])
    return sum([one.weight * one.score for one in scored]) // weight if weight else UNKNOWN


def smoothed(before: int, raw: int, smoothing: int) -> int:
    """The next smoothed score (thousandths): `smoothing` per mille of it are new. The first is what it is."""
    if before == UNKNOWN:
        return raw * SCALE
    return (before * (1000 - smoothing) + raw * SCALE * smoothing) // 1000
