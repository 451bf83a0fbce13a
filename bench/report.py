"""The figures as a table, and what they are figures of."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec

from bench.measure import PARTS, Cost, Machine

JOBS = {
    "floor": "floor: decode, insert, dict fold",
    "run": "append and both stages, end to end",
    "tables": "the same from the CSV tables",
    "fold": "fold only, from the log",
}


class Run(msgspec.Struct):
    """One measurement: `repeat` counts from 0."""

    input: str
    job: str
    repeat: int
    cost: Cost


class Bench(msgspec.Struct):
    """Everything one bench measured."""

    at: str
    seed: int
    orders: int
    machine: Machine
    runs: list[Run]


def per_100k(cost: Cost) -> float:
    """CPU seconds per 100,000 events, receipts left out."""
    return (cost.cpu_seconds - cost.parts.get("receipts", 0.0)) * 100_000 / max(cost.events, 1)


def rate(cost: Cost) -> float:
    """Events per second of wall time, receipts left out."""
    return cost.events / max(cost.wall_seconds - cost.receipts_wall_seconds, 1e-9)


def markdown(bench: Bench) -> str:
    """The whole report."""
    machine = bench.machine
    libraries = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    lines = [
        f"Commit {machine.commit}, {bench.at}, seed {bench.seed}.",
        f"{machine.system}; {machine.processor}, {machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB; "
        f"load {machine.load}; Python {machine.python}, {libraries}.",
        "",
        "| input | job | events | CPU s / 100k | of the floor | events/s | of the floor | wall s | peak MiB |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    found: dict[tuple[str, str], list[Cost]] = {}
    for run in bench.runs:
        found.setdefault((run.input, run.job), []).append(run.cost)
    for (name, job), costs in found.items():
        lines.append(_row(name, job, costs, found.get((name, "floor"), [])))
    lines += [
        "",
        f"| CPU s / 100k in | {' | '.join(PARTS)} |",
        f"|---|{'--:|' * len(PARTS)}",
        *(_parts_row(name, costs) for (name, job), costs in found.items() if job == "run"),
    ]
    lines += [
        "",
        "Median [least to most] of the repeats. CPU seconds are the figure to trust: wall time is shared with neighbours.",
        "Receipts (what was decided, kept for delivery and audit) are in the second table only.",
        "The floor's memory holds the records it is handed, and says nothing.",
    ]
    return "\n".join(lines)


def _row(name: str, job: str, costs: Sequence[Cost], floor: Sequence[Cost]) -> str:
    least = median(per_100k(cost) for cost in floor) if floor else 0
    fastest = median(rate(cost) for cost in floor) if floor else 0
    cpu = [per_100k(cost) for cost in costs]
    rates = [rate(cost) for cost in costs]
    cells = [
        name,
        JOBS[job],
        f"{costs[0].events:,}",
        _spread(cpu, ".2f"),
        f"{least / median(cpu):.2f}" if least else "",
        _spread(rates, ",.0f"),
        f"{median(rates) / fastest:.2f}" if fastest else "",
        _spread([cost.wall_seconds for cost in costs], ".1f"),
        "" if job == "floor" else f"{max(cost.peak_bytes for cost in costs) / 2**20:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _parts_row(name: str, costs: Sequence[Cost]) -> str:
    cells = [
        f"{median(cost.parts.get(part, 0.0) * 100_000 / max(cost.events, 1) for cost in costs):.2f}"
        for part in PARTS
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _spread(values: Sequence[float], form: str) -> str:
    if len(values) == 1:
        return f"{values[0]:{form}}"
    return f"{median(values):{form}} [{min(values):{form}} to {max(values):{form}}]"
