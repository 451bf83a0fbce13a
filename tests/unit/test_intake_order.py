"""Import order: over all files, by arrivedtime else time, then as they came; whatever the runs are."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.intake import order
from engine.intake.importing import Import
from engine.intake.model import DeadLetter, Incoming, Rules
from engine.intake.order import Spool
from schemas.envelope import rfc3339
from tests.build import START

RULES = Rules(0, 300_000_000, 65_536, [], "shop")
NOW = START * 2


def line(name: str, at: int | None = None, arrived: int | None = None) -> bytes:
    event = {
        "specversion": "1.0",
        "id": name,
        "source": "/channels/shop",
        "type": "order.confirmed.v1",
        "subject": "order/shop:1",
    }
    if at is not None:
        event["time"] = rfc3339(START + at)
    if arrived is not None:
        event["arrivedtime"] = rfc3339(START + arrived)
    return msgspec.json.encode(event) + b"\n"


def written(folder: Path, name: str, *lines: bytes) -> str:
    path = folder / name
    path.write_bytes(b"".join(lines))
    return str(path)


def names(imported: list[Incoming | DeadLetter]) -> list[str]:
    return [item.reason if isinstance(item, DeadLetter) else item.event.id for item in imported]


def imported(*paths: str, historical: bool = True) -> list[Incoming | DeadLetter]:
    with Import(paths, "cloudevents", RULES, now=NOW, historical=historical) as import_:
        return list(import_)


@given(
    keys=st.lists(st.integers(-5, 20), max_size=60),
    records=st.integers(1, 10),
    chunk=st.integers(30, 200),
)
def test_spooling_is_a_stable_sort_whatever_the_runs(keys: list[int], records: int, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "RUN_RECORDS", records)
        patch.setattr(order, "_CHUNK_BYTES", chunk)
        spool = Spool()
        for number, key in enumerate(keys):
            spool.add(key, number % 3, number, number % 2, b"x" * (number % 40))
        found = list(spool)
        spool.close()

    expected = sorted(range(len(keys)), key=keys.__getitem__)
    assert found == [(keys[n], n % 3, n, n % 2, b"x" * (n % 40)) for n in expected]


def test_runs_are_bounded_by_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "RUN_BYTES", 100)
    spool = Spool()
    for key in (5, 4, 3, 2, 1):
        spool.add(key, 0, key, 0, b"x" * 60)

    assert [found[0] for found in spool] == [1, 2, 3, 4, 5]
    spool.close()


def test_history_comes_by_arrivedtime_else_time_over_all_files(tmp_path: Path) -> None:
    first = written(tmp_path, "a.jsonl", line("a", 10, 50), line("b", 40), line("c", 20))
    second = written(tmp_path, "b.jsonl", line("d", 20), line("e", 60, 10))

    assert names(imported(first, second)) == ["e", "c", "d", "b", "a"]


def test_what_comes_live_comes_as_it_is(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", line("a", 30), line("b", 10), line("c"))

    assert names(imported(path, historical=False)) == ["a", "b", "c"]


def test_lines_without_an_instant_stay_behind_the_one_before(tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.jsonl", line("a", 30), b"{broken\n", line("x"), line("b", 10), b"[]\n", line("c", 20)
    )

    assert names(imported(path)) == ["b", "not-cloudevent", "c", "a", "broken-json", "bad-time"]


def test_origins_name_file_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", b"\n", line("a", 30), b"  \r\n", b"{broken\n")
    _, letter = imported(path)

    assert letter.origin == f"{path}:4"
    assert isinstance(letter, DeadLetter)
    assert letter.raw == b"{broken"


def test_a_line_too_long_is_a_dead_letter_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", line("a", 1), b"x" * 70_000 + b"\n", line("b", 2))

    assert names(imported(path)) == ["a", "oversize", "b"]


def test_sources_that_cannot_be_read_are_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = [line(str(n), n) for n in range(5_000)]
    packed = gzip.compress(b"".join(lines))
    cut = written(tmp_path, "cut.jsonl.gz", packed[: len(packed) // 2])
    good = written(tmp_path, "good.jsonl", line("good", 10_000))

    with Import(
        [cut, str(tmp_path / "absent"), good], "cloudevents", RULES, now=NOW, historical=True
    ) as import_:
        found = names(list(import_))

    assert found[-1] == "good"
    assert found[:-1] == [str(n) for n in range(len(found) - 1)]
    assert len(found) > 1_000
    assert len(import_.errors) == 2
    assert "cut.jsonl.gz ends early" in import_.errors[0].detail
    assert "absent does not exist" in import_.errors[1].detail


def test_the_total_is_known_once_spooled(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", *(line(str(n), n) for n in range(25_000)))
    told: list[int] = []
    with Import([path], "cloudevents", RULES, now=NOW, historical=True, spooled=told.append) as import_:
        assert import_.spool() == import_.total == 25_000
        assert told == [10_000, 20_000, 25_000]
        assert sum(1 for _ in import_) == 25_000


@pytest.mark.parametrize(("sources", "format_"), [(["x"], "xes"), (["-"], "olist"), (["x"], "ocel")])
def test_what_makes_no_sense_is_said_before_reading(sources: list[str], format_: str) -> None:
    with pytest.raises(UsageError) as caught:
        Import(sources, format_, RULES, now=NOW, historical=True)
    assert caught.value.remedy
