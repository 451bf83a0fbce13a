"""Figures that explain themselves: the sentences, written out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from projections.days import span
from projections.policy import Calendar
from projections.sla import explain
from projections.sla.explain import shares
from tests.policies import HOUR, MINUTE, SECOND
from tests.sla_orders import DAY, DELIVER_BY, SHIP, T0, Host, policy, tier

FRESH = [{"category": "fresh"}]


def said(host: Host, now: int, stage: str = "ship") -> str:
    return explain(host.clock(stage), now, host.policy, host.row).text()


def test_the_whole_sentence() -> None:
    """Open 08:00 to 18:00. Paid at 14:36, 12 min of picking, held 3 h 10, packed 2 min before closing time."""
    opens, closes = T0 - 2 * HOUR, T0 + 8 * HOUR
    shop = Calendar("shop", (opens, opens + DAY), (closes, closes + DAY))
    host = Host(policy(tier(SHIP, name="fresh", calendar="shop"), calendars=(shop,)))
    host.place(lines=FRESH)
    host.enter("paid", closes - 204 * MINUTE)
    host.enter("picking", closes - 204 * MINUTE)
    host.hold(closes - 192 * MINUTE)
    host.release(closes - 2 * MINUTE)
    host.enter("packed", closes - 2 * MINUTE)
    explanation = explain(host.clock("ship"), opens + DAY + 17 * MINUTE, host.policy, host.row)
    assert explanation.states == (("picking", 12 * MINUTE), ("packed", 19 * MINUTE))
    assert explanation.pauses == (("awaiting_customer", 190 * MINUTE),)
    assert explanation.closed == 14 * HOUR
    assert explanation.text() == (
        "31 min used of 45: 12 picking, 19 packed; paused 3 h 10 (customer), closed hours 14 h; "
        "policy fresh-3c9f21 since 2026-01-01 14:36"
    )


def test_the_plain_sentence() -> None:
    host = Host(policy(tier(SHIP, name="fresh")))
    host.place(lines=FRESH)
    host.enter("paid", T0 + 2 * MINUTE)
    assert said(host, T0 + 2 * MINUTE) == "0 min used of 45; policy fresh-3c9f21 since 10:02"
    assert (
        said(host, T0 + 2 * MINUTE + 40 * SECOND)
        == "40 s used of 45 min: 40 s paid; policy fresh-3c9f21 since 10:02"
    )
    host.enter("picking", T0 + 14 * MINUTE)
    assert (
        said(host, T0 + 33 * MINUTE)
        == "31 min used of 45: 12 paid, 19 picking; policy fresh-3c9f21 since 10:02"
    )
    assert said(host, T0 + 2 * HOUR) == (
        "1 h 58 used of 45 min: 12 min paid, 1 h 46 picking; policy fresh-3c9f21 since 10:02"
    )


def test_long_times_are_told_in_days() -> None:
    host = Host(policy(tier(DELIVER_BY, name="fresh")))
    host.place(promises={"deliver_by": "2026-01-06T10:00:00Z"})
    host.enter("paid", T0 + 5 * HOUR)
    assert said(host, T0 + 3 * DAY + 4 * HOUR, "deliver_by") == (
        "3 d 4 h used of 5 d: 5 h placed, 2 d 23 h paid; policy fresh-3c9f21 since 2026-01-01 10:00"
    )


def test_pauses_are_told_by_reason() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    host.hold(T0 + MINUTE)
    host.release(T0 + 6 * MINUTE)
    host.doubt(T0 + 10 * MINUTE)
    assert said(host, T0 + 20 * MINUTE) == (
        "5 min used of 45: 5 paid; paused 5 min (customer), 10 min (in doubt); policy standard-3c9f21 since 10:00"
    )


def test_after_a_retarget_the_sentence_still_adds_up() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    shop = Calendar("shop", (T0 - DAY, T0 + 15 * MINUTE), (T0 + 5 * MINUTE, T0 + DAY))
    rules = policy(tier(SHIP, calendar="shop"), hash="77b0e1ff", calendars=(shop,))
    host.publish(rules, T0 + 10 * MINUTE)
    explanation = explain(host.clock("ship"), T0 + 20 * MINUTE, rules, host.row)
    assert explanation.used == 15 * MINUTE
    assert explanation.states == (("before the policy changed", 10 * MINUTE), ("paid", 5 * MINUTE))
    assert explanation.closed == 5 * MINUTE
    assert explanation.text().endswith("policy standard-77b0e1 since 10:10")


def test_instants_are_shown_where_the_reader_is() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0)
    explanation = explain(host.clock("ship"), T0 + MINUTE, host.policy, host.row)
    shanghai = ZoneInfo("Asia/Shanghai")
    text = explanation.text(lambda at: datetime.fromtimestamp(at // SECOND, UTC).astimezone(shanghai))
    assert text.endswith("since 18:00")


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (timedelta(seconds=40), "40 s"),
        (timedelta(minutes=31, seconds=59), "31 min"),
        (timedelta(hours=3, minutes=10), "3 h 10"),
        (timedelta(hours=3, minutes=5), "3 h 05"),
        (timedelta(hours=14), "14 h"),
        (timedelta(hours=47, minutes=59), "47 h 59"),
        (timedelta(days=2), "2 d"),
        (timedelta(days=3, hours=4, minutes=9), "3 d 4 h"),
    ],
)
def test_spans(time: timedelta, text: str) -> None:
    assert span(time // timedelta(microseconds=1)) == text


def test_shares_add_up_to_the_whole() -> None:
    assert shares([750, 1870], 100) == [7, 19]
    assert shares([50, 50], 100) == [1, 0]
    assert shares([], 100) == []


def test_a_future_clock_has_used_nothing() -> None:
    host = Host(policy())
    host.place(lines=FRESH)
    host.enter("paid", T0 + 2 * MINUTE)
    explanation = explain(replace(host.clock("ship")), T0, host.policy, host.row)
    assert (explanation.used, explanation.closed) == (0, 0)
