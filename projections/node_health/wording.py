"""What people are told of a node: the reasons of decisions, and the formula with its figures."""

from __future__ import annotations

from collections.abc import Iterator

from projections.channel_health.wording import clock
from projections.days import span
from projections.node_health.score import FIGURES, SCALE, Scored, raw_of, scored_of
from projections.node_health.state import HALF, OPEN, UNKNOWN, NodeState
from projections.policy import Nodes

_UNITS = {"throughput": "a minute", "response": "ms", "failures": "‰"}


def suspended(state: NodeState, rules: Nodes, dry: bool) -> str:
    """Why a node is suspended."""
    scores = ", ".join(map(str, state.scores))
    if state.missed:
        why = f"{state.missed} signs of life missed in a row"
    else:
        scored = scored_of(state.figures, state.normal, rules)
        worst = min(scored, key=lambda one: (one.score, one.name), default=None)
        why = _figure(worst) if worst is not None else "its reports"
    return f"{'dry run: ' if dry else ''}scores {scores}, all under {rules.below}: {why}"


def returned(probes: int, lasted: int, dry: bool) -> str:
    """Why a node is let back."""
    return f"{'dry run: ' if dry else ''}{probes} probes in a row were good; it was out for {span(lasted)}"


def _figure(one: Scored) -> str:
    return f"{one.name} {one.value} {_UNITS[one.name]}, normal {one.normal}"


def explain(
    state: NodeState, rules: Nodes, interval: int, now: int, offset: int
) -> Iterator[tuple[str, str]]:
    """(what, how) of a node as of `now`, one figure a line. `interval` (µs) between signs of life, 0 while unknown;
    `offset` of the nodes' zone from UTC."""
    yield "score", _score_line(state, rules)
    if summed := _raw_sum(state, rules):
        yield "last one", summed
    scored = {one.name: one for one in scored_of(state.figures, state.normal, rules)}
    for name in FIGURES:
        rule = getattr(rules, name)
        if (one := scored.get(name)) is not None:
            span_ = f"{rule.full} to {rule.empty}" + (" ‰ above it" if name == "failures" else " ‰ of it")
            yield name, f"{one.score}, weight {one.weight}: {_figure(one)}; 100 down to 0 from {span_}"
        elif getattr(state.figures, name) == UNKNOWN:
            yield name, "left out: not reported"
        else:
            yield name, f"left out: reported {getattr(state.figures, name)}, and nothing is normal yet"
    if state.bucket:
        yield "normal", f"median of {state.bucket}"
    else:
        yield (
            "normal",
            f"nothing yet: it takes {rules.samples} days of the same hour, or {rules.recent_hours} hours in all",
        )
    if state.reported:
        yield (
            "last report",
            f"{clock(state.reported, offset)} ({rules.zone}), {span(now - state.reported)} ago",
        )
    yield "sign of life", _life_line(state, rules, interval, now, offset)
    yield "breaker", _breaker_line(state, rules, now, offset)


def _score_line(state: NodeState, rules: Nodes) -> str:
    if state.score == UNKNOWN:
        return "none yet"
    recent = ", ".join(map(str, state.scores)) or "none since it came back"
    return (
        f"{state.score // SCALE}, smoothed: {rules.smoothing} ‰ of it the last one, {state.raw}; last in a row: {recent}; "
        f"{rules.in_a_row} under {rules.below} suspend"
    )


def _life_line(state: NodeState, rules: Nodes, interval: int, now: int, offset: int) -> str:
    if not state.seen:
        return "none yet"
    said = f"{clock(state.seen, offset)}, {span(now - state.seen)} ago"
    if not interval:
        return f"{said}; {state.signs} of the {rules.heartbeats} it takes before one can be missed"
    return f"{said}; one is due each {span(interval)}, {state.missed} missed in a row"


def _breaker_line(state: NodeState, rules: Nodes, now: int, offset: int) -> str:
    if state.breaker == OPEN:
        said = f"OPEN for {span(now - state.since)}, probed from {clock(state.until, offset)} on"
    elif state.breaker == HALF:
        said = f"HALF OPEN: {state.good} of {rules.probes} probes of at least {rules.enough} passed"
    else:
        dry = rules.declared.get(state.name, rules.dry_run)
        return "closed" + ("; a dry run: it would be suspended in words only" if dry else "")
    return f"{said}; {state.reason}"


def _raw_sum(state: NodeState, rules: Nodes) -> str:
    """`62 = (30×100 + 30×0 + 40×80) / 100`, "" where nothing is scored."""
    scored = scored_of(state.figures, state.normal, rules)
    if not scored:
        return ""
    sums = " + ".join(f"{one.weight}×{one.score}" for one in scored)
    return f"{raw_of(scored)} = ({sums}) / {sum(one.weight for one in scored)}"
