"""The health of channels and nodes on one screen, and the formula behind each figure (`orderfold health`).

States are stage 2's, as of the last minute judged; how long something has been silent is worked out as of now, like the
colour of a deadline.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from engine.errors import NotFound, UsageError
from engine.views.judged import Judged
from engine.views.queries import Reading, moment
from projections.channel_health.flowing import addresses_in, backlog_of, placed_of, today_of
from projections.channel_health.score import (
    connectivity_of,
    index_of,
    open_orders,
    parts_of,
    score_of,
    times_of,
)
from projections.channel_health.state import ChannelState, Day
from projections.channel_health.wording import explain as explain_channel
from projections.channel_health.wording import paused, silent, unfolded
from projections.days import DAY, local
from projections.node_health.fold import interval_of
from projections.node_health.score import SCALE
from projections.node_health.state import UNKNOWN, NodeState
from projections.node_health.wording import explain as explain_node
from projections.policy import Policy

CHANNELS, NODES = "channel_health", "node_health"
BREAKERS = ("closed", "half open", "open")
MICROS = 1_000_000


class Times(msgspec.Struct, frozen=True):
    """The golden figure, from placed to ready to ship, in seconds."""

    orders: int
    mean_seconds: int
    p50_seconds: int
    p95_seconds: int
    p99_seconds: int


class StageLine(msgspec.Struct, frozen=True):
    """One stage of a channel. `usual` and `limit` are 0 while nothing is usual yet; `score` is then None. `alerts`: its
    silence is told."""

    stage: str
    alerts: bool
    silent: bool
    score: int | None
    last: datetime | None
    usual_seconds: int
    limit_seconds: int
    bucket: str


class ChannelLine(msgspec.Struct, frozen=True):
    """One channel. `score` and `parts` are 0 to 100, None where nothing is known yet; rates are per mille of today."""

    channel: str
    score: int | None
    parts: dict[str, int | None]
    last: datetime | None
    stages: list[StageLine]
    open: int
    placed_24h: int
    completeness_per_mille: int | None
    addresses_per_mille: int | None
    paused_since: datetime | None
    unfolded: dict[str, int]
    golden: Times | None


class NodeLine(msgspec.Struct, frozen=True):
    """One node. `score` (smoothed) is None before the first; `breaker` is closed, half open or open; `dry`: in words only."""

    node: str
    score: int | None
    scores: list[int]
    breaker: str
    dry: bool
    since: datetime | None
    until: datetime | None
    missed: int
    last: datetime | None
    reason: str


class Alarm(msgspec.Struct, frozen=True):
    """Something that is wrong now."""

    subject: str
    kind: str
    since: datetime | None
    reason: str


class Past(msgspec.Struct, frozen=True):
    """Something that was wrong in the last 24 hours and is over."""

    subject: str
    kind: str
    since: datetime | None
    until: datetime | None
    reason: str


class HealthPage(msgspec.Struct, frozen=True):
    """`index` is None before any channel has a score and orders. `judged` is how far stage 2 has come. Channels never heard
    of are only counted."""

    as_of: datetime | None
    judged: datetime | None
    index: int | None
    alarms: list[Alarm]
    channels: list[ChannelLine]
    unheard: int
    nodes: list[NodeLine]
    past: list[Past]


class WhyLine(msgspec.Struct, frozen=True):
    """One figure, and how it comes about."""

    what: str
    how: str


class Why(msgspec.Struct, frozen=True):
    """The formulas of one channel or node with their figures."""

    subject: str
    as_of: datetime | None
    policy: str
    score: int | None
    lines: list[WhyLine]


class GoldenDay(msgspec.Struct, frozen=True):
    """A day of a channel, by the clocks of its zone. `score` is the mean, `least` the lowest, of its hours'."""

    day: str
    channel: str
    placed: int
    score: int | None
    least: int | None
    golden: Times | None


class Alarms(msgspec.Struct, frozen=True):
    """What `summary` says of health: names of what is wrong now. `index` as in HealthPage."""

    index: int | None = None
    silent: list[str] = []
    paused: list[str] = []
    unfolded: list[str] = []
    suspended: list[str] = []


def health(reading: Reading) -> HealthPage:
    """All channels and nodes, as of now."""
    policy, now = reading.policy, reading.now
    with reading.store.read() as cursor:
        judged = Judged(cursor)
        channels = dict(_states(judged, CHANNELS, "channel/"))
        nodes = dict(_states(judged, NODES, "node/"))
        upto = judged.upto
    heard = {name: state for name, state in channels.items() if state.heard or state.beat}
    lines = [_channel_line(name, state, policy, now) for name, state in heard.items()]
    return HealthPage(
        reading.as_of,
        moment(upto),
        _index(heard, policy, now),
        [alarm for name, state in heard.items() for alarm in _channel_alarms(name, state, policy, now)]
        + [alarm for state in nodes.values() for alarm in _node_alarms(state)],
        lines,
        len(channels) - len(heard),
        [_node_line(state) for state in nodes.values()],
        _past(channels, nodes, now),
    )


