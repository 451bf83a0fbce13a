"""What is wrong with an order that stands still: named, guided, taken back when it is over."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.fold.step import pipeline_of, step_retarget
from engine.fold.stream import take
from projections.diagnosis import STUCK, WATCHED, stuck_rule
from projections.policy import Calendar, Policy, Sla, Stuck
from schemas.derived import Derived
from schemas.registry import TYPES
from tests.orders import EVERY_MOVE, T0, Stream
from tests.policies import HOUR, MINUTE, SETTLE
from tests.working import NONE, diagnosing, hours, pattern

SYNC = pattern("sync", states=("paid",), missing=("stock.lock_failed",), after=2 * HOUR)
REFUSED = pattern(
    "refused",
    states=("paid",),
    count={"stock.lock_failed.v1": 3},
    reasons=("timeout", "refused"),
    kind="manual_review",
    group="warehouse",
)
TRIED = pattern(
    "tried", states=("paid",), happened=("stock.lock_failed",), after=30 * MINUTE, unless=("refused",)
)
BARE = pattern("bare", lacks=("address",), states=("paid",))
TWO_HOURS = (Stuck(2 * HOUR, NONE, NONE, ""),)


def paid(rules: Policy, **more: Any) -> Stream:
    """An order placed at 0 and paid at 1 min."""
    order = Stream(rules)
    order.place(0, **more)
    order.pay(MINUTE)
    return order


def last(order: Stream, type_: str) -> Any:
    """The data of the last decision of a type."""
    return order.last(type_).decision.data


def made(order: Stream) -> list[str]:
    return [one.rule for one in order.row.diagnosis.made] if order.row.diagnosis else []


def test_paid_two_hours_and_not_locked_is_named_with_its_evidence_and_guide() -> None:
    order = paid(diagnosing(SYNC))
    assert order.pass_to(2 * HOUR + MINUTE - 1) == []

    assert order.pass_to(2 * HOUR + MINUTE) == ["diagnosis.made", "work.opened"]
    said: Any = order.last("diagnosis.made").decision
    assert (said.key, said.cause, said.due) == ("sync", 2, T0 + 2 * HOUR + MINUTE)
    assert said.data.evidence == ["paid since 2020-09-13T12:27:40Z (event 2)", "no stock.lock_failed"]
    (item,) = order.row.work
    assert (item.work, item.kind, item.title) == (
        "diagnosis:sync",
        "diagnosis",
        "it is sync: paid for 2 h, no stock.lock_failed",
    )
    assert (item.guide, item.owner, item.group, item.cause) == ("mend sync", "ann", "sales", 2)


def test_it_is_closed_when_the_order_goes_on() -> None:
    order = paid(diagnosing(SYNC))
    order.pass_to(3 * HOUR)

    assert order.tell("stock.locked", 3 * HOUR) == ["work.closed"]
    assert last(order, "work.closed").reason == "the order is locked since stock.locked.v1"
    assert (order.open_work(), made(order)) == ([], [])


def test_what_goes_on_in_time_is_never_diagnosed() -> None:
    order = paid(diagnosing(SYNC, REFUSED, TRIED, stuck=TWO_HOURS))
    for n, what in enumerate(EVERY_MOVE, 1):
        order.tell(what, n * HOUR)
    order.tell("order.completed", 7 * HOUR)

    assert order.pass_to(100 * HOUR) == []
    assert [one for one in order.said if one.decision.fold in ("diagnosis", "work")] == []


def test_one_timer_is_kept_as_long_as_it_is_early_enough() -> None:
    order = Stream(diagnosing(stuck=TWO_HOURS))
    order.place(1)
    order.pay(MINUTE)
    order.tell("stock.locked", HOUR)
    assert order.row.diagnosis is not None
    assert order.row.diagnosis.due == T0 + 1 + 2 * HOUR

    order.pass_to(2 * HOUR + 1)
    assert order.row.diagnosis.due == T0 + 3 * HOUR
    order.tell("order.cancelled", 2 * HOUR + 2)
    assert order.row.diagnosis.due == 0


def test_a_service_that_refuses_three_times_is_for_manual_review() -> None:
    order = paid(diagnosing(REFUSED))
    for n, reason in enumerate(("Timeout of the service", "sold out", "connection refused"), 2):
        assert order.tell("stock.lock_failed", n * MINUTE, reason=reason) == []

    assert order.tell("stock.lock_failed", 5 * MINUTE, reason="TIMEOUT") == ["diagnosis.made", "work.opened"]
    (item,) = order.row.work
    assert (item.kind, item.owner, item.group) == ("manual_review", "", "warehouse")
    assert item.title == "it is refused: stock.lock_failed 3 times"
    assert last(order, "diagnosis.made").evidence[1] == "stock.lock_failed was told 3 times, last by event 6"


def test_a_rule_that_says_less_waits_while_one_that_says_more_stands() -> None:
    order = paid(diagnosing(REFUSED, TRIED))
    for n in range(2, 5):
        order.tell("stock.lock_failed", n * MINUTE, reason="timeout")
    order.pass_to(5 * HOUR)
    assert made(order) == ["refused"]

    single = paid(diagnosing(REFUSED, TRIED))
    single.tell("stock.lock_failed", 2 * MINUTE, reason="timeout")
    single.pass_to(5 * HOUR)
    assert made(single) == ["tried"]


def test_an_event_that_completes_an_old_pattern_is_judged_once_it_has_settled() -> None:
    order = paid(diagnosing(TRIED))
    order.pass_to(HOUR)

    assert order.tell("stock.lock_failed", HOUR, reason="timeout") == []
    assert order.pass_to(HOUR + SETTLE + 10) == ["diagnosis.made", "work.opened"]


@pytest.mark.parametrize(
    ("address", "lacks"), [(None, True), ({"country": "DE"}, True), ({"text": "Somewhere 1"}, False)]
)
def test_what_an_order_came_without(address: Any, lacks: bool) -> None:
    order = paid(diagnosing(BARE), **({"address": address} if address else {}))
    assert made(order) == (["bare"] if lacks else [])


@pytest.mark.parametrize(("city", "unread"), [("", ["unread"]), ("上海", [])])
def test_an_address_that_could_not_be_read(city: str, unread: list[str]) -> None:
    told = Stream()
    told.place(0, address={"text": "?"})
    placed = replace(told.inputs[0], derived=Derived("rules@1", city=city))
    order = Stream(diagnosing(pattern("unread", lacks=("parsed_address",))))
    order.row, _ = take(order.row, order.pipeline, placed, order.timeline, order.ctx, lambda: [placed])

    assert made(order) == unread


def test_a_held_frozen_or_doubted_order_is_diagnosed_as_nothing() -> None:
    held = paid(diagnosing(SYNC, stuck=TWO_HOURS))
    held.tell("order.held", HOUR, handle="h", reason="other")
    doubted = paid(diagnosing(SYNC, stuck=TWO_HOURS))
    doubted.tell("fulfilment.delivered", HOUR)

    for order in (held, doubted):
        order.pass_to(50 * HOUR)
        assert made(order) == []


def test_after_a_hold_the_wait_begins_anew() -> None:
    order = paid(diagnosing(SYNC))
    order.tell("order.held", HOUR, handle="h", reason="other")
    order.tell("order.released", 5 * HOUR, handle="h")
    assert order.pass_to(7 * HOUR - 1) == []
    assert order.pass_to(7 * HOUR) == ["diagnosis.made", "work.opened"]


def test_a_hold_ends_a_diagnosis() -> None:
    order = paid(diagnosing(SYNC))
    order.pass_to(3 * HOUR)
    assert "work.closed" in order.tell("order.held", 3 * HOUR, handle="h", reason="other")
    assert last(order, "work.closed").reason == "the order is paid, held or in doubt since order.held.v1"


# Stuck


def test_no_fact_for_two_hours_in_an_open_state_is_stuck() -> None:
    order = paid(diagnosing(stuck=TWO_HOURS))
    assert order.pass_to(2 * HOUR + MINUTE) == ["work.opened"]

    (item,) = order.row.work
    assert (item.work, item.kind, item.cause) == (STUCK, STUCK, 2)
    assert item.title == "no fact for 2 h while paid, the last one 2020-09-13T12:27:40Z"
    assert order.pass_to(50 * HOUR) == [], "it is said once"


def test_any_fact_ends_it_and_the_wait_begins_anew() -> None:
    order = paid(diagnosing(stuck=TWO_HOURS))
    order.pass_to(3 * HOUR)
    assert order.tell("fulfilment.moved", 3 * HOUR, waybill="w") == ["work.closed"]
    assert last(order, "work.closed").reason == "fulfilment.moved.v1 was told"
    assert order.pass_to(5 * HOUR) == []
    assert order.pass_to(5 * HOUR + 1) == ["work.opened"]


def test_what_people_say_to_each_other_is_no_fact_of_the_order() -> None:
    order = paid(diagnosing(stuck=TWO_HOURS))
    order.tell("order.note_added", HOUR, text="x")
    order.tell("order.assigned", HOUR, owner="bob")
    order.pass_to(2 * HOUR + MINUTE)
    assert order.open_work() == [STUCK]


def test_where_the_cause_is_known_the_order_is_not_stuck_too() -> None:
    order = paid(diagnosing(SYNC, stuck=(Stuck(HOUR, NONE, NONE, ""),)))
    order.pass_to(HOUR + MINUTE)
    assert order.open_work() == [STUCK]

    order.pass_to(3 * HOUR)
    assert (order.open_work(), made(order)) == (["diagnosis:sync"], ["sync"])
    assert last(order, "work.closed").reason == "the cause is known: it is sync"


def test_the_first_rule_that_matches_says_when() -> None:
    rules = diagnosing(
        stuck=(
            Stuck(0, NONE, frozenset({"market"}), ""),
            Stuck(5 * HOUR, frozenset({"shipped"}), NONE, ""),
            Stuck(HOUR, NONE, NONE, ""),
        )
    )

    def after(channel: str, state: str) -> int:
        rule = stuck_rule(rules, channel, state)
        assert rule is not None
        return rule.after

    assert (after("market", "paid"), after("shop", "shipped"), after("shop", "paid")) == (0, 5 * HOUR, HOUR)
    assert stuck_rule(diagnosing(), "shop", "paid") is None


def test_only_working_hours_count_where_a_rule_names_a_calendar() -> None:
    office = hours("office", (-1, 1), (10, 20))
    calendars: dict[str, Calendar] = {"office": office}
    rules = diagnosing(stuck=(Stuck(2 * HOUR, NONE, NONE, "office"),), sla=Sla((), 500, 800, NONE, calendars))
    order = paid(rules)
    assert order.pass_to(11 * HOUR + MINUTE - 1) == []
    assert order.pass_to(11 * HOUR + MINUTE) == ["work.opened"]


# Late, folded again, under another policy


def test_a_lock_that_was_only_told_late_withdraws_the_diagnosis() -> None:
    order = paid(diagnosing(SYNC))
    order.pass_to(3 * HOUR)
    said = order.tell("stock.locked", HOUR, heard=3 * HOUR)

    assert order.folded_again == 1
    assert "work.closed" in said
    assert (order.open_work(), made(order)) == ([], [])


def test_what_a_person_did_is_not_opened_again_while_the_pattern_stands() -> None:
    order = paid(diagnosing(SYNC))
    order.pass_to(3 * HOUR)
    assert order.tell("work.done", 3 * HOUR, work="diagnosis:sync", by="ann", note="sent by hand") == [
        "work.closed"
    ]
    assert order.pass_to(30 * HOUR) == []
    assert order.tell("stock.locked", 30 * HOUR) == []


def test_under_a_policy_without_the_rule_it_ends() -> None:
    order = paid(diagnosing(SYNC, stuck=TWO_HOURS))
    order.pass_to(3 * HOUR)
    new = diagnosing()
    decided = step_retarget(
        order.row, pipeline_of(order.row.subject), order.policy, new, T0 + 3 * HOUR, order.ctx
    )

    assert [getattr(one.decision.data, "reason", "") for one in decided] == [
        "the policy no longer has a rule sync"
    ]
    assert order.open_work() == []


def test_under_a_policy_with_new_rules_the_waits_are_theirs() -> None:
    order = paid(diagnosing())
    new = diagnosing(SYNC)
    step_retarget(order.row, pipeline_of(order.row.subject), order.policy, new, T0 + HOUR, order.ctx)
    order.policy = new
    assert order.pass_to(2 * HOUR + MINUTE) == ["diagnosis.made", "work.opened"]


def test_what_patterns_watch_are_types() -> None:
    assert {f"{name}.v1" for name in WATCHED} <= TYPES.keys()
