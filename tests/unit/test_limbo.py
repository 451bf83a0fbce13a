"""Alias streams: what waits under a number no order is known by."""

from __future__ import annotations

from tests.orders import T0, Stream
from tests.policies import LIMBO_AFTER

S = 1_000_000


def alias() -> Stream:
    return Stream(subject="alias/waybill:SF1", channel="")


def test_facts_wait_from_the_first_news_on() -> None:
    stream = alias()
    stream.tell("fulfilment.moved", 0, heard=100 * S, waybill="SF1", scan="a")
    stream.tell("fulfilment.moved", 110 * S, waybill="SF1", scan="b")
    assert (stream.limbo.waiting, stream.limbo.since) == (2, T0 + 100 * S)

    assert stream.pass_to(100 * S + LIMBO_AFTER) == ["work.opened"]
    work = stream.row.work[0]
    assert (work.work, work.cause) == ("limbo", 1)
    assert work.title == "2 facts name waybill SF1, which no order is known by"
    assert stream.limbo.due == 0


def test_bound_it_is_empty_and_stays_so() -> None:
    stream = alias()
    stream.tell("fulfilment.moved", 0, waybill="SF1", scan="a")
    stream.tell("alias.bound", 10 * S, kind="waybill", number="SF1", order="order/shop:1")
    assert (stream.limbo.waiting, stream.limbo.bound, stream.limbo.due) == (0, ("order/shop:1",), 0)
    stream.tell("fulfilment.moved", 20 * S, waybill="SF1", scan="b")
    assert stream.limbo.waiting == 0
    assert stream.said == []


def test_bound_after_the_alert_closes_the_work() -> None:
    stream = alias()
    stream.tell("fulfilment.moved", 0, waybill="SF1", scan="a")
    stream.pass_to(2 * LIMBO_AFTER)
    assert stream.row.work[0].title == "1 fact names waybill SF1, which no order is known by"
    bound = {"kind": "waybill", "number": "SF1"}
    assert stream.tell("alias.bound", **bound, order="order/shop:1") == ["work.closed"]
    assert stream.open_work() == []


def test_a_number_of_several_orders() -> None:
    stream = alias()
    for order in ("order/shop:1", "order/shop:2", "order/shop:1"):
        stream.tell("alias.bound", kind="waybill", number="SF1", order=order)
    assert stream.limbo.bound == ("order/shop:1", "order/shop:2")


def test_conflicting_facts_wait_like_others() -> None:
    stream = Stream(subject="alias/payment:p1", channel="")
    stream.pay(0, 100)
    stream.pay(1, 200)
    stream.pay(2, 200)
    assert (stream.limbo.waiting, stream.row.conflicts) == (3, 2)
