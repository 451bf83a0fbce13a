"""Which orders may travel with others: what stage 2 is told of an order, when, and what is made good afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from engine.fold.step import step_retarget
from schemas.facts import MergeLeft, MergeOffered
from tests.merging import merging
from tests.orders import Stream
from tests.policies import policy

CUSTOMER = {"account": "wang", "name": "王小明", "phone": "13800001234"}
ADDRESS = {"text": "浙江省杭州市西湖区文一路18号翠苑小区3栋2单元501室"}


class Order(Stream):
    """A stream whose placing has what intake derives, and what of it is told to stage 2."""

    def place(self, at: int = 0, *prices: int, **more: Any) -> list[str]:
        return super().place(at, *prices, **{"customer": CUSTOMER, "address": ADDRESS, **more})

    last_facts: list[Any]

    def facts(self) -> list[str]:
        """What was told since last asked: `offered`, or why it left."""
        told = [data for type_, _, data in self.ctx.facts if type_.startswith("merge.")]
        self.last_facts = told
        self.ctx.facts.clear()
        return [data.reason if isinstance(data, MergeLeft) else "offered" for data in told]


def test_an_order_is_offered_as_it_is_placed_with_all_there_is_to_compare() -> None:
    order = Order(merging())
    order.place(0, 1000, 500)

    assert order.facts() == ["offered"]
    told: MergeOffered = order.last_facts[0]
    assert told.lines == (("sku-1", 1), ("sku-2", 1))
    assert told.categories == ("general",)
    assert (told.channel, told.currency, told.first) == ("shop", "EUR", True)
    assert told.identity[0] == (1, "account", "shop/wang")
    assert any(key.startswith("phone:") for key in told.keys)


def test_nothing_is_told_where_nothing_is_merged_or_nothing_known() -> None:
    off = Order(policy())
    off.place()
    unknown = Order(merging())
    Stream.place(unknown, 0)

    assert off.facts() == unknown.facts() == []


def test_paying_locking_and_packing_without_a_label_change_nothing() -> None:
    order = Order(merging())
    order.to_packed()

    assert order.facts() == ["offered"]


def test_the_label_is_printed_with_the_waybill() -> None:
    order = Order(merging())
    order.place()
    order.pay(10)
    for at, what in enumerate(("stock.locked", "fulfilment.accepted", "fulfilment.picked"), 2):
        order.tell(what, at * 10)
    order.facts()

    order.tell("fulfilment.packed", 50, parcel="p1", waybill="SF1")

    assert order.facts() == ["labelled"]
    assert order.last_facts[0].waybills == ("SF1",)
    order.tell("fulfilment.dispatched", 60, parcel="p1", waybill="SF1")
    order.tell("fulfilment.delivered", 70, parcel="p1", waybill="SF1")
    assert order.facts() == [], "its parcel goes its way"


def test_a_scan_by_the_carrier_says_that_there_is_a_label() -> None:
    order = Order(merging())
    order.place()
    order.facts()

    order.tell("fulfilment.moved", 20, waybill="SF1", scan="collected")

    assert order.facts() == ["labelled"]


@pytest.mark.parametrize(
    ("bar", "reason", "free"),
    [
        (("order.held", {"handle": "h", "reason": "other"}), "held", ("order.released", {"handle": "h"})),
        (("fulfilment.dispatched", {}), "in_doubt", ("order.unfrozen", {"reason": "x", "state": "paid"})),
    ],
)
def test_what_bars_an_order_is_told_and_so_is_its_end(bar: Any, reason: str, free: Any) -> None:
    order = Order(merging())
    order.place()
    order.facts()

    order.tell(bar[0], 20, **bar[1])
    assert order.facts() == [reason]
    order.tell(free[0], 30, **free[1])
    assert order.facts() == ["offered"]
    assert not order.last_facts[0].first


def test_a_doubt_that_ends_in_a_freeze_is_told_as_one() -> None:
    order = Order(merging())
    order.place()
    order.tell("fulfilment.dispatched", 20)
    order.facts()

    order.pass_to(3_600_000_000)

    assert order.facts() == ["frozen"]


def test_cancelled_is_the_end() -> None:
    order = Order(merging())
    order.place()
    order.facts()

    order.tell("order.cancelled", 20)
    order.tell("order.held", 30, handle="h", reason="other")
    order.tell("order.released", 40, handle="h")

    assert order.facts() == ["cancelled"]
    assert order.row.offer is not None
    assert order.row.offer.derived is None, "nothing personal is kept of it here"


def test_a_line_cancelled_is_offered_no_longer() -> None:
    order = Order(merging())
    order.place(0, 1000, 500)
    order.facts()

    order.tell("order.cancelled", 20, lines=["2"])

    assert order.facts() == ["offered"]
    assert order.last_facts[0].lines == (("sku-1", 1),)


def test_what_a_refold_changes_is_made_good() -> None:
    order = Order(merging())
    order.place()
    order.tell("fulfilment.dispatched", 60)
    assert order.facts() == ["offered", "in_doubt"]

    order.pay(10)
    for at, what in enumerate(("stock.locked", "fulfilment.accepted", "fulfilment.picked"), 2):
        order.tell(what, at * 10)
    order.tell("fulfilment.packed", 50)

    assert order.folded_again
    assert order.facts()[-1] == "shipped"


def test_a_refold_that_frees_an_order_offers_it_again() -> None:
    order = Order(merging())
    order.place(10)
    order.tell("stock.locked", 30)
    assert order.facts() == ["offered", "in_doubt"]

    order.pay(20)

    assert order.folded_again
    assert order.facts() == ["offered"]


def test_switching_merging_on_offers_what_is_open() -> None:
    order = Order(policy())
    order.place()
    step_retarget(order.row, order.pipeline, policy(), merging(), order.now + 5, order.ctx)

    assert order.facts() == ["offered"]
