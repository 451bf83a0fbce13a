"""How available each node is, and the breaker that takes it out and lets it back.

Question: may orders go to this node? From: its reports and signs of life. A score below `below` so often in a row opens
the breaker (`node.suspended`); after a wait the next reports are probes (`node.probed`), and enough good ones in a row
close it again (`node.resumed`), a bad one waits twice as long. A node nothing is normal of yet is not scored, one that has
not sent `heartbeats` signs of life misses none: a cold start never suspends. Rules: DOMAIN.md, "Health".
"""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec.structs import replace

from projections.channel_health.state import EPISODES_KEPT, Episode
from projections.days import HOUR, day_of, local
from projections.kernel import NONE
from projections.keyed import Handler, KeyedContext, KeyedFold, Told
from projections.node_health import wording
from projections.node_health.score import (
    SCALE,
    learned_with,
    normal_of,
    raw_of,
    scored_of,
    smoothed,
)
from projections.node_health.state import (
    CLOSED,
    HALF,
    OPEN,
    UNKNOWN,
    Figures,
    NodeState,
    NormalState,
    Sum,
)
from projections.policy import Nodes, Policy
from projections.routing import close_across, open_across
from schemas.events.decisions import NodeProbed, NodeResumed, NodeSuspended
from schemas.events.telemetry import Registered, Reported

FULL = 100
GAPS = 2
"""A sign of life is missed after so many of the node's own gaps."""
FORGOTTEN = 16
"""The longest gap shrinks by this part with every sign of life."""
EMPTY = (Sum(), Sum(), Sum())


def _registered(fold: NodeHealthFold, fact: Told, ctx: KeyedContext) -> None:
    """The node is there."""
    rules = ctx.policy.nodes
    if rules is None:
        return
    data: Registered = fact.data
    state = _alive(_state(fact.key, ctx), fact.streamtime)
    state = replace(
        state, region=data.region or state.region, capacity=data.capacity_per_hour or state.capacity
    )
    ctx.put(fact.key, state, _due(state, rules))


def _beat(fold: NodeHealthFold, fact: Told, ctx: KeyedContext) -> None:
    """A sign of life; the probe of a node that never reports figures."""
    rules = ctx.policy.nodes
    if rules is None:
        return
    state = _alive(_state(fact.key, ctx), fact.streamtime)
    if state.breaker == HALF and not state.reported:
        state = _probed(state, FULL, rules, ctx)
    ctx.put(fact.key, state, _due(state, rules))


def _reported(fold: NodeHealthFold, fact: Told, ctx: KeyedContext) -> None:
    """A node's figures of the last minute."""
    rules = ctx.policy.nodes
    if rules is None:
        return
    data: Reported = fact.data
    now = fact.streamtime
    state = _alive(_state(fact.key, ctx), now)
    hour = local(ctx.policy.zones[rules.zone], now) // HOUR
    if hour > state.hour:
        state = _next_hour(state, hour, rules, ctx)
    values = (data.throughput_per_minute, data.response_milliseconds, data.failures_per_mille)
    figures = Figures(*[UNKNOWN if value is None else value for value in values])
    first, second, third = (
        one if value is None else Sum(one.count + 1, one.total + value)
        for one, value in zip(state.sums, values, strict=True)
    )
    state = replace(state, figures=figures, reported=now, sums=(first, second, third))
    raw = raw_of(scored_of(figures, state.normal, rules))
    if raw != UNKNOWN:
        state = _scored(state, raw, rules, ctx)
    ctx.put(fact.key, state, _due(state, rules))


def _state(key: str, ctx: KeyedContext) -> NodeState:
    return ctx.get(key) or NodeState(key.partition("/")[2])


