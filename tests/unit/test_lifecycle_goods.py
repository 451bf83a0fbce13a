"""Goods by line and parcel, and what the order is shown as meanwhile."""

from __future__ import annotations

import msgspec
import pytest

from projections.lifecycle import LifecycleState, Parcel
from projections.lifecycle.goods import shown_state
from tests.orders import T0, Stream
from tests.policies import STANDARD, lifecycle


def packed_in_two() -> Stream:
    """Three lines: 1 and 2 packed in parcel A, 3 in parcel B."""
    order = Stream()
    order.place(0, 100, 200, 300)
    order.pay(10, 600)
    order.tell("stock.locked", 20)
    order.tell("fulfilment.accepted", 30)
    order.tell("fulfilment.packed", 40, parcel="A", lines=["1", "2"])
    order.tell("fulfilment.packed", 50, parcel="B")
    return order


def test_goods_that_stand_together_need_no_structure() -> None:
    order = packed_in_two()
    assert (order.order.state, order.order.lines) == ("packed", ())
    assert [(parcel.parcel, parcel.lines) for parcel in order.order.parcels] == [
        ("A", ("1", "2")),
        ("B", ("3",)),
    ]


def test_the_order_stands_where_its_least_advanced_line_does() -> None:
    order = Stream()
    order.place(0, 100, 200)
    order.pay(10, 300)
    order.tell("stock.locked", 20)
    order.tell("fulfilment.accepted", 30)
    order.tell("fulfilment.packed", 40, parcel="A", lines=["1"])

    assert order.order.state == "accepted"
    assert [(line.line, line.state) for line in order.order.lines] == [("1", "packed"), ("2", "accepted")]
    order.tell("fulfilment.picked", 50, lines=["2"])
    assert (order.order.state, order.order.since) == ("picking", T0 + 50)
    order.tell("fulfilment.packed", 60, parcel="B", lines=["2"])
    assert order.path()[3:] == [("accepted", 30), ("picking", 50), ("packed", 60)]
    assert order.order.lines == ()


def test_part_shipped_until_the_last_line_has_left() -> None:
    order = packed_in_two()
    order.tell("fulfilment.dispatched", 60, parcel="A", waybill="WA")
    assert order.order.state == "part_shipped"
    order.tell("fulfilment.delivered", 70, waybill="WA")
    assert order.order.state == "part_shipped"
    order.tell("fulfilment.dispatched", 80, parcel="B", waybill="WB")
    assert order.order.state == "shipped"
    order.tell("fulfilment.delivered", 90, parcel="B")

    assert order.path()[-4:] == [("packed", 50), ("part_shipped", 60), ("shipped", 80), ("delivered", 90)]
    assert order.said == []


def test_parcels_show_where_their_goods_are() -> None:
    order = packed_in_two()
    order.tell("fulfilment.dispatched", 60, parcel="A", waybill="WA")
    order.tell("fulfilment.moved", 65, waybill="WA", scan="depot", place="Leipzig")
    order.tell("fulfilment.moved", 62, waybill="WA", scan="collected")

    assert order.order.parcels == (
        Parcel("A", ("1", "2"), "shipped", "WA", "depot", T0 + 65),
        Parcel("B", ("3",), "packed"),
    )


def test_an_illegal_parcel_stops_the_order_and_says_which_state_it_met() -> None:
    order = packed_in_two()
    order.tell("fulfilment.delivered", 60, parcel="B")

    assert (order.order.state, order.order.lines) == ("packed", ())
    assert order.order.offence is not None
    assert (order.order.offence.state, order.order.offence.parcel) == ("packed", "B")
    order.tell("order.unfrozen", 70, reason="it is here")
    assert order.order.state == "part_shipped"
    assert order.order.parcels[1].state == "delivered"


def test_word_of_the_whole_order_leaves_alone_what_is_further() -> None:
    order = packed_in_two()
    order.tell("fulfilment.dispatched", 60, parcel="A")
    order.tell("fulfilment.dispatched", 70)
    assert (order.order.state, order.order.offence) == ("shipped", None)


