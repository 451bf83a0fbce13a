"""Every lost point names its event and its cause."""

from __future__ import annotations

from typing import Any

from projections.order_health import HOUR, Loss, OrderHealthFold, OrderHealthState, health_at
from projections.policy import HealthWeights
from schemas.envelope import Event
from schemas.events.decisions import SlaBreached, SlaWarned
from tests.orders import T0, Stream
from tests.policies import GRACE, policy

FULL: dict[str, Any] = {"address": {"text": "Somewhere 1"}, "customer": {"phone": "+4912345"}}


def causes(order: Stream) -> list[tuple[str, int, str]]:
    return [(loss.cause, loss.event, loss.key) for loss in order.health.losses]


def test_a_complete_order_loses_nothing() -> None:
    order = Stream()
    order.place(0, **FULL)
    assert order.health == OrderHealthState(100, ())


def test_missing_data() -> None:
    order = Stream()
    order.tell("order.placed", 0, currency="EUR", address={"country": "DE"}, customer={"name": "A"})
    assert causes(order) == [("missing_lines", 1, ""), ("missing_address", 1, ""), ("missing_contact", 1, "")]
    assert order.health.score == 100 - 30 - 20 - 5
    assert order.health.losses[0].at == T0


def test_conflicts_and_failed_locks() -> None:
    order = Stream()
    order.place(0, **FULL)
    order.pay(1, 400)
    order.pay(2, 500)
    order.tell("stock.lock_failed", 3)
    order.tell("stock.lock_failed", 4)
    assert causes(order)[:1] == [("conflict", 3, "payment:p1")]
    assert [cause for cause, _, _ in causes(order)].count("lock_failed") == 1


def test_a_hold_costs_while_it_lasts() -> None:
    order = Stream()
    order.place(0, **FULL)
    order.tell("order.held", 1, handle="a", reason="other")
    order.tell("order.held", 2, handle="b", reason="other")
    assert (causes(order), order.health.score) == ([("held", 2, "a"), ("held", 3, "b")], 80)
    order.tell("order.released", 3, handle="a")
    order.tell("order.released", 4, handle="zzz")
    assert (causes(order), order.health.score) == ([("held", 3, "b")], 90)


def test_doubt_turns_into_frost_and_ends_with_the_verdict() -> None:
    order = Stream()
    order.place(0, **FULL)
    order.tell("stock.locked", 1)
    assert causes(order) == [("doubted", 2, "")]
    order.pass_to(10 + GRACE)
    assert (causes(order), order.health.score) == ([("frozen", 2, "")], 60)
    order.tell("order.unfrozen", reason="?", state="nowhere")
    assert causes(order) == [("frozen", 2, "")]
    order.tell("order.unfrozen", reason="paid in cash")
    assert order.health == OrderHealthState(100, ())


def test_the_next_illegal_fact_after_a_verdict_counts_anew() -> None:
    order = Stream()
    order.place(0, **FULL)
    order.tell("stock.locked", 1)
    order.tell("fulfilment.delivered", 2)
    order.tell("order.unfrozen", 3, reason="known")
    assert causes(order) == [("doubted", 3, "")]


def test_a_breach_takes_the_place_of_its_warning() -> None:
    order = Stream()
    order.place(0, **FULL)
    order.ctx.row, order.ctx.policy = order.row, order.policy
    fold, state = OrderHealthFold(), order.health
    for type_, data in (
        ("sla.warned.v1", SlaWarned("ship", 0, 0, 0, "p")),
        ("sla.warned.v1", SlaWarned("pay", 0, 0, 0, "p")),
        ("sla.breached.v1", SlaBreached("ship", 0, 0, 0, "p", "", "")),
    ):
        told = Event(type_, order.row.subject, "", "/orderfold/sla", T0 + 9, data, streamversion=4)
        state = fold.handlers[type_](state, told, order.ctx)
    assert state.losses == (Loss("warned", 5, 4, T0 + 9, "pay"), Loss("breached", 20, 4, T0 + 9, "ship"))
    assert state.score == 75


def test_causes_without_points_cost_nothing_and_the_score_ends_at_zero() -> None:
    order = Stream(policy(health=HealthWeights({"held": 60}, 0, 0)))
    order.tell("order.placed", 0, currency="EUR")
    assert order.health == OrderHealthState()
    for handle in "abc":
        order.tell("order.held", 1, handle=handle, reason="other")
    assert (order.health.score, len(order.health.losses)) == (0, 3)


def test_losses_are_bounded() -> None:
    order = Stream(policy(health=HealthWeights({"held": 1}, 0, 0)))
    order.place(0)
    for n in range(70):
        order.tell("order.held", n, handle=str(n), reason="other")
    assert (len(order.health.losses), order.health.score) == (64, 36)


def test_stuck_time_is_added_on_reading() -> None:
    weights = HealthWeights({}, 2 * HOUR, 5)
    state = OrderHealthState(90, (Loss("held", 10, 2, T0, "a"),))
    assert health_at(state, T0 + 3 * HOUR - 1, T0, True, weights) == (90, state.losses)
    score, losses = health_at(state, T0 + 5 * HOUR, T0, True, weights)
    assert (score, losses[1:]) == (75, (Loss("stuck", 15, 0, T0 + 2 * HOUR),))
    assert health_at(state, T0 + 50 * HOUR, T0, False, weights) == (90, state.losses)
    assert health_at(state, T0 + 500 * HOUR, T0, True, weights)[0] == 0
