"""The whole Olist set through the engine, against a reading of the tables that knows nothing of it."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from engine.intake.importing import Import
from engine.policy.load import load_policy
from engine.replay.verify import verify
from engine.settings import rules_of
from engine.store.database import HISTORY, Store
from engine.views.queries import wall_clock
from engine.workers.embedded import Engine
from tests.real_data import folder
from tests.worlds import POLICY


def _table(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(folder("olist") / f"olist_{name}_dataset.csv.gz", "rt", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def expected_frozen() -> Counter[str]:
    """Orders whose facts, in order of time, do not fit placed → paid → shipped → delivered, cancelled until shipped;
    counted by the first fact that does not fit. Written out by hand from the tables' columns."""
    payments = {row["order_id"] for row in _table("order_payments")}
    found: Counter[str] = Counter()
    for row in _table("orders"):
        bought, approved, carried, delivered = (
            _instant(row[name])
            for name in (
                "order_purchase_timestamp",
                "order_approved_at",
                "order_delivered_carrier_date",
                "order_delivered_customer_date",
            )
        )
        assert bought is not None
        facts = [(bought, 0, "placed")]
        if row["order_id"] in payments or approved:
            facts.append((approved or bought, 1, "paid"))
        if carried:
            facts.append((carried, 2, "shipped"))
        if delivered:
            facts.append((delivered, 3, "delivered"))
        if row["order_status"] in ("canceled", "unavailable"):
            facts.append((max(fact[0] for fact in facts) + timedelta(seconds=1), 4, "cancelled"))
        path = ["placed", "paid", "shipped", "delivered"]
        at = -1
        for _, _, name in sorted(facts):
            if name == "cancelled":
                if at >= path.index("shipped"):
                    found[name] += 1
                    break
            elif path.index(name) != at + 1:
                found[name] += 1
                break
            else:
                at += 1
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    tables = folder("olist")
    directory = tmp_path_factory.mktemp("olist")
    now = wall_clock()
    rules = rules_of(load_policy(POLICY, now=now)[1])
    engine = Engine.open(str(directory), HISTORY, POLICY)
    with Import([str(tables)], "olist", rules, now=now, historical=True) as whole:
        statuses = Counter(outcome.status for _, outcomes in engine.ingest(whole) for outcome in outcomes)
        assert whole.errors == []
    assert statuses == {"accepted": 497_976}
    engine.close()
    store = Store.open(str(directory))
    yield store
    store.close()


def _one(store: Store, sql: str) -> tuple[int, ...]:
    with store.read() as cursor:
        return tuple(cursor.execute(sql).fetchone())


def test_every_order_and_every_cent(store: Store) -> None:
    # 13,591,643.70 goods and 2,251,909.54 freight are receivable, 16,008,872.12 was paid (data/README.md).
    assert _one(store, "SELECT count(*), sum(receivable), sum(received), sum(refunded) FROM rows") == (
        99_441,
        13_591_643_70 + 2_251_909_54,
        16_008_872_12,
        0,
    )


def test_what_the_map_calls_illegal_is_frozen_and_nothing_else(store: Store) -> None:
    expected = expected_frozen()
    assert expected["shipped"] >= 1_300

    frozen, doubted, late, limbo = _one(
        store, "SELECT sum(frozen), sum(doubt), sum(late), sum(limbo) FROM rows"
    )

    assert frozen == sum(expected.values())
    assert (doubted, late, limbo) == (0, 0, 0)


def test_each_frozen_order_says_why_and_shows_a_way_out(store: Store) -> None:
    with store.read() as cursor:
        subjects = [row[0] for row in cursor.execute("SELECT subject FROM rows WHERE frozen > 0 LIMIT 200")]
    for subject in subjects:
        (receipt,) = (r for r in store.stream(subject, receipts=True) if r.event.type == "order.frozen.v1")
        assert receipt.event.data.reason
        assert receipt.event.data.ways_out


def test_the_log_proves_what_is_recorded(store: Store) -> None:
    report = verify(store)

    assert report.differences == []
    assert report.rows == 99_441
