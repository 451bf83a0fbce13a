"""The ledger: every fact once, under its own currency, whatever the order of arrival."""

from __future__ import annotations

from tests.orders import Stream


def test_sums_are_kept_to_the_cent_and_apart() -> None:
    order = Stream()
    order.tell(
        "order.placed",
        0,
        currency="EUR",
        lines=[
            {"line": "1", "sku": "a", "quantity": 3, "unit_price": 1999, "shipping": 450},
            {"line": "2", "sku": "b", "quantity": 1, "unit_price": 1, "shipping": 1},
        ],
        shipping=300,
        discount=500,
    )

    state = order.ledger
    assert (state.goods, state.shipping, state.discount, state.receivable) == (5998, 751, 500, 6249)
    assert state.outstanding == 6249


def test_deposit_balance_refund_fee_and_subsidy() -> None:
    order = Stream()
    order.place(0, 10_000)
    order.pay(1, 3_000, "p1", kind="deposit")
    order.pay(2, 6_000, "p2", kind="balance")
    order.tell("payment.subsidy_granted", 3, subsidy="s1", amount=1_000, currency="EUR")
    order.tell("payment.fee_charged", 4, fee="f1", amount=120, currency="EUR")
    order.tell("payment.refunded", 5, refund="r1", amount=500, currency="EUR")

    state = order.ledger
    assert (state.received, state.deposit, state.refunded, state.fees, state.subsidies) == (
        9_000,
        3_000,
        500,
        120,
        1_000,
    )
    assert state.outstanding == 500


def test_money_before_the_order_is_kept() -> None:
    order = Stream()
    order.pay(0, 400)
    assert (order.ledger.placed, order.ledger.received) == (False, 400)
    order.place(1, 1000)

    assert (order.ledger.placed, order.ledger.outstanding) == (True, 600)


def test_the_same_payment_under_another_id_counts_once() -> None:
    order = Stream()
    order.place(0)
    order.pay(1, 1000, "p1")
    order.pay(2, 1000, "p1")

    assert order.ledger.received == 1000
    assert order.open_work() == []


def test_a_conflict_is_work_with_its_difference_and_never_summed() -> None:
    order = Stream()
    order.place(0)
    order.pay(1, 400, "p1", kind="deposit")
    order.pay(2, 500, "p1")

    assert order.ledger.received == 400
    assert order.open_work() == ["conflict:payment:p1"]
    assert order.row.work[0].title == (
        "payment p1 was told twice, differently: 500 EUR minor units (full) instead of "
        "400 EUR minor units (deposit); the first holds"
    )
    assert order.row.work[0].cause == 3


def test_an_order_placed_twice_differently_is_work() -> None:
    order = Stream()
    order.place(0, 1000)
    order.place(1, 1200, shipping=100)

    assert order.ledger.receivable == 1000
    assert order.open_work() == ["conflict:placed"]
    assert order.row.work[0].title == (
        "the order was placed twice, differently: goods 1200 EUR minor units instead of 1000 EUR minor units, "
        "shipping 100 EUR minor units instead of 0 EUR minor units; the first holds"
    )


def test_other_lines_at_the_same_sum_are_named_too() -> None:
    order = Stream()
    order.place(0, 400, 600)
    order.place(1, 1000)

    assert "the sums agree, the lines do not" in order.row.work[0].title


def test_conflicting_refund_fee_and_subsidy() -> None:
    order = Stream()
    order.place(0)
    order.pay(1)
    for n in (1, 2):
        order.tell("payment.refunded", 2, refund="r", amount=n, currency="EUR")
        order.tell("payment.fee_charged", 2, fee="f", amount=n, currency="EUR")
        order.tell("payment.subsidy_granted", 2, subsidy="s", amount=n, currency="EUR")

    assert (order.ledger.refunded, order.ledger.fees, order.ledger.subsidies) == (1, 1, 1)
    assert order.open_work() == ["conflict:fee:f", "conflict:refund:r", "conflict:subsidy:s"]


