"""`python -m bench`: the floor, append + both stages and fold only, in one run on one machine.

Inputs are simulated nights and days and, where they are found, the Olist tables ($ORDERFOLD_REAL_DATA/olist, else
../shared/data/olist). The jobs of one repeat follow each other, so that a busy neighbour meets all of them. Raw figures go to
bench/results/<date>-<commit>.json, the table to stdout, talk to stderr. `python -m bench quality` measures matching instead,
`python -m bench merging` what a placed order costs there with so many open.
"""

from __future__ import annotations

import argparse
import os
import pstats
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench import merging, quality
from bench.measure import ROOT, Cost, machine
from bench.report import Bench, Run, markdown

SCENARIOS = ("sales-night", "normal")
RESULTS = ROOT / "bench" / "results"


def main(arguments: Sequence[str]) -> int:
    """Measure and report; 0, or 1 when a job failed."""
    if arguments[:1] == ["quality"]:
        return quality.main(arguments[1:])
    if arguments[:1] == ["merging"]:
        return merging.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--orders", type=int, default=20_000, help="simulated orders of each scenario (about 11 events each)"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--scenario", action="append", choices=SCENARIOS, help="only this one; may be given twice"
    )
    parser.add_argument("--no-olist", action="store_true", help="leave the Olist tables out")
    parser.add_argument(
        "--quick", action="store_true", help="1,000 orders of one night, once: does it run at all?"
    )
    parser.add_argument(
        "--profile", action="store_true", help="run append + both stages under cProfile instead"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for the raw figures")
    asked = parser.parse_args(arguments)
    if asked.quick:
        asked.orders, asked.repeats, asked.scenario, asked.no_olist = 1_000, 1, ["sales-night"], True
    tables = Path(os.environ.get("ORDERFOLD_REAL_DATA") or ROOT.parent / "shared" / "data") / "olist"
    if not asked.no_olist and not tables.is_dir():
        _say(f"No Olist tables at {tables}: they are left out.")
        asked.no_olist = True

    asked.results.mkdir(parents=True, exist_ok=True)
    began = datetime.now(UTC)
    bench = Bench(began.strftime("%Y-%m-%dT%H:%M:%SZ"), asked.seed, asked.orders, machine(), [])
    stem = f"{began:%Y-%m-%d}-{bench.machine.commit}"
    # Beside the clone, not in the system's temporary folder: that may be memory, where a commit costs nothing.
    (ROOT / "build").mkdir(exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "build"))
    try:
        inputs = [
            (name, _drawn(work, name, asked.orders, asked.seed)) for name in asked.scenario or SCENARIOS
        ]
        if not asked.no_olist:
            inputs.append(("olist", work / "olist.jsonl"))
            _job("flatten", tables, inputs[-1][1])
        if asked.profile:
            return _profile(work, *inputs[0], asked.results / f"{stem}.prof")
        for name, lines in inputs:
            _measure(bench, work, name, lines, asked.repeats, tables if name == "olist" else None)
    except subprocess.CalledProcessError as error:
        _say(f"The job {' '.join(error.cmd[3:])} failed.")
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)

    raw = asked.results / f"{stem}.json"
    raw.write_bytes(msgspec.json.format(msgspec.json.encode(bench), indent=1) + b"\n")
    print(markdown(bench))
    _say(f"Raw figures: {raw}")
    return 0


def _drawn(work: Path, scenario: str, orders: int, seed: int) -> Path:
    lines = work / f"{scenario}.jsonl"
    cost = _job("draw", scenario, orders, seed, lines)
    _say(f"{scenario}: {cost.events:,} events of {orders:,} orders drawn in {cost.wall_seconds:.1f} s")
    return lines


def _measure(bench: Bench, work: Path, name: str, lines: Path, repeats: int, tables: Path | None) -> None:
    """All jobs on one input. The first ingest is not counted: it makes the store the others read, and warms the disk."""
    reference = work / "reference"
    _job("run", lines, "cloudevents", reference)
    for repeat in range(repeats):
        jobs: list[tuple[str, tuple[object, ...]]] = [
            ("floor", ("floor", lines, reference, _empty(work / "floor"))),
            ("run", ("run", lines, "cloudevents", work / "run")),
            ("fold", ("fold", reference)),
        ]
        if tables is not None:
            jobs.insert(2, ("tables", ("run", tables, "olist", work / "tables")))
        for job, command in jobs:
            cost = _job(*command)
            bench.runs.append(Run(name, job, repeat, cost))
            _say(
                f"{name} {repeat + 1}/{repeats} {job}: {cost.cpu_seconds:.2f} s CPU, {cost.wall_seconds:.2f} s wall"
            )
            for left in ("floor", "run", "tables"):
                shutil.rmtree(work / left, ignore_errors=True)
    shutil.rmtree(reference)


def _profile(work: Path, name: str, lines: Path, target: Path) -> int:
    _job("profile", lines, "cloudevents", work / "run", target)
    statistics = pstats.Stats(str(target))
    statistics.sort_stats("tottime").print_stats(40)
    _say(f"Of {name}. All of it: python -m pstats {target}")
    return 0


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _job(*words: object) -> Cost:
    command = [sys.executable, "-m", "bench.jobs", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Cost)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
