"""Late facts: placed by their occurrence where they fit, folded again where they may not."""

from __future__ import annotations

from tests.orders import T0, Stream
from tests.policies import GRACE


def to_packed_without_picking() -> Stream:
    """accepted at 30, packed at 50, with no word of the picking between."""
    order = Stream()
    order.place(0)
    order.pay(10)
    order.tell("stock.locked", 20)
    order.tell("fulfilment.accepted", 30)
    order.tell("fulfilment.packed", 50)
    return order


def test_a_late_fact_that_fits_is_placed_and_moves_nothing_back() -> None:
    order = to_packed_without_picking()
    order.tell("fulfilment.picked", 40)

    assert order.refolds == []
    assert order.path()[3:] == [("accepted", 30), ("picking", 40), ("packed", 50)]
    assert order.order.entered[4] == ("picking", T0 + 40, 6)
    assert (order.order.state, order.order.since) == ("packed", T0 + 50)
    assert order.row.late == 1


def test_a_late_fact_that_stayed_changes_nothing_but_what_is_sure() -> None:
    order = to_packed_without_picking()
    order.tell("stock.locked", 35)
    assert order.refolds == []
    assert order.order.stayed == T0 + 35
    order.tell("fulfilment.picked", 33)
    assert len(order.refolds) == 1
    assert order.path()[3:5] == [("accepted", 30), ("picking", 33)]


def test_a_late_fact_that_was_illegal_then_is_illegal() -> None:
    order = to_packed_without_picking()
    assert order.tell("fulfilment.picked", 15) == ["order.doubted"]

    assert order.refolds == ["fulfilment.picked.v1 occurred before the order reached packed"]
    state = order.order
    assert (state.state, state.offence and state.offence.state) == ("paid", "paid")
    assert [fact.version for fact in state.pending] == [3, 4, 5]
    assert state.doubt_until == order.now + GRACE


def test_a_late_fact_that_makes_a_later_one_illegal() -> None:
    order = to_packed_without_picking()
    assert order.tell("order.cancelled", 25) == ["order.doubted"]

    state = order.order
    assert (state.state, state.offence and state.offence.version) == ("cancelled", 4)


def test_late_money_that_would_have_moved_is_folded_in_its_place() -> None:
    order = Stream()
    order.place(0, 1000)
    order.pay(20, 500, "p2")
    assert order.path() == [("placed", 0), ("part_paid", 20)]
    order.pay(10, 500, "p1")

    assert order.path() == [("placed", 0), ("part_paid", 10), ("paid", 20)]


def test_late_money_that_could_not_have_moved_costs_nothing() -> None:
    order = to_packed_without_picking()
    order.pay(15, 5, "p2")
    assert order.refolds == []
    assert order.order.state == "packed"


def test_a_late_verdict_is_always_folded_again() -> None:
    order = to_packed_without_picking()
    order.tell("order.reviewed", 35, outcome="passed")
    assert len(order.refolds) == 1


def test_a_fact_from_before_the_placing() -> None:
    order = to_packed_without_picking()
    order.tell("stock.locked", -5)

    assert order.order.offence is not None
    assert order.order.offence.reason == "stock locked before the order was placed"
    assert order.order.state == "placed"


def test_a_late_waybill_is_noted_where_it_fits() -> None:
    order = Stream()
    order.to_packed()
    order.tell("fulfilment.dispatched", 60, parcel="A")
    order.tell("stock.locked", 45)
    order.tell("fulfilment.moved", 55, parcel="A", waybill="W1", scan="collected")

    assert order.order.parcels[0].waybill == "W1"
    assert order.refolds == []
