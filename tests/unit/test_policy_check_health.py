"""What `orderfold check` finds in flow, the golden figure and nodes, and what becomes of them."""

from __future__ import annotations

import pytest

from engine.policy.check import check
from engine.policy.health import compile_flow, compile_golden, compile_nodes, compile_zones
from engine.policy.load import load_policy
from projections.policy import Field
from schemas.policy import PolicyText
from tests.streams import NOW, edited

Edit = tuple[str, str]
MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000

CASES: list[tuple[list[Edit], str, str, str]] = [
    (
        [("  alert: {to: service, via: [wecom]}", "  alert: {to: servce, via: [wecom]}")],
        "flow.alert.to",
        "there is no person or group 'servce'",
        "Did you mean 'service'?",
    ),
    (
        [("  alert: {to: service, via: [wecom]}", "  alert: {to: service, via: [wecon]}")],
        "flow.alert.via[0]",
        "there is no delivery 'wecon'",
        "Did you mean 'wecom'?",
    ),
    (
        [("    stock: {types: [stock.*]}", "    stock: {types: [stok.*]}")],
        "flow.stages.stock.types[0]",
        "no type of events of orders is named 'stok.*'",
        "Did you mean 'stock.*'?",
    ),
    (
        [("    stock: {types: [stock.*]}", "    stock: {types: [stock.*, payment.failed]}")],
        "flow.stages.stock.types",
        "payment.failed is of stage 'payment' already (line ",
        "one stage",
    ),
    (
        [
            ("    orders: {types: [order.*], alert: true}", "    orders: {types: [order.*]}"),
            ("    payment: {types: [payment.*], alert: true}", "    payment: {types: [payment.*]}"),
        ],
        "flow.stages",
        "no stage alerts",
        "alert: true",
    ),
    (
        [("weeks: 8, samples: 3,", "weeks: 2, samples: 3,")],
        "flow.silence.samples",
        "2 weeks hold no 3 samples",
        "more weeks",
    ),
    (
        [("channels: [pos], fields: [lines]}", "channels: [poss], fields: [lines]}")],
        "flow.complete[0].channels[0]",
        "there is no channel 'poss'",
        "Did you mean 'pos'?",
    ),
    (
        [("channels: [pos], fields: [lines]}", "channels: [pos], fields: [customer.fone]}")],
        "flow.complete[0].fields[0]",
        "there is no field 'fone' in 'customer.fone'",
        "Did you mean 'phone'?",
    ),
    (
        [
            (
                "    - {type: order.placed, channels: [pos], fields: [lines]}",
                "    - {type: order.paced, fields: []}",
            )
        ],
        "flow.complete[0].type",
        "no type of events of orders is named 'order.paced'",
        "Did you mean 'order.placed'?",
    ),
    (
        [
            (
                "    - {type: order.placed, channels: [pos], fields: [lines]}",
                "    - {type: order.placed, fields: []}",
            )
        ],
        "flow.complete[1]",
        "it can never match",
        "narrower",
    ),
    (
        [
            (
                "window: 30m, sample: 40, needs: [city|postcode]",
                "window: 5m, sample: 40, needs: [city|postcode]",
            )
        ],
        "flow.address.window",
        "counted in 6 parts",
        "at least 6m",
    ),
    (
        [("needs: [city|postcode]", "needs: [city|postkode]")],
        "flow.address.needs[0]",
        "intake derives no 'postkode'",
        "Did you mean 'postcode'?",
    ),
    (
        [("unfolded: {after: 5m, window: 1h,", "unfolded: {after: 5m, window: 1m,")],
        "flow.unfolded.window",
        "forgotten before it is old enough",
        "longer",
    ),
    (
        [("full: 1500, empty: 4000}\n  # What", "full: 1500, empty: 1500}\n  # What")],
        "flow.backlog.empty",
        "it is not above `full`",
        "1500",
    ),
    ([("ready: [packed, shipped]", "ready: [packet]")], "golden.ready[0]", "the state 'packet'", "packed"),
    (
        [("[10s, 20s, 30s, 1m,", "[10s, 20s, 20s, 1m,")],
        "golden.buckets[2]",
        "it is not longer than the bucket before it",
        "in order",
    ),
    (
        [("  zone: Asia/Shanghai     # of", "  zone: Asia/Shangai     # of")],
        "nodes.zone",
        "no time zone",
        "Asia/Shanghai",
    ),
    (
        [
            (
                "throughput: {weight: 30, full: 800, empty: 200,",
                "throughput: {weight: 30, full: 200, empty: 800,",
            )
        ],
        "nodes.throughput.empty",
        "less throughput is worse",
        "less than 200",
    ),
    (
        [("failures: {weight: 40, full: 20, empty: 200}", "failures: {weight: 40, full: 20, empty: 20}")],
        "nodes.failures.empty",
        "more is worse",
        "more than 20",
    ),
    ([("  enough: 70 ", "  enough: 50 ")], "nodes.enough", "let back with a score that suspends", "60"),
    ([("  probe_most: 30m ", "  probe_most: 1m ")], "nodes.probe_most", "shorter than the first", "2m"),
    ([("  heartbeat: 2m ", "  heartbeat: 0s ")], "nodes.heartbeat", "never ends", "2m"),
    ([("  smoothing: 400 ", "  smoothing: 4000 ")], "nodes.smoothing", "cannot weigh more", "1000"),
]


