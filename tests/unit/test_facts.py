"""Facts between the stages: minutes close with the partition's clock, the table keeps what waits, order is canonical."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from engine.errors import StoreError
from engine.fold import facts as module
from engine.fold.facts import EVENT, MINUTE, WAKE, Facts
from engine.store.database import Store
from engine.views.tables import statements
from projections.kernel import Context
from schemas.events.people import WorkDone
from schemas.facts import MinuteSummed

START = 100 * MINUTE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.create(str(tmp_path), 2)
    with store.write() as cursor:
        for statement in statements():
            cursor.execute(statement)
    yield store
    store.close()


def _told(
    facts: Facts, now: int, subject: str, version: int = 1, base: int = EVENT, partition: int = 0
) -> None:
    ctx = Context()
    ctx.emit("work.done.v1", subject, WorkDone("a"))
    ctx.emit("work.done.v1", subject, WorkDone("b"))
    facts.take(partition, subject, version, now, base, ctx)
    assert ctx.facts == []


def _counted(facts: Facts, now: int, n: int, partition: int = 0) -> None:
    ctx = Context()
    ctx.count("channel/jd", "events", n)
    ctx.count("channel/jd", "events", 1)
    facts.take(partition, "order/jd:1", 1, now, EVENT, ctx)


def _write(store: Store, facts: Facts, upto: int) -> list[tuple[int, str, int, int]]:
    taken = [fact.place for fact in facts.ready(upto)]
    with store.write() as cursor:
        facts.write(cursor, upto)
    return taken


def test_facts_come_in_canonical_order_whatever_order_they_were_told_in(store: Store) -> None:
    facts = Facts(store, 2)
    _told(facts, START + 5, "order/b")
    _told(facts, START + 5, "order/a", 2, WAKE, partition=1)
    _told(facts, START + 5, "order/a", 2, partition=1)
    _told(facts, START + 4, "order/z", partition=1)

    taken = _write(store, facts, START + 5)

    assert taken == sorted(taken)
    assert [place[:3] for place in taken[::2]] == [
        (START + 4, "order/z", 1),
        (START + 5, "order/a", 2),
        (START + 5, "order/a", 2),
        (START + 5, "order/b", 1),
    ]
    assert taken[3][3] < WAKE <= taken[4][3]


def test_what_waits_is_in_the_table_and_is_taken_in_its_place_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 3)
    facts = Facts(store, 2)
    for n in range(5):
        _told(facts, START + 10 * n, f"order/{n}")
    assert len(_write(store, facts, START + 10)) == 4

    again = Facts(store, 2)
    with store.read() as cursor:
        again.load(cursor)
    assert again.oldest() == START + 20
    _told(again, START + 25, "order/between")
    taken = _write(store, again, START + 100)

    assert [place[0] - START for place in taken[::2]] == [20, 25, 30, 40]
    with store.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM facts").fetchone()[0] == 0
    assert again.oldest() == 0


def test_a_minute_is_told_once_the_clock_of_its_partition_has_passed_it(store: Store) -> None:
    facts = Facts(store, 2)
    _counted(facts, START, 2)
    _counted(facts, START + MINUTE - 1, 3)
    assert facts.oldest() == START + MINUTE
    assert list(facts.ready(START + MINUTE)) == []

    _counted(facts, START + MINUTE, 10)
    (first,) = facts.ready(START + MINUTE)
    facts.reached(0, START + 2 * MINUTE - 1)
    still = list(facts.ready(START + 2 * MINUTE))
    facts.reached(0, START + 2 * MINUTE)
    second = list(facts.ready(START + 2 * MINUTE))[-1]

    assert (first.place, first.type, first.key) == (
        (START + MINUTE, "~channel/jd", 0, 0),
        "minute.summed",
        "channel/jd",
    )
    assert msgspec.msgpack.decode(first.data, type=MinuteSummed) == MinuteSummed(START, {"events": 7})
    assert len(still) == 1
    assert msgspec.msgpack.decode(second.data, type=MinuteSummed) == MinuteSummed(
        START + MINUTE, {"events": 11}
    )


def test_an_open_minute_outlives_the_process(store: Store) -> None:
    facts = Facts(store, 2)
    _counted(facts, START, 2, partition=1)

    again = Facts(store, 2)
    again.minutes[1].unpack(facts.minutes[1].pack())
    _counted(again, START + 1, 4, partition=1)
    again.reached(1, START + MINUTE)

    (fact,) = again.ready(START + MINUTE)
    assert msgspec.msgpack.decode(fact.data, type=MinuteSummed).cells == {"events": 8}


def test_a_fact_at_or_before_the_folded_watermark_stops_the_partition(store: Store) -> None:
    facts = Facts(store, 2)
    facts.written_to[1] = START

    _told(facts, START + 1, "order/a", partition=1)
    with pytest.raises(StoreError, match="order/b told a fact"):
        _told(facts, START, "order/b", partition=1)
