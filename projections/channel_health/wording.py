"""What people are told of a channel: the reasons of decisions, and the whole formula with its figures.

"nothing of orders for 41 min: usual 4 min (Tue 14–15 h: 6 hours, 412 events) × 4, told after 16 min"
"""

from __future__ import annotations

from collections.abc import Iterator

from projections.channel_health.flowing import BLOCKS, addresses_in, backlog_of, placed_of, today_of
from projections.channel_health.score import (
    connectivity_of,
    open_orders,
    parts_of,
    score_of,
    times_of,
)
from projections.channel_health.state import ChannelState, Day, StageState, Unfolded
from projections.days import DAY, MINUTE, SECOND, span
from projections.policy import AddressRule, Channel, Flow, Golden, Policy

COMPLETE_SHOWN = 3


def share(good: int, total: int) -> str:
    """`94.3 %`, of 0 `–`."""
    if not total:
        return "–"
    tenths = good * 1000 // total
    return f"{tenths // 10}.{tenths % 10} %"


def clock(instant: int, zone_offset: int = 0) -> str:
    """`14:02`, of an instant and how far the zone stands from UTC."""
    minutes = (instant + zone_offset) % DAY // MINUTE
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def silent(name: str, stage: StageState, now: int, beat: int) -> str:
    """Why a stage is told to be silent."""
    alive = "; its connector still gives signs of life" if beat > stage.last else ""
    return f"nothing of {name} for {span(now - stage.last)}: {_usual(stage)}{alive}"


def _usual(stage: StageState) -> str:
    return (
        f"usual {span(stage.usual)} ({stage.bucket}: {stage.sample} hours, {stage.events:,} events), "
        f"told after {span(stage.limit)}"
    )


def resumed(name: str, lasted: int) -> str:
    """A stage is heard again."""
    return f"{name}: heard again after {span(lasted)} of silence"


def paused(read: int, total: int, rule: AddressRule) -> str:
    """Why dispatch pauses."""
    return (
        f"only {read:,} of {total:,} addresses ({share(read, total)}) of the last {span(rule.window)} can be read, "
        f"it takes {share(rule.least, 1000)}; dispatch is paused"
    )


def unpaused(read: int, total: int, lasted: int) -> str:
    """Why dispatch goes on."""
    return f"{read:,} of {total:,} addresses can be read again; dispatch was paused for {span(lasted)}"


def unfolded(kind: str, one: Unfolded, now: int) -> str:
    """What nobody folds."""
    return f"{kind} has come {one.count:,} times in {span(now - one.first)} and is not folded"


def folded_again(window: int) -> str:
    """None came any more."""
    return f"none has come for {span(window)}"


# The whole formula


def explain(
    state: ChannelState, channel: Channel, policy: Policy, flow: Flow, now: int, offset: int
) -> Iterator[tuple[str, str]]:
    """(what, how) of a channel as of `now`, one figure a line; `offset` is its zone's from UTC (µs)."""
    parts = parts_of(state, now, channel.name, policy)
    score = score_of(parts)
    known = [part for part in parts if part.score >= 0]
    if score < 0:
        yield "score", "none yet: nothing is known of any part"
    else:
        sums = " + ".join(f"{part.weight}×{part.score}" for part in known)
        yield "score", f"{score} = ({sums}) / {sum(part.weight for part in known)}"
    for part in parts:
        found = f"{part.score}" if part.score >= 0 else "left out"
        yield part.name, f"{found}, weight {part.weight}: {part.said}"
    if state.heard:
        said = f"{clock(state.heard, offset)} ({channel.zone}), {span(now - state.heard)} ago"
        yield "last event", said + (f"; sign of life {span(now - state.beat)} ago" if state.beat else "")
    else:
        yield "last event", "none yet"
    for name in flow.stages:
        yield f"silence of {name}", _stage_line(name, state.stages.get(name), flow, now, offset)
    yield "addresses", _addresses_line(state, flow, now)
    day = today_of(state)
    worst = sorted(day.missing.items(), key=lambda item: (-item[1], item[0]))[:COMPLETE_SHOWN]
    if worst:
        yield "most missing", ", ".join(f"{name} {count:,}" for name, count in worst)
    yield "backlog", _backlog_line(state, policy, channel)
    for kind, one in sorted(state.unfolded.items()):
        yield (
            "not folded",
            f"{kind}: {one.count:,} since {clock(one.first, offset)}"
            + (
                ""
                if one.opened
                else f"; work from {flow.unfolded.sample} on, {span(flow.unfolded.after)} old"
            ),
        )
    if policy.golden is not None:
        yield "placed to ready", golden_line(day, policy.golden)


def _stage_line(name: str, stage: StageState | None, flow: Flow, now: int, offset: int) -> str:
    if stage is None:
        return "nothing heard yet"
    ago = f"last {clock(stage.last, offset)}, {span(now - stage.last)} ago"
    rule = flow.silence
    if stage.silent:
        said = f"SILENT since {clock(stage.silent, offset)}; {_usual(stage)}" if stage.limit else "SILENT"
    elif not stage.limit:
        said = f"nothing is usual yet: it takes this hour of a day before, and {rule.events} events in 24 h"
    else:
        said = f"{_usual(stage)}; scores {connectivity_of(stage, now)}"
    return f"{ago}; {said}" + ("" if name in flow.alerting else "; does not alert")


def _addresses_line(state: ChannelState, flow: Flow, now: int) -> str:
    rule = flow.address
    part = max([now // (rule.window // BLOCKS), *state.addresses[-3:-2]])
    read, total = addresses_in(state.addresses, part)
    said = f"{read:,} of {total:,} read in the last {span(rule.window)} ({share(read, total)})"
    if state.paused:
        return f"DISPATCH PAUSED for {span(now - state.paused)}; {said}, it takes {share(rule.least, 1000)}"
    return f"{said}; dispatch pauses under {share(rule.least, 1000)} of at least {rule.sample}"


def _backlog_line(state: ChannelState, policy: Policy, channel: Channel) -> str:
    lifecycle = policy.lifecycle_of(channel.name)
    backlog = backlog_of(state)
    standing = [
        f"{name} {backlog[name]:,}"
        for name in lifecycle.states
        if backlog.get(name) and name not in lifecycle.terminal
    ]
    total = open_orders(backlog, lifecycle)
    placed = placed_of(state)
    return (
        f"{total:,} open" + (f": {', '.join(standing)}" if standing else "") + f"; {placed:,} placed in 24 h"
    )


def golden_line(day: Day, golden: Golden) -> str:
    """The golden figure of a day."""
    times = times_of(day, golden)
    if times is None:
        return "no order ready yet today"
    mean, p50, p95, p99 = (span(value * SECOND) for value in (times.mean, times.p50, times.p95, times.p99))
    return f"mean {mean}, p50 {p50}, p95 {p95}, p99 {p99} of {times.orders:,} orders"
