"""Nodes and channels speaking of themselves, while the orders go by: reports each minute, and signs of life.

A node's figures follow the hours of the day and keep within a tenth of their own normal, unless the scenario makes it ail.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.simulate.orders import NODES
from engine.simulate.scenarios import (
    BY_HOUR,
    CHANNELS,
    HOUR,
    MILLISECOND,
    MINUTE,
    ZONE,
    Channel,
    Scenario,
    Weakness,
)
from engine.simulate.telling import Data, encoded, event_of, rfc3339
from engine.simulate.words import mixed

Line = tuple[int, bytes]
"""(arrival in µs, the event)."""

BEAT = 10 * MINUTE
"""Between two signs of life of a node, which reports besides."""

RAMP = 5 * MINUTE
"""How long a node takes to fall ill or to recover."""

REGIONS = {
    "hangzhou-1": "east",
    "guangzhou-1": "south",
    "beijing-1": "north",
    "chengdu-1": "west",
    "wuhan-1": "central",
}


def streams(scenario: Scenario, seed: int, begin: int, anchor: int, cut: int) -> list[Iterator[Line]]:
    """What each node and channel of the world says from `begin` until `cut` (µs), each in order of arrival; the
    scenario's offsets count from `anchor`."""
    found: list[Iterator[Line]] = []
    if scenario.reports:
        ailing = {weakness.node: weakness for weakness in scenario.weaknesses}
        for number, node in enumerate(NODES):
            found.append(_node(scenario, seed, begin, anchor, cut, number, ailing.get(node)))
    if scenario.beats:
        for number, channel in enumerate(CHANNELS):
            found.append(_channel(scenario, seed, begin, anchor, cut, number, channel))
    return found


def _node(
    scenario: Scenario, seed: int, begin: int, anchor: int, cut: int, number: int, weakness: Weakness | None
) -> Iterator[Line]:
    node = NODES[number]
    source, base = f"/nodes/{node}", 40 + 9 * number
    salt = seed * 64 + number
    said = {"name": node, "region": REGIONS.get(node, "east"), "capacity_per_hour": base * 60 * 3}
    yield _line(seed, source, "node.registered.v1", f"node/{node}", begin, 300 * MILLISECOND, said)
    time = begin - begin % MINUTE + 2 * MINUTE + number * 7_000 * MILLISECOND
    while time + 2_000 * MILLISECOND < cut:
        h = mixed(time // MILLISECOND, salt)
        ill = _illness(weakness, time - anchor) if weakness is not None else 0
        data = _figures(base, time, h, ill, weakness)
        yield _line(seed, source, "node.reported.v1", f"node/{node}", time, _delay(h), data)
        if time % BEAT < MINUTE:
            beat = time + 900 * MILLISECOND
            yield _line(seed, source, "node.heartbeat.v1", f"node/{node}", beat, _delay(h), {})
        time += scenario.reports


def _figures(base: int, time: int, h: int, ill: int, weakness: Weakness | None) -> Data:
    """A minute's figures; `ill` per mille between its normal and what the weakness makes of it."""
    hour, into = divmod((time + ZONE) % (24 * HOUR), HOUR)
    busy = (BY_HOUR[hour] * (HOUR - into) + BY_HOUR[(hour + 1) % 24] * into) // HOUR
    throughput = (base + base * busy // 40) * (950 + h % 100) // 1000
    response = (90 + busy // 2) * (930 + (h >> 10) % 140) // 1000
    failures = (h >> 20) % 5
    if ill and weakness is not None:
        throughput = throughput * (1000 - ill + ill * weakness.throughput // 1000) // 1000
        response = response * (1000 + ill * (weakness.slower - 1)) // 1000
        failures += ill * weakness.failures // 1000
    return {
        "throughput_per_minute": throughput,
        "response_milliseconds": response,
        "failures_per_mille": failures,
    }


def _illness(weakness: Weakness, offset: int) -> int:
    """How ill the node is, per mille."""
    if weakness.since <= offset < weakness.until:
        return min(1000, (offset - weakness.since) * 1000 // RAMP)
    if weakness.until <= offset < weakness.until + RAMP:
        return 1000 - (offset - weakness.until) * 1000 // RAMP
    return 0


def _channel(
    scenario: Scenario, seed: int, begin: int, anchor: int, cut: int, number: int, channel: Channel
) -> Iterator[Line]:
    """A connector's signs of life; one that stands still gives none."""
    source = f"/channels/{channel.name}/{channel.shop}-1"
    silent = [
        (anchor + silence.since, anchor + silence.until if silence.until else cut)
        for silence in scenario.silences
        if silence.channel == channel.name
    ]
    time = begin - begin % MINUTE + 2 * MINUTE + number * 11_000 * MILLISECOND
    while time + 2_000 * MILLISECOND < cut:
        h = mixed(time // MILLISECOND, seed * 64 + 32 + number)
        delay = _delay(h)
        if not any(since <= time + delay < until for since, until in silent):
            yield _line(seed, source, "channel.heartbeat.v1", f"channel/{channel.name}", time, delay, {})
        time += scenario.beats


def _delay(h: int) -> int:
    return 200 * MILLISECOND + 200 + h % 600


def _line(seed: int, source: str, type_: str, subject: str, time: int, delay: int, data: Data) -> Line:
    id_ = f"{seed:x}-{subject[subject.index('/') + 1 :]}-{type_.split('.')[1][0]}{time // MILLISECOND:x}"
    when = rfc3339(time)
    return time + delay, encoded(
        event_of(id_, source, type_, f"{subject}/{when[:10]}", time, time + delay, data)
    )