def test_but_not_what_it_would_skip() -> None:
    order = packed_in_two()
    order.tell("fulfilment.dispatched", 60, parcel="A")
    order.tell("fulfilment.delivered", 70)
    assert order.order.offence is not None
    assert order.order.offence.state == "packed"
    order = packed_in_two()
    order.tell("fulfilment.dispatched", 60, parcel="A")
    order.tell("order.cancelled", 70)
    assert order.order.offence is not None
    assert order.order.offence.reason == "cancelled while shipped: nothing leads there any more"


def test_a_lost_parcel_shows_once_the_rest_is_further() -> None:
    order = packed_in_two()
    order.tell("fulfilment.dispatched", 60)
    order.tell("fulfilment.lost", 70, parcel="B")
    assert order.order.state == "shipped"
    order.tell("fulfilment.delivered", 80, parcel="A")
    assert order.order.state == "delivered"
    order.tell("order.completed", 90)
    assert (order.order.state, order.order.offence) == ("completed", None)


def test_cancelled_lines_no_longer_hold_the_order_back() -> None:
    order = packed_in_two()
    order.tell("fulfilment.dispatched", 60, parcel="A")
    order.tell("order.cancelled", 70, lines=["3"])

    state = order.order
    assert (state.state, state.live, state.cancelled, state.lines) == ("shipped", ("1", "2"), ("3",), ())
    assert [(parcel.parcel, parcel.state) for parcel in state.parcels] == [
        ("A", "shipped"),
        ("B", "cancelled"),
    ]
    order.tell("fulfilment.delivered", 80)
    assert order.order.state == "delivered"


def test_the_last_line_cancelled_cancels_the_order() -> None:
    order = Stream()
    order.place(0, 100, 200)
    order.tell("order.cancelled", 10, lines=["1"])
    assert (order.order.state, order.order.live) == ("placed", ("2",))
    order.tell("order.cancelled", 20, lines=["2"])
    assert order.path() == [("placed", 0), ("cancelled", 20)]
    order.tell("fulfilment.dispatched", 30, parcel="A", lines=["1"])
    assert order.order.offence is not None
    assert order.order.offence.state == "cancelled"


def test_all_lines_named_cancel_as_none_named() -> None:
    order = Stream()
    order.place(0, 100, 200)
    order.tell("order.cancelled", 10, lines=["1", "2"])
    assert order.order.state == "cancelled"
    order.tell("order.cancelled", 20, lines=["1"])
    assert (order.order.state, order.order.offence) == ("cancelled", None)


def test_a_cancelled_line_that_is_shipped_offends() -> None:
    order = packed_in_two()
    order.tell("order.cancelled", 60, lines=["3"])
    order.tell("order.cancelled", 61, lines=["3", "2"])
    assert order.order.offence is None
    order.tell("fulfilment.dispatched", 70, parcel="B")
    assert order.order.offence is not None
    assert order.order.offence.reason == "shipped while cancelled: that is final"
    order = packed_in_two()
    order.tell("order.cancelled", 60, lines=["3"])
    order.tell("fulfilment.dispatched", 70, lines=["1", "2", "3"])
    assert order.order.offence is not None
    assert order.order.offence.state == "cancelled"


def test_money_and_review_go_on_after_some_lines_are_cancelled() -> None:
    order = Stream()
    order.place(0, 100, 200)
    order.tell("order.cancelled", 10, lines=["1"])
    order.pay(20, 300)
    order.tell("stock.locked", 30, lines=["2"])
    assert order.path() == [("placed", 0), ("paid", 20), ("locked", 30)]


def test_money_moves_only_lines_it_can() -> None:
    order = Stream()
    order.place(0, 100, 200)
    order.pay(5, 100, "p1")
    order.tell("fulfilment.picked", 10, lines=["1"])
    order.tell("order.unfrozen", 11, reason="cash")
    assert [line.state for line in order.order.lines] == ["picking", "part_paid"]
    order.pay(20, 200, "p2")
    assert [line.state for line in order.order.lines] == ["picking", "paid"]
    assert order.order.state == "paid"


def test_a_line_divided_between_parcels_is_as_far_as_the_furthest() -> None:
    order = Stream()
    order.to_packed(1000)
    order.tell("fulfilment.dispatched", 60, parcel="A", lines=["1"])
    order.tell("fulfilment.dispatched", 70, parcel="B", lines=["1"])
    assert (order.order.state, order.order.offence) == ("shipped", None)
    order.tell("fulfilment.delivered", 80, parcel="A")
    order.tell("fulfilment.dispatched", 90, parcel="C", lines=["1"])
    assert (order.order.state, order.order.offence) == ("delivered", None)


