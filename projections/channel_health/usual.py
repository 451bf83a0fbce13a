"""How long a stage is usually silent, learned by weekday and hour.

Of every hour the longest silence that stood at any moment of it is kept, also one that began before: at night a long one
is usual, in the morning it is not. The second longest of a few weeks is usual, so that one outage teaches nothing and a
change that lasts does. An hour in which the stage was silent by its own rule counts with no more than the rule allowed.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from projections.channel_health.state import StageUsual
from projections.days import HOURS_PER_WEEK, MINUTE, hour_name
from projections.policy import SilenceRule

RECENT = 24
RECENT_LEAST = 2
"""Hours: so many are kept as recent, and at least so many are needed."""

UNTOUCHED = StageUsual(((),) * HOURS_PER_WEEK)


class Usual(msgspec.Struct, frozen=True, gc=False):
    """A usual gap (µs), where it was learned, from how many hours with how many events; silent is longer than `limit`."""

    gap: int
    bucket: str
    sample: int
    events: int
    limit: int


def usual_of(learned: StageUsual, hour: int, rule: SilenceRule) -> Usual | None:
    """What is usual in an hour of the week: by weekday and hour, else by hour, else of the last 24. None before there is
    enough to go by: then nothing is silent."""
    found = _of(learned.hours[hour], hour_name(hour), rule)
    if found is not None:
        return found
    same = [minutes for day in range(7) for minutes in learned.hours[day * 24 + hour % 24]]
    found = _of(same, f"{hour % 24:02d}–{hour % 24 + 1:02d} h of all days", rule)
    if found is not None:
        return found
    pairs = learned.recent
    events = sum(pairs[1::2])
    if len(pairs) < 2 * RECENT_LEAST or events < rule.events:
        return None
    gap = max(MINUTE, max(pairs[::2]) * MINUTE)
    return Usual(gap, "the last 24 h", len(pairs) // 2, events, _limit(gap, rule.recent_k, rule.least))


def _of(pairs: Sequence[int], bucket: str, rule: SilenceRule) -> Usual | None:
    sample, events = len(pairs) // 2, sum(pairs[1::2])
    if sample < rule.samples or events < rule.events:
        return None
    gap = max(MINUTE, sorted(pairs[::2])[-2] * MINUTE)
    return Usual(gap, bucket, sample, events, _limit(gap, rule.k, rule.least))


def _limit(gap: int, k: int, least: int) -> int:
    """In whole minutes, rounded up: a minute's events are known at its end."""
    return -(-max(gap * k, least) // MINUTE) * MINUTE


def learned_with(
    learned: StageUsual, hour: int, silence: int, events: int, limit: int, spoilt: bool, weeks: int
) -> StageUsual:
    """One more hour of the week: its longest silence (µs) and its events. `limit` is what was allowed in it."""
    if spoilt and limit:
        silence = min(silence, limit)
    pair = (silence // MINUTE, events)
    hours = list(learned.hours)
    hours[hour] = (*hours[hour], *pair)[-2 * weeks :]
    recent = learned.recent if spoilt else (*learned.recent, *pair)[-2 * RECENT :]
    return StageUsual(tuple(hours), recent)
