"""Clocks open, warn, breach, escalate, pause and stop: every instant counted by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from projections.lifecycle import LifecycleFold
from projections.policy import Calendar, Person
from projections.sla import Past, Pause, SlaFold, SlaState, colour
from projections.sla.timing import PAUSES_MAX
from schemas.envelope import Event
from schemas.events.common import Line
from schemas.events.order import OrderCompleted, OrderPlaced
from tests.policies import HOUR, MINUTE, SECOND, SETTLE
from tests.sla_orders import DAY, DELIVER_BY, PAY, SHIP, SHIP_BY, T0, Host, policy, tier

FRESH = [{"category": "fresh"}]
BREACHED = ("sla.breached.v1", "ship")
WARNED = ("sla.warned.v1", "ship")


def test_handlers_name_what_can_move_an_order() -> None:
    moves = {name for name in LifecycleFold.handlers if name.startswith(("order.", "stock.", "fulfilment."))}
    moves -= {"order.assigned.v1", "fulfilment.moved.v1"}
    money = {"payment.received.v1", "payment.refunded.v1", "payment.subsidy_granted.v1"}
    assert set(SlaFold.handlers) == moves | money | {"order.doubted.v1", "order.frozen.v1"}


def test_a_stage_opens_at_its_start_and_stops_at_its_stop() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    assert host.state.clocks == ()
    host.enter("paid", T0 + MINUTE)
    clock = host.clock("ship")
    assert (clock.started, clock.version, clock.target) == (T0 + MINUTE, 2, 45 * MINUTE)
    assert host.state.half_at == T0 + MINUTE + 1350 * SECOND
    assert host.state.warn_at == T0 + 37 * MINUTE
    assert host.state.due_at == T0 + 46 * MINUTE
    host.enter("shipped", T0 + 31 * MINUTE)
    assert host.state.clocks == ()
    assert host.state.past == (Past("ship", T0 + MINUTE, T0 + 31 * MINUTE, 30 * MINUTE, 45 * MINUTE, False),)
    assert (host.state.half_at, host.state.warn_at, host.state.due_at, host.state.wake_at) == (0, 0, 0, 0)
    host.advance(T0 + DAY)
    assert host.told() == []


@pytest.mark.parametrize("end", ["delivered", "cancelled"])
def test_more_advanced_or_final_states_stop_a_clock_too(end: str) -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.enter(end, T0 + MINUTE)
    assert host.state.clocks == ()
    host.advance(T0 + DAY)
    assert host.told() == []


def test_the_strictest_category_counts() -> None:
    for lines, target in (
        ([], 2 * HOUR),
        (FRESH, 45 * MINUTE),
        ([{"category": "general"}], 2 * HOUR),
        ([{"category": "general"}, {"category": "fresh"}], 45 * MINUTE),
    ):
        host = Host(policy())
        host.place(lines=lines)
        host.enter("paid", T0)
        assert host.clock("ship").target == target


def test_a_stage_that_says_nothing_of_the_goods_has_no_clock() -> None:
    fresh_only = replace(SHIP, within={"fresh": HOUR})
    host = Host(policy(tier(fresh_only)))
    host.place(lines=[{"category": "general"}])
    host.enter("paid", T0)
    assert host.state.clocks == ()


def test_a_stage_whose_stop_the_map_does_not_know_has_no_clock() -> None:
    host = Host(policy(tier(replace(SHIP, stop="handed_over"), replace(SHIP_BY, stop="x"))))
    host.place(lines=FRESH, promises={"ship_by": "2026-01-02T00:00:00Z"})
    host.enter("paid", T0)
    assert host.state.clocks == ()


@pytest.mark.parametrize(
    ("conditions", "taken"),
    [
        ({"channels": ["shop"]}, True),
        ({"channels": ["other"]}, False),
        ({"customers": ["gold"]}, True),
        ({"customers": ["silver"]}, False),
        ({"amount_at_least": 1000}, True),
        ({"amount_at_least": 1001}, False),
    ],
)
def test_tiers_are_chosen_by_channel_customer_and_amount(conditions: dict[str, Any], taken: bool) -> None:
    host = Host(policy(tier(SHIP, name="special", **conditions), tier(SHIP, name="standard")))
    host.place(lines=FRESH, tier="gold", amount=1000)
    assert host.state.tier == ("special" if taken else "standard")


def test_no_tier_no_clock() -> None:
    host = Host(policy(tier(SHIP, channels=["other"])))
    host.place(lines=FRESH, promises={"ship_by": "2026-01-01T12:00:00Z"})
    host.enter("paid", T0)
    assert (host.state.tier, host.state.clocks) == ("", ())


def test_promises_run_from_placing_to_the_strictest_instant_promised() -> None:
    host = Host(policy(tier(SHIP_BY, DELIVER_BY)))
    host.place(
        lines=[{"ship_by": "2026-01-01T16:00:00Z"}, {"ship_by": "2026-01-01T18:00:00+08:00"}],
        promises={"ship_by": "2026-01-02T00:00:00Z", "deliver_by": "2026-01-04T10:00:00Z"},
    )
    assert host.clock("ship_by").due_at == T0, "18:00 in Shanghai is 10:00 UTC"
    assert host.clock("deliver_by").due_at == T0 + 3 * DAY
    assert host.clock("deliver_by").version == 1
    host.enter("shipped", T0)
    assert [clock.stage for clock in host.state.clocks] == ["deliver_by"]


def test_a_promise_already_past_when_made_breaches_after_settling() -> None:
    host = Host(policy(tier(SHIP_BY)))
    host.place(promises={"ship_by": "2025-12-31T10:00:00Z"})
    host.advance(T0 + DAY)
    assert host.told() == [("sla.breached.v1", "ship_by")], "there was nothing to warn of"
    assert host.at("sla.breached.v1", "ship_by") == [T0 + SETTLE]


def test_warning_breach_and_ladder_each_at_their_instant() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.advance(T0 + DAY)
    due = T0 + 45 * MINUTE
    assert host.at(*WARNED) == [T0 + 36 * MINUTE]
    assert host.at(*BREACHED) == [due]
    escalated = [
        (when, d.key, d.data.to, d.data.via) for when, d in host.decided if d.type == "sla.escalated.v1"
    ]
    assert escalated == [
        (due, "ship:0", "ann", ["wecom"]),
        (due + HOUR, "ship:1", "bob", ["dingtalk", "sms"]),
        (due + 4 * HOUR, "ship:2", "eve", ["wecom"]),
        (due + 5 * HOUR, "ship:3", "warehouse", ["mail"]),
    ]
    assert {d.cause for _, d in host.decided} == {2}, "the event that opened the clock"
    breach = host.data("sla.breached.v1")
    assert (breach.due, breach.used, breach.target) == (due, 45 * MINUTE, 45 * MINUTE)
    assert (breach.owner, breach.group, breach.policy, breach.reason) == (
        "ann",
        "warehouse",
        "standard-3c9f21",
        "overdue",
    )
    opened = host.data("work.opened.v1")
    assert (opened.work, opened.kind, opened.owner, opened.guide) == (
        "sla:ship",
        "sla",
        "ann",
        "Look at the order's page.",
    )
    assert host.state.wake_at == 0


def test_stopping_after_a_breach_closes_the_work_and_ends_the_ladder() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.enter("shipped", T0 + HOUR)
    host.advance(T0 + DAY)
    assert host.work() == [("opened", "sla:ship"), ("closed", "sla:ship")]
    assert host.told() == [WARNED, BREACHED, ("sla.escalated.v1", "ship:0")]
    assert host.state.past[0].breached
    assert host.state.breached == 1
    assert host.refolds == []


def test_exactly_at_the_deadline_is_in_time() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.enter("shipped", T0 + 45 * MINUTE)
    host.advance(T0 + DAY)
    assert host.told() == [WARNED]


@pytest.mark.parametrize("late", [0, 1, HOUR])
def test_a_stop_in_time_that_comes_after_the_breach_asks_for_a_refold(late: int) -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.enter("shipped", T0 + 45 * MINUTE + late, now=T0 + 3 * HOUR)
    assert bool(host.refolds) == (late == 0)


def test_a_backlog_is_folded_before_it_is_judged() -> None:
    now = T0 + 10 * HOUR
    host = Host(policy())
    host.place(lines=FRESH, now=now)
    host.enter("paid", T0, now=now + 1)
    assert host.state.wake_at == now + 1 + SETTLE
    host.enter("shipped", T0 + 10 * MINUTE, now=now + 2)
    host.advance(now + DAY)
    assert host.decided == []


def test_a_stop_that_was_late_breaches_even_before_any_timer() -> None:
    now = T0 + 10 * HOUR
    host = Host(policy())
    host.place(lines=FRESH, now=now)
    host.enter("paid", T0, now=now + 1)
    host.enter("shipped", T0 + HOUR, now=now + 2)
    host.advance(now + DAY)
    assert host.told() == [WARNED, BREACHED]
    assert host.data("sla.breached.v1").used == HOUR
    assert host.work() == [], "nobody has anything left to do"
    assert host.state.breached == 1


def test_the_ladder_counts_from_when_the_breach_was_known() -> None:
    now = T0 + 10 * HOUR
    host = Host(policy())
    host.place(lines=FRESH, now=now)
    host.enter("paid", T0, now=now)
    host.advance(now + DAY)
    assert host.at(*BREACHED) == [now + SETTLE]
    assert host.data("sla.breached.v1").due == T0 + 45 * MINUTE
    assert host.at("sla.escalated.v1", "ship:1") == [now + SETTLE + HOUR]


def test_one_clock_per_stage() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.enter("locked", T0 + MINUTE)
    host.enter("paid", T0 + 2 * MINUTE)
    assert [clock.started for clock in host.state.clocks] == [T0]
    host.enter("shipped", T0 + 3 * MINUTE)
    host.enter("paid", T0 + 4 * MINUTE)
    assert host.state.clocks == ()


def test_states_that_waited_for_the_order_open_and_stop_clocks_in_their_order() -> None:
    host = Host(policy(tier(PAY, SHIP)))
    host.row.lifecycle = replace(host.order, categories=("fresh",))
    host._entered("placed", T0, 4)
    host._entered("paid", T0 + MINUTE, 2)
    host._entered("shipped", T0 + 2 * MINUTE, 3)
    data = OrderPlaced("CNY", [Line("1", "s", 1, 1, "fresh")])
    host.tell("order.placed.v1", T0, T0 + HOUR, data)
    assert host.state.clocks == ()
    assert [(past.stage, past.started, past.used) for past in host.state.past] == [
        ("pay", T0, MINUTE),
        ("ship", T0 + MINUTE, MINUTE),
    ]


# Pauses


def test_a_hold_stops_the_clock_from_when_it_occurred() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.hold(T0 + 10 * MINUTE, now=T0 + 12 * MINUTE)
    assert host.state.paused
    assert (host.state.half_at, host.state.due_at, host.state.wake_at) == (0, 0, 0)
    assert host.clock("ship").due_at == 0
    host.advance(T0 + DAY)
    host.release(T0 + DAY)
    assert host.state.due_at == T0 + DAY + 35 * MINUTE
    host.advance(T0 + 2 * DAY)
    assert host.at(*WARNED) == [T0 + DAY + 26 * MINUTE]
    assert host.at(*BREACHED) == [T0 + DAY + 35 * MINUTE]


def test_other_holds_do_not_stop_it() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.hold(T0 + MINUTE, reason="other")
    assert not host.state.paused
    assert host.state.due_at == T0 + 45 * MINUTE


def test_two_holds_pause_until_the_last_is_lifted() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.hold(T0 + 10 * MINUTE, handle="a")
    host.hold(T0 + 20 * MINUTE, handle="b", reason="incorrect_address")
    host.release(T0 + 30 * MINUTE, handle="a")
    assert host.state.paused
    host.release(T0 + 40 * MINUTE, handle="b")
    assert host.state.pauses == (
        Pause(T0 + 10 * MINUTE, T0 + 30 * MINUTE, "awaiting_customer"),
        Pause(T0 + 30 * MINUTE, T0 + 40 * MINUTE, "incorrect_address"),
    )
    assert host.state.due_at == T0 + 75 * MINUTE
    assert host.refolds == []


def test_a_doubt_pauses_from_the_offending_fact_and_a_freeze_goes_on() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.doubt(T0 + 5 * MINUTE, now=T0 + 20 * MINUTE)
    assert host.state.pauses == (Pause(T0 + 5 * MINUTE, 0, "in_doubt"),)
    host.freeze(T0 + 22 * MINUTE)
    assert host.state.pauses == (Pause(T0 + 5 * MINUTE, 0, "frozen"),)
    host.advance(T0 + DAY)
    host.unfreeze(T0 + DAY)
    assert host.state.due_at == T0 + DAY + 40 * MINUTE
    assert host.told() == []


def test_a_breach_decided_before_the_offending_fact_was_known_stands() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.doubt(T0 + 5 * MINUTE, now=T0 + HOUR)
    assert host.state.breached == 1
    assert host.clock("ship").breached
    host.advance(T0 + DAY)
    assert host.told() == [WARNED, BREACHED, ("sla.escalated.v1", "ship:0")], "the ladder stands still"


def test_the_ladder_waits_as_much_longer_as_the_pause_lasted() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    due = T0 + 45 * MINUTE
    host.hold(due + 30 * MINUTE)
    host.hold(due + 40 * MINUTE, handle="b", reason="incorrect_address")
    host.release(due + 50 * MINUTE)
    host.release(due + 90 * MINUTE, handle="b")
    host.advance(T0 + DAY)
    assert host.at("sla.escalated.v1", "ship:1") == [due + 2 * HOUR]


def test_a_deadline_that_passed_before_the_hold_is_still_missed() -> None:
    now = T0 + 10 * HOUR
    host = Host(policy())
    host.place(lines=FRESH, now=now)
    host.enter("paid", T0, now=now)
    host.hold(T0 + HOUR, now=now + 1)
    host.advance(now + DAY)
    assert host.told() == [WARNED, BREACHED]
    assert host.at(*BREACHED) == [now + 1 + SETTLE]


def test_a_hold_exactly_at_the_deadline_is_in_time() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.hold(T0 + 45 * MINUTE)
    host.advance(T0 + DAY)
    assert host.told() == [WARNED]
    host.release(T0 + DAY)
    host.advance(T0 + DAY + SETTLE)
    assert host.at(*BREACHED) == [T0 + DAY + SETTLE]


def test_a_clock_that_opens_while_held_waits() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.hold(T0 + MINUTE)
    host.enter("paid", T0 + 2 * MINUTE)
    assert (host.clock("ship").due_at, host.state.wake_at) == (0, 0)
    host.release(T0 + HOUR)
    assert host.state.due_at == T0 + HOUR + 45 * MINUTE


def test_a_hold_laid_before_the_order_was_placed_counts() -> None:
    host = Host(policy())
    host.hold(T0 + MINUTE)
    host.place(T0, now=T0 + 2 * MINUTE, lines=FRESH)
    host.enter("paid", T0 + 3 * MINUTE)
    assert host.state.paused
    host.release(T0 + HOUR)
    assert host.state.due_at == T0 + HOUR + 45 * MINUTE


def test_between_two_holds_the_clock_ran_even_if_that_is_known_late() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.hold(T0 + 10 * MINUTE, handle="a")
    host.hold(T0 + 30 * MINUTE, handle="b")
    host.row.latest = T0 + 30 * MINUTE
    host.release(T0 + 20 * MINUTE, now=T0 + 31 * MINUTE, handle="a")
    assert host.state.pauses == (
        Pause(T0 + 10 * MINUTE, T0 + 20 * MINUTE, "awaiting_customer"),
        Pause(T0 + 30 * MINUTE, 0, "awaiting_customer"),
    )
    assert len(host.refolds) == 1, "what was in between may have been judged"


def test_stopping_while_held_counts_the_time_before_the_hold() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.hold(T0 + 10 * MINUTE)
    host.enter("shipped", T0 + HOUR)
    assert host.state.past[0].used == 10 * MINUTE
    assert host.told() == []


def test_cancelling_while_frozen_breaches_nothing() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.doubt(T0 + 5 * MINUTE)
    host.freeze(T0 + 7 * MINUTE)
    host.unfreeze(T0 + DAY)
    host.enter("cancelled", T0 + DAY)
    host.advance(T0 + 2 * DAY)
    assert host.told() == []


def test_very_many_pauses_are_kept_as_time_used() -> None:
    host = Host(policy())
    host.place(lines=[{"category": "general"}])
    host.enter("paid", T0)
    at = T0
    for _ in range(PAUSES_MAX + 10):
        at += MINUTE
        host.hold(at)
        at += MINUTE
        host.release(at)
        assert len(host.state.pauses) <= PAUSES_MAX
    assert host.state.due_at == T0 + 2 * HOUR + (PAUSES_MAX + 10) * MINUTE
    assert host.told() == []


# Late facts within the path


def test_a_late_fact_that_changes_no_clock_is_followed_quietly() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.enter("packed", T0 + 10 * MINUTE)
    host.insert("picking", T0 + 5 * MINUTE, now=T0 + 20 * MINUTE)
    assert host.refolds == []
    host.enter("shipped", T0 + 30 * MINUTE)
    assert host.state.past[0].used == 30 * MINUTE


def test_a_late_fact_that_starts_a_clock_asks_for_a_refold() -> None:
    pick = replace(SHIP, name="pick", start="picking", stop="packed")
    host = Host(policy(tier(pick)))
    host.place(lines=FRESH)
    host.enter("packed", T0 + 10 * MINUTE)
    host.insert("picking", T0 + 5 * MINUTE, now=T0 + 20 * MINUTE)
    assert len(host.refolds) == 1


# What costs nothing


def test_nothing_new_leaves_the_very_same_state() -> None:
    host = Host(policy())
    host.tell("payment.received.v1", T0)
    assert host.state == SlaState(), "nothing is timed before it is placed"
    host.place(lines=FRESH)
    host.enter("paid", T0)
    before = host.state
    host.tell("stock.locked.v1", T0 + MINUTE)
    assert host.state is before
    host.hold(T0 + MINUTE)
    before = host.state
    host.tell("stock.locked.v1", T0 + 2 * MINUTE)
    assert host.state is before


def test_a_state_survives_storing() -> None:
    host = Host(policy(tier(PAY, SHIP, DELIVER_BY)))
    host.place(lines=FRESH, promises={"deliver_by": "2026-01-04T10:00:00Z"})
    host.enter("paid", T0 + MINUTE)
    host.hold(T0 + 2 * MINUTE)
    stored = msgspec.msgpack.encode(host.state)
    assert msgspec.msgpack.decode(stored, type=SlaState) == host.state
    assert len(stored) < 400


# Colours


def test_colours_by_share_of_time_used() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    assert colour(host.state, T0) == "none"
    host.enter("paid", T0)
    for minutes, expected in (
        (0, "green"),
        (22, "green"),
        (23, "yellow"),
        (35, "yellow"),
        (36, "orange"),
        (45, "orange"),
    ):
        assert colour(host.clock("ship"), T0 + minutes * MINUTE) == expected
        assert colour(host.state, T0 + minutes * MINUTE) == expected
    host.advance(T0 + HOUR)
    assert colour(host.clock("ship"), T0 + HOUR) == "red"
    host.enter("shipped", T0 + HOUR)
    assert colour(host.state, T0 + HOUR) == "red", "the breach stands"


def test_a_paused_clock_keeps_its_colour() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.hold(T0 + 30 * MINUTE)
    assert colour(host.clock("ship"), T0 + DAY) == "yellow"
    assert colour(host.state, T0 + DAY) == "none"


def test_an_order_shows_the_earliest_of_its_clocks() -> None:
    host = Host(policy(tier(SHIP, DELIVER_BY)))
    host.place(lines=FRESH, promises={"deliver_by": "2026-01-01T10:40:00Z"})
    host.enter("paid", T0 + 10 * MINUTE)
    assert host.state.due_at == T0 + 40 * MINUTE
    assert host.state.half_at == T0 + 20 * MINUTE


def test_events_of_later_streamtime_count_waits_from_there_in_a_refold() -> None:
    """A refold turns the clock back to each event's time; a backlog must not be judged earlier for that."""
    host = Host(policy())
    host.place(lines=FRESH)
    host._entered("paid", T0, 2)
    event = Event(
        "order.confirmed.v1", host.row.subject, "2", "/x", T0, OrderCompleted(), "shop", 0, T0 + 10 * HOUR, 2
    )
    host._begin(T0, 2)
    host.ctx.refolding = True
    host.row.sla = SlaFold.handlers["order.confirmed.v1"](host.state, event, host.ctx)
    assert host.state.due_at == T0 + 45 * MINUTE
    assert host.state.wake_at == T0 + 10 * HOUR + SETTLE


def test_rungs_pass_over_whoever_is_off_shift_and_say_so() -> None:
    office = Calendar("office", (T0 - HOUR, T0 + DAY), (T0 + HOUR, T0 + DAY + HOUR))
    rules = policy(calendars=(office,))
    rules.people.update(
        {
            "ann": Person("ann", "warehouse", "bob", "eve", ("office",)),
            "bob": Person("bob", "warehouse", "", "eve", ("office",)),
            "eve": Person("eve", "warehouse", "", ""),
        }
    )
    host = Host(rules)
    host.place(lines=[{"category": "general"}])
    host.enter("paid", T0)
    host.advance(T0 + 7 * HOUR)

    told = [d.data for _, d in host.decided if d.type == "sla.escalated.v1"]
    assert [each.to for each in told] == ["eve", "eve", "eve", "warehouse"]
    assert told[0].reason == "ship is overdue; ann is off shift; bob is off shift"
    assert told[2].reason == "ship is overdue"
