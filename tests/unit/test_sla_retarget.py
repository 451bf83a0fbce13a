"""Another policy comes into force: time used is kept, and no new deadline judges what was before it."""

from __future__ import annotations

import copy

import pytest
from msgspec.structs import replace

from projections.policy import Calendar
from projections.sla import retarget_effects
from tests.policies import HOUR, MINUTE, SETTLE
from tests.sla_orders import DAY, LADDER, SHIP, SHIP_BY, T0, Host, policy, tier

FRESH = [{"category": "fresh"}]
BREACHED = ("sla.breached.v1", "ship")
WARNED = ("sla.warned.v1", "ship")


def within(minutes: int, **more: object) -> object:
    stage = replace(SHIP, within={"": minutes * MINUTE})
    return policy(tier(stage, **more), hash="77b0e1ff")  # type: ignore[arg-type]


def running(used: int) -> Host:
    """An order whose clock (45 min) has run for `used` minutes; now is T0 + used."""
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.advance(T0 + used * MINUTE)
    return host


def test_a_shorter_target_keeps_the_time_used() -> None:
    host = running(20)
    host.publish(within(30), T0 + 20 * MINUTE)  # type: ignore[arg-type]
    clock = host.clock("ship")
    assert (clock.used, clock.target, clock.since) == (20 * MINUTE, 30 * MINUTE, T0 + 20 * MINUTE)
    assert (clock.policy, clock.retargeted_at) == ("standard-77b0e1", T0 + 20 * MINUTE)
    assert host.state.due_at == T0 + 30 * MINUTE
    host.advance(T0 + 40 * MINUTE)
    assert host.at(*WARNED) == [T0 + 24 * MINUTE]
    assert host.at(*BREACHED) == [T0 + 30 * MINUTE]
    assert host.data("sla.breached.v1").reason == "overdue"


def test_a_deadline_already_passed_breaches_with_that_reason() -> None:
    host = running(20)
    now = T0 + 20 * MINUTE
    host.publish(within(10), now)  # type: ignore[arg-type]
    assert host.told() == []
    host.advance(now + HOUR)
    assert host.told()[0] == BREACHED, "there is nothing to warn of any more"
    assert host.at(*BREACHED) == [now + SETTLE]
    breach = host.data("sla.breached.v1")
    assert (breach.reason, breach.due, breach.target) == ("re-targeted", now, 10 * MINUTE)


def test_a_stop_before_the_change_that_comes_later_was_in_time() -> None:
    host = running(20)
    host.publish(within(10), T0 + 20 * MINUTE)  # type: ignore[arg-type]
    host.enter("shipped", T0 + 15 * MINUTE, now=T0 + 20 * MINUTE + 1)
    host.advance(T0 + DAY)
    assert host.told() == []


def test_more_time_may_earn_another_warning() -> None:
    host = running(40)
    host.publish(within(100), T0 + 40 * MINUTE)  # type: ignore[arg-type]
    host.advance(T0 + 90 * MINUTE)
    assert host.at(*WARNED) == [T0 + 36 * MINUTE, T0 + 80 * MINUTE]
    assert host.state.due_at == T0 + 100 * MINUTE


def test_a_little_more_time_does_not() -> None:
    host = running(40)
    host.publish(within(48), T0 + 40 * MINUTE)  # type: ignore[arg-type]
    host.advance(T0 + 47 * MINUTE)
    assert host.at(*WARNED) == [T0 + 36 * MINUTE]


def test_a_breach_that_stands_keeps_its_deadline_and_takes_the_new_ladder() -> None:
    host = running(50)
    later = replace(SHIP, within={"": 10 * HOUR}, ladder=(LADDER[0], replace(LADDER[1], after=2 * HOUR)))
    host.publish(policy(tier(later), hash="77b0e1ff"), T0 + 50 * MINUTE)
    assert host.state.due_at == T0 + 45 * MINUTE
    host.advance(T0 + DAY)
    assert host.at(*BREACHED) == [T0 + 45 * MINUTE]
    assert host.at("sla.escalated.v1", "ship:1") == [T0 + 45 * MINUTE + 2 * HOUR]
    assert host.at("sla.escalated.v1", "ship:2") == []