@pytest.mark.parametrize(("edits", "path", "problem", "remedy"), CASES, ids=[case[1] for case in CASES])
def test_what_is_wrong_is_found_at_its_line(edits: list[Edit], path: str, problem: str, remedy: str) -> None:
    text = edited(*edits)
    found = [finding for finding in check(text, NOW) if finding.path == path]

    assert len(found) == 1, [str(finding) for finding in check(text, NOW)]
    assert problem in found[0].problem
    assert remedy in found[0].remedy
    assert found[0].line > 0


def delivered() -> PolicyText:
    return load_policy(edited(), now=NOW)[1]


def test_the_delivered_sections_are_compiled() -> None:
    text = delivered()
    flow, golden, nodes = compile_flow(text), compile_golden(text), compile_nodes(text)

    assert flow is not None
    assert flow.stages == ("orders", "payment", "stock", "warehouse", "carrier")
    assert (flow.stage_of["order.cancelled.v1"], flow.stage_of["fulfilment.moved.v1"]) == (
        "orders",
        "carrier",
    )
    assert "order.held.v1" not in flow.stage_of, "what a person commands tells nothing of a feed"
    assert flow.expected["order.placed.v1"]["pos"].fields == (Field("lines", (("lines",),)),)
    assert "pos" not in flow.expected["fulfilment.dispatched.v1"]
    assert (flow.silence.least, flow.address.window, flow.unfolded.after) == (
        5 * MINUTE,
        30 * MINUTE,
        5 * MINUTE,
    )
    assert flow.rules["taobao"][0] == (frozenset(), True)
    assert flow.rules["pos"] == ((frozenset(), False),)
    assert golden is not None
    assert (golden.ready["jd"], golden.ready["olist"]) == ("packed", "shipped")
    assert golden.bounds[:3] == (10, 20, 30)
    assert nodes is not None
    assert (nodes.probe_after, nodes.throughput.full) == (2 * MINUTE, 800)


def test_the_zones_of_channels_and_nodes_are_compiled() -> None:
    found = compile_zones(delivered(), NOW - DAY, NOW + 400 * DAY)

    assert set(found) == {"America/New_York", "America/Sao_Paulo", "Asia/Shanghai", "Europe/Berlin"}
    assert found["Asia/Shanghai"].offsets == (8 * HOUR,)
    assert set(found["Europe/Berlin"].offsets) == {HOUR, 2 * HOUR}
