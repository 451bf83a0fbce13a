"""Legal ways of an order: along the map, by money, through review; holds and owners beside it."""

from __future__ import annotations

from typing import Any

import pytest

from projections.lifecycle import Hold
from projections.policy import Review
from tests.orders import EVERY_MOVE, T0, Stream
from tests.policies import HOUR, policy

ANY: frozenset[str] = frozenset()


def test_along_the_map() -> None:
    order = Stream()
    order.place(0)
    order.pay(10)
    for n, what in enumerate((*EVERY_MOVE, "order.completed"), 2):
        order.tell(what, n * 10)

    assert order.path() == [
        ("placed", 0),
        ("paid", 10),
        ("locked", 20),
        ("accepted", 30),
        ("picking", 40),
        ("packed", 50),
        ("shipped", 60),
        ("delivered", 70),
        ("completed", 80),
    ]
    assert [version for _, _, version in order.order.entered] == list(range(1, 10))
    assert (order.order.state, order.order.since) == ("completed", T0 + 80)
    assert order.said == []


def test_a_marketplace_order_needs_no_money_to_move() -> None:
    order = Stream(subject="order/market:1", channel="market")
    order.place(0)
    order.pay(5, 400)
    order.tell("order.confirmed", 10)
    order.tell("stock.locked", 15)
    order.tell("fulfilment.dispatched", 20)
    order.tell("fulfilment.delivered", 30)

    assert order.path() == [("placed", 0), ("approved", 10), ("shipped", 20), ("delivered", 30)]
    assert order.said == []


def test_a_trigger_that_stays_moves_nothing_and_offends_nobody() -> None:
    order = Stream()
    order.place(0)
    order.pay(10)
    order.tell("stock.lock_failed", 15, reason="count differs")
    assert (order.order.state, order.order.since) == ("paid", T0 + 10)
    assert order.said == []


def test_a_deposit_leaves_the_order_part_paid() -> None:
    order = Stream()
    order.place(0, 1000)
    order.pay(10, 300, "p1", kind="deposit")
    order.pay(20, 200, "p2")
    assert order.order.state == "part_paid"
    order.pay(30, 500, "p3", kind="balance")

    assert order.path() == [("placed", 0), ("part_paid", 10), ("paid", 30)]


def test_a_subsidy_may_be_what_was_missing() -> None:
    order = Stream()
    order.place(0, 1000)
    order.pay(10, 900)
    order.tell("payment.subsidy_granted", 20, subsidy="s", amount=100, currency="EUR")
    assert order.order.state == "paid"


def test_a_subsidy_alone_is_no_part_payment() -> None:
    order = Stream()
    order.place(0, 1000)
    order.tell("payment.subsidy_granted", 10, subsidy="s", amount=100, currency="EUR")
    assert order.order.state == "placed"


def test_money_never_offends() -> None:
    order = Stream()
    order.to_packed()
    order.pay(60, 5, "p2")
    order.tell("payment.refunded", 70, refund="r1", amount=1005, currency="EUR")
    assert order.order.state == "packed"
    assert order.said == []


def test_a_free_order_is_paid_at_its_placing() -> None:
    order = Stream()
    order.place(0, 1000, discount=1000)
    assert order.path() == [("placed", 0), ("paid", 0)]


def test_an_order_without_lines_is_never_known_to_be_paid_in_full() -> None:
    order = Stream()
    order.tell("order.placed", 0, currency="EUR")
    order.pay(10, 5000)
    assert order.order.state == "part_paid"


def test_an_order_without_lines_moves_as_a_whole() -> None:
    order = Stream(subject="order/market:1", channel="market")
    order.tell("order.placed", 0, currency="EUR")
    order.tell("order.confirmed", 10)
    order.tell("fulfilment.dispatched", 20, parcel="A", lines=["1"])
    assert order.order.state == "shipped"
    order.tell("fulfilment.dispatched", 30, parcel="B")
    assert (order.order.state, order.order.offence) == ("shipped", None)
    order.tell("fulfilment.delivered", 40, parcel="A")
    assert order.order.state == "delivered"


