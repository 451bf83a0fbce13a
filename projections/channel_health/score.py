"""A channel's health, 0 to 100, out of parts that weigh; the index over channels; the quantiles of the golden figure.

Each part is 0 to 100. One that nothing is known of yet is left out, and the others weigh as if it were not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from projections.channel_health.flowing import backlog_of, today_of
from projections.channel_health.state import ChannelState, Day, StageState
from projections.policy import Flow, Golden, LifecycleMap, Policy

FULL = 100


class Part(msgspec.Struct, frozen=True, gc=False):
    """`score` is -1 while nothing is known; `said` how it came about, in figures."""

    name: str
    weight: int
    score: int
    said: str


def parts_of(state: ChannelState, now: int, channel: str, policy: Policy) -> tuple[Part, ...]:
    """The parts of a channel's score as of `now` (µs); none where flow is not judged."""
    flow = policy.flow
    if flow is None:
        return ()
    lifecycle = policy.lifecycle_of(channel)
    day, weights, least = today_of(state), flow.weights, flow.sample
    missing = sum(day.missing.values())
    scored = (
        ("connectivity", _connectivity(state, now, flow)),
        ("completeness", _rate(day.expected - missing, day.expected, least, "fields told")),
        ("address", _rate(day.read, day.read + day.unread, least, "addresses read")),
        ("backlog", _backlog(state, flow, lifecycle)),
        ("rules", _rules(day, channel, policy, least)),
    )
    return tuple(Part(name, weights[name], score, said) for name, (score, said) in scored)


def score_of(parts: Iterable[Part]) -> int:
    """The weighted mean of the parts known, -1 where none is."""
    known = [(part.weight, part.score) for part in parts if part.score >= 0]
    weight = sum([weight for weight, _ in known])
    return sum([weight * score for weight, score in known]) // weight if weight else -1


def index_of(channels: Iterable[tuple[int, int]]) -> int:
    """The health index of (score, orders of the last 24 hours): the mean weighted by orders, -1 where there are none."""
    known = [(score, orders) for score, orders in channels if score >= 0 and orders > 0]
    orders = sum([orders for _, orders in known])
    return sum([score * orders for score, orders in known]) // orders if orders else -1


def connectivity_of(stage: StageState, now: int) -> int:
    """One stage: all while no longer silent than usual, nothing from the limit on; -1 while nothing is learned."""
    if stage.silent:
        return 0
    if not stage.limit or not stage.last:
        return -1
    return falling(now - stage.last, stage.usual, stage.limit)


def falling(value: int, full: int, empty: int) -> int:
    """100 up to `full`, 0 from `empty` on, straight between."""
    if value <= full:
        return FULL
    return 0 if value >= empty else FULL * (empty - value) // (empty - full)


def _connectivity(state: ChannelState, now: int, flow: Flow) -> tuple[int, str]:
    scores = {
        name: score
        for name in flow.stages
        if name in flow.alerting
        and (stage := state.stages.get(name)) is not None
        and (score := connectivity_of(stage, now)) >= 0
    }
    if not scores:
        return -1, "nothing is usual yet"
    worst = min(scores, key=lambda name: (scores[name], name))
    return scores[worst], f"worst of {', '.join(scores)}: {worst}"


def _rate(good: int, total: int, least: int, what: str) -> tuple[int, str]:
    if total < least:
        return -1, f"{total:,} of the {least:,} it takes to say"
    return FULL * max(0, good) // total, f"{good:,} of {total:,} {what} today"


def _rules(day: Day, channel: str, policy: Policy, least: int) -> tuple[int, str]:
    if policy.flow is not None and any(named for _, named in policy.flow.rules.get(channel, ())):
        return _rate(day.routed, day.routed + day.unrouted, least, "orders placed by a rule")
    return -1, "no named route is for its new orders"


def open_orders(backlog: Mapping[str, int], lifecycle: LifecycleMap) -> int:
    """Orders that stand in a state something is still due in."""
    return sum([count for name, count in backlog.items() if name not in lifecycle.terminal])


def _backlog(state: ChannelState, flow: Flow, lifecycle: LifecycleMap) -> tuple[int, str]:
    rule = flow.backlog
    if state.normals < rule.samples or state.normal <= 0:
        return -1, f"{state.normals} of the {rule.samples} days it takes to say"
    standing = open_orders(backlog_of(state), lifecycle)
    score = falling(standing * 1000 // state.normal, rule.full, rule.empty)
    return score, f"{standing:,} open, usual at this hour {state.normal:,} (median of {state.normals} days)"


def median(values: Sequence[int]) -> int:
    """The middle value, of two the mean rounded down. There must be one."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2


class Times(msgspec.Struct, frozen=True, gc=False):
    """From placed to ready to ship, in seconds."""

    orders: int
    mean: int
    p50: int
    p95: int
    p99: int


def times_of(day: Day, golden: Golden) -> Times | None:
    """The golden figure of a day, None before an order was ready."""
    buckets = dict(day.golden)
    orders = sum(buckets.values())
    if not orders:
        return None
    p50, p95, p99 = (quantile(buckets, share, golden.bounds) for share in (500, 950, 990))
    return Times(orders, day.seconds // orders, p50, p95, p99)


def quantile(buckets: Mapping[int, int], share: int, bounds: Sequence[int]) -> int:
    """The value (s) that `share` per mille of what is counted do not exceed, on a straight line within its bucket.
    Buckets are known by their upper bounds, also those of an earlier policy; `bounds` are those of the present one."""
    total = sum(buckets.values())
    rank = max(1, -(-total * share // 1000))
    passed = 0
    for bound in sorted(buckets):
        count = buckets[bound]
        if passed + count >= rank:
            lower = max([edge for edge in (0, *bounds, *buckets) if edge < bound], default=0)
            return lower + (bound - lower) * (rank - passed) // count
        passed += count
    return 0
