"""An import killed again and again, and started again, ends where an import left in peace does."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from engine.replay.verify import verify
from engine.store.database import Store
from tests.faults.processes import Ended, inputs, kept, kill, orderfold, start
from tests.worlds import Outcome

ORDERS = 2_600  # more events than views wait for, so that they are written once underway
KILLS = 5
LOG_BYTES = 8_000_000
"""A quarter of what an uninterrupted run writes ahead: a kill may fall into any batch, or into the views."""

MEASURED = ("seconds", "events_per_second", "duplicates")
"""What starting again changes in a summary: its own time, and what it met again."""


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sales night as a file."""
    file = tmp_path_factory.mktemp("night") / "night.jsonl"
    written = orderfold(
        "simulate", "--orders", str(ORDERS), "--seed", "11", "--scenario", "sales-night",
        "--end", "2026-03-01T00:00:00Z", "--to", file,
    )  # fmt: skip
    assert written.code == 0, written.err
    return file


@pytest.fixture(scope="module")
def in_peace(night: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of an import nobody disturbed."""
    store = tmp_path_factory.mktemp("peace") / "store"
    assert_ended(orderfold("ingest", night, "--historical", store=store))
    return store


def assert_ended(ended: Ended) -> None:
    assert ended.code == 3, ended.err  # the night holds malformed events on purpose
    assert "dead" in ended.out


def killed_at(night: Path, store: Path, log_bytes: int, after_seconds: float) -> bool:
    """Import until the write-ahead log is so long, and a little longer; False when it ended before that."""
    log = store / "orderfold.db-wal"
    process = start("ingest", night, "--historical", store=store)
    while process.poll() is None and not (log.exists() and log.stat().st_size >= log_bytes):
        time.sleep(0.001)
    time.sleep(after_seconds)
    return kill(process)


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment_and_started_again_it_ends_the_same(
    night: Path, in_peace: Path, tmp_path: Path, seed: int
) -> None:
    moment = random.Random(seed)
    store = tmp_path / "store"
    reached: list[int] = []
    log_bytes = 0  # the first while the store is being made
    while len(reached) < KILLS and killed_at(night, store, log_bytes, moment.random() * 0.02):
        reached.append(inputs(store))
        log_bytes = moment.randrange(LOG_BYTES)
    assert_ended(orderfold("ingest", night, "--historical", store=store))

    assert reached == sorted(reached)
    assert len([one for one in set(reached) if 0 < one < inputs(in_peace)]) > 1, "it had something to lose"
    assert kept(store) == kept(in_peace)
    assert_equal(store, in_peace)


def assert_equal(store: Path, other: Path) -> None:
    """Views, decisions, dead letters and summary, and all of it follows from the log."""
    one, two = Store.open(str(store)), Store.open(str(other))
    try:
        assert Outcome(one).differs(Outcome(two)) == []
        report = verify(one)
        assert report.differences == []
        assert report.records > 20_000
        with one.read() as here, two.read() as there:
            letters = "SELECT origin, reason, raw FROM dead_letters ORDER BY origin"
            assert list(map(tuple, here.execute(letters))) == list(map(tuple, there.execute(letters)))
    finally:
        one.close()
        two.close()
    told, expected = (orderfold("summary", "--json", store=where).data for where in (store, other))
    assert {name: told[name] for name in told if name not in MEASURED} == {
        name: expected[name] for name in expected if name not in MEASURED
    }


def test_an_import_that_ran_to_its_end_may_be_started_again(night: Path, in_peace: Path) -> None:
    before = inputs(in_peace)

    again = orderfold("ingest", night, "--historical", "--json", store=in_peace)

    assert again.data["accepted"] == 0
    assert inputs(in_peace) == before


def test_a_store_killed_while_it_is_made_is_none_yet(night: Path, tmp_path: Path) -> None:
    """SQLite's file is there before anything is in it."""
    store = tmp_path / "store"
    store.mkdir()
    (store / "orderfold.db").touch()

    read = orderfold("summary", store=store)
    made = orderfold("ingest", night, "--historical", store=store)

    assert read.code == 4
    assert "There is no store at" in read.err
    assert_ended(made)
