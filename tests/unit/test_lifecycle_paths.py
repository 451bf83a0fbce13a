"""Searches over a map: reasons, ways out, whether a late fact fits."""

from __future__ import annotations

import pytest

from projections.lifecycle.paths import claimed, fit, reason, search, stood_at, ways_out
from projections.lifecycle.state import Fact
from tests.policies import MARKETPLACE, STANDARD, lifecycle


def fact(trigger: str, time: int, version: int = 9) -> Fact:
    return Fact(version, time, f"{trigger}.v1", "e", trigger)


@pytest.mark.parametrize(
    ("met", "trigger", "words"),
    [
        ("placed", "fulfilment.dispatched", "shipped while placed: payment is missing"),
        ("part_paid", "stock.locked", "stock locked while part paid: payment is missing"),
        ("paid", "fulfilment.picked", "picked while paid: the stock lock is missing"),
        ("picking", "fulfilment.dispatched", "shipped while picking: packing is missing"),
        ("packed", "fulfilment.delivered", "delivered while packed: the hand-over to the carrier is missing"),
        ("cancelled", "fulfilment.dispatched", "shipped while cancelled: that is final"),
        ("shipped", "order.cancelled", "cancelled while shipped: nothing leads there any more"),
        ("placed", "review.passed", "review passed while placed: payment is missing"),
        ("", "fulfilment.packed", "packed before the order was placed"),
        ("packed", "fulfilment.dispatched", "shipped while packed: legal by now, but for a person to judge"),
    ],
)
def test_reasons_in_plain_words(met: str, trigger: str, words: str) -> None:
    assert reason(STANDARD, met, trigger) == words


def test_the_claimed_state_is_where_the_trigger_leads_from_the_nearest_state() -> None:
    assert claimed(STANDARD, "placed", "fulfilment.dispatched") == "shipped"
    assert claimed(STANDARD, "shipped", "order.cancelled") == "cancelled"
    assert claimed(STANDARD, "delivered", "fulfilment.picked") == "picking"
    assert claimed(STANDARD, "placed", "no.such") == "placed"


def test_of_several_targets_out_of_reach_the_next_one_on() -> None:
    doors = lifecycle(
        "doors", "a b c d e", {"go": "a > b", "come": "a > b,", "end": "b > e", "leap": "c > d"}, "e"
    )
    assert claimed(doors, "b", "leap") == "d"
    assert claimed(doors, "e", "go") == "b"


def test_ways_out_are_the_shortest_to_what_was_claimed_and_to_an_end() -> None:
    assert ways_out(STANDARD, "placed", "fulfilment.dispatched") == [
        [
            "paid.full",
            "stock.locked",
            "fulfilment.accepted",
            "fulfilment.packed",
            "fulfilment.dispatched",
        ],
        ["order.cancelled"],
    ]
    assert ways_out(MARKETPLACE, "placed", "fulfilment.delivered") == [
        ["order.confirmed", "fulfilment.dispatched", "fulfilment.delivered"],
        ["order.cancelled"],
    ]


def test_no_way_out_where_everything_is_over() -> None:
    assert ways_out(STANDARD, "cancelled", "fulfilment.dispatched") == []


def test_one_way_out_is_told_once() -> None:
    assert ways_out(STANDARD, "shipped", "order.completed") == [
        ["fulfilment.delivered", "order.completed"],
        ["fulfilment.refused"],
    ]
    assert ways_out(MARKETPLACE, "shipped", "fulfilment.delivered") == [["fulfilment.delivered"]]


def test_search_finds_the_start_itself() -> None:
    assert search(STANDARD, "paid", lambda state: state == "paid") == ([], "paid")


ENTERED = (("placed", 0, 1), ("paid", 10, 2), ("locked", 20, 3), ("accepted", 30, 4), ("packed", 50, 5))


def test_where_an_order_stood() -> None:
    assert [stood_at(ENTERED, time) for time in (-1, 0, 9, 10, 49, 50, 99)] == [-1, 0, 0, 1, 3, 4, 4]


def test_a_late_fact_that_fits_is_put_in_its_place() -> None:
    assert fit(STANDARD, ENTERED, fact("fulfilment.picked", 40), 0) == (
        *ENTERED[:4],
        ("picking", 40, 9),
        ENTERED[4],
    )


def test_a_late_fact_that_was_welcome_and_moved_nothing_changes_nothing() -> None:
    assert fit(STANDARD, ENTERED, fact("stock.locked", 25), 99) is ENTERED


@pytest.mark.parametrize(
    ("late", "stayed"),
    [
        (fact("fulfilment.picked", 15), 0),  # illegal then
        (fact("fulfilment.packed", 40), 0),  # legal then, but what followed is not legal after it
        (fact("order.cancelled", 40), 0),
        (fact("fulfilment.accepted", -5), 0),  # before there was an order
        (fact("fulfilment.picked", 40), 45),  # a fact that stayed came between: not sure
    ],
)
def test_a_late_fact_that_contradicts_does_not_fit(late: Fact, stayed: int) -> None:
    assert fit(STANDARD, ENTERED, late, stayed) is None


def test_a_leap_by_a_person_is_no_way_to_judge_by() -> None:
    entered = (("placed", 0, 1), ("packed", 50, 5))
    assert fit(STANDARD, entered, fact("order.cancelled", 20), 0) is None


def test_a_late_fact_after_which_money_counted_is_not_sure() -> None:
    entered = (("placed", 0, 1), ("cancelled", 50, 5))
    deposit = lifecycle(
        "m", "placed asked paid cancelled", {"paid.full": "asked > paid", "order.confirmed": "placed > asked",
        "order.cancelled": "placed asked paid > cancelled"}, "cancelled",
    )  # fmt: skip
    assert fit(deposit, entered, fact("order.confirmed", 20), 0) is None
