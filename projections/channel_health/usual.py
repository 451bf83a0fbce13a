"""How long a stage is usually silent, learned by weekday and hour.

Of every hour the longest silence that stood at any moment of it is kept, also one that began before: at night a long one
is usual, in the morning it is not. The second longest of a few weeks is usual, so that one outage teaches nothing and a
change that lasts does. With a hundred events the second longest gap is about 3.6 times the mean of a random feed: four
times that is passed by chance once in a million gaps.
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
    """What is usual in an hour of the week: by weekday and hour, else by hour, but never less than this weekday's; else of
    the hours just past and this hour of days before. None before there is enough to go by: then nothing is silent."""
    weekly = learned.hours[hour]
    if _enough(weekly, rule) and sum(weekly[1::2]) >= rule.events:
        return _usual(second_longest(weekly), hour_name(hour), weekly, rule)
    daily = [value for day in range(7) for value in learned.hours[day * 24 + hour % 24]]
    if _enough(daily, rule) and sum(daily[1::2]) >= rule.events:
        longest = second_longest(daily)
        if _enough(weekly, rule):
            longest = max(longest, second_longest(weekly))
        return _usual(longest, f"{hour % 24:02d}–{hour % 24 + 1:02d} h of all days", daily, rule)
    return _recent(learned.recent, max(daily[::2]), rule) if daily else None


def _recent(recent: tuple[int, ...], longest: int, rule: SilenceRule) -> Usual | None:
    """The newest hours, as many as it takes; `longest` (minutes) stood at this hour before."""
    events = 0
    for sample, at in enumerate(range(len(recent) - 2, -1, -2), 1):
        longest = max(longest, recent[at])
        events += recent[at + 1]
        if events >= rule.events and sample >= RECENT_LEAST:
            gap = max(1, longest) * MINUTE
            limit = _limit(gap, rule.recent_k, rule.least)
            return Usual(gap, f"the last {sample} h, and this hour before", sample, events, limit)
    return None


def _enough(pairs: Sequence[int], rule: SilenceRule) -> bool:
    return len(pairs) >= 2 * rule.samples


def second_longest(pairs: Sequence[int]) -> int:
    """Minutes, of at least two hours."""
    return sorted(pairs[::2])[-2]


def _usual(minutes: int, bucket: str, pairs: Sequence[int], rule: SilenceRule) -> Usual:
    gap = max(1, minutes) * MINUTE
    limit = _limit(gap, rule.k, rule.least)
    return Usual(gap, bucket, len(pairs) // 2, sum(pairs[1::2]), limit)


def _limit(gap: int, k: int, least: int) -> int:
    """In whole minutes, rounded up: a minute's events are known at its end."""
    return -(-max(gap * k, least) // MINUTE) * MINUTE


def learned_with(
    learned: StageUsual, hour: int, silence: int, ended: int, events: int, spoilt: bool, weeks: int
) -> StageUsual:
    """One more hour of the week: its longest silence and the longest that ended in it (µs), and its events. Of how it goes
    just now only the latter tells, or a silence that lasts would teach that it is usual before it is told; and nothing,
    where it was silent by its own rule (`spoilt`)."""
    hours = list(learned.hours)
    hours[hour] = (*hours[hour], silence // MINUTE, events)[-2 * weeks :]
    recent = learned.recent if spoilt else (*learned.recent, ended // MINUTE, events)[-2 * RECENT :]
    return StageUsual(tuple(hours), recent)
