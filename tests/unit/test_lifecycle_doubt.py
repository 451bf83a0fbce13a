"""Illegal steps: doubt, grace, freeze, what waits, and how an order is freed."""

from __future__ import annotations

from tests.orders import T0, Stream
from tests.policies import GRACE, SETTLE, STANDARD, lifecycle, policy

S = 1_000_000


def unpaid_and_shipped() -> Stream:
    """Placed at 0 s, packed as if paid never mattered: picked at 10 s (version 2), illegal."""
    order = Stream()
    order.place(0)
    order.tell("fulfilment.picked", 10 * S)
    return order


def test_an_illegal_step_moves_nothing_and_doubts() -> None:
    order = unpaid_and_shipped()

    state = order.order
    assert (state.state, state.since, state.in_doubt, state.frozen) == ("placed", T0, True, False)
    assert (state.doubt_until, state.due) == (T0 + 10 * S + GRACE, T0 + 10 * S + GRACE)
    assert state.offence is not None
    assert (state.offence.version, state.offence.trigger, state.offence.state) == (
        2,
        "fulfilment.picked",
        "placed",
    )
    decision = order.last("order.doubted").decision
    assert (decision.cause, decision.key, decision.due) == (2, "", 0)
    assert decision.data.reason == "picked while placed: payment is missing"  # type: ignore[attr-defined]


def test_after_the_grace_it_is_frozen_with_the_ways_out() -> None:
    order = unpaid_and_shipped()
    assert order.pass_to(10 * S + GRACE - 1) == []
    assert order.pass_to(10 * S + GRACE) == ["order.frozen", "work.opened"]

    state = order.order
    assert (state.frozen, state.in_doubt, state.state, state.due) == (True, False, "placed", 0)
    said = order.last("order.frozen")
    assert (said.time, said.decision.cause, said.decision.due) == (
        T0 + 10 * S + GRACE,
        2,
        T0 + 10 * S + GRACE,
    )
    data = said.decision.data
    assert data.event_type == "fulfilment.picked.v1"  # type: ignore[attr-defined]
    assert data.event_id == "e2"  # type: ignore[attr-defined]
    assert data.lifecycle == "standard@3c9f21aa77b0"  # type: ignore[attr-defined]
    assert data.ways_out == [  # type: ignore[attr-defined]
        ["paid.full", "stock.locked", "fulfilment.accepted", "fulfilment.picked"],
        ["order.cancelled"],
    ]
    assert (data.to, data.via) == ("risk", ["wecom"])  # type: ignore[attr-defined]
    work = order.row.work[0]
    assert (work.work, work.kind, work.group, work.cause) == ("frozen", "frozen", "sales", 2)
    assert work.title == "frozen: picked while placed: payment is missing"
    assert work.guide == "Look at the order's page."


def test_the_grace_counts_from_the_news_not_from_the_occurrence() -> None:
    order = Stream()
    order.place(0)
    order.tell("fulfilment.picked", 10 * S, heard=500 * S)
    assert order.order.doubt_until == T0 + 500 * S + GRACE


def test_without_grace_a_backlog_is_still_folded_first() -> None:
    hasty = lifecycle("standard", "a b c d", {"order.confirmed": "a > b", "order.completed": "b > c"}, "c", 0)
    order = Stream(policy(lifecycles={"standard": hasty}))
    order.place(0)
    order.tell("order.completed", 10 * S)
    assert order.order.due == T0 + 10 * S + SETTLE


def test_an_earlier_fact_that_makes_the_path_legal_clears_the_doubt() -> None:
    order = Stream()
    order.place(0)
    order.tell("stock.locked", 20 * S)
    assert order.pay(10 * S) == ["order.doubt_cleared"]

    assert order.path() == [("placed", 0), ("paid", 10 * S), ("locked", 20 * S)]
    assert (order.order.offence, order.order.due) == (None, 0)
    assert order.pass_to(1000 * S) == []


def test_an_earlier_fact_that_does_not_help_leaves_the_doubt() -> None:
    order = unpaid_and_shipped()
    assert order.tell("stock.lock_failed", 5 * S) == ["order.doubt_cleared", "order.doubted"]
    assert order.order.offence is not None
    assert order.order.offence.version == 3
    order.pass_to(1000 * S)
    assert order.order.frozen


def test_a_later_fact_changes_nothing_but_is_kept() -> None:
    order = unpaid_and_shipped()
    order.pay(15 * S)
    assert order.order.state == "placed"
    assert [fact.trigger for fact in order.order.pending] == ["money"]
    order.pass_to(1000 * S)
    order.tell("stock.locked", 1001 * S)
    assert [fact.version for fact in order.order.pending] == [3, 4]
    assert order.order.frozen


