"""What a step counts: one cell, whose words stage 2 reads back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.fold.step import Pipeline, new_row, step_event
from engine.intake.model import Incoming
from engine.views.health import Alarm, health
from engine.views.queries import Reading
from projections.channel_health.flowing import Counted, counted
from projections.flow import FlowFold, FlowState, unfolded
from projections.kernel import Context
from projections.row import PIPELINES
from schemas.derived import Derived
from schemas.envelope import Event
from tests.build import START, event, placed
from tests.healthy import MINUTE, health_policy
from tests.hosted import ONE, TWO, begun, break_fold, opened, submit, told

LINE = {"line": "1", "sku": "s", "quantity": 1, "unit_price": 500, "category": "fresh"}
WHOLE: dict[str, Any] = {
    "currency": "CNY",
    "lines": [LINE],
    "customer": {"phone": "13812345678"},
    "address": {"text": "Somewhere 1"},
}


class Counting:
    """One order stepped through the pipeline; what each step counted."""

    def __init__(self) -> None:
        self.pipeline = Pipeline(PIPELINES["order"])
        self.row = new_row("order/shop:1", self.pipeline)
        self.rules, self.ctx, self.version = health_policy(), Context(), 0

    def step(
        self, type_: str, at: int = 0, data: dict[str, Any] | None = None, derived: Derived | None = None
    ) -> dict[str, int]:
        made: Event = event(type_, at=at, data=data).event
        self.version += 1
        made.streamversion, made.streamtime, made.derived = self.version, START + at, derived
        step_event(self.row, self.pipeline, made, self.rules, self.ctx, START + at)
        found = {cell: n for key, cell, n in self.ctx.counts if key == "channel/shop"}
        self.ctx.counts.clear()
        return found

    def pay(self, at: int) -> dict[str, int]:
        return self.step("payment.received", at, {"payment": "p", "amount": 500, "currency": "CNY"})


def test_an_order_is_placed() -> None:
    order = Counting()

    assert order.step("order.placed", 0, WHOLE, Derived("x", city="hangzhou")) == {
        "orders >placed x2 a+ r+": 1
    }


def test_what_is_missing_is_counted_by_name() -> None:
    order = Counting()
    bare = {"currency": "CNY", "address": {"text": "?"}, "lines": []}

    found = order.step("order.placed", 0, bare, Derived("x"))

    assert found == {
        "orders >placed x2 a- r-": 1,
        "missing:order.placed lines": 1,
        "missing:order.placed customer.phone": 1,
    }


def test_without_an_address_or_a_normaliser_nothing_is_said_of_reading_it() -> None:
    assert Counting().step("order.placed", 0, {**WHOLE, "address": None}, Derived("x")) == {
        "orders >placed x2 r+": 1
    }
    assert Counting().step("order.placed", 0, WHOLE) == {"orders >placed x2 r+": 1}


def test_moves_and_the_golden_figure() -> None:
    order = Counting()
    order.step("order.placed", 0, WHOLE)

    assert order.pay(MINUTE) == {"orders placed>paid": 1}
    assert order.step("stock.locked", 2 * MINUTE) == {"- paid>locked": 1}
    order.step("fulfilment.accepted", 3 * MINUTE)
    assert order.step("fulfilment.packed", 9 * MINUTE) == {
        "seconds": 540,
        "warehouse accepted>packed g600": 1,
    }
    assert order.step("fulfilment.moved", 10 * MINUTE, {"waybill": "w"}) == {"-": 1}


def test_a_time_beyond_all_buckets_is_in_the_last() -> None:
    order = Counting()
    order.step("order.placed", 0, WHOLE)
    order.pay(MINUTE)
    order.step("stock.locked", 2 * MINUTE)
    order.step("fulfilment.accepted", 3 * MINUTE)

    assert "warehouse accepted>packed g3600" in order.step("fulfilment.packed", 900 * MINUTE)


def test_a_refold_goes_on_from_where_the_order_then_stands() -> None:
    fold, ctx = FlowFold(), Context()
    ctx.policy, ctx.row = health_policy(), new_row("order/shop:1", Pipeline(PIPELINES["order"]))
    ctx.row.channel = "shop"

    fold.refolded(FlowState("shipped"), FlowState("paid"), ctx)
    fold.refolded(FlowState("paid"), FlowState("paid"), ctx)

    assert ctx.counts == [("channel/shop", "- shipped>paid", 1)]


def test_a_type_nobody_knows_is_counted() -> None:
    ctx = Context()
    ctx.policy, ctx.row = health_policy(), new_row("order/shop:1", Pipeline(PIPELINES["order"]))
    ctx.row.channel = "shop"
    strange = event("order.note_added", data={"text": "?"}).event
    strange.type = "order.gift_wrapped.v1"

    FlowFold.handlers["type.unknown"](FlowState(), strange, ctx)

    assert ctx.counts == [("channel/shop", "unfolded:order.gift_wrapped.v1", 1)]
    assert len(unfolded("shop", "x" * 1_000)[1]) < 100


def test_no_policy_of_flow_no_counts() -> None:
    order = Counting()
    order.rules = health_policy(flow=None)

    assert order.step("order.placed", 0, WHOLE) == {}


def test_cells_are_read_back() -> None:
    assert counted("orders >placed x3 a- r+") == Counted(
        "orders", "", "placed", placed=1, expected=3, unread=1, routed=1
    )
    assert counted("warehouse picking>packed g1800") == Counted("warehouse", "picking", "packed", bucket=1800)
    assert counted("- placed>paid") == Counted("", "placed", "paid")
    assert counted("missing:order.placed customer.phone").missing == "order.placed customer.phone"
    assert counted("unfolded:a.b.v1").unfolded == "a.b.v1"
    assert counted("seconds").seconds


# Through an engine: what nobody folds is known to stage 2


def alarms(directory: Path, items: list[Incoming]) -> list[Alarm]:
    """What health says is wrong after these."""
    engine = opened(directory, partitions=4)
    submit(engine, *items)
    list(engine.ingest([]))
    found = health(Reading(engine.store)).alarms
    engine.close()
    return found


# News of another channel moves the clock on.
LATER = placed("order/jd:1", 30 * MINUTE, id="later", channel="jd")


def test_a_type_this_release_does_not_know_is_told(tmp_path: Path) -> None:
    orders = [f"order/taobao:{n}" for n in range(10)]
    items = [placed(order, channel="taobao") for order in orders]
    items += [told("order.wrapped", order, (n + 12) * MINUTE, x=1) for n, order in enumerate(orders)]

    (alarm,) = alarms(tmp_path, [*items, LATER])

    assert (alarm.kind, alarm.subject) == ("unfolded", "channel/taobao")
    assert alarm.reason.startswith("order.wrapped.v1 has come 10 times")


def test_a_fold_that_raises_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_fold(monkeypatch, "payment.received.v1", lambda event, ctx: event.subject == ONE, "sla")

    (alarm,) = alarms(tmp_path, [*begun(ONE), *begun(TWO), LATER])

    assert (alarm.kind, alarm.subject) == ("unfolded", "channel/taobao")
    assert "fault in sla" in alarm.reason
