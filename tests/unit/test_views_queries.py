"""Orders found by their numbers, listed, and counted, as somebody with a pencil would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine.deliver.listing import notices
from engine.errors import NotFound, UsageError
from engine.intake.model import DeadLetter, Incoming
from engine.store.database import HISTORY, Store
from engine.views.queries import OrderFilter, Reading, moment
from engine.views.summary import summary
from engine.views.work import todo
from engine.workers.embedded import Engine
from tests.build import HOUR, MINUTE, SECOND, START, event, paid, placed
from tests.worlds import POLICY

FROZEN, PLAIN, LATE, TWIN = "order/taobao:880001", "order/jd:880002", "order/jd:770003", "order/taobao:770003"


def keyed(subject: str) -> dict[str, str]:
    return {"id": f"p-{subject}", "channel": subject.partition("/")[2].partition(":")[0]}


def night() -> list[Incoming | DeadLetter]:
    """Five orders: one frozen, one that goes well, one overdue, its namesake of another channel, one in limbo."""
    return [
        placed(FROZEN, 0, price=9_900, **keyed(FROZEN)),
        placed(PLAIN, SECOND, price=1_000, **keyed(PLAIN)),
        event("fulfilment.dispatched", FROZEN, 2 * SECOND, {"waybill": "SF1"}, channel="taobao"),
        paid(PLAIN, 3 * SECOND, channel="jd"),
        paid(PLAIN, 3 * SECOND, id="again", channel="jd"),
        paid(PLAIN, 3 * SECOND, channel="jd"),
        event("stock.locked", PLAIN, 4 * SECOND, {"wms": "W-7"}, channel="jd"),
        event("fulfilment.moved", "alias/waybill:SF9", 5 * SECOND, {"waybill": "SF9", "scan": "x"}),
        DeadLetter("night.jsonl:9", "broken-json", "it ends early", b"{"),
        placed(LATE, 10 * MINUTE, price=500, **keyed(LATE)),
        placed(TWIN, 10 * MINUTE, price=500, currency="USD", **keyed(TWIN)),
        event("channel.heartbeat", "channel/jd/2020-09-13", 17 * MINUTE, id="beat"),
    ]


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    store = run(tmp_path_factory.mktemp("queries"), night())
    yield Reading(store)
    store.close()


def run(directory: Path, items: Sequence[Incoming | DeadLetter]) -> Store:
    engine = Engine.open(str(directory), HISTORY, POLICY, partitions=4, wait_seconds=0)
    list(engine.ingest(items))
    engine.close()
    return Store.open(str(directory))


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        (FROZEN, FROZEN),
        ("taobao:880001", FROZEN),
        ("880001", FROZEN),
        (" 0001 ", FROZEN),
        ("SF1", FROZEN),
        ("waybill:SF1", FROZEN),
        ("W-7", PLAIN),
        ("wms:W-7", PLAIN),
        ("pay-order/jd:880002", PLAIN),
        ("SF9", "alias/waybill:SF9"),
        ("alias/waybill:SF9", "alias/waybill:SF9"),
        ("jd:770003", LATE),
    ],
)
def test_any_number_finds_the_order(reading: Reading, name: str, subject: str) -> None:
    assert reading.resolve(name) == subject


@pytest.mark.parametrize("name", ["770003", "0003"])
def test_a_number_of_two_orders_names_them(reading: Reading, name: str) -> None:
    with pytest.raises(UsageError, match=r"2 orders: order/jd:770003, order/taobao:770003"):
        reading.resolve(name)


@pytest.mark.parametrize("name", ["", "999999", "001", "%", "policy"])
def test_what_is_no_number_is_not_found(reading: Reading, name: str) -> None:
    with pytest.raises(NotFound):
        reading.resolve(name)


def names(reading: Reading, **wanted: object) -> list[str]:
    return [line.order for line in reading.orders(OrderFilter(**wanted)).orders]  # type: ignore[arg-type]


def test_lists_are_narrowed(reading: Reading) -> None:
    assert names(reading, frozen=True) == [FROZEN]
    assert names(reading, in_doubt=True) == []
    assert names(reading, limbo=True) == ["alias/waybill:SF9"]
    assert set(names(reading, overdue=True)) == {LATE, TWIN}
    assert names(reading, state="locked") == [PLAIN]
    assert set(names(reading, channel="taobao")) == {FROZEN, TWIN}
    assert names(reading, owner="he.jun") == [PLAIN]
    assert names(reading, group="warehouse") == [PLAIN]
    assert set(names(reading, colour="red")) == {LATE, TWIN}
    assert set(names(reading)) == {FROZEN, PLAIN, LATE, TWIN}


def test_a_line_says_how_the_order_stands(reading: Reading) -> None:
    (line,) = reading.orders(OrderFilter(state="locked")).orders

    assert (line.words, line.since) == ("Goods reserved", moment(START + 4 * SECOND))
    assert (line.money.currency, line.money.receivable, line.money.received) == ("CNY", 1_000, 1_000)
    assert (line.open, line.frozen, line.held, line.repeats, line.version) == (True, False, 0, 1, 4)
    # To be accepted within 30 min of the payment; half of that is over at 15 min 3 s, and the store stands at 17 min.
    assert (line.colour, line.due) == ("yellow", moment(START + 3 * SECOND + 30 * MINUTE))


@pytest.mark.parametrize("wanted", [OrderFilter(), OrderFilter(overdue=True)])
def test_pages_follow_one_another(reading: Reading, wanted: OrderFilter) -> None:
    whole = [line.order for line in reading.orders(wanted).orders]
    paged: list[str] = []
    after = ""
    while True:
        page = reading.orders(wanted, 1, after)
        paged += [line.order for line in page.orders]
        after = page.after
        if not after:
            break

    assert paged == whole


@pytest.mark.parametrize("after", ["x", "1.2.3", "-1"])
def test_a_mark_not_given_out_is_refused(reading: Reading, after: str) -> None:
    with pytest.raises(UsageError, match="not given out"):
        reading.orders(OrderFilter(), 10, after)


def test_limits_and_colours_are_checked(reading: Reading) -> None:
    with pytest.raises(UsageError, match="1 to 1000"):
        reading.orders(OrderFilter(), 0)
    with pytest.raises(UsageError, match="no colour"):
        reading.orders(OrderFilter(colour="blue"))


def test_work_is_listed_oldest_first_with_whose_it_is(reading: Reading) -> None:
    found = todo(reading)

    assert [(item.order, item.work, item.owner, item.group) for item in found.items] == [
        (PLAIN, "diagnosis:address_unparsed", "", "service"),
        (FROZEN, "frozen", "lin.yue", "service"),
        (LATE, "sla:pay", "lin.yue", "service"),
        (TWIN, "sla:pay", "lin.yue", "service"),
        ("alias/waybill:SF9", "limbo", "zhou.min", "service"),
    ]
    assert (found.total, found.groups) == (5, {"service": 5})
    assert all(item.guide for item in found.items)
    assert [item.kind for item in todo(reading, kind="frozen").items] == ["frozen"]
    assert [item.work for item in todo(reading, owner="zhou.min").items] == ["limbo"]
    assert todo(reading, limit=1).total == 5


def test_notices_of_history_are_listed_and_never_sent(reading: Reading) -> None:
    told = notices(reading.store)

    assert {one.status for one in told} == {"suppressed: history"}
    assert {(one.order, one.rule) for one in told} >= {(FROZEN, "order.frozen.v1")}
    assert notices(reading.store, "suppressed") == told
    assert notices(reading.store, "waiting") == []


def test_the_summary_counts_what_was_sent(reading: Reading) -> None:
    found = summary(reading)

    assert (found.kind, found.policy, found.as_of) == ("history", "house-1", moment(START + 17 * MINUTE))
    # Of twelve, one is dead and one the same payment under the same id.
    assert (found.events, found.duplicates, found.repeats, found.dead, found.divergent) == (10, 1, 1, 1, 0)
    assert (found.orders, found.open, found.limbo) == (4, 4, 1)
    assert found.by_state == {"placed": 3, "locked": 1}
    assert (found.frozen, found.in_doubt, found.overdue, found.work) == (1, 0, 2, 5)
    assert (found.sla.red, found.sla.yellow, found.sla.green, found.breaches) == (2, 1, 0, 2)
    assert found.money["CNY"].receivable == 9_900 + 1_000 + 500
    assert (found.money["CNY"].received, found.money["USD"].receivable) == (1_000, 500)
    assert (found.seconds, found.events_per_second) == (0.0, 0)


def test_what_waited_under_a_number_is_counted_once_when_its_order_comes(tmp_path: Path) -> None:
    scan = event("fulfilment.moved", "alias/waybill:SF1", 0, {"waybill": "SF1", "scan": "hub"})
    named = event("fulfilment.dispatched", FROZEN, 2 * SECOND, {"waybill": "SF1"}, channel="taobao")
    store = run(tmp_path, [scan, placed(FROZEN, SECOND, **keyed(FROZEN)), named])
    found = summary(Reading(store))
    store.close()

    assert (found.events, found.orders, found.limbo) == (3, 1, 0)


def test_a_store_of_history_is_read_as_of_where_it_stands_and_a_live_one_as_of_now(tmp_path: Path) -> None:
    engine = Engine.open(str(tmp_path), HISTORY, POLICY, partitions=1, wait_seconds=0)
    list(engine.ingest([placed(FROZEN, 0, **keyed(FROZEN))]))
    later = START + 10 * HOUR
    assert Reading(engine.store, clock=lambda: later).now == START

    engine.clock = lambda: later
    engine.advance(None)
    assert Reading(engine.store, clock=lambda: later + 5).now == later + 5
    engine.close()
