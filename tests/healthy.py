"""A small policy of flow and nodes made by hand, and minutes to tell a bench of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from projections.channel_health import ChannelHealthFold
from projections.channel_health.state import ChannelState
from projections.node_health import NodeHealthFold
from projections.node_health.state import NodeState
from projections.policy import (
    AddressRule,
    Alert,
    BacklogRule,
    Due,
    Field,
    Figure,
    Flow,
    Golden,
    Nodes,
    Policy,
    SilenceRule,
    UnfoldedRule,
    ZoneOffsets,
)
from schemas.facts import MinuteSummed
from tests.judging import Bench
from tests.policies import policy

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000

MONDAY = 20_003 * DAY
"""2024-10-07T00:00:00Z."""

ALERT = Alert("sales", ("wecom",))

FLOW = Flow(
    stages=("orders", "warehouse"),
    stage_of={
        "order.placed.v1": "orders",
        "payment.received.v1": "orders",
        "fulfilment.packed.v1": "warehouse",
    },
    alerting=frozenset({"orders"}),
    expected={
        "order.placed.v1": {
            "shop": Due(
                (Field("lines", (("lines",),)), Field("customer.phone", (("customer", "phone"),))), " x2"
            )
        }
    },
    rules={"shop": ((frozenset({"fresh"}), True), (frozenset(), False)), "market": ((frozenset(), False),)},
    alert=ALERT,
    silence=SilenceRule(k=4, recent_k=16, least=5 * MINUTE, weeks=4, samples=3, events=100),
    address=AddressRule(least=950, window=30 * MINUTE, sample=20, needs=(("city", "postcode"),)),
    unfolded=UnfoldedRule(after=5 * MINUTE, window=HOUR, sample=5),
    backlog=BacklogRule(days=14, samples=3, full=1500, empty=4000),
    weights={"connectivity": 40, "completeness": 20, "address": 20, "backlog": 15, "rules": 5},
    sample=20,
)

GOLDEN = Golden({"shop": "packed", "market": "shipped"}, (60, 300, 600, 1800, 3600))

NODES = Nodes(
    alert=ALERT,
    zone="UTC",
    throughput=Figure(30, 800, 200, 3),
    response=Figure(30, 1500, 5000, 0),
    failures=Figure(40, 20, 200, 0),
    days=14,
    samples=3,
    recent_hours=2,
    smoothing=400,
    below=60,
    in_a_row=3,
    enough=70,
    probes=3,
    probe_after=2 * MINUTE,
    probe_most=30 * MINUTE,
    heartbeat=2 * MINUTE,
    heartbeats=10,
    dry_run=False,
    declared={"spare": False},
)


def health_policy(**changes: Any) -> Policy:
    """Channels `shop` and `market` in UTC, judged by FLOW, GOLDEN and NODES."""
    judged = {"flow": FLOW, "golden": GOLDEN, "nodes": NODES, "zones": {"UTC": ZoneOffsets((0,), (0,))}}
    guides = {"silence": "Look at the connector.", "node": "Call the node."}
    return policy(**{"guides": guides, **judged, **changes})


def flow(**changes: Any) -> Flow:
    """FLOW with changes."""
    return replace(FLOW, **changes)


OPEN: list[Bench] = []


def close_all() -> None:
    """Close the benches a test has made."""
    while OPEN:
        OPEN.pop().close()


class Channels(Bench):
    """A bench of channel health, told minutes."""

    def __init__(self, rules: Policy | None = None) -> None:
        OPEN.append(self)
        super().__init__(ChannelHealthFold(), policy=rules or health_policy(), at=MONDAY - 8 * 7 * DAY)

    def minute(self, at: int, cells: Mapping[str, int], channel: str = "shop", partition: int = 0) -> None:
        """What a partition counted in the minute that begins at `at`."""
        at -= at % MINUTE
        self.tell(
            "minute.summed",
            f"channel/{channel}",
            MinuteSummed(at, dict(cells)),
            at=at + MINUTE,
            subject=f"~channel/{channel}",
            version=partition,
        )

    def every(self, gap: int, since: int, until: int, n: int = 1, channel: str = "shop") -> None:
        """`n` events of orders each `gap` from `since` until before `until`."""
        for at in range(since, until, gap):
            self.minute(at, {"orders": n}, channel)

    def channel(self, name: str = "shop") -> ChannelState:
        found = self.state(f"channel/{name}")
        assert isinstance(found, ChannelState)
        return found


class NodesBench(Bench):
    """A bench of node health, told reports."""

    def __init__(self, rules: Policy | None = None) -> None:
        OPEN.append(self)
        super().__init__(NodeHealthFold(), policy=rules or health_policy(), at=MONDAY - DAY)
        self.decisions.clear()

    def node(self, name: str = "n1") -> NodeState:
        found = self.state(f"node/{name}")
        assert isinstance(found, NodeState)
        return found