def test_the_same_parcel_shipped_twice_offends() -> None:
    order = Stream()
    order.to_packed(1000)
    order.tell("fulfilment.dispatched", 60, parcel="A", lines=["1"])
    order.tell("fulfilment.dispatched", 70, parcel="A")
    assert order.order.offence is not None
    assert order.order.offence.reason == "shipped while shipped: nothing leads there any more"


def test_a_feed_with_parcel_numbers_of_its_own() -> None:
    order = Stream()
    order.place(0)
    order.pay(10)
    order.tell("stock.locked", 20)
    order.tell("fulfilment.accepted", 30)
    order.tell("fulfilment.packed", 40, parcel="WMS-1")
    order.tell("fulfilment.dispatched", 50, parcel="C-9", waybill="W")
    assert order.order.state == "shipped"
    assert [parcel.parcel for parcel in order.order.parcels] == ["WMS-1", "C-9"]


def test_lines_the_order_does_not_have_are_work() -> None:
    order = Stream()
    order.place(0, 100, 200)
    order.pay(10, 300)
    order.tell("stock.locked", 20, lines=["1", "2", "9"])
    assert order.order.state == "locked"
    assert order.open_work() == ["line_unknown:9"]
    order.tell("fulfilment.accepted", 30, lines=["8"])
    assert order.order.state == "locked"
    assert order.row.work[1].title == "fulfilment.accepted.v1 names line 8, which the order does not have"


def test_a_scan_of_an_unknown_parcel_is_kept_until_its_goods_are_known() -> None:
    order = Stream()
    order.to_packed()
    order.tell("fulfilment.moved", 55, waybill="W", scan="announced")
    assert order.order.parcels == (Parcel("", (), "", "W", "announced", T0 + 55),)
    order.tell("fulfilment.dispatched", 60, parcel="A", waybill="W")

    assert order.order.parcels == (Parcel("A", ("1",), "shipped", "W", "announced", T0 + 55),)


def test_late_news_of_one_line_is_folded_in_its_place() -> None:
    order = Stream()
    order.place(0, 100, 200)
    order.pay(10, 300)
    order.tell("stock.locked", 20)
    order.tell("fulfilment.accepted", 30)
    order.tell("fulfilment.packed", 40, parcel="A", lines=["1"])
    order.tell("fulfilment.dispatched", 60, parcel="A")
    order.tell("fulfilment.packed", 50, parcel="B", lines=["2"])

    assert order.path()[3:] == [("accepted", 30), ("packed", 50), ("part_shipped", 60)]


def test_where_a_map_has_no_part_shipped_the_least_advanced_line_shows() -> None:
    plain = lifecycle("m", "placed shipped", {"fulfilment.dispatched": "placed > shipped"}, "shipped")
    assert shown_state(plain, {"placed", "shipped"}) == "placed"
    assert shown_state(STANDARD, {"placed", "delivered"}) == "part_shipped"
    assert shown_state(STANDARD, {"shipped", "delivered"}) == "shipped"


@pytest.mark.parametrize("prices", [(1,), (1, 1), (1, 1, 1)])
def test_parcels_follow_the_order_as_a_whole(prices: tuple[int, ...]) -> None:
    order = Stream()
    order.place(0, *prices)
    order.pay(10, len(prices))
    order.tell("stock.locked", 20)
    order.tell("fulfilment.accepted", 30, parcel="A")
    order.tell("fulfilment.picked", 40)
    order.tell("fulfilment.packed", 50, waybill="W")
    order.tell("fulfilment.dispatched", 60, waybill="W")

    all_lines = tuple(str(n + 1) for n in range(len(prices)))
    assert order.order.parcels == (Parcel("A", all_lines, "shipped", "W"),)


def test_a_state_with_everything_in_it_survives_being_stored() -> None:
    order = packed_in_two()
    order.tell("order.held", 55, handle="h", reason="other")
    order.tell("fulfilment.dispatched", 60, parcel="A", waybill="WA")
    order.tell("order.completed", 70)
    order.tell("fulfilment.dispatched", 80, parcel="B")

    state = order.order
    assert state.lines
    assert state.parcels
    assert state.holds
    assert state.offence
    assert state.pending
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=LifecycleState) == state
