"""The same input gives the same views and decisions, whatever way it takes: any batch size, any partition count, any cache,
any crash, any order of other streams; folded once, folded again, or folded in order of occurrence by a refold."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.intake.model import Incoming
from engine.replay.rebuild import rebuild
from engine.replay.verify import verify
from engine.store.database import Store
from tests.worlds import Outcome, run, worlds

FEW = settings(max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@FEW
@given(world=worlds(), batch=st.integers(1, 50), partitions=st.sampled_from([1, 2, 16]))
def test_batches_and_partitions(directory: Path, world: list[Incoming], batch: int, partitions: int) -> None:
    whole = run(directory / "a", world, partitions=4)

    assert run(directory / "b", world, partitions=partitions, batch=batch).differs(whole) == []


@FEW
@given(world=worlds(), crashes=st.lists(st.integers(0, 40), max_size=4), batch=st.integers(1, 20))
def test_crashes_between_append_and_flush(
    directory: Path, world: list[Incoming], crashes: list[int], batch: int
) -> None:
    whole = run(directory / "a", world)

    assert run(directory / "b", world, batch=batch, crashes=crashes).differs(whole) == []


@FEW
@given(world=worlds())
def test_sending_everything_twice_changes_nothing(directory: Path, world: list[Incoming]) -> None:
    twice = sorted([*world, *world], key=lambda item: item.arrived)

    assert run(directory / "b", twice).differs(run(directory / "a", world)) == []


@FEW
@given(world=worlds())
def test_each_stream_alone_is_as_it_is_among_others(directory: Path, world: list[Incoming]) -> None:
    among = run(directory / "a", world, partitions=1)
    end = max(item.arrived for item in world)
    orders = {item.event.subject.rpartition(":")[2].removeprefix("SF") for item in world}

    for order in orders:
        alone = [item for item in world if item.event.subject.endswith((f":{order}", f":SF{order}"))]
        # The clock of a store stands at its last event; a note of nobody's order keeps the end the same.
        ends = max(item.arrived for item in alone) == end
        outcome = run(directory / "b", alone, partitions=1)
        if ends:
            for subject, row in outcome.rows.items():
                assert row == among.rows[subject]


@FEW
@given(world=worlds())
def test_rebuilt_views_are_the_same_bytes_and_verify_agrees(directory: Path, world: list[Incoming]) -> None:
    before = run(directory / "a", world)
    store = Store.open(str(directory / "a"))
    try:
        report = verify(store)
        assert report.differences == []

        rebuild(store, lambda done, total: None)

        assert Outcome(store).differs(before) == []
        assert verify(store).differences == []
    finally:
        store.close()


SEEDED = """
import sys
from pathlib import Path
from hypothesis import find, settings, Phase
from tests.worlds import run, worlds
import random
sys.path.insert(0, ".")
from tests.build import event, paid, placed
world = []
rng = random.Random(5)
for n in range(200):
    order = f"order/taobao:{n % 17}"
    world.append(placed(order, n, id=f"p{n}", channel="taobao"))
    world.append(paid(order, n + 1, id=f"q{n}", channel="taobao"))
    world.append(event("fulfilment.dispatched", order, n + 2, {"waybill": f"SF{n % 17}"}, id=f"d{n}", channel="taobao"))
world.sort(key=lambda item: item.arrived)
outcome = run(Path(sys.argv[1]), world)
print(outcome.rows, outcome.decisions)
"""


def test_two_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SEEDED, str(tmp_path / seed)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ".", "PATH": "/usr/bin:/bin"},
            cwd=Path(__file__).parent.parent.parent,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(outputs) == 1
    assert b"order/taobao:3" in next(iter(outputs))
