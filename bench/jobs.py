"""The jobs. Each runs in a process of its own (`python -m bench.jobs JOB ARGUMENT…`) and answers with a JSON line, so that
its peak memory is its own and nothing is warm from the one before."""

from __future__ import annotations

import cProfile
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.floor import floor
from bench.measure import ROOT, Cost, measured, settle_collector
from engine.fold.receipts import Receipts
from engine.intake import olist
from engine.intake.importing import Import
from engine.intake.model import DeadLetter
from engine.policy.load import load_policy
from engine.replay.afresh import fold_afresh, marks, scratch_store
from engine.settings import limits_of, rules_of
from engine.simulate import HOUSE, simulate, write
from engine.store.database import HISTORY, Store
from engine.workers.embedded import Engine, wall_clock

END = 1_762_898_400_000_000
"""2025-11-11T22:00:00Z, when every simulated world ends (µs)."""


class _Times(msgspec.Struct):
    time: datetime
    arrivedtime: datetime | None = None


def draw(scenario: str, orders: int, seed: int, lines: Path) -> Cost:
    """A simulated world into `lines`."""
    cost = Cost()
    with measured(cost):
        written = write(simulate(orders, seed, scenario, END, HOUSE), lines)
    cost.events = written.lines
    cost.counts = {name: count for name, count in written.answers.items() if isinstance(count, int)}
    return cost


def flatten(tables: Path, lines: Path) -> Cost:
    """The Olist tables as JSON lines in order of arrival."""
    times = msgspec.json.Decoder(_Times).decode
    cost = Cost()
    with measured(cost):
        events = [found for _, _, _, found in olist.read(str(tables)) if not isinstance(found, DeadLetter)]
        events.sort(key=lambda line: (read := times(line)).arrivedtime or read.time)
        lines.write_bytes(b"".join(line + b"\n" for line in events))
    cost.events = len(events)
    return cost


def run(source: Path, format_: str, store: Path) -> Cost:
    """Import `source` into a new store, everything on: intake, append and stage 1, views, receipts."""
    text = (ROOT / "streams.yaml").read_bytes()
    _, typed = load_policy(text, now=wall_clock())
    engine = Engine.open(str(store), HISTORY, text, limits=limits_of(typed))
    cost = Cost()
    _time_receipts(cost)
    counts: Counter[str] = Counter()
    with (
        measured(cost),
        Import(
            [str(source)], format_, rules_of(typed), now=wall_clock(), historical=True, directory=str(store)
        ) as items,
    ):
        for _, outcomes in engine.ingest(items):
            counts.update(outcome.status for outcome in outcomes)
    cost.events = counts.total()
    cost.counts = {**counts, "receipts": engine.receipts.count, "inputs": _inputs(engine.store)}
    engine.close()
    return cost


def profile(source: Path, format_: str, store: Path, statistics: Path) -> Cost:
    """The same under cProfile, whose statistics go to a file. Its times are no figures: the profiler is in them."""
    profiler = cProfile.Profile()
    cost = profiler.runcall(run, source, format_, store)
    profiler.dump_stats(statistics)
    return cost


def fold(reference: Path) -> Cost:
    """Read the log of a store and fold it into fresh views; what is decided is dropped."""
    store = Store.open(str(reference))
    settle_collector()
    cost = Cost(events=_inputs(store))
    decisions = 0

    def decided(*_: object) -> None:
        nonlocal decisions
        decisions += 1

    with measured(cost), store.read() as cursor, scratch_store(store) as scratch:
        fold_afresh(store, scratch, marks(cursor), decided, lambda *_: None, lambda *_: None)
    cost.counts = {"decisions": decisions}
    store.close()
    return cost


def _inputs(store: Store) -> int:
    return sum(own.inputs for own in store.ownership())


def _time_receipts(cost: Cost) -> None:
    """Let `cost` know what writing receipts takes: the targets leave it out."""
    write_receipts = Receipts.write

    def timed(self: Receipts, cursor: sqlite3.Cursor) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        write_receipts(self, cursor)
        cost.receipts_wall_seconds += time.perf_counter() - wall
        cost.receipts_cpu_seconds += time.process_time() - cpu

    Receipts.write = timed  # type: ignore[method-assign]


JOBS: dict[str, tuple[Callable[..., Cost], tuple[Callable[[str], Any], ...]]] = {
    "draw": (draw, (str, int, int, Path)),
    "flatten": (flatten, (Path, Path)),
    "floor": (floor, (Path, Path, Path)),
    "run": (run, (Path, str, Path)),
    "profile": (profile, (Path, str, Path, Path)),
    "fold": (fold, (Path,)),
}
"""name → the job and what its arguments are read as."""


if __name__ == "__main__":
    job, kinds = JOBS[sys.argv[1]]
    done = job(*(kind(word) for kind, word in zip(kinds, sys.argv[2:], strict=True)))
    sys.stdout.write(msgspec.json.encode(done).decode() + "\n")