def _alive(state: NodeState, now: int) -> NodeState:
    gap = max(now - state.seen, state.gap - state.gap // FORGOTTEN) if state.seen else 0
    if state.missed:
        gap = state.gap  # an outage is not how often it usually calls
    return replace(state, seen=now, signs=state.signs + 1, gap=gap, missed=0)


def _next_hour(state: NodeState, hour: int, rules: Nodes, ctx: KeyedContext) -> NodeState:
    """What was reported in the hour past is learned; what is normal in the next one is looked up."""
    learned: NormalState = ctx.get(f"normal/{state.name}") or NormalState()
    if state.hour and not state.spoilt:
        learned = learned_with(learned, state.hour % 24, state.sums, rules.days)
        ctx.put(f"normal/{state.name}", learned)
    found = normal_of(learned, hour % 24, rules)
    return replace(
        state,
        hour=hour,
        sums=EMPTY,
        spoilt=state.breaker != CLOSED,
        normal=found.figures if found is not None else Figures(),
        bucket=found.bucket if found is not None else "",
        sample=found.sample if found is not None else 0,
    )


def _scored(state: NodeState, raw: int, rules: Nodes, ctx: KeyedContext) -> NodeState:
    """One more score: of a report, or 0 for a sign of life that did not come."""
    score = smoothed(state.score, raw, rules.smoothing)
    state = replace(state, raw=raw, score=score)
    if state.breaker == HALF:
        return _probed(state, raw, rules, ctx)
    if state.breaker == OPEN:
        return state
    scores = (*state.scores, score // SCALE)[-rules.in_a_row :]
    state = replace(state, scores=scores)
    if len(scores) == rules.in_a_row and max(scores) < rules.below:
        return _suspended(state, rules, ctx)
    return state


def _suspended(state: NodeState, rules: Nodes, ctx: KeyedContext) -> NodeState:
    dry = rules.declared.get(state.name, rules.dry_run)
    until = ctx.now + rules.probe_after
    subject = _subject(state.name, ctx.now)
    reason = wording.suspended(state, rules, dry)
    via = [] if dry else list(rules.alert.via)
    ctx.decide(
        "node.suspended.v1",
        subject,
        "",
        NodeSuspended(state.name, list(state.scores), until, dry, reason, rules.alert.to, via),
    )
    if not dry:
        title = f"{state.name}: {reason}"
        open_across(ctx, subject, f"node:{state.name}", "node", title, rules.alert.to)
    return replace(
        state,
        breaker=OPEN,
        since=ctx.now,
        until=until,
        wait=rules.probe_after,
        good=0,
        dry=dry,
        suspends=subject,
        reason=reason,
        spoilt=True,
    )


def _probed(state: NodeState, raw: int, rules: Nodes, ctx: KeyedContext) -> NodeState:
    """A report of a node on probation."""
    passed = raw >= rules.enough
    good = state.good + 1 if passed else 0
    ctx.decide(
        "node.probed.v1",
        _subject(state.name, ctx.now),
        "",
        NodeProbed(state.name, raw, passed, good, rules.probes, state.dry),
    )
    if not passed:
        wait = min(2 * state.wait, rules.probe_most)
        return replace(state, breaker=OPEN, good=0, wait=wait, until=ctx.now + wait)
    if good < rules.probes:
        return replace(state, good=good)
    lasted = ctx.now - state.since
    reason = wording.returned(good, lasted, state.dry)
    via = [] if state.dry else list(rules.alert.via)
    ctx.decide(
        "node.resumed.v1",
        _subject(state.name, ctx.now),
        "",
        NodeResumed(state.name, lasted, state.dry, reason, rules.alert.to, via),
    )
    if not state.dry:
        close_across(ctx, state.suspends, f"node:{state.name}", reason)
    over = Episode("suspended", state.since, ctx.now, f"{state.reason}; {reason}")
    return replace(
        state,
        past=(*state.past, over)[-EPISODES_KEPT:],
        breaker=CLOSED,
        score=raw * SCALE,
        scores=(),
        since=0,
        until=0,
        wait=0,
        good=0,
        dry=False,
        suspends="",
        reason="",
    )


def interval_of(state: NodeState, rules: Nodes) -> int:
    """How long after its last sign of life a node misses one (µs), NONE before it sent enough of them to say."""
    return max(rules.heartbeat, GAPS * state.gap) if state.signs >= rules.heartbeats else NONE


def _due(state: NodeState, rules: Nodes) -> int:
    """When nothing told is news: a sign of life is missed, or the wait of a suspended node is over."""
    if state.breaker == OPEN:
        return state.until
    interval = interval_of(state, rules)
    if state.breaker == HALF or not interval:
        return NONE
    return state.seen + interval * (state.missed + 1)


def _subject(name: str, now: int) -> str:
    return f"node/{name}/{day_of(now)}"


class NodeHealthFold(KeyedFold):
    """Keys `node/<id>`, `normal/<id>`."""

    name = "node_health"
    version = 1
    kinds: ClassVar[Any] = {"node": NodeState, "normal": NormalState}
    handlers: ClassVar[dict[str, Handler]] = {
        "node.registered.v1": _registered,
        "node.heartbeat.v1": _beat,
        "node.reported.v1": _reported,
    }

    def wake(self, key: str, state: Any, ctx: KeyedContext) -> None:
        """A wait is over."""
        rules = ctx.policy.nodes
        if rules is None:
            ctx.put(key, state)
            return
        found: NodeState = state
        if found.breaker == OPEN:
            found = replace(found, breaker=HALF, good=0)
        elif found.breaker == CLOSED:
            found = _scored(replace(found, missed=found.missed + 1), 0, rules, ctx)
        ctx.put(key, found, _due(found, rules))

    def published(self, old: Policy | None, ctx: KeyedContext) -> None:
        """Every declared node is there."""
        rules = ctx.policy.nodes
        if rules is None:
            return
        for name in sorted(rules.declared):
            key = f"node/{name}"
            if ctx.get(key) is None:
                ctx.put(key, NodeState(name))

    def label(self, key: str, state: Any) -> str:
        """`open`, `half` or, of a node that is used, ""."""
        return ("", "half", "open")[state.breaker] if isinstance(state, NodeState) else ""
