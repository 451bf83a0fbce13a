"""A small policy made by hand, with the two maps of DOMAIN.md: what fold tests run under, streams.yaml apart."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from projections.policy import (
    Channel,
    HealthWeights,
    LifecycleMap,
    Person,
    Policy,
    Review,
    Route,
    Sla,
)

SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
GRACE = 120 * SECOND
SETTLE = 2 * SECOND
LIMBO_AFTER = HOUR

_NONE: frozenset[str] = frozenset()


def lifecycle(
    name: str,
    states: str,
    moves: dict[str, str],
    ends: str,
    grace: int = GRACE,
    thaws: dict[str, str] | None = None,
) -> LifecycleMap:
    """A map from `states` in order and `moves`: trigger → "from from > to, stays stays"; `thaws`: trigger → states it may
    meet and only a person then thaws."""
    order = tuple(states.split())
    found: dict[tuple[str, str], str] = {}
    for trigger, text in moves.items():
        ways, _, stays = text.partition(",")
        origins, _, target = ways.partition(">")
        found |= {(state, trigger): target.strip() for state in origins.split()}
        found |= {(state, trigger): state for state in stays.split()}
    return LifecycleMap(
        name=name,
        start=order[0],
        states=order,
        rank={state: rank for rank, state in enumerate(order)},
        moves=found,
        triggers=frozenset(moves),
        terminal=frozenset(ends.split()),
        words={},
        expect={},
        grace=grace,
        person_thaws=frozenset(
            (state, trigger) for trigger, met in (thaws or {}).items() for state in met.split()
        ),
    )


STANDARD = lifecycle(
    "standard",
    "placed part_paid paid review reviewed locked accepted picking packed part_shipped shipped delivered "
    "completed refused lost cancelled",
    {
        "paid.part": "placed > part_paid",
        "paid.full": "placed part_paid > paid",
        "review.required": "paid > review",
        "review.passed": "review > reviewed",
        "review.rejected": "review > cancelled",
        "stock.locked": "paid reviewed > locked, locked accepted picking packed",
        "stock.lock_failed": ", paid reviewed",
        "fulfilment.accepted": "locked > accepted",
        "fulfilment.picked": "accepted > picking, picking",
        "fulfilment.packed": "accepted picking > packed",
        "fulfilment.dispatched": "packed > shipped",
        "fulfilment.delivered": "shipped > delivered",
        "fulfilment.refused": "shipped > refused",
        "fulfilment.lost": "shipped > lost",
        "order.completed": "delivered > completed, completed",
        "order.cancelled": "placed part_paid paid review reviewed locked accepted picking packed > cancelled,"
        " cancelled",
    },
    "completed refused lost cancelled",
    thaws={"fulfilment.dispatched": "placed part_paid"},
)

MARKETPLACE = lifecycle(
    "marketplace",
    "placed approved part_shipped shipped delivered cancelled",
    {
        "order.confirmed": "placed > approved, approved",
        "fulfilment.dispatched": "approved > shipped",
        "fulfilment.delivered": "shipped > delivered",
        "order.cancelled": "placed approved > cancelled, cancelled",
    },
    "delivered cancelled",
)

POINTS = {
    "frozen": 40,
    "doubted": 10,
    "held": 10,
    "warned": 5,
    "breached": 20,
    "conflict": 15,
    "missing_lines": 30,
    "missing_address": 20,
    "missing_contact": 5,
    "lock_failed": 10,
}


def policy(**changes: Any) -> Policy:
    """The policy of two channels, `shop` (standard map) and `market` (marketplace), with `changes` to its fields.
    Ann owns what ships, the sales desk everything else; no review, no deadlines."""
    shop = Channel("shop", "standard", "UTC", ())
    plain = Policy(
        hash="3c9f21aa77b0e5d1",
        name="test",
        channels={"shop": shop, "market": Channel("market", "marketplace", "UTC", ())},
        default_channel=shop,
        lifecycles={"standard": STANDARD, "marketplace": MARKETPLACE},
        sla=Sla((), 500, 800, _NONE, {}),
        review=Review(0, _NONE, _NONE),
        routes=(
            Route(_NONE, _NONE, frozenset({"packed", "part_shipped", "shipped"}), "ann", ""),
            Route(_NONE, _NONE, _NONE, "", "sales"),
        ),
        people={"ann": Person("ann", "warehouse", "bob", "eve")},
        health=HealthWeights(POINTS, 2 * HOUR, 5),
        settle=SETTLE,
        limbo_after=LIMBO_AFTER,
        frozen_group="risk",
        guides={"frozen": "Look at the order's page.", "limbo": "Ask the sender for the order."},
        notify={"frozen": ("wecom",)},
    )
    return replace(plain, **changes)