@pytest.mark.parametrize(
    ("rule", "placed", "reviewed"),
    [
        (Review(5000, ANY, ANY), {}, True),
        (Review(5001, ANY, ANY), {}, False),
        (Review(0, frozenset({"high_value"}), ANY), {}, True),
        (Review(0, frozenset({"fresh"}), ANY), {}, False),
        (Review(0, ANY, frozenset({"shop"})), {}, True),
        (Review(0, ANY, frozenset({"market"})), {}, False),
    ],
)
def test_a_rule_asks_for_review(rule: Review, placed: dict[str, Any], reviewed: bool) -> None:
    order = Stream(policy(review=rule))
    lines = [{"line": "1", "sku": "a", "quantity": 1, "unit_price": 5000, "category": "high_value"}]
    order.tell("order.placed", 0, currency="EUR", lines=lines)
    order.pay(10, 5000)

    assert order.order.state == ("review" if reviewed else "paid")
    assert order.path()[1:3] == [("paid", 10), ("review", 10)][: 1 + reviewed]


def test_review_passed_or_rejected() -> None:
    for outcome, state in (("passed", "reviewed"), ("rejected", "cancelled")):
        order = Stream(policy(review=Review(1, ANY, ANY)))
        order.place(0)
        order.pay(10)
        order.tell("order.reviewed", 20, outcome=outcome)
        assert order.order.state == state
        assert order.order.reviewed == (outcome == "passed")


def test_what_needs_review_may_not_be_locked_before() -> None:
    order = Stream(policy(review=Review(1, ANY, ANY)))
    order.place(0)
    order.pay(10)
    order.tell("stock.locked", 20)

    assert order.order.offence is not None
    assert order.order.offence.reason == "stock locked while review: the reviewer's consent is missing"


def test_holds_are_a_set_by_handle_and_no_state() -> None:
    order = Stream()
    order.place(0)
    order.tell("order.held", 5, handle="h1", reason="awaiting_customer")
    order.tell("order.held", 6, handle="h2", reason="other")
    order.tell("order.held", 7, handle="h1", reason="incorrect_address")
    order.pay(10)
    assert order.order.holds == (Hold("h2", "other", T0 + 6, 3), Hold("h1", "incorrect_address", T0 + 7, 4))
    order.tell("order.released", 20, handle="h1")

    assert [hold.handle for hold in order.order.holds] == ["h2"]
    assert order.order.state == "paid"


def test_releasing_an_absent_hold_is_work_and_makes_none() -> None:
    order = Stream()
    order.place(0)
    order.tell("order.released", 5, handle="h1")

    assert order.order.holds == ()
    assert order.open_work() == ["hold_absent:h1"]
    assert (order.row.work[0].kind, order.row.work[0].group) == ("hold_absent", "sales")


def test_a_hold_heard_of_after_its_release_is_released() -> None:
    order = Stream()
    order.place(0)
    order.tell("order.released", 20, handle="h1")
    order.tell("order.held", 10, heard=30, handle="h1", reason="other")

    assert order.order.holds == ()
    assert order.open_work() == []


def test_an_assigned_owner_gets_the_work() -> None:
    order = Stream()
    order.place(0)
    order.tell("order.assigned", 5, owner="ann", reason="knows the customer")
    order.tell("order.released", 6, handle="x")

    assert (order.order.owner, order.order.group) == ("ann", "")
    assert (order.row.work[0].owner, order.row.work[0].group) == ("ann", "warehouse")


def test_notes_and_failures_move_nothing() -> None:
    order = Stream()
    order.place(0)
    before = order.order
    order.tell("order.note_added", 5, text="rings twice")
    order.tell("payment.failed", 6, payment="p0", amount=1000, currency="EUR")
    order.tell("payment.fee_charged", 7, fee="f", amount=10, currency="EUR")
    assert order.order is before


def test_the_map_is_the_one_of_the_orders_channel() -> None:
    """Whoever speaks of the order: a warehouse's own channel does not change its map."""
    order = Stream(subject="order/market:1", channel="market")
    order.place(0)
    order.channel = "shop"
    order.tell("order.confirmed", 10)
    assert order.order.state == "approved"


def test_a_state_unknown_to_a_new_map_offends_but_does_not_fail() -> None:
    order = Stream()
    order.place(0)
    order.pay(10)
    shop = order.policy.channels["market"]
    order.policy = policy(channels={"shop": shop})
    order.timeline.add(T0 + 11, order.policy)
    order.tell("fulfilment.dispatched", 20)
    order.pass_to(2 * HOUR)

    assert order.order.frozen
    assert order.order.offence is not None
    assert order.order.offence.reason == "shipped while paid: nothing leads there any more"
