"""Append: versions, stamps, chains, duplicates, aliases, ownership; and a crash at every step of its transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.append.appender import ACCEPTED, DIVERGENT, DUPLICATE, REFUSED, STALE, Appender, Limits
from engine.errors import StoreError, StoreFull
from engine.intake.model import DeadLetter, Incoming
from engine.store.database import Store
from engine.store.record import GENESIS, chained, originator
from tests.build import MINUTE, START, event, paid, placed

SCAN = {"waybill": "SF1", "scan": "arrived"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.create(str(tmp_path), 4)
    yield store
    store.close()


@pytest.fixture
def appender(store: Store) -> Appender:
    return Appender(store, store.take_partitions())


def statuses(appender: Appender, *batch: Incoming | DeadLetter) -> list[str]:
    return [outcome.status for outcome in appender.append(batch, START).outcomes]


def test_versions_count_up_and_records_are_chained(store: Store, appender: Appender) -> None:
    appender.append([placed(), paid(at=1)], START)
    appender.append([event("stock.locked", at=2)], START)

    records = store.stream("order/shop:1")

    assert [record.event.streamversion for record in records] == [1, 2, 3]
    partition, number = 0, records[0].event.number
    with store.read() as cursor:
        partition, number = store.find(cursor, ["order/shop:1"])["order/shop:1"]
        rows = list(store.recorders[partition].streams(cursor, [originator(number, "order/shop:1")]))
    previous = GENESIS
    for _, state in rows:
        assert chained(previous, state)
        previous = state[-32:]
    assert store.ownership()[partition].hash == previous


def test_data_is_kept_byte_for_byte(store: Store, appender: Appender) -> None:
    odd = event("order.note_added", data={"text": "x"})
    odd.raw = b'{ "text" : "x",  "unheard_of": [1, 2.50] }'

    appender.append([odd], START)

    assert store.stream("order/shop:1")[0].data == odd.raw


def test_a_duplicate_is_dropped_within_and_across_batches(store: Store, appender: Appender) -> None:
    assert statuses(appender, placed(), placed()) == [ACCEPTED, DUPLICATE]
    assert statuses(appender, placed()) == [DUPLICATE]
    assert len(store.stream("order/shop:1")) == 1
    assert sum(own.duplicates for own in store.ownership()) == 2


def test_a_duplicate_is_known_when_its_head_was_forgotten(store: Store, appender: Appender) -> None:
    appender.append([placed(), paid(at=1)], START)

    fresh = Appender(store, store.take_partitions())

    assert statuses(fresh, paid(at=1), event("stock.locked", at=2)) == [DUPLICATE, ACCEPTED]


def test_the_same_data_written_differently_is_a_duplicate(appender: Appender) -> None:
    again = paid()
    again.raw = again.raw.replace(b'":', b'" : ')

    assert statuses(appender, paid(), again) == [ACCEPTED, DUPLICATE]


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_other_data_under_the_same_id_is_divergent_and_both_are_kept(
    store: Store, appender: Appender, in_one_batch: bool
) -> None:
    first, second = paid(amount=1_000, id="p"), paid(amount=2_000, id="p")
    if in_one_batch:
        assert statuses(appender, first, second) == [ACCEPTED, DIVERGENT]
    else:
        appender.append([first], START)
        assert statuses(appender, second) == [DIVERGENT]

    with store.read() as cursor:
        reason, raw, stored = cursor.execute("SELECT reason, raw, stored FROM dead_letters").fetchone()
    assert (reason, raw, stored) == ("divergent", second.raw, first.raw)


def test_stream_time_never_falls_and_stays_past_the_watermark(store: Store, appender: Appender) -> None:
    appender.append([placed(at=10 * MINUTE)], START)
    appender.append([paid(at=MINUTE)], START)
    with store.write() as cursor:
        appender.advance(cursor, START + 20 * MINUTE)
    appender.append([event("stock.locked", at=11 * MINUTE)], START)

    stamps = [record.event.streamtime - START for record in store.stream("order/shop:1")]

    assert stamps == [10 * MINUTE, 10 * MINUTE, 20 * MINUTE + 1]


def test_a_former_owner_writes_nothing(store: Store, appender: Appender) -> None:
    appender.append([placed()], START)
    newer = Appender(store, store.take_partitions())

    with pytest.raises(StoreError, match="another owner"):
        appender.append([paid(at=1)], START)

    assert statuses(newer, paid(at=1)) == [ACCEPTED]
    assert [record.event.streamversion for record in store.stream("order/shop:1")] == [1, 2]


def test_an_expected_version_that_is_not_met_appends_nothing(store: Store, appender: Appender) -> None:
    appender.append([placed()], START)
    stale, fits = (
        event("order.note_added", at=1, data={"text": "a"}),
        event("order.note_added", at=2, data={"text": "b"}),
    )
    stale.event.expectedversion = 7
    fits.event.expectedversion = 1

    assert statuses(appender, stale, fits) == [STALE, ACCEPTED]
    assert len(store.stream("order/shop:1")) == 2


def test_a_source_may_open_so_many_streams_a_minute(store: Store) -> None:
    appender = Appender(store, store.take_partitions(), Limits(new_streams_per_minute=2))
    orders = [placed(f"order/shop:{number}") for number in range(3)]
    for order in orders:
        order.event.historical, order.arrived = False, 0

    assert statuses(appender, *orders) == [ACCEPTED, ACCEPTED, REFUSED]
    assert [o.status for o in appender.append([orders[2]], START + MINUTE).outcomes] == [ACCEPTED]


# Aliases


def test_an_event_that_knows_only_the_waybill_waits_and_then_follows(
    store: Store, appender: Appender
) -> None:
    appender.append([event("fulfilment.moved", "alias/waybill:SF1", 5, SCAN)], START)
    assert len(store.stream("alias/waybill:SF1")) == 1

    appender.append(
        [placed(at=6), event("fulfilment.packed", at=7, data={"parcel": "p", "waybill": "SF1"})], START
    )

    kept = store.stream("order/shop:1")
    assert [record.event.type for record in kept] == [
        "order.placed.v1",
        "fulfilment.packed.v1",
        "fulfilment.moved.v1",
    ]
    assert kept[2].event.via == "alias/waybill:SF1"
    assert (kept[2].event.id, kept[2].event.time) == ("fulfilment.moved@5", START + 5)
    assert [r.event.type for r in store.stream("alias/waybill:SF1")] == [
        "fulfilment.moved.v1",
        "alias.bound.v1",
    ]


def test_what_waited_in_the_same_batch_follows_too(store: Store, appender: Appender) -> None:
    appender.append(
        [
            event("fulfilment.moved", "alias/waybill:SF1", 5, SCAN),
            event("fulfilment.packed", at=7, data={"parcel": "p", "waybill": "SF1"}),
            event("fulfilment.moved", "alias/waybill:SF1", 8, {**SCAN, "scan": "left"}),
        ],
        START,
    )

    assert [r.event.type for r in store.stream("order/shop:1")] == [
        "fulfilment.packed.v1",
        "fulfilment.moved.v1",
        "fulfilment.moved.v1",
    ]


def test_a_number_of_two_orders_moves_goods_of_both(store: Store, appender: Appender) -> None:
    packed = {"parcel": "p", "waybill": "SF1"}
    appender.append([event("fulfilment.packed", f"order/shop:{n}", n, packed) for n in (1, 2)], START)

    appender.append([event("fulfilment.moved", "alias/waybill:SF1", 5, SCAN)], START)

    for order in ("order/shop:1", "order/shop:2"):
        assert store.stream(order)[-1].event.type == "fulfilment.moved.v1"


def test_money_on_a_number_of_two_orders_waits_for_its_shares(store: Store, appender: Appender) -> None:
    failed = {"payment": "P1", "amount": 5, "currency": "CNY"}
    appender.append([event("payment.failed", f"order/shop:{n}", n, failed) for n in (1, 2)], START)
    money = {"payment": "P1", "amount": 3_000, "currency": "CNY"}
    shares = [{"order": "order/shop:1", "amount": 1_000}, {"order": "order/shop:2", "amount": 2_000}]

    appender.append([event("payment.received", "alias/payment:P1", 5, money)], START)
    assert [len(store.stream(f"order/shop:{n}")) for n in (1, 2)] == [1, 1]
    assert len(store.stream("alias/payment:P1")) == 1

    appender.append([event("payment.received", "alias/payment:P1", 6, {**money, "shares": shares})], START)
    assert [len(store.stream(f"order/shop:{n}")) for n in (1, 2)] == [2, 2]


def test_a_binding_made_by_a_forwarded_event_is_followed_as_well(store: Store, appender: Appender) -> None:
    appender.append([event("fulfilment.moved", "alias/waybill:SF1", 1, SCAN)], START)
    appender.append(
        [event("fulfilment.packed", "alias/wms:W1", 2, {"wms": "W1", "waybill": "SF1", "parcel": "p"})], START
    )

    appender.append([placed(at=3, wms="W1")], START)

    assert [r.event.type for r in store.stream("order/shop:1")] == [
        "order.placed.v1",
        "fulfilment.packed.v1",
        "fulfilment.moved.v1",
    ]


# Crashes


class _Failing(Store):
    """A store whose transactions break at the n-th statement, as a full disk or a killed process would."""

    left = -1

    @contextmanager
    def write(self) -> Iterator[sqlite3.Cursor]:
        with super().write() as cursor:
            yield _Counting(cursor, self)  # type: ignore[misc]
            self.spend()

    def spend(self) -> None:
        if self.left == 0:
            self.left = -1
            raise sqlite3.OperationalError("disk I/O error")
        if self.left > 0:
            self.left -= 1


class _Counting:
    def __init__(self, cursor: sqlite3.Cursor, store: _Failing) -> None:
        self._cursor, self._store = cursor, store

    def execute(self, *args: object) -> sqlite3.Cursor:
        self._store.spend()
        return self._cursor.execute(*args)  # type: ignore[arg-type]

    def executemany(self, *args: object) -> sqlite3.Cursor:
        self._store.spend()
        return self._cursor.executemany(*args)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        return getattr(self._cursor, name)


def _world() -> list[Incoming | DeadLetter]:
    return [
        event("fulfilment.moved", "alias/waybill:SF1", 0, SCAN),
        placed("order/shop:1", 1),
        placed("order/shop:2", 2),
        DeadLetter("file:3", "broken-json", "line 3", b"{"),
        event("fulfilment.packed", "order/shop:1", 3, {"parcel": "p", "waybill": "SF1"}),
        paid("order/shop:2", 4),
    ]


def _content(store: Store) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for partition in range(store.partitions):
        for position, key, state in store.log(partition, 0, 100):
            found.append((partition, position, key, state[:18], state[26:-32]))
    with store.read() as cursor:
        found += [
            tuple(row) for row in cursor.execute("SELECT subject, partition, number FROM streams ORDER BY 1")
        ]
        found += [tuple(row) for row in cursor.execute("SELECT alias, subject FROM aliases ORDER BY 1, 2")]
        found += [tuple(row) for row in cursor.execute("SELECT origin, raw FROM dead_letters ORDER BY 1")]
    return found


def test_a_crash_at_any_statement_keeps_nothing_and_a_second_try_everything(tmp_path: Path) -> None:
    whole = Store.create(str(tmp_path / "whole"), 2)
    Appender(whole, whole.take_partitions()).append(_world(), START)
    expected = _content(whole)
    whole.close()

    crashes = 0
    for step in range(100):
        store = _Failing.create(str(tmp_path / f"crash-{step}"), 2)
        appender = Appender(store, store.take_partitions())
        store.left = step
        try:
            appender.append(_world(), START)
        except StoreFull:
            crashes += 1
            assert _content(store) == []
            appender.append(_world(), START)
        unbroken = store.left > 0
        assert _content(store) == expected
        store.close()
        if unbroken:
            break
    assert crashes >= 8
