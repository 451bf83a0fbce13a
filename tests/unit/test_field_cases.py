"""Four nights from the field, each simulated and taken in by a real engine: what went wrong must be noticed in time, called
by its name, and come with something to do. The worlds know to the last order what it was."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.intake.importing import Import
from engine.policy.load import load_policy
from engine.settings import rules_of
from engine.simulate import simulate, terms_of, write
from engine.simulate.scenarios import SCENARIOS
from engine.store.database import HISTORY
from engine.store.record import decode
from engine.views.judged import Judged
from engine.workers.embedded import Engine
from schemas.envelope import micros
from tests.build import HOUR, MINUTE
from tests.worlds import POLICY

END = 1_762_905_600_000_000
"""2025-11-12T00:00:00Z, 08:00 by the world's clocks."""

TOLD_BY = 20_000_000
"""A fact reaches the engine within so many µs in these worlds, unless the case holds it back."""

STANDS = 2 * HOUR
"""DOMAIN.md, "Health": how long an order may stand without a fact in an open state."""

ALERTS = (
    "channel.silent.v1",
    "dispatch.paused.v1",
    "node.suspended.v1",
    "diagnosis.made.v1",
)
QUIET = ("diagnosis", "stuck", "outage", "silence", "addresses", "unfolded", "node", "manual_review", "limbo")
"""Kinds of work that a day as it should be makes none of."""


class Decided(msgspec.Struct):
    """One decision as it is recorded; `data` is its body."""

    type: str
    subject: str
    time: int
    data: dict[str, Any]


class Case:
    """What a case's world says truly happened, and what the engine decided about it."""

    def __init__(self, directory: Path, scenario: str, orders: int, seed: int, days: int = 0) -> None:
        policy, written = load_policy(POLICY, now=END)
        world = simulate(orders, seed, scenario, END, terms_of(policy), days)
        lines = directory / "world.jsonl"
        self.truth = write(world, lines).answers
        self.anchor = world.anchor
        assert policy.flow is not None
        self.silence = policy.flow.silence
        engine = Engine.open(str(directory / "store"), HISTORY, POLICY, partitions=2, wait_seconds=0)
        try:
            with Import([str(lines)], "cloudevents", rules_of(written), now=END, historical=True) as items:
                for _ in engine.ingest(items):
                    pass
            self.decisions = [
                Decided(record.event.type, record.event.subject.removesuffix("!"), record.event.time, data)
                for partition in range(2)
                for _, key, state in engine.store.log(partition, 0, -1)
                if key.endswith("!")
                for record in [decode(key, state)]
                for data in [msgspec.json.decode(record.data)]
            ]
            with engine.store.read() as cursor:
                self.faults = [
                    tuple(row)
                    for row in cursor.execute(
                        "SELECT 'row', subject FROM rows WHERE fault > 0 UNION SELECT fold, key FROM judge_faults"
                    )
                ]
                self.silences = dict(Judged(cursor).labelled("channel_health", "silent"))
        finally:
            engine.close()
        self.decisions.sort(key=lambda one: one.time)

    def of(self, type_: str) -> list[Decided]:
        return [one for one in self.decisions if one.type == type_]

    @property
    def struck(self) -> dict[str, tuple[str, int, int]]:
        """Order → (where it stands, since, until; 0 if it does not go on)."""
        return {
            subject: (state, _instant(since), _instant(until) if until else 0)
            for subject, state, since, until in self.truth["struck"]
        }

    @property
    def work(self) -> dict[str, list[Decided]]:
        """Subject → what was opened for it."""
        found: dict[str, list[Decided]] = defaultdict(list)
        for one in self.of("work.opened.v1"):
            found[one.subject].append(one)
        return found

    def alerts(self) -> list[Decided]:
        return [
            one
            for one in self.decisions
            if one.type in ALERTS or (one.type == "work.opened.v1" and one.data["kind"] in QUIET)
        ]


def _instant(text: str) -> int:
    return micros(datetime.fromisoformat(text))


def test_137_orders_lost_because_a_sync_job_died(tmp_path: Path) -> None:
    case = Case(tmp_path, "sync-died", 7_200, 8)
    since, until = case.anchor, case.anchor + 4 * HOUR

    assert case.faults == []
    assert len(case.struck) == 137
    assert all(state == "unheard" and told >= until for state, _, told in case.struck.values())

    silent = case.of("channel.silent.v1")
    assert {one.data["channel"] for one in silent} == {"taobao"}
    for one in silent:
        # In time: the usual gap times k after the last that was heard, known at the end of that minute.
        assert since - one.data["usual"] <= one.data["since"] <= since + MINUTE
        assert one.time <= one.data["since"] + one.data["limit"] + MINUTE
        # By name, and to somebody.
        assert one.data["stage"] in one.data["reason"]
        assert one.data["to"]
        assert one.data["via"]
    first = silent[0]
    allowed = max(case.silence.least, case.silence.k * first.data["usual"])
    assert first.time <= first.data["since"] + allowed + MINUTE
    assert first.time < since + HOUR, "three hours were left to find most of them"
    [work] = [one for one in case.work[first.subject] if one.time == first.time]
    assert work.data["kind"] == "silence"
    assert "connector" in work.data["guide"]

    resumed = case.of("channel.resumed.v1")
    assert {one.data["channel"] for one in resumed} == {"taobao"}
    assert all(until <= one.time <= until + 5 * MINUTE for one in resumed)
    assert case.silences == {}
    assert case.of("node.suspended.v1") == case.of("dispatch.paused.v1") == []


