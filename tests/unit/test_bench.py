"""The bench runs, and its jobs agree about what they were given."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.__main__ import main
from bench.measure import Cost
from bench.report import Bench, per_100k, rate


def test_quick_bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "--orders",
        "150",
        "--repeats",
        "1",
        "--scenario",
        "sales-night",
        "--no-olist",
        "--results",
        str(tmp_path),
    ]
    assert main(words) == 0

    [raw] = tmp_path.glob("*.json")
    bench = msgspec.json.decode(raw.read_bytes(), type=Bench)
    costs = {run.job: run.cost for run in bench.runs}

    assert list(costs) == ["floor", "run", "fold"]
    assert costs["floor"].events == costs["run"].events
    assert costs["run"].counts["inputs"] == costs["fold"].events
    assert costs["floor"].counts["records"] <= costs["run"].counts["accepted"]
    assert all(cost.cpu_seconds > 0 and cost.peak_bytes > 10 * 2**20 for cost in costs.values())
    assert sum(costs["run"].parts.values()) == pytest.approx(costs["run"].cpu_seconds, rel=0.05)
    assert bench.machine.commit in capsys.readouterr().out


def test_receipts_do_not_count() -> None:
    cost = Cost(
        events=50_000, wall_seconds=3.0, cpu_seconds=2.5, receipts_wall_seconds=0.5, parts={"receipts": 0.25}
    )

    assert per_100k(cost) == 4.5
    assert rate(cost) == 20_000