def test_thawed_by_an_earlier_fact() -> None:
    order = Stream()
    order.place(0)
    order.tell("stock.locked", 20 * S)
    order.pass_to(1000 * S)
    assert order.order.frozen
    assert sorted(order.pay(10 * S)) == ["order.doubt_cleared", "order.thawed", "work.closed"]

    assert order.path() == [("placed", 0), ("paid", 10 * S), ("locked", 20 * S)]
    assert order.open_work() == []


def test_what_a_person_must_judge_is_not_thawed() -> None:
    order = Stream()
    order.place(0)
    order.tell("fulfilment.dispatched", 60 * S)
    order.pass_to(1000 * S)
    order.pay(10 * S)
    order.tell("stock.locked", 20 * S)
    order.tell("fulfilment.accepted", 30 * S)
    order.tell("fulfilment.packed", 50 * S)

    state = order.order
    assert (state.frozen, state.state) == (True, "packed")
    assert order.open_work() == ["frozen"]
    assert state.offence is not None
    assert state.offence.state == "placed"  # what it met, whatever has come to light since
    assert state.offence.reason == "shipped while packed: legal by now, but for a person to judge"
    order.tell("order.unfrozen", 2000 * S, reason="the bank confirms")
    assert (order.order.state, order.order.frozen) == ("shipped", False)


def test_goods_that_left_paid_but_too_soon_are_thawed_by_what_was_missing() -> None:
    order = Stream()
    order.place(0)
    order.pay(10 * S)
    order.tell("stock.locked", 20 * S)
    order.tell("fulfilment.accepted", 30 * S)
    order.tell("fulfilment.dispatched", 60 * S)
    order.pass_to(1000 * S)
    assert order.order.frozen

    assert "order.thawed" in order.tell("fulfilment.packed", 50 * S)
    assert (order.order.state, order.order.offence) == ("shipped", None)


def test_what_a_person_has_judged_is_not_thawed_afterwards() -> None:
    order = Stream()
    order.place(0)
    order.tell("fulfilment.dispatched", 60 * S)
    order.pass_to(1000 * S)
    order.tell("order.unfrozen", 2000 * S, reason="paid in cash")
    assert order.order.state == "shipped"

    said = order.pay(10 * S)

    assert "order.thawed" not in said
    assert (order.order.state, order.order.offence) == ("shipped", None)


def test_within_the_grace_even_that_is_cleared() -> None:
    order = Stream()
    order.place(0)
    order.tell("fulfilment.dispatched", 60 * S)
    order.pay(10 * S)
    order.tell("stock.locked", 20 * S)
    order.tell("fulfilment.accepted", 30 * S)
    order.tell("fulfilment.packed", 50 * S)

    assert (order.order.state, order.order.offence) == ("shipped", None)


def test_unfrozen_without_a_state_lets_the_offence_stand_and_takes_up_what_waited() -> None:
    order = unpaid_and_shipped()
    order.pass_to(500 * S)
    order.tell("fulfilment.packed", 600 * S, parcel="A", waybill="W")
    order.tell("fulfilment.dispatched", 550 * S, parcel="A")
    said = order.tell("order.unfrozen", 700 * S, reason="paid in cash")

    # dispatched occurred before packed: taken up in order of occurrence it is the next illegal fact
    assert said == ["work.closed", "order.doubted"]
    assert (order.order.state, order.order.frozen) == ("picking", False)
    assert order.order.offence is not None
    assert (order.order.offence.version, order.order.doubt_until) == (4, T0 + 700 * S + GRACE)
    assert [fact.version for fact in order.order.pending] == [3]


def test_taken_up_in_order_it_all_moves_on() -> None:
    order = unpaid_and_shipped()
    order.pass_to(500 * S)
    order.tell("fulfilment.packed", 600 * S, parcel="A", waybill="W")
    order.tell("fulfilment.dispatched", 650 * S, parcel="A")
    order.tell("order.unfrozen", 700 * S, reason="paid in cash")

    assert order.path() == [
        ("placed", 0),
        ("picking", 10 * S),
        ("packed", 600 * S),
        ("shipped", 650 * S),
    ]
    assert (order.order.offence, order.order.pending, order.open_work()) == (None, (), [])


def test_unfrozen_into_a_state_drops_what_waited() -> None:
    order = unpaid_and_shipped()
    order.pass_to(500 * S)
    order.pay(600 * S)
    assert order.tell("order.unfrozen", 700 * S, reason="false alarm", state="accepted") == ["work.closed"]

    assert order.path() == [("placed", 0), ("accepted", 700 * S)]
    assert (order.order.offence, order.order.pending, order.order.due) == (None, (), 0)
    order.tell("fulfilment.packed", 800 * S)
    assert order.order.state == "packed"


def test_unfrozen_into_a_state_the_map_lacks_leaves_it_frozen() -> None:
    order = unpaid_and_shipped()
    order.pass_to(500 * S)
    for state in ("limbo", "part_shipped"):
        assert order.tell("order.unfrozen", reason="?", state=state) == ["work.opened"]
    assert order.order.frozen
    assert order.open_work() == ["frozen", "unfreeze:limbo", "unfreeze:part_shipped"]