def test_200_orders_stuck_because_an_address_table_was_empty(tmp_path: Path) -> None:
    case = Case(tmp_path, "address-table-empty", 4_600, 16, days=1)
    since, until = case.anchor, case.anchor + 2 * HOUR

    assert case.faults == []
    assert len(case.struck) == 200

    [paused] = case.of("dispatch.paused.v1")
    assert paused.data["channel"] == "taobao"
    assert paused.data["read"] * 1000 < paused.data["least"] * paused.data["total"]
    assert since < paused.time < since + 30 * MINUTE
    [work] = [one for one in case.work[paused.subject] if one.data["kind"] == "addresses"]
    assert work.time == paused.time
    assert "address" in work.data["guide"].lower()
    [resumed] = case.of("dispatch.resumed.v1")
    assert paused.time < resumed.time < until + HOUR

    named = {one.subject: one for one in reversed(case.of("diagnosis.made.v1"))}
    for subject, (state, stands, goes_on) in case.struck.items():
        assert state == "locked"
        if subject not in named:  # stood for less than two hours, and gave no address at all to be read
            assert goes_on - stands < STANDS + TOLD_BY
            continue
        one = named[subject]
        assert one.data["rule"] in ("address_unparsed", "not_accepted")
        assert one.time <= stands + STANDS + TOLD_BY
        assert one.data["guide"]
        assert case.work[subject]
    assert sum(one.data["rule"] == "address_unparsed" for one in named.values()) >= 140
    assert case.of("channel.silent.v1") == []


def test_paid_and_never_locked_because_the_stock_service_refused(tmp_path: Path) -> None:
    case = Case(tmp_path, "stock-refused", 2_000, 7)

    assert case.faults == []
    assert len(case.struck) > 25
    assert {state for state, _, _ in case.struck.values()} == {"paid"}

    named = {one.subject: one for one in case.of("diagnosis.made.v1")}
    assert named.keys() == case.struck.keys()
    for subject, (_, paid, _) in case.struck.items():
        one = named[subject]
        # After the third refusal, long before anybody would have missed the order.
        assert paid < one.time < paid + 25 * MINUTE
        assert (one.data["rule"], one.data["cause"]) == ("stock_refused", "The stock service refuses")
        assert any("3 times" in line for line in one.data["evidence"])
        [review] = [work for work in case.work[subject] if work.data["kind"] == "manual_review"]
        assert review.data["group"] == "warehouse"
        assert "stock service" in review.data["guide"]
    outages = [one for one in case.of("work.opened.v1") if one.data["kind"] == "outage"]
    assert len(outages) == 1, "many orders, one cause: said once"
    assert outages[0].time < case.anchor + HOUR


def test_orders_that_stand_still_for_more_than_two_hours(tmp_path: Path) -> None:
    case = Case(tmp_path, "standing-still", 4_000, 7)
    named = {
        "paid": ("diagnosis", "stock_sync"),
        "locked": ("diagnosis", "not_accepted"),
        "accepted": ("stuck", ""),
        "picking": ("stuck", ""),
        "packed": ("diagnosis", "not_collected"),
    }

    assert case.faults == []
    assert {state for state, _, _ in case.struck.values()} == named.keys()
    for subject, (state, since, until) in case.struck.items():
        kind, rule = named[state]
        [work] = [one for one in case.work[subject] if one.data["kind"] == kind]
        assert work.time <= since + STANDS + TOLD_BY, subject
        # A named cause counts from when the order got there, what has none from the last fact of any kind.
        assert work.time >= since + STANDS - (0 if kind == "stuck" else HOUR), subject
        assert until - work.time > 20 * MINUTE, "time is left to do something"
        assert work.data["work"] == (f"diagnosis:{rule}" if rule else "stuck")
        assert work.data["guide"]
        assert work.data["owner"] or work.data["group"]
        closed = [
            one
            for one in case.of("work.closed.v1")
            if (one.subject, one.data["work"]) == (subject, work.data["work"])
        ]
        assert [until <= one.time <= until + TOLD_BY for one in closed] == [True]
    wrong = {one.subject for one in case.alerts()} - case.struck.keys()
    assert wrong == set(), "nobody else stood still"


def test_a_node_that_fails_is_left_alone_until_it_is_well(tmp_path: Path) -> None:
    case = Case(tmp_path, "node-failing", 300, 7, days=2)
    weakness = SCENARIOS["node-failing"].weaknesses[0]
    ill, well = case.anchor + weakness.since, case.anchor + weakness.until

    assert case.faults == []
    [suspended], [back] = case.of("node.suspended.v1"), case.of("node.resumed.v1")
    assert suspended.data["node"] == back.data["node"] == "guangzhou-1"
    assert ill < suspended.time < ill + 10 * MINUTE
    assert "failures" in suspended.data["reason"]
    assert well < back.time < well + HOUR
    assert {one.subject for one in case.alerts()} == {suspended.subject}


@pytest.mark.parametrize(("orders", "days"), [(700, 1), (150, 2), (1_500, 4)])
def test_a_day_as_it_should_be_alerts_nobody(orders: int, days: int, tmp_path: Path) -> None:
    case = Case(tmp_path, "day", orders, 3, days)

    assert case.faults == []
    assert case.alerts() == []
    assert case.truth["struck"] == []
    assert case.truth["orders"] == orders
