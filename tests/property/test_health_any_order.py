"""Channels and nodes: what is decided depends on what was counted, not on who told it first; and all of it is integers
within bounds."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.channel_health.score import FULL, falling, index_of, parts_of, quantile, score_of
from projections.node_health.score import raw_of, scored_of, smoothed
from projections.node_health.state import UNKNOWN, Figures
from schemas.events.telemetry import Heartbeat, Reported
from tests.healthy import (
    DAY,
    GOLDEN,
    HOUR,
    MINUTE,
    MONDAY,
    NODES,
    Channels,
    NodesBench,
    close_all,
    health_policy,
)

CELLS = (
    "orders",
    "orders >placed x2 a+ r+",
    "orders >placed x2 a- r-",
    "orders placed>paid",
    "warehouse paid>packed g300",
    "warehouse paid>packed g600",
    "missing:order.placed lines",
    "unfolded:order.wrapped.v1",
    "unfolded:fault in sla",
)

Minutes = list[tuple[int, dict[str, int]]]


@st.composite
def minutes(draw: st.DrawFn) -> Minutes:
    """Minutes of a channel, in order: bursts, pauses of minutes and nights."""
    at, found = MONDAY, []
    for _ in range(draw(st.integers(1, 30))):
        at += draw(st.sampled_from((1, 1, 1, 2, 7, 40, 70, 600, 1500))) * MINUTE
        cells = draw(st.dictionaries(st.sampled_from(CELLS), st.integers(1, 60), min_size=1, max_size=4))
        found.append((at, cells))
    return found


def split(cells: dict[str, int], parts: int, draw: Any) -> list[dict[str, int]]:
    """The cells dealt out to so many partitions."""
    dealt: list[dict[str, int]] = [{} for _ in range(parts)]
    for cell, n in cells.items():
        for _ in range(n):
            one = dealt[draw(st.integers(0, parts - 1))] if n < 4 else dealt[n % parts]
            one[cell] = one.get(cell, 0) + 1
    return [one for one in dealt if one]


@settings(max_examples=25, deadline=None)
@given(minutes(), st.data())
def test_partitions_tell_in_any_order(world: Minutes, data: st.DataObject) -> None:
    alone, several = Channels(), Channels()
    for at, cells in world:
        alone.minute(at, cells)
        parts = split(cells, data.draw(st.integers(1, 4)), data.draw)
        for partition, part in enumerate(data.draw(st.permutations(parts))):
            several.minute(at, part, partition=partition)
    for channels in (alone, several):
        channels.pass_to(world[-1][0] + 3 * DAY)

    assert _as_told(alone) == _as_told(several)
    assert _builtins(alone.channel()) == _builtins(several.channel())
    _sound(alone)
    close_all()


def _as_told(channels: Channels) -> list[tuple[Any, ...]]:
    return [(one.type, one.subject, one.key, one.due, _builtins(one.data)) for one in channels.decisions]


def _builtins(value: Any) -> Any:
    return msgspec.to_builtins(value)


def _sound(channels: Channels) -> None:
    """Integers only, scores within bounds, decisions in pairs."""
    state = channels.channel()
    _integers(_builtins(state))
    parts = parts_of(state, state.heard + HOUR, "shop", health_policy())
    assert all(-1 <= part.score <= FULL for part in parts)
    assert -1 <= score_of(parts) <= FULL
    for begun, ended in (("channel.silent", "channel.resumed"), ("dispatch.paused", "dispatch.resumed")):
        assert len(channels.told(begun)) - len(channels.told(ended)) in (0, 1, 2)
    opened = [one.work for one in channels.told("work.opened")]
    closed = [one.work for one in channels.told("work.closed")]
    assert all(opened.count(work) - closed.count(work) in (0, 1) for work in {*opened, *closed})


def _integers(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _integers(key)
            _integers(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _integers(inner)
    else:
        assert not isinstance(value, float)


figure = st.one_of(st.just(UNKNOWN), st.integers(0, 10**6))


@given(st.builds(Figures, figure, figure, figure), st.builds(Figures, figure, figure, figure))
def test_a_nodes_score_is_between_0_and_100(reported: Figures, normal: Figures) -> None:
    raw = raw_of(scored_of(reported, normal, NODES))

    assert isinstance(raw, int)
    assert raw == UNKNOWN or 0 <= raw <= FULL


@given(st.integers(0, 100_000), st.integers(0, 100), st.integers(1, 1000))
def test_smoothing_stays_between_the_two(before: int, raw: int, smoothing: int) -> None:
    found = smoothed(before, raw, smoothing)

    assert min(before, raw * 1000) - 1 <= found <= max(before, raw * 1000)


@given(st.integers(-(10**6), 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_falling_never_rises(value: int, full: int, more: int) -> None:
    now, next_ = falling(value, full, full + more), falling(value + 1, full, full + more)

    assert 0 <= next_ <= now <= FULL


@given(st.dictionaries(st.sampled_from(GOLDEN.bounds), st.integers(1, 1000), min_size=1))
def test_quantiles_are_in_order_and_within_their_buckets(buckets: dict[int, int]) -> None:
    found = [quantile(buckets, share, GOLDEN.bounds) for share in (1, 500, 950, 990, 1000)]

    assert found == sorted(found)
    assert found[0] >= 0
    assert found[-1] == max(buckets)


@given(st.lists(st.tuples(st.integers(-1, 100), st.integers(0, 10**6))))
def test_the_index_lies_between_the_channels(channels: list[tuple[int, int]]) -> None:
    known = [score for score, orders in channels if score >= 0 and orders]
    index = index_of(channels)

    assert index == -1 if not known else min(known) <= index <= max(known)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 1000), st.integers(0, 1000)), max_size=80),
    st.data(),
)
def test_a_node_is_suspended_and_let_back_in_turn(
    reports: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    nodes = NodesBench()
    at = MONDAY
    for n in range(125):
        nodes.tell("node.reported.v1", "node/n1", Reported(60, 100, 2), at=at + n * MINUTE)
    at += 125 * MINUTE
    for throughput, response, failures in reports:
        at += data.draw(st.sampled_from((1, 1, 1, 3, 30))) * MINUTE
        if data.draw(st.integers(0, 9)) == 0:
            nodes.tell("node.heartbeat.v1", "node/n1", Heartbeat(), at=at)
            continue
        nodes.tell("node.reported.v1", "node/n1", Reported(throughput, response, failures), at=at)
    state = nodes.node()
    turns = [one.type for one in nodes.decisions if one.type in ("node.suspended.v1", "node.resumed.v1")]

    assert turns == ["node.suspended.v1", "node.resumed.v1"] * (len(turns) // 2) + ["node.suspended.v1"] * (
        len(turns) % 2
    )
    assert (state.breaker != 0) == (len(turns) % 2 == 1)
    assert 0 <= state.score <= 100_000
    _integers(_builtins(state))
    close_all()