def test_a_paused_clock_is_retargeted_and_stays_paused() -> None:
    host = running(10)
    host.hold(T0 + 20 * MINUTE)
    host.publish(within(30), T0 + HOUR)  # type: ignore[arg-type]
    assert (host.clock("ship").used, host.state.wake_at) == (20 * MINUTE, 0)
    host.release(T0 + 2 * HOUR)
    assert host.state.due_at == T0 + 2 * HOUR + 10 * MINUTE


def test_a_stage_that_vanishes_takes_its_clock_and_work_along() -> None:
    host = running(50)
    host.publish(policy(tier(), hash="77b0e1ff"), T0 + 50 * MINUTE)
    assert host.state.clocks == ()
    assert host.work() == [("opened", "sla:ship"), ("closed", "sla:ship")]
    assert (host.state.wake_at, host.state.due_at) == (0, 0)


def test_a_new_stage_opens_where_the_order_is_in_its_midst() -> None:
    host = Host(policy(tier()))
    host.place(lines=FRESH, promises={"ship_by": "2026-01-01T14:00:00Z"})
    host.enter("paid", T0 + MINUTE)
    now = T0 + 31 * MINUTE
    host.publish(policy(tier(SHIP, SHIP_BY)), now)
    clock = host.clock("ship")
    assert (clock.started, clock.version, clock.used, clock.since) == (T0 + MINUTE, 2, 30 * MINUTE, now)
    assert clock.due_at == T0 + 46 * MINUTE
    assert host.clock("ship_by").due_at == T0 + 4 * HOUR


def test_a_new_stage_already_over_does_not() -> None:
    host = Host(policy(tier()))
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.enter("shipped", T0 + MINUTE)
    before = host.state
    host.publish(policy(tier(SHIP), hash="77b0e1ff"), T0 + HOUR)
    assert host.state is before


def test_an_equal_deadline_changes_nothing() -> None:
    host = running(20)
    before = host.state
    host.publish(policy(hash="77b0e1ff"), T0 + 20 * MINUTE)
    assert host.state is before
    assert host.clock("ship").policy == "standard-3c9f21", "the policy that set the deadline"


def test_another_tier_is_another_target() -> None:
    host = running(20)
    rich = replace(SHIP, within={"": HOUR})
    host.publish(policy(tier(rich, name="rich", amount_at_least=500), tier(SHIP)), T0 + 20 * MINUTE)
    assert host.state.tier == "rich"
    assert host.clock("ship").target == HOUR


def test_another_calendar_counts_from_the_change_on() -> None:
    host = running(20)
    nights = Calendar("nights", (T0 - DAY, T0 + 10 * HOUR), (T0 + 30 * MINUTE, T0 + 20 * HOUR))
    host.publish(policy(tier(SHIP, calendar="nights"), calendars=(nights,)), T0 + 20 * MINUTE)
    assert host.state.due_at == T0 + 10 * HOUR + 15 * MINUTE


@pytest.mark.parametrize(
    ("minutes", "touched", "passed"), [(45, False, 0), (30, True, 0), (20, True, 1), (10, True, 1)]
)
def test_effects_are_counted_without_a_change(minutes: int, touched: bool, passed: int) -> None:
    host = running(20)
    before = copy.deepcopy(host.row)
    effects = retarget_effects(host.state, host.policy, within(minutes), host.row, T0 + 20 * MINUTE)  # type: ignore[arg-type]
    assert (effects.touched, effects.passed) == (touched, passed)
    assert host.row == before


def test_deadlines_missed_before_are_not_counted_again() -> None:
    host = running(50)
    effects = retarget_effects(host.state, host.policy, within(10), host.row, T0 + 50 * MINUTE)  # type: ignore[arg-type]
    assert (effects.touched, effects.passed) == (False, 0)


def test_nothing_placed_nothing_retargeted() -> None:
    host = Host(policy())
    before = host.state
    host.publish(within(10), T0)  # type: ignore[arg-type]
    assert host.state is before