def test_unfrozen_clears_a_doubt_at_once() -> None:
    order = unpaid_and_shipped()
    assert order.tell("order.unfrozen", 20 * S, reason="known") == ["order.doubt_cleared"]
    assert (order.order.state, order.order.offence, order.order.due) == ("picking", None, 0)
    assert order.path()[-1] == ("picking", 10 * S)


def test_a_verdict_does_not_speak_of_what_is_heard_only_after_it() -> None:
    order = Stream()
    order.place(0)
    order.pay(10 * S)
    order.tell("order.unfrozen", 100 * S, reason="to be sure")
    order.tell("fulfilment.picked", 5 * S)

    assert order.order.offence is not None
    assert order.order.offence.reason == "picked while placed: payment is missing"


def test_unfreezing_a_sound_order_does_nothing() -> None:
    order = Stream()
    order.place(0)
    before = order.order
    assert order.tell("order.unfrozen", 20, reason="to be sure") == []
    assert order.order is before


def test_money_that_came_while_frozen_counts_in_its_place() -> None:
    """The offence forced a state money may still move: the deposit first, then the balance."""
    late = lifecycle(
        "standard",
        "placed part_paid paid cancelled",
        {
            "paid.part": "placed > part_paid",
            "paid.full": "placed > paid",
            "order.confirmed": "paid > placed",
            "order.cancelled": "paid > cancelled",
        },
        "cancelled",
    )
    order = Stream(policy(lifecycles={"standard": late}))
    order.place(0, 1000)
    order.tell("order.confirmed", 10 * S)
    order.pass_to(500 * S)
    order.pay(600 * S, 300, "p1", kind="deposit")
    order.pay(650 * S, 700, "p2", kind="balance")
    order.tell("order.unfrozen", 700 * S, reason="a slip")

    assert order.path() == [("placed", 0), ("part_paid", 600 * S)]


def test_holds_notes_and_scans_still_count_while_frozen() -> None:
    order = unpaid_and_shipped()
    order.pass_to(500 * S)
    order.tell("order.held", 600 * S, handle="h", reason="high_risk_of_fraud")
    order.tell("fulfilment.moved", 610 * S, parcel="A", scan="depot")
    order.tell("order.assigned", 620 * S, owner="joe")

    assert [hold.handle for hold in order.order.holds] == ["h"]
    assert order.order.parcels[0].scan == "depot"
    assert order.order.owner == "joe"
    assert order.order.pending == ()


def test_what_waits_is_bounded_and_the_rest_is_told() -> None:
    order = unpaid_and_shipped()
    order.pass_to(500 * S)
    for n in range(70):
        order.tell("stock.lock_failed", (600 + n) * S)
    assert (len(order.order.pending), order.order.dropped) == (64, 6)
    order.tell("order.unfrozen", 900 * S, reason="stock is back", state=None)

    # the first fact taken up, a failed lock while picking, is illegal again
    assert (len(order.order.pending), order.order.dropped) == (63, 6)
    order.tell("order.unfrozen", 901 * S, reason="and on", state="picking")
    assert order.order.dropped == 0


def test_dropped_facts_are_work_once_the_order_is_free() -> None:
    order = unpaid_and_shipped()
    order.pass_to(500 * S)
    for n in range(66):
        order.tell("fulfilment.picked", (600 + n) * S, parcel=f"P{n}")
    order.tell("order.unfrozen", 900 * S, reason="on")

    assert order.order.offence is None
    assert order.open_work() == ["pending_dropped"]
    assert order.row.work[0].title == "2 facts beyond the 64 an order can keep waiting were not taken up"


def test_a_forced_cancel_cancels() -> None:
    order = Stream()
    order.to_packed()
    order.tell("fulfilment.dispatched", 60)
    order.tell("order.cancelled", 70, reason="changed my mind")
    assert order.order.offence is not None
    assert order.order.offence.reason == "cancelled while shipped: nothing leads there any more"
    order.tell("order.unfrozen", 80, reason="the carrier turns round")
    assert order.order.state == "cancelled"


def test_terminal_states_offend_as_others_do() -> None:
    order = Stream()
    order.place(0)
    order.tell("order.cancelled", 10)
    order.pay(20)
    assert (order.order.state, order.order.offence) == ("cancelled", None)
    order.tell("fulfilment.dispatched", 30)
    assert order.order.offence is not None
    order.pass_to(30 + GRACE)
    assert order.last("order.frozen").decision.data.ways_out == []  # type: ignore[attr-defined]


def test_a_trigger_no_move_names_is_not_the_maps_business() -> None:
    assert "fulfilment.routed" not in STANDARD.triggers
    order = Stream()
    order.place(0)
    order.tell("fulfilment.routed", 10, parcel="A", node="hub")
    assert order.order.offence is None
    assert order.order.parcels[0].parcel == "A"
