"""Nodes: scores against their own normal, and every way through the breaker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from projections.node_health.score import learned_with, normal_of, raw_of, scored_of, smoothed
from projections.node_health.state import CLOSED, HALF, OPEN, UNKNOWN, Figures, NormalState, Sum
from projections.policy import Policy
from schemas.events.telemetry import Heartbeat, Registered, Reported
from tests.healthy import DAY, HOUR, MINUTE, MONDAY, NODES, NodesBench, close_all, health_policy

WELL = Reported(throughput_per_minute=60, response_milliseconds=100, failures_per_mille=2)
ILL = Reported(throughput_per_minute=20, response_milliseconds=900, failures_per_mille=340)
NORMAL = Figures(60, 100, 2)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


def reporting(data: Reported, since: int, count: int, nodes: NodesBench, name: str = "n1") -> int:
    """`count` reports, one a minute from `since`; the instant after the last."""
    for at in range(since, since + count * MINUTE, MINUTE):
        nodes.tell("node.reported.v1", f"node/{name}", data, at=at)
    return since + count * MINUTE


def known(rules: Policy | None = None) -> tuple[NodesBench, int]:
    """A node whose normal is known, and the instant its next report is due."""
    nodes = NodesBench(rules)
    return nodes, reporting(WELL, MONDAY, 150, nodes)


# Scores


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (Figures(60, 100, 2), 100),
        (Figures(48, 150, 22), 100),
        (Figures(30, 100, 2), (30 * 50 + 30 * 100 + 40 * 100) // 100),
        (Figures(12, 100, 2), 70),
        (Figures(0, 500, 2), 40),
        (Figures(0, 900, 202), 0),
        (Figures(60, UNKNOWN, 112), (30 * 100 + 40 * 50) // 70),
        (Figures(), UNKNOWN),
    ],
)
def test_a_score_is_the_weighted_mean_of_what_is_reported(figures: Figures, expected: int) -> None:
    assert raw_of(scored_of(figures, NORMAL, NODES)) == expected


def test_a_normal_too_small_to_judge_by_is_left_out() -> None:
    assert [one.name for one in scored_of(Figures(0, 100, 0), Figures(2, 100, 0), NODES)] == [
        "response",
        "failures",
    ]


def test_more_throughput_than_normal_is_no_fault() -> None:
    assert raw_of(scored_of(Figures(900, 10, 0), NORMAL, NODES)) == 100


def test_scores_are_smoothed() -> None:
    score, found = UNKNOWN, []
    for raw in (100, 0, 0, 0, 100):
        score = smoothed(score, raw, 400)
        found.append(score)

    assert found == [100_000, 60_000, 36_000, 21_600, 52_960]


def test_normal_is_the_median_of_the_same_hour() -> None:
    learned = NormalState()
    for throughput in (10, 500, 30):
        learned = learned_with(learned, 9, (Sum(2, 2 * throughput), Sum(1, 80), Sum()), 14)
    found = normal_of(learned, 9, NODES)
    elsewhere = normal_of(learned, 10, NODES)

    assert found is not None
    assert (found.figures, found.bucket) == (Figures(30, 80, UNKNOWN), "09–10 h of 3 days")
    assert elsewhere is not None
    assert elsewhere.bucket == "all 3 hours known"


def test_one_hour_is_no_normal_and_an_hour_without_reports_teaches_nothing() -> None:
    learned = learned_with(NormalState(), 9, (Sum(1, 60), Sum(1, 80), Sum(1, 0)), 14)

    assert normal_of(learned, 9, NODES) is None
    assert learned_with(learned, 9, (Sum(), Sum(), Sum()), 14) is learned
    for _ in range(20):
        learned = learned_with(learned, 9, (Sum(1, 60), Sum(), Sum()), 14)
    assert len(learned.hours[9]) == 3 * 14


# The breaker


def test_a_cold_start_never_suspends() -> None:
    nodes = NodesBench()
    reporting(ILL, MONDAY, 100, nodes)

    assert nodes.decisions == []
    assert nodes.node().score == UNKNOWN


def test_three_low_scores_in_a_row_suspend() -> None:
    nodes, at = known()
    reporting(ILL, at, 4, nodes)

    suspended, work = nodes.decisions
    assert (suspended.type, suspended.subject) == ("node.suspended.v1", "node/n1/2024-10-07")
    (data,) = nodes.told("node.suspended")
    assert data.scores == [39, 26, 18], "the first, smoothed, was 62"
    assert (data.until, data.dry, data.to) == (at + 3 * MINUTE + 2 * MINUTE, False, "sales")
    assert data.reason.endswith("all under 60: failures 340 ‰, normal 2")
    (opened,) = nodes.told("work.opened")
    assert (work.key, opened.kind, opened.guide) == ("node:n1", "node", "Call the node.")
    assert nodes.node().breaker == OPEN


def test_two_do_not() -> None:
    nodes, at = known()
    for _ in range(6):
        at = reporting(ILL, at, 2, nodes)
        at = reporting(WELL, at, 4, nodes)

    assert nodes.decisions == []


def test_probes_let_it_back() -> None:
    nodes, at = known()
    at = reporting(ILL, at, 4, nodes)
    since = nodes.node().since
    at = reporting(WELL, at, 6, nodes)

    assert [one.type for one in nodes.decisions] == [
        "node.suspended.v1",
        "work.opened.v1",
        "node.probed.v1",
        "node.probed.v1",
        "node.probed.v1",
        "node.resumed.v1",
        "work.closed.v1",
    ]
    assert [(one.passed, one.good) for one in nodes.told("node.probed")] == [(True, 1), (True, 2), (True, 3)]
    (resumed,) = nodes.told("node.resumed")
    state = nodes.node()
    assert (state.breaker, state.suspends) == (CLOSED, "")
    assert [(one.since, one.until - one.since) for one in state.past] == [(since, resumed.lasted)]


def test_a_failed_probe_waits_twice_as_long_up_to_the_most() -> None:
    nodes, at = known()
    reporting(ILL, at, 200, nodes)

    probes = [one for one in nodes.decisions if one.type == "node.probed.v1"]
    assert nodes.told("node.resumed") == []
    assert len(probes) == 9
    assert nodes.node().wait == 30 * MINUTE
    assert len(nodes.told("node.suspended")) == 1, "it is one suspension"


def test_a_good_probe_and_a_bad_one() -> None:
    nodes, at = known()
    at = reporting(ILL, at, 5, nodes)
    at = reporting(WELL, at, 2, nodes)
    assert (nodes.node().breaker, nodes.node().good) == (HALF, 1)
    at = reporting(ILL, at, 1, nodes)

    assert (nodes.node().breaker, nodes.node().good, nodes.node().wait) == (OPEN, 0, 4 * MINUTE)


def test_hours_of_a_suspension_teach_nothing() -> None:
    nodes, at = known()
    reporting(ILL, at, 130, nodes)
    learned: NormalState = nodes.state("normal/n1")

    assert [len(kept) // 3 for kept in learned.hours[:5]] == [1, 1, 0, 0, 0]


def test_a_dry_run_decides_and_does_nothing() -> None:
    nodes, at = known(health_policy(nodes=replace(NODES, declared={"n1": True})))
    at = reporting(ILL, at, 4, nodes)
    reporting(WELL, at, 6, nodes)

    (suspended,) = nodes.told("node.suspended")
    (resumed,) = nodes.told("node.resumed")
    assert (suspended.dry, suspended.via) == (True, [])
    assert suspended.reason.startswith("dry run: ")
    assert (resumed.dry, resumed.via) == (True, [])
    assert nodes.told("work.opened") == []


# Signs of life


def test_missed_signs_of_life_count_as_zero() -> None:
    nodes, at = known()
    last = at - MINUTE
    nodes.pass_to(last + 2 * 2 * MINUTE)
    assert nodes.node().missed == 2
    assert nodes.decisions == []
    nodes.pass_to(last + 4 * 2 * MINUTE)

    (suspended,) = nodes.told("node.suspended")
    assert suspended.reason == "scores 36, 21, 12, all under 60: 4 signs of life missed in a row"
    nodes.pass_to(last + 3 * DAY)
    assert nodes.node().breaker == HALF, "it waits for a report"
    assert len(nodes.told("node.suspended")) == 1


def test_a_node_that_calls_seldom_misses_nothing() -> None:
    nodes = NodesBench()
    for n in range(30):
        nodes.tell("node.heartbeat.v1", "node/n1", Heartbeat(), at=MONDAY + n * 10 * MINUTE)
    nodes.pass_to(MONDAY + 290 * MINUTE + 19 * MINUTE)

    assert nodes.node().missed == 0


def test_before_it_has_called_often_enough_it_misses_nothing() -> None:
    nodes = NodesBench()
    for n in range(9):
        nodes.tell("node.heartbeat.v1", "node/n1", Heartbeat(), at=MONDAY + n * MINUTE)
    nodes.pass_to(MONDAY + DAY)

    assert nodes.decisions == []
    assert nodes.node().missed == 0


def test_a_heartbeat_is_the_probe_of_a_node_that_reports_nothing() -> None:
    nodes = NodesBench()
    for n in range(20):
        nodes.tell("node.heartbeat.v1", "node/n1", Heartbeat(), at=MONDAY + n * MINUTE)
    nodes.pass_to(MONDAY + HOUR)
    assert len(nodes.told("node.suspended")) == 1
    for n in range(3):
        nodes.tell("node.heartbeat.v1", "node/n1", Heartbeat(), at=MONDAY + HOUR + (1 + n) * MINUTE)

    assert len(nodes.told("node.resumed")) == 1


# Keys


def test_declared_nodes_are_there_from_the_first_policy_on() -> None:
    nodes = NodesBench()
    nodes.tell("node.registered.v1", "node/n2", Registered(region="east", capacity_per_hour=600), at=MONDAY)

    assert nodes.node("spare").seen == 0
    assert (nodes.node("n2").region, nodes.node("n2").capacity) == ("east", 600)


def test_a_restart_forgets_nothing() -> None:
    nodes, at = known()
    at = reporting(ILL, at, 2, nodes)
    nodes.reload()
    reporting(ILL, at, 2, nodes)

    assert len(nodes.told("node.suspended")) == 1


def test_without_the_section_nothing_is_judged() -> None:
    nodes = NodesBench(health_policy(nodes=None))
    reporting(WELL, MONDAY, 3, nodes)
    nodes.tell("node.heartbeat.v1", "node/n1", Heartbeat(), at=MONDAY + HOUR)
    nodes.tell("node.registered.v1", "node/n1", Registered(), at=MONDAY + HOUR)

    assert nodes.state("node/n1") is None
