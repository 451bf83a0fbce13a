"""Facts that come before their order."""

from __future__ import annotations

from tests.orders import T0, Stream
from tests.policies import GRACE, HOUR, LIMBO_AFTER, MINUTE

S = 1_000_000


def test_facts_without_an_order_wait_and_are_told_of_after_a_while() -> None:
    order = Stream()
    order.pay(0)
    order.tell("fulfilment.moved", 5 * S, waybill="W", scan="depot")
    state = order.order
    assert (state.state, state.limbo_since, len(state.pending)) == ("", order.inputs[0].streamtime, 1)

    assert order.pass_to(LIMBO_AFTER) == []
    assert order.pass_to(LIMBO_AFTER + 1) == ["work.opened"]
    work = order.row.work[0]
    assert (work.work, work.cause, work.title) == ("limbo", 1, "1 fact waits for an order nobody has placed")
    assert work.guide == "Ask the sender for the order."


def test_limbo_counts_from_the_news() -> None:
    order = Stream()
    order.tell("stock.locked", 0, heard=10 * HOUR)
    assert order.order.due == T0 + 10 * HOUR + LIMBO_AFTER


def test_the_order_takes_up_what_waited() -> None:
    order = Stream()
    order.pay(10 * S)
    order.tell("stock.locked", 20 * S)
    order.pass_to(2 * HOUR)
    assert order.open_work() == ["limbo"]
    assert order.place(0) == ["work.closed"]

    assert order.path() == [("placed", 0), ("paid", 10 * S), ("locked", 20 * S)]
    assert (order.order.pending, order.order.limbo_since, order.order.due) == ((), 0, 0)
    assert order.open_work() == []


def test_in_order_of_occurrence_not_of_arrival() -> None:
    order = Stream()
    order.tell("stock.locked", 30 * S)
    order.pay(20 * S, 700, "p2", kind="balance")
    order.pay(10 * S, 300, "p1", kind="deposit")
    order.place(0, 1000)

    assert order.path() == [
        ("placed", 0),
        ("part_paid", 10 * S),
        ("paid", 20 * S),
        ("locked", 30 * S),
    ]


def test_money_before_the_order_pays_it_at_its_placing() -> None:
    order = Stream()
    order.pay(0)
    order.place(10 * S)
    assert order.path() == [("placed", 10 * S), ("paid", 10 * S)]
    assert order.order.offence is None


def test_goods_moved_before_the_order_was_placed_are_illegal() -> None:
    order = Stream()
    order.tell("fulfilment.dispatched", 0)
    order.pay(5 * S)
    assert order.place(10 * S) == ["order.doubted"]

    state = order.order
    assert (state.state, state.offence and state.offence.reason) == (
        "placed",
        "shipped before the order was placed",
    )
    assert [fact.version for fact in state.pending] == [2]
    assert order.pass_to(10 * S + GRACE) == ["order.frozen", "work.opened"]
    frozen = order.last("order.frozen").decision
    assert (frozen.cause, frozen.data.state) == (1, "")  # type: ignore[attr-defined]
    order.tell("order.unfrozen", 500 * S, reason="pre-shipped for the fair")
    assert order.path() == [("placed", 10 * S), ("shipped", 10 * S)]


def test_a_fact_of_the_same_instant_is_not_before_it() -> None:
    order = Stream()
    order.tell("order.cancelled", 10 * S)
    order.place(10 * S)
    assert order.path() == [("placed", 10 * S), ("cancelled", 10 * S)]


def test_an_illegal_fact_among_what_waited_doubts_and_the_rest_waits_on() -> None:
    order = Stream()
    order.tell("fulfilment.picked", 20 * S)
    order.pay(10 * S)
    order.tell("stock.locked", 30 * S)
    order.place(0)

    state = order.order
    assert (state.state, state.offence and state.offence.version) == ("paid", 1)
    assert [fact.version for fact in state.pending] == [3]


def test_facts_that_never_move_are_in_limbo_too() -> None:
    for type_, data in (
        ("payment.fee_charged", {"fee": "f", "amount": 1, "currency": "EUR"}),
        ("payment.failed", {"payment": "p", "amount": 1, "currency": "EUR"}),
        ("order.held", {"handle": "h", "reason": "other"}),
        ("order.released", {"handle": "h"}),
        ("order.assigned", {"owner": "joe"}),
    ):
        order = Stream()
        order.tell(type_, 0, **data)
        assert order.order.due == order.now + LIMBO_AFTER, type_


def test_holds_and_scans_told_before_the_order_are_kept() -> None:
    order = Stream()
    order.tell("order.held", 0, handle="h", reason="other")
    order.tell("fulfilment.moved", 1 * S, waybill="W", scan="announced")
    order.tell("fulfilment.routed", 2 * S, parcel="A", node="hub")
    order.place(10 * S)

    assert [hold.handle for hold in order.order.holds] == ["h"]
    assert order.order.parcels[0].scan == "announced"
    assert order.order.offence is None


def test_the_grace_of_what_waited_counts_from_its_own_news() -> None:
    order = Stream()
    order.tell("fulfilment.dispatched", 5 * MINUTE)
    order.place(0, 1000)
    assert order.order.doubt_until == order.inputs[0].streamtime + GRACE