def why(reading: Reading, name: str) -> Why:
    """`channel/jd`, `node/n1`, or the bare name where only one of the two has it. NotFound, or UsageError when both do."""
    policy, now = reading.policy, reading.now
    with reading.store.read() as cursor:
        judged = Judged(cursor)
        found = _found(judged, name)
    if len(found) > 1:
        raise UsageError(f"{name} is a channel and a node.", f"Say channel/{name} or node/{name}.")
    if not found:
        raise NotFound(
            f"No channel or node is known as {name}.", "`orderfold health show` lists those there are."
        )
    key, state = found[0]
    lines: Iterator[tuple[str, str]]
    if isinstance(state, ChannelState):
        flow = policy.flow
        if flow is None:
            raise NotFound("The policy in force does not judge flow.", "Add the section `flow` to it.")
        channel = policy.channels.get(key.partition("/")[2], policy.default_channel)
        offset = local(policy.zones[channel.zone], now) - now
        score = _known(score_of(parts_of(state, now, channel.name, policy)))
        lines = explain_channel(state, channel, policy, flow, now, offset)
    else:
        rules = policy.nodes
        if rules is None:
            raise NotFound("The policy in force does not judge nodes.", "Add the section `nodes` to it.")
        offset = local(policy.zones[rules.zone], now) - now
        score = _known(state.score // SCALE if state.score != UNKNOWN else UNKNOWN)
        lines = explain_node(state, rules, interval_of(state, rules), now, offset)
    return Why(key, reading.as_of, policy.name, score, [WhyLine(what, how) for what, how in lines])


def golden(reading: Reading, channel: str = "", days: int = 7) -> list[GoldenDay]:
    """The last `days` days of each channel that had orders, latest first. UsageError for less than one."""
    if days < 1:
        raise UsageError("It takes at least one day.", "Give --days 7.")
    policy = reading.policy
    with reading.store.read() as cursor:
        judged = Judged(cursor)
        states = dict(_states(judged, CHANNELS, "channel/"))
        found: list[GoldenDay] = []
        for name, state in states.items():
            if channel and name != channel:
                continue
            kept = [day for _, day in judged.under(CHANNELS, f"day/{name}/")]
            found += [
                _golden_day(name, day, policy) for day in (*kept, today_of(state))[-days:] if day.stages
            ]
    if channel and channel not in states:
        raise NotFound(f"There is no channel {channel}.", "`orderfold health show` lists those there are.")
    return sorted(found, key=lambda one: (one.day, one.channel), reverse=True)


def alarms(cursor: sqlite3.Cursor, policy: Policy, now: int) -> Alarms:
    """What is wrong now, in few words; it reads one state of each channel."""
    judged = Judged(cursor)
    channels = dict(_states(judged, CHANNELS, "channel/"))
    nodes = dict(_states(judged, NODES, "node/"))
    return Alarms(
        _index(channels, policy, now),
        [
            f"{name} {stage}"
            for name, state in channels.items()
            for stage in sorted(state.stages)
            if state.stages[stage].silent
        ],
        [name for name, state in channels.items() if state.paused],
        [
            f"{name} {kind}"
            for name, state in channels.items()
            for kind, one in sorted(state.unfolded.items())
            if one.opened
        ],
        [name for name, state in nodes.items() if state.breaker],
    )


def figures(
    cursor: sqlite3.Cursor, policy: Policy, now: int
) -> dict[str, list[tuple[tuple[str, ...], float]]]:
    """What a scrape reads of health: scores, breakers, the index, when a stage of a channel was last heard of."""
    judged = Judged(cursor)
    channels = dict(_states(judged, CHANNELS, "channel/"))
    nodes = dict(_states(judged, NODES, "node/"))
    index = _index(channels, policy, now)
    scores = [(name, score_of(parts_of(state, now, name, policy))) for name, state in channels.items()]
    return {
        "orderfold_health_index": [((), index)] if index is not None else [],
        "orderfold_channel_score": [((name,), score) for name, score in scores if score >= 0],
        "orderfold_channel_last_event_timestamp_seconds": [
            ((name, stage), state.stages[stage].last / MICROS)
            for name, state in channels.items()
            for stage in sorted(state.stages)
        ],
        "orderfold_channel_silent": [
            ((name, stage), int(state.stages[stage].silent > 0))
            for name, state in channels.items()
            for stage in sorted(state.stages)
        ],
        "orderfold_dispatch_paused": [
            ((name,), int(state.paused > 0)) for name, state in channels.items() if state.heard
        ],
        "orderfold_node_score": [
            ((name,), state.score // SCALE) for name, state in nodes.items() if state.score != UNKNOWN
        ],
        "orderfold_breaker_state": [((name,), state.breaker) for name, state in nodes.items()],
    }


def _past(channels: dict[str, ChannelState], nodes: dict[str, NodeState], now: int) -> list[Past]:
    """Latest first."""
    found = [(one, f"channel/{name}") for name, state in channels.items() for one in state.past]
    found += [(one, f"node/{name}") for name, node in nodes.items() for one in node.past]
    found.sort(key=lambda both: (-both[0].until, both[1]))
    return [
        Past(subject, one.kind, moment(one.since), moment(one.until), one.reason)
        for one, subject in found
        if now - one.until < DAY
    ]


def _states(judged: Judged, fold: str, prefix: str) -> Iterator[tuple[str, Any]]:
    for key, state in judged.under(fold, prefix):
        yield key.partition("/")[2], state


def _found(judged: Judged, name: str) -> list[tuple[str, Any]]:
    kind, slash, _ = name.partition("/")
    keys = [name] if slash and kind in ("channel", "node") else [f"channel/{name}", f"node/{name}"]
    states = ((key, judged.one(CHANNELS if key.startswith("channel/") else NODES, key)) for key in keys)
    return [(key, state) for key, state in states if state is not None]


def _index(channels: dict[str, ChannelState], policy: Policy, now: int) -> int | None:
    return _known(
        index_of(
            (score_of(parts_of(state, now, name, policy)), placed_of(state))
            for name, state in channels.items()
        )
    )


def _known(score: int) -> int | None:
    return score if score >= 0 else None


def _channel_line(name: str, state: ChannelState, policy: Policy, now: int) -> ChannelLine:
    parts = parts_of(state, now, name, policy)
    day = today_of(state)
    flow = policy.flow
    stages = [stage for stage in (flow.stages if flow is not None else ()) if stage in state.stages]
    missing = sum(day.missing.values())
    return ChannelLine(
        name,
        _known(score_of(parts)),
        {part.name: _known(part.score) for part in parts},
        moment(state.heard),
        [
            StageLine(
                stage,
                flow is not None and stage in flow.alerting,
                one.silent > 0,
                _known(connectivity_of(one, now)),
                moment(one.last),
                one.usual // MICROS,
                one.limit // MICROS,
                one.bucket,
            )
            for stage in stages
            for one in (state.stages[stage],)
        ],
        open_orders(backlog_of(state), policy.lifecycle_of(name)),
        placed_of(state),
        _per_mille(day.expected - missing, day.expected),
        _per_mille(day.read, day.read + day.unread),
        moment(state.paused),
        {kind: one.count for kind, one in sorted(state.unfolded.items())},
        _times(day, policy),
    )


def _per_mille(good: int, total: int) -> int | None:
    return good * 1000 // total if total else None


def _times(day: Day, policy: Policy) -> Times | None:
    times = times_of(day, policy.golden) if policy.golden is not None else None
    return Times(times.orders, times.mean, times.p50, times.p95, times.p99) if times is not None else None


def _golden_day(name: str, day: Day, policy: Policy) -> GoldenDay:
    return GoldenDay(
        day.date,
        name,
        day.placed,
        day.scores // day.hours if day.hours else None,
        day.least if day.hours else None,
        _times(day, policy),
    )


def _node_line(state: NodeState) -> NodeLine:
    return NodeLine(
        state.name,
        _known(state.score // SCALE if state.score != UNKNOWN else UNKNOWN),
        list(state.scores),
        BREAKERS[state.breaker],
        state.dry,
        moment(state.since),
        moment(state.until),
        state.missed,
        moment(state.seen),
        state.reason,
    )


def _channel_alarms(name: str, state: ChannelState, policy: Policy, now: int) -> Iterator[Alarm]:
    subject = f"channel/{name}"
    for stage in sorted(state.stages):
        one = state.stages[stage]
        if one.silent:
            yield Alarm(subject, "silent", moment(one.silent), silent(stage, one, now, state.beat))
    if state.paused and policy.flow is not None:
        read, total = addresses_in(state.addresses, state.addresses[-3]) if state.addresses else (0, 0)
        reason = paused(read, total, policy.flow.address)
        yield Alarm(subject, "paused", moment(state.paused), reason)
    for kind, unknown in sorted(state.unfolded.items()):
        if unknown.opened:
            yield Alarm(subject, "unfolded", moment(unknown.first), unfolded(kind, unknown, now))


def _node_alarms(state: NodeState) -> Iterator[Alarm]:
    if state.breaker:
        yield Alarm(f"node/{state.name}", "suspended", moment(state.since), state.reason)
