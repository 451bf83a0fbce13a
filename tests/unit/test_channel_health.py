"""Channels: what is told when, and above all what is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from projections.channel_health.score import parts_of, score_of, times_of
from projections.channel_health.state import Day, UsualState
from projections.policy import ZoneOffsets
from schemas.events.telemetry import Heartbeat
from tests.healthy import DAY, GOLDEN, HOUR, MINUTE, MONDAY, SECOND, Channels, close_all, flow, health_policy

WEEK = 7 * DAY
TEN, NOON = 10 * HOUR, 12 * HOUR


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


def weeks_of_hours(channels: Channels, weeks: int, gap: int, first: int, last: int) -> int:
    """Events each `gap` from the hour `first` until `last` (µs) of each day; returns the Monday after."""
    for day in range(7 * weeks):
        midnight = MONDAY + day * DAY
        channels.every(gap, midnight + first, midnight + last, 4)
    return MONDAY + weeks * WEEK


# Silence


def test_a_cold_start_never_alerts() -> None:
    channels = Channels()
    channels.every(2 * MINUTE, MONDAY, MONDAY + 23 * HOUR)
    channels.pass_to(MONDAY + 23 * HOUR + 59 * MINUTE)

    assert channels.made == [], "in its first day nothing is known of the hours to come"
    assert channels.channel().stages["orders"].limit == 0


def test_a_silence_is_noticed_at_its_limit_by_a_timer() -> None:
    channels = Channels()
    channels.every(2 * MINUTE, MONDAY - DAY, MONDAY + 5 * HOUR)
    last = MONDAY + 5 * HOUR - MINUTE
    limit = 16 * MINUTE

    assert channels.pass_to(last + limit - 1) == []
    channels.pass_to(last + limit)

    silent, work = channels.made
    assert (silent.type, silent.subject, silent.due) == (
        "channel.silent.v1",
        "channel/shop/2024-10-07",
        last + limit,
    )
    assert (silent.data.since, silent.data.usual, silent.data.limit) == (last, MINUTE, limit)
    assert (silent.data.to, silent.data.via) == ("sales", ["wecom"])
    assert silent.data.reason == (
        "nothing of orders for 16 min: usual 1 min (the last 4 h, and this hour before: 4 hours, 120 events), told after 16 min"
    )
    assert (work.type, work.data.kind, work.data.work) == ("work.opened.v1", "silence", "silence:shop:orders")
    assert (work.data.group, work.data.guide) == ("sales", "Look at the connector.")
    assert channels.judge.folds[0].fold.label("channel/shop", channels.channel()) == "silent"


def test_it_is_told_once_and_ends_with_the_next_event() -> None:
    channels = Channels()
    channels.every(2 * MINUTE, MONDAY - DAY, MONDAY + 5 * HOUR)
    channels.pass_to(MONDAY + 30 * HOUR)
    assert len(channels.told("channel.silent")) == 1

    channels.minute(MONDAY + 30 * HOUR, {"orders": 1})
    channels.pass_to(MONDAY + 30 * HOUR + 2 * MINUTE)

    (resumed,) = channels.told("channel.resumed")
    assert resumed.lasted == 25 * HOUR + MINUTE
    assert resumed.reason == "orders: heard again after 25 h 01 of silence"
    closed = channels.made[-1]
    assert (closed.type, closed.subject) == ("work.closed.v1", "channel/shop/2024-10-07"), (
        "of the day it was opened"
    )
    assert channels.channel().stages["orders"].silent == 0
    assert [one.kind for one in channels.channel().past] == ["silent"]


def test_events_of_another_stage_or_channel_do_not_hide_it() -> None:
    channels = Channels()
    channels.every(2 * MINUTE, MONDAY - DAY, MONDAY + 5 * HOUR)
    for at in range(MONDAY + 5 * HOUR, MONDAY + 6 * HOUR, MINUTE):
        channels.minute(at, {"warehouse": 3})
        channels.minute(at, {"orders": 3}, channel="market")

    assert [(one.channel, one.stage) for one in channels.told("channel.silent")] == [("shop", "orders")]


def test_a_stage_that_does_not_alert_is_never_told() -> None:
    channels = Channels()
    for at in range(MONDAY - DAY, MONDAY + 5 * HOUR, 2 * MINUTE):
        channels.minute(at, {"warehouse": 2})
    channels.pass_to(MONDAY + 3 * DAY)

    assert channels.made == []
    assert channels.channel().stages["warehouse"].limit > 0


def test_nights_without_orders_are_usual_and_mornings_without_are_not() -> None:
    channels = Channels()
    monday = weeks_of_hours(channels, 4, 4 * MINUTE, TEN, 22 * HOUR)
    assert channels.made == [], "no night of four weeks was told"

    channels.pass_to(monday + TEN)
    assert channels.made == [], "nor this one"
    channels.pass_to(monday + 11 * HOUR + 30 * MINUTE)

    (silent,) = channels.told("channel.silent")
    assert silent.bucket == "Mon 11–12 h"
    assert channels.made[0].due == monday + 11 * HOUR, "as soon as an hour begins in which it is not usual"


def test_what_is_usual_is_learned_by_weekday() -> None:
    channels = Channels()
    for day in range(28):
        gap = (20 if day % 7 == 6 else 2) * MINUTE
        channels.every(gap, MONDAY + day * DAY + TEN, MONDAY + day * DAY + NOON, 20)
    sunday, monday = MONDAY + 34 * DAY, MONDAY + 28 * DAY
    channels.every(2 * MINUTE, monday + TEN, monday + TEN + 20 * MINUTE, 20)
    on_monday = channels.channel().stages["orders"]
    channels.every(20 * MINUTE, sunday + TEN, sunday + TEN + 40 * MINUTE, 20)
    channels.every(20 * MINUTE, sunday + 11 * HOUR, sunday + 11 * HOUR + 40 * MINUTE, 20)
    on_sunday = channels.channel().stages["orders"]

    assert on_monday.bucket == "Mon 10–11 h"
    assert (on_sunday.bucket, on_sunday.usual) == ("Sun 11–12 h", 19 * MINUTE)


def test_hours_are_those_of_the_channels_zone() -> None:
    rules = health_policy(zones={"UTC": ZoneOffsets((0,), (8 * HOUR,))})
    channels = Channels(rules)
    channels.every(2 * MINUTE, MONDAY + 15 * HOUR, MONDAY + 17 * HOUR + 30 * MINUTE)

    assert channels.channel().today.date == "2024-10-08"
    learned: UsualState = channels.state("usual/shop")
    assert [hour for hour, kept in enumerate(learned.stages["orders"].hours) if kept] == [24], (
        "not the hour it was first heard of in"
    )


def test_a_restart_forgets_nothing() -> None:
    channels = Channels()
    channels.every(2 * MINUTE, MONDAY - DAY, MONDAY + 5 * HOUR)
    channels.reload()
    channels.pass_to(MONDAY + 6 * HOUR)

    assert len(channels.told("channel.silent")) == 1


def test_a_sign_of_life_is_no_order() -> None:
    channels = Channels()
    channels.every(2 * MINUTE, MONDAY - DAY, MONDAY + 5 * HOUR)
    for minute in range(60):
        channels.tell(
            "channel.heartbeat.v1", "channel/shop", Heartbeat(), at=MONDAY + 5 * HOUR + minute * MINUTE
        )

    (silent,) = channels.told("channel.silent")
    assert silent.reason.endswith("; its connector still gives signs of life")


def test_a_new_policy_holds_at_once() -> None:
    channels = Channels()
    channels.every(2 * MINUTE, MONDAY - DAY, MONDAY + 5 * HOUR)
    slower = flow(silence=replace(health_policy().flow.silence, recent_k=120))  # type: ignore[union-attr]
    channels.publish(health_policy(flow=slower), MONDAY + 5 * HOUR)
    channels.pass_to(MONDAY + 6 * HOUR + 58 * MINUTE)
    assert channels.made == []
    channels.pass_to(MONDAY + 7 * HOUR)

    assert len(channels.told("channel.silent")) == 1


def test_without_the_section_nothing_is_judged() -> None:
    channels = Channels(health_policy(flow=None))
    channels.every(2 * MINUTE, MONDAY - DAY, MONDAY + 5 * HOUR)
    channels.pass_to(MONDAY + 3 * DAY)

    assert channels.made == []
    assert channels.state("channel/shop") is None


# Addresses


def test_too_few_addresses_read_pause_dispatch() -> None:
    channels = Channels()
    channels.minute(MONDAY, {"orders >placed a+ r+": 18})
    channels.minute(MONDAY + MINUTE, {"orders >placed a- r+": 1})
    channels.pass_to(MONDAY + 2 * MINUTE + SECOND)
    assert channels.made == [], "19 are too few to say"

    channels.minute(MONDAY + 2 * MINUTE, {"orders >placed a- r+": 1})
    channels.pass_to(MONDAY + 3 * MINUTE + 1)

    paused, work = channels.made
    assert (paused.type, paused.data.read, paused.data.total) == ("dispatch.paused.v1", 18, 20)
    assert paused.data.reason == (
        "only 18 of 20 addresses (90.0 %) of the last 30 min can be read, it takes 95.0 %; dispatch is paused"
    )
    assert work.data.kind == "addresses"


def test_at_the_rate_it_does_not() -> None:
    channels = Channels()
    channels.minute(MONDAY, {"orders >placed a+ r+": 19, "orders >placed a- r+": 1})
    channels.pass_to(MONDAY + HOUR)

    assert channels.made == []


def test_dispatch_goes_on_when_the_window_reads_well_again() -> None:
    channels = Channels()
    channels.minute(MONDAY, {"orders >placed a- r+": 40})
    for minute in range(1, 41):
        channels.minute(MONDAY + minute * MINUTE, {"orders >placed a+ r+": 2})

    (resumed,) = channels.told("dispatch.resumed")
    assert resumed.read == resumed.total
    assert 25 * MINUTE <= resumed.lasted <= 31 * MINUTE
    assert channels.channel().paused == 0
    assert [one.data.work for one in channels.made if one.type == "work.closed.v1"] == ["addresses:shop"]


# What nobody folds


def test_an_unknown_kind_becomes_work_after_five_minutes() -> None:
    channels = Channels()
    for minute in range(6):
        channels.minute(MONDAY + minute * MINUTE, {"unfolded:order.wrapped.v1": 1})
    assert channels.made == []
    channels.pass_to(MONDAY + 6 * MINUTE + 1)

    (work,) = channels.made
    assert work.data.title == "shop: order.wrapped.v1 has come 6 times in 5 min and is not folded"
    assert work.due == MONDAY + 6 * MINUTE + 1, "after all partitions have told that minute"
    channels.pass_to(MONDAY + 3 * HOUR)
    assert channels.made[-1].type == "work.closed.v1"
    assert channels.channel().unfolded == {}


def test_a_few_strange_events_are_no_work() -> None:
    channels = Channels()
    for hour in range(40):
        channels.minute(MONDAY + hour * 40 * MINUTE, {"unfolded:order.wrapped.v1": 1})
    channels.minute(MONDAY + 30 * HOUR, {"unfolded:order.wrapped.v1": 4})
    channels.pass_to(MONDAY + 40 * HOUR)

    assert channels.made == []


def test_a_fold_that_raises_needs_no_sample() -> None:
    channels = Channels()
    channels.minute(MONDAY, {"unfolded:fault in sla": 1})
    channels.pass_to(MONDAY + 2 * HOUR)

    assert [one.type for one in channels.made] == ["work.opened.v1", "work.closed.v1"]


# The golden figure, the day, the score


def test_the_golden_figure_of_a_day() -> None:
    channels = Channels()
    for n, (bucket, seconds) in enumerate(((60, 40), (300, 200), (300, 250), (600, 400))):
        channels.minute(MONDAY + n * HOUR, {f"warehouse picking>packed g{bucket}": 1, "seconds": seconds})
    channels.minute(MONDAY + DAY, {"orders": 1})

    day: Day = channels.state("day/shop/2024-10-07")
    found = times_of(day, GOLDEN)
    assert found is not None
    assert (found.orders, found.mean) == (4, 222)
    assert (found.p50, found.p95, found.p99) == (180, 600, 600), "180 s is half way from 60 to 300"
    assert times_of(Day(), GOLDEN) is None


def test_backlog_counts_who_entered_and_left() -> None:
    channels = Channels()
    channels.minute(MONDAY, {"orders >placed r+": 5, "orders placed>paid": 3})
    channels.minute(MONDAY + 2 * HOUR, {"- paid>cancelled": 1})
    channels.minute(MONDAY + 4 * HOUR, {"orders": 1})

    assert channels.channel().backlog == {"placed": 2, "paid": 2, "cancelled": 1}


def test_a_score_leaves_out_what_is_not_known() -> None:
    channels = Channels()
    channels.minute(MONDAY, {"orders >placed x2 r+": 20, "missing:order.placed lines": 10})
    state, rules = channels.channel(), health_policy()
    parts = {part.name: part for part in parts_of(state, MONDAY + MINUTE, "shop", rules)}

    assert {name: part.score for name, part in parts.items()} == {
        "connectivity": -1,
        "completeness": 75,
        "address": -1,
        "backlog": -1,
        "rules": 100,
    }
    assert score_of(parts.values()) == (20 * 75 + 5 * 100) // 25
    assert parts["completeness"].said == "30 of 40 fields told today"
    assert parts["address"].said == "0 of the 20 it takes to say"


def test_a_channel_without_named_routes_is_not_scored_by_them() -> None:
    channels = Channels()
    channels.minute(MONDAY, {"orders >placed r-": 50}, channel="market")
    state = channels.channel("market")

    assert score_of(parts_of(state, MONDAY + MINUTE, "market", health_policy())) == -1


def test_backlog_is_judged_against_its_own_days() -> None:
    channels = Channels()
    for day in range(3):
        channels.minute(
            MONDAY + day * DAY + TEN, {"orders >placed r+": 100, "- placed>cancelled": 100 * (day > 0)}
        )
    channels.minute(MONDAY + 3 * DAY + TEN, {"orders >placed r+": 150})
    state = channels.channel()
    (backlog,) = [
        part
        for part in parts_of(state, MONDAY + 3 * DAY + TEN, "shop", health_policy())
        if part.name == "backlog"
    ]

    assert (state.normal, state.normals) == (100, 3)
    assert backlog.score == 100 * (4000 - 2500) // (4000 - 1500)
    assert backlog.said == "250 open, usual at this hour 100 (median of 3 days)"


def test_scores_of_the_hours_are_kept_by_day() -> None:
    channels = Channels()
    channels.every(2 * MINUTE, MONDAY - DAY, MONDAY + 6 * HOUR)
    channels.minute(MONDAY + DAY, {"orders": 1})
    day: Day = channels.state("day/shop/2024-10-07")

    assert day.hours > 0
    assert day.least == 0, "it was silent in the end"
    assert 0 < day.scores // day.hours < 100
