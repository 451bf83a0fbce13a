"""What entering a state means for clocks is worked out once, and is what the map and the policy say."""

from __future__ import annotations

import pytest

from projections.policy import Stage
from projections.sla.tiers import COURSES_KEPT, course_of, reaches, turn_of
from tests.policies import HOUR, MINUTE
from tests.sla_orders import DELIVER_BY, PAY, SHIP, SHIP_BY, policy, tier


def test_every_turn_reaches_what_the_map_says() -> None:
    rules = policy(tier(PAY, SHIP, SHIP_BY, DELIVER_BY))
    map_ = rules.lifecycle_of("shop")
    course = course_of(rules, "standard", "shop")
    for name in map_.states:
        turn = turn_of(course, name)
        for stop in map_.states:
            assert (turn.end or stop in turn.reached) == reaches(map_, name, stop)
        assert turn.end == (name in map_.terminal)
    assert [each.stage.name for each in turn_of(course, "placed").opens] == ["pay"]
    assert [each.stage.name for each in turn_of(course, "paid").opens] == ["ship"]
    assert [each.stage.name for each in course.promises] == ["ship_by", "deliver_by"]


def test_a_state_the_map_no_longer_knows_reaches_only_itself() -> None:
    turn = turn_of(course_of(policy(), "standard", "shop"), "gift_wrapped")
    assert (turn.end, turn.reached, turn.opens) == (False, frozenset({"gift_wrapped"}), ())


def test_without_a_tier_nothing_opens_but_clocks_still_stop() -> None:
    course = course_of(policy(), "", "shop")
    assert not course.promises
    assert not any(turn.opens for turn in course.turns.values())
    assert "paid" in turn_of(course, "paid").reached


@pytest.mark.parametrize("minutes", [20, 40])
def test_policies_are_told_apart_even_under_one_hash(minutes: int) -> None:
    rules = policy(tier(Stage("pay", "placed", "paid", "", {"": minutes * MINUTE}, ())))
    (opening,) = turn_of(course_of(rules, "standard", "shop"), "placed").opens
    assert opening.stage.within == {"": minutes * MINUTE}


def test_channels_that_senders_invent_do_not_fill_the_memory() -> None:
    rules = policy(tier(SHIP))
    for number in range(COURSES_KEPT + 10):
        assert course_of(rules, "standard", f"invented-{number}").policy is rules
    (opening,) = turn_of(course_of(rules, "standard", "shop"), "paid").opens
    assert opening.stage.within["fresh"] < HOUR
