"""The health of channels and nodes: the sections `flow`, `golden` and `nodes`, checked and compiled.

Folds know no zones: the offsets of those they need are compiled to UTC intervals here, as calendars are.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from engine.policy.calendars import is_zone, zones
from engine.policy.document import Path
from engine.policy.finding import Findings, nearest
from projections.channel_health.flowing import BLOCKS
from projections.policy import (
    AddressRule,
    Alert,
    BacklogRule,
    Due,
    Field,
    Figure,
    Flow,
    Golden,
    Nodes,
    SilenceRule,
    UnfoldedRule,
    ZoneOffsets,
)
from schemas.derived import Derived
from schemas.policy import (
    AlertText,
    CompleteText,
    FigureText,
    FlowText,
    GoldenText,
    NodesText,
    PolicyText,
    duration,
)
from schemas.registry import TYPES

MINUTE, WEEK_SECONDS = 60_000_000, 7 * 86_400
PER_MILLE = 1000

TOLD = {
    name: name.rpartition(".")[0]
    for name, spec in TYPES.items()
    if name.startswith(("order.", "payment.", "stock.", "fulfilment.")) and not (spec.person or spec.reserved)
}
"""What upstream systems tell of orders: type → its name without version."""


# Compiling


def compile_flow(text: PolicyText) -> Flow | None:
    """The section `flow`, None without one."""
    flow = text.flow
    if flow is None:
        return None
    address, unfolded, silence, backlog = flow.address, flow.unfolded, flow.silence, flow.backlog
    index = flow.index
    return Flow(
        stages=tuple(flow.stages),
        stage_of={type_: found[0] for type_, name in TOLD.items() if (found := _stages_of(name, flow))},
        alerting=frozenset(name for name, stage in flow.stages.items() if stage.alert),
        expected=_expected(flow.complete, text),
        rules={name: _rules(name, text) for name in text.channels},
        alert=_alert(flow.alert),
        silence=SilenceRule(
            silence.k,
            silence.recent_k,
            duration(silence.least),
            silence.weeks,
            silence.samples,
            silence.events,
        ),
        address=AddressRule(
            address.least,
            duration(address.window),
            address.sample,
            tuple(tuple(group.split("|")) for group in address.needs),
        ),
        unfolded=UnfoldedRule(duration(unfolded.after), duration(unfolded.window), unfolded.sample),
        backlog=BacklogRule(backlog.days, backlog.samples, backlog.full, backlog.empty),
        weights={
            "connectivity": index.connectivity,
            "completeness": index.completeness,
            "address": index.address,
            "backlog": index.backlog,
            "rules": index.rules,
        },
        sample=index.sample,
    )


def compile_golden(text: PolicyText) -> Golden | None:
    """The section `golden`, None without one."""
    golden = text.golden
    if golden is None:
        return None
    ready = {}
    for name, channel in text.channels.items():
        states = {state.state for state in text.lifecycles[channel.lifecycle].states}
        found = next((state for state in golden.ready if state in states), "")
        if found:
            ready[name] = found
    return Golden(ready, tuple(duration(bound) // 1_000_000 for bound in golden.buckets))


def compile_nodes(text: PolicyText) -> Nodes | None:
    """The section `nodes`, None without one."""
    nodes = text.nodes
    if nodes is None:
        return None
    return Nodes(
        alert=_alert(nodes.alert),
        zone=nodes.zone,
        throughput=_figure(nodes.throughput),
        response=_figure(nodes.response),
        failures=_figure(nodes.failures),
        days=nodes.days,
        samples=nodes.samples,
        recent_hours=nodes.recent_hours,
        smoothing=nodes.smoothing,
        below=nodes.below,
        in_a_row=nodes.in_a_row,
        enough=nodes.enough,
        probes=nodes.probes,
        probe_after=duration(nodes.probe_after),
        probe_most=duration(nodes.probe_most),
        heartbeat=duration(nodes.heartbeat),
        heartbeats=nodes.heartbeats,
        dry_run=nodes.dry_run,
        declared={
            name: nodes.dry_run if node.dry_run is None else node.dry_run
            for name, node in nodes.declared.items()
        },
    )


def compile_zones(text: PolicyText, start: int, end: int) -> dict[str, ZoneOffsets]:
    """The zones health needs, from `start` to `end` (µs UTC); none where none of it is judged."""
    names = {channel.zone for channel in text.channels.values()} if text.flow is not None else set()
    if text.nodes is not None:
        names.add(text.nodes.zone)
    return {name: compile_zone(name, start // 1_000_000, end // 1_000_000) for name in sorted(names)}


@cache
def compile_zone(name: str, start: int, end: int) -> ZoneOffsets:
    """The offsets of a zone within [start, end] (s UTC). Changes less than a week apart are not told apart."""
    zone = ZoneInfo(name)

    def offset(second: int) -> int:
        found = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
        assert found is not None, "a ZoneInfo knows its offset"
        return int(found.total_seconds()) * 1_000_000

    starts, offsets = [start * 1_000_000], [offset(start)]
    for week in range(start, end, WEEK_SECONDS):
        low, high = week, min(week + WEEK_SECONDS, end)
        after = offset(high)
        if after == offsets[-1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if offset(middle) == after:
                high = middle
            else:
                low = middle
        starts.append(high * 1_000_000)
        offsets.append(after)
    return ZoneOffsets(tuple(starts), tuple(offsets))


def _stages_of(name: str, flow: FlowText) -> list[str]:
    """The stages whose types name an event type (without version)."""
    return [
        stage
        for stage, text in flow.stages.items()
        if any(fnmatchcase(name, pattern) for pattern in text.types)
    ]


def _rules(channel: str, text: PolicyText) -> tuple[tuple[frozenset[str], bool], ...]:
    """The routes an order of the channel may take as it is placed."""
    start = text.lifecycles[text.channels[channel].lifecycle].start
    return tuple(
        (frozenset(route.categories), bool(route.channels or route.categories or route.states))
        for route in text.routing.routes
        if (not route.channels or channel in route.channels) and (not route.states or start in route.states)
    )


def _expected(rules: Sequence[CompleteText], text: PolicyText) -> dict[str, dict[str, Due]]:
    found: dict[str, dict[str, Due]] = {}
    for type_, name in TOLD.items():
        by_channel: dict[str, Due] = {}
        for channel in text.channels:
            for rule in rules:
                if rule.type == name and (not rule.channels or channel in rule.channels):
                    if rule.fields:
                        fields = tuple(_field(spelt) for spelt in rule.fields)
                        by_channel[channel] = Due(fields, f" x{len(fields)}")
                    break
        if by_channel:
            found[type_] = by_channel
    return found


def _field(spelt: str) -> Field:
    return Field(spelt, tuple(tuple(path.strip().split(".")) for path in spelt.split("|")))


def _alert(text: AlertText) -> Alert:
    return Alert(text.to, tuple(text.via))


def _figure(text: FigureText) -> Figure:
    return Figure(text.weight, text.full, text.empty, text.least)


# Checking


def check(text: PolicyText, findings: Findings, now: int) -> None:
    """The sections `flow`, `golden` and `nodes`."""
    if text.flow is not None:
        _check_flow(text.flow, text, findings)
    if text.golden is not None:
        _check_golden(text.golden, text, findings)
    if text.nodes is not None:
        _check_nodes(text.nodes, text, findings)


def _check_flow(flow: FlowText, text: PolicyText, findings: Findings) -> None:
    _check_alert(flow.alert, ("flow", "alert"), text, findings)
    names = sorted(set(TOLD.values()))
    for stage, staged in flow.stages.items():
        for i, pattern in enumerate(staged.types):
            if not any(fnmatchcase(name, pattern) for name in names):
                findings.error(
                    ("flow", "stages", stage, "types", i),
                    f"no type of events of orders is named {pattern!r}",
                    nearest(pattern, [*names, *{f"{name.partition('.')[0]}.*" for name in names}]),
                )
    for name in names:
        stages = _stages_of(name, flow)
        if len(stages) > 1:
            findings.error(
                ("flow", "stages", stages[1], "types"),
                f"{name} is of stage {stages[0]!r} already (line {findings.line(('flow', 'stages', stages[0]))})",
                "Let each type be of one stage.",
            )
    if not any(stage.alert for stage in flow.stages.values()):
        findings.warning(
            ("flow", "stages"), "no stage alerts, so no channel is ever silent", "Write alert: true at one."
        )
    silence = flow.silence
    if silence.samples > silence.weeks:
        findings.error(
            ("flow", "silence", "samples"),
            f"{silence.weeks} weeks hold no {silence.samples} samples of a weekday's hour",
            "Keep more weeks, or ask for fewer samples.",
        )
    _check_complete(flow.complete, text, findings)
    _check_address(flow, findings)
    if duration(flow.unfolded.window) < duration(flow.unfolded.after):
        findings.error(
            ("flow", "unfolded", "window"),
            "what came is forgotten before it is old enough to be told",
            "Write a window longer than `after`.",
        )
    backlog = flow.backlog
    if backlog.empty <= backlog.full:
        findings.error(
            ("flow", "backlog", "empty"), "it is not above `full`", f"Write more than {backlog.full}."
        )
    if backlog.samples > backlog.days:
        findings.error(
            ("flow", "backlog", "samples"),
            f"{backlog.days} days hold no {backlog.samples} samples of an hour",
            "Keep more days, or ask for fewer samples.",
        )


def _check_address(flow: FlowText, findings: Findings) -> None:
    if duration(flow.address.window) < BLOCKS * MINUTE:
        findings.error(
            ("flow", "address", "window"),
            f"a window is counted in {BLOCKS} parts of whole minutes",
            f"Write at least {BLOCKS}m.",
        )
    known = [field.name for field in msgspec.structs.fields(Derived)]
    for i, group in enumerate(flow.address.needs):
        for name in group.split("|"):
            if name not in known:
                findings.error(
                    ("flow", "address", "needs", i),
                    f"intake derives no {name!r} from an address",
                    nearest(name, known),
                )


def _check_complete(rules: Sequence[CompleteText], text: PolicyText, findings: Findings) -> None:
    names = {name: type_ for type_, name in TOLD.items()}
    seen: dict[tuple[str, str], Path] = {}
    for i, rule in enumerate(rules):
        at: Path = ("flow", "complete", i)
        if rule.type not in names:
            findings.error(
                (*at, "type"),
                f"no type of events of orders is named {rule.type!r}",
                nearest(rule.type, names),
            )
            continue
        for j, channel in enumerate(rule.channels):
            if channel not in text.channels:
                findings.error(
                    (*at, "channels", j),
                    f"there is no channel {channel!r}",
                    nearest(channel, text.channels),
                )
        for j, spelt in enumerate(rule.fields):
            for path in spelt.split("|"):
                _check_path(TYPES[names[rule.type]].data, path.strip(), (*at, "fields", j), findings)
        for channel in rule.channels or text.channels:
            seen.setdefault((rule.type, channel), at)
        if at not in seen.values():
            findings.error(
                at,
                "it can never match: those before it take all its channels",
                "Put the narrower rule first, or take it out.",
            )


def _check_path(struct: Any, path: str, at: Path, findings: Findings) -> None:
    for name in path.split("."):
        fields = {field.name: field.type for field in msgspec.structs.fields(struct)} if struct else {}
        if name not in fields:
            findings.error(at, f"there is no field {name!r} in {path!r}", nearest(name, fields))
            return
        struct = next(_structs(fields[name]), None)


def _structs(type_: Any) -> Iterator[type[msgspec.Struct]]:
    if hasattr(type_, "__metadata__"):
        type_ = type_.__origin__
    if isinstance(type_, types.UnionType) or typing.get_origin(type_) is typing.Union:
        for member in typing.get_args(type_):
            yield from _structs(member)
    elif isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        yield type_


def _check_golden(golden: GoldenText, text: PolicyText, findings: Findings) -> None:
    states = {state.state for lifecycle in text.lifecycles.values() for state in lifecycle.states}
    for i, state in enumerate(golden.ready):
        if state not in states:
            findings.error(
                ("golden", "ready", i), f"the state {state!r} is in no lifecycle", nearest(state, states)
            )
    before = 0
    for i, bound in enumerate(golden.buckets):
        seconds = duration(bound) // 1_000_000
        if seconds <= before:
            findings.error(
                ("golden", "buckets", i),
                "it is not longer than the bucket before it, in whole seconds",
                "Put the buckets in order, none twice.",
            )
        before = seconds


def _check_nodes(nodes: NodesText, text: PolicyText, findings: Findings) -> None:
    _check_alert(nodes.alert, ("nodes", "alert"), text, findings)
    if not is_zone(nodes.zone):
        findings.error(
            ("nodes", "zone"), f"there is no time zone {nodes.zone!r}", nearest(nodes.zone, zones())
        )
    if nodes.throughput.empty >= nodes.throughput.full:
        findings.error(
            ("nodes", "throughput", "empty"),
            "less throughput is worse: `empty` is not below `full`",
            f"Write less than {nodes.throughput.full}.",
        )
    for name, figure in (("response", nodes.response), ("failures", nodes.failures)):
        if figure.empty <= figure.full:
            findings.error(
                ("nodes", name, "empty"),
                f"more is worse for {name}: `empty` is not above `full`",
                f"Write more than {figure.full}.",
            )
    if nodes.enough < nodes.below:
        findings.error(
            ("nodes", "enough"),
            "a node would be let back with a score that suspends it",
            f"Write at least {nodes.below}.",
        )
    if nodes.samples > nodes.days:
        findings.error(
            ("nodes", "samples"),
            f"{nodes.days} days hold no {nodes.samples} samples of an hour",
            "Keep more days, or ask for fewer samples.",
        )
    if duration(nodes.probe_most) < duration(nodes.probe_after):
        findings.error(
            ("nodes", "probe_most"),
            "it is shorter than the first wait",
            f"Write at least {nodes.probe_after}.",
        )
    for key, written in (("probe_after", nodes.probe_after), ("heartbeat", nodes.heartbeat)):
        if not duration(written):
            findings.error(("nodes", key), "a wait of no time never ends", "Write a time such as 2m.")
    if nodes.smoothing > PER_MILLE:
        findings.error(
            ("nodes", "smoothing"), "a new score cannot weigh more than all", "Write at most 1000."
        )


def _check_alert(alert: AlertText, at: Path, text: PolicyText, findings: Findings) -> None:
    known = sorted([*text.people, *text.groups])
    if alert.to not in known:
        findings.error((*at, "to"), f"there is no person or group {alert.to!r}", nearest(alert.to, known))
    for i, via in enumerate(alert.via):
        if via not in text.delivery:
            findings.error((*at, "via", i), f"there is no delivery {via!r}", nearest(via, text.delivery))
