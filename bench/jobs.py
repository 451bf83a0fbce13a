"""The jobs. Each runs in a process of its own (`python -m bench.jobs JOB ARGUMENT…`) and answers with a JSON line, so that
its peak memory is its own and nothing is warm from the one before."""

from __future__ import annotations

import cProfile
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.floor import floor
from bench.measure import PARTS, ROOT, Cost, measured, settle_collector
from engine.append.appender import Appender
from engine.fold.host import Host
from engine.fold.judge import Judge
from engine.fold.receipts import Receipts
from engine.intake import olist
from engine.intake.importing import Import
from engine.intake.model import DeadLetter
from engine.policy.load import load_policy
from engine.replay.afresh import fold_afresh, marks, scratch_store
from engine.settings import limits_of, rules_of
from engine.simulate import HOUSE, simulate, write
from engine.store.database import HISTORY, Store
from engine.views.queries import wall_clock
from engine.workers.embedded import Engine

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
    """Import `source` into a new store, everything on: intake, append, both stages, views, receipts."""
    text = (ROOT / "streams.yaml").read_bytes()
    _, typed = load_policy(text, now=wall_clock())
    engine = Engine.open(str(store), HISTORY, text, limits=limits_of(typed))
    cost = Cost()
    counts: Counter[str] = Counter()
    parts = _engine_parts()
    parts.start()
    with (
        measured(cost),
        Import(
            [str(source)], format_, rules_of(typed), now=wall_clock(), historical=True, directory=str(store)
        ) as items,
    ):
        for _, outcomes in engine.ingest(items):
            counts.update(outcome.status for outcome in outcomes)
    parts.stop()
    cost.parts = parts.cpu
    cost.receipts_wall_seconds = parts.wall["receipts"]
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


class _Parts:
    """Which part of the engine the CPU seconds go to: whole batches are timed, so that timing costs nothing. Time in a part
    called by another counts for the inner one; what is in none is intake's."""

    def __init__(self) -> None:
        self.cpu = dict.fromkeys(PARTS, 0.0)
        self.wall = dict.fromkeys(PARTS, 0.0)
        self._inside: list[str] = []
        self._at = (0.0, 0.0)

    def start(self) -> None:
        self._at = (time.process_time(), time.perf_counter())

    def part(self, name: str, owner: type, method: str) -> None:
        """From now on `owner.method` is that part's."""
        plain: Callable[..., Any] = getattr(owner, method)

        def timed(*arguments: Any, **named: Any) -> Any:
            self._turn()
            self._inside.append(name)
            try:
                return plain(*arguments, **named)
            finally:
                self._turn()
                self._inside.pop()

        setattr(owner, method, timed)

    def stop(self) -> None:
        self._turn()

    def _turn(self) -> None:
        """Book what passed since the last turn."""
        name = self._inside[-1] if self._inside else "intake"
        now = (time.process_time(), time.perf_counter())
        self.cpu[name] += now[0] - self._at[0]
        self.wall[name] += now[1] - self._at[1]
        self._at = now


def _engine_parts() -> _Parts:
    parts = _Parts()
    parts.part("append", Appender, "append")
    parts.part("append", Appender, "advance")
    parts.part("stage 1", Host, "fold")
    parts.part("stage 1", Host, "adopt")
    parts.part("stage 2", Judge, "run")
    parts.part("stage 2", Judge, "write")
    parts.part("views", Host, "flush")
    parts.part("receipts", Receipts, "write")
    return parts


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