def test_another_currency_is_kept_but_not_summed() -> None:
    order = Stream()
    order.place(0)
    order.pay(1, 700, "p1", currency="USD")
    order.tell("payment.refunded", 2, refund="r1", amount=50, currency="USD")
    order.tell("payment.fee_charged", 3, fee="f1", amount=7, currency="USD")
    order.tell("payment.subsidy_granted", 3, subsidy="s1", amount=8, currency="GBP")

    assert (order.ledger.received, order.ledger.refunded, order.ledger.fees) == (0, 0, 0)
    assert [(p.currency, p.received, p.refunded, p.fees, p.subsidies) for p in order.ledger.foreign] == [
        ("GBP", 0, 0, 0, 8),
        ("USD", 700, 50, 7, 0),
    ]
    assert order.open_work() == ["conflict:currency"]
    assert order.row.work[0].title == "payment p1 is 700 USD minor units, the order is in EUR: not counted"
    assert order.order.state == "placed"


def test_the_order_decides_the_currency_even_if_money_came_first() -> None:
    order = Stream()
    order.pay(0, 700, "p1", currency="USD")
    order.pay(1, 300, "p2", kind="deposit")
    order.place(2, 1000)

    state = order.ledger
    assert (state.currency, state.received, state.deposit, state.outstanding) == ("EUR", 300, 300, 700)
    assert [(purse.currency, purse.received) for purse in state.foreign] == [("USD", 700)]
    assert order.open_work() == ["conflict:currency"]


def test_a_refund_beyond_what_came_is_work_until_money_covers_it() -> None:
    order = Stream()
    order.place(0)
    order.pay(1, 400)
    order.tell("payment.refunded", 2, refund="r1", amount=500, currency="EUR")
    assert order.open_work() == ["over_refund"]
    assert order.row.work[0].title == "500 EUR minor units refunded of 400 EUR minor units received"

    assert "work.closed" in order.pay(3, 100, "p2")
    assert order.open_work() == []


def test_a_divided_payment_counts_only_this_orders_share() -> None:
    order = Stream()
    order.place(0)
    shares = [{"order": "order/shop:1", "amount": 250}, {"order": "shop:1", "amount": 50}]
    order.pay(1, 1_000, "p1", shares=[*shares, {"order": "shop:2", "amount": 700}])

    assert order.ledger.received == 300
    assert order.open_work() == []


def test_a_divided_payment_without_a_share_of_this_order_is_work() -> None:
    order = Stream()
    order.place(0)
    order.pay(1, 1_000, "p1", shares=[{"order": "shop:2", "amount": 1_000}])

    assert order.ledger.received == 0
    assert order.open_work() == ["share:payment:p1"]


def test_entries_name_the_events_counted() -> None:
    order = Stream()
    order.place(0)
    order.pay(1, 400, "p1")
    order.tell("payment.refunded", 2, refund="r1", amount=50, currency="EUR")

    assert [(entry.version, entry.kind, entry.number, entry.amount) for entry in order.ledger.entries] == [
        (2, "full", "p1", 400),
        (3, "refund", "r1", 50),
    ]


def test_sums_outlast_the_entries_kept() -> None:
    order = Stream()
    order.place(0)
    for n in range(100):
        order.pay(n + 1, 1, f"p{n}")
    order.pay(200, 2, "p0")

    assert (order.ledger.received, len(order.ledger.entries)) == (100, 64)
    assert order.row.work[0].title == (
        "payment p0 was told twice, differently: now 2 EUR minor units; the first holds"
    )


def test_conflicts_that_are_not_about_money_are_left_to_others() -> None:
    order = Stream()
    order.to_packed()
    order.tell("fulfilment.dispatched", 60, parcel="A", waybill="W1")
    order.tell("fulfilment.dispatched", 61, parcel="A", waybill="W2")

    assert order.open_work() == ["conflict:dispatched:A:"]
    assert order.row.work[0].title == (
        "fulfilment.dispatched.v1 was told twice of parcel A, differently: waybill W2 instead of W1; "
        "the first holds"
    )
