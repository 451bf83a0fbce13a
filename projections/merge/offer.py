"""Which orders may travel with others, as of now.

Question: may this order still be put into one parcel with another? From: its placing, and whatever then bars it: cancelled,
shipped, in doubt, frozen, held, or its label is printed. An event that gives one of its parcels a waybill prints the label:
that is `fulfilment.packed` as a rule; a dispatch or a carrier's scan says so as well. A parcel packed without a waybill
may still be opened. Facts: `merge.offered` with all stage 2 compares, again when it is free once more or its goods change;
`merge.left` with the reason. What a refold changes is told anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from msgspec.structs import replace

from projections.kernel import Context, Fold, Handler
from projections.lifecycle.state import CANCELLED, PART_SHIPPED, LifecycleState
from projections.merge.card import card_of
from projections.merge.keys import blocking_keys, identity_keys
from projections.policy import LifecycleMap, Policy
from schemas.derived import Derived
from schemas.envelope import Event
from schemas.events.order import OrderPlaced
from schemas.facts import MergeLeft, MergeOffered

if TYPE_CHECKING:
    from projections.row import Row

DISPATCHED = "fulfilment.dispatched"

REASONS = ("unplaced", "cancelled", "shipped", "ended", "labelled", "frozen", "in_doubt", "held")
"""Why an order may not travel with others, the first that holds."""

OFFERED = "offered"
FINAL = frozenset(("cancelled", "shipped", "ended"))
"""Nothing further is told of an order that left so."""
OUT = frozenset(("shipped", "ended", "labelled"))
"""The goods are on their way in a parcel of some waybill: one of these after another is no news."""


class Goods(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A goods line as ordered."""

    line: str
    sku: str
    quantity: int
    category: str


class OfferState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`told` is what stage 2 believes: "" nothing, `offered`, or one of REASONS. What was placed is kept until nothing more
    can be told."""

    told: str = ""
    placed: int = 0
    currency: str = ""
    goods: tuple[Goods, ...] = ()
    live: tuple[str, ...] = ()
    derived: Derived | None = None


def barred(order: LifecycleState | None, map_: LifecycleMap) -> MergeLeft | None:
    """Why an order may not travel with others, None while it may."""
    if order is None or not order.state:
        return MergeLeft("unplaced", "it is not placed")
    state = order.state
    waybills = tuple(sorted({parcel.waybill for parcel in order.parcels if parcel.waybill}))
    if state in map_.terminal and any(
        to == state and trigger == CANCELLED for (_, trigger), to in map_.moves.items()
    ):
        return MergeLeft("cancelled", "it was cancelled")
    if state == PART_SHIPPED or _shipped(state, map_):
        return MergeLeft("shipped", f"it is {state.replace('_', ' ')}", waybills)
    if state in map_.terminal:
        return MergeLeft("ended", f"it is {state.replace('_', ' ')}", waybills)
    if waybills:
        return MergeLeft("labelled", f"its label is printed ({', '.join(waybills[:3])})", waybills)
    if order.frozen:
        return MergeLeft("frozen", "it is frozen")
    if order.offence is not None:
        return MergeLeft("in_doubt", "it is in doubt")
    if order.holds:
        reasons = sorted({hold.reason for hold in order.holds})
        return MergeLeft("held", f"it is held ({', '.join(reasons)})".replace("_", " "))
    return None


def _shipped(state: str, map_: LifecycleMap) -> bool:
    rank = map_.rank
    at = min(
        [rank[to] for (_, trigger), to in map_.moves.items() if trigger == DISPATCHED], default=len(rank)
    )
    return rank.get(state, 0) >= at


def _placed(state: OfferState, event: Event, ctx: Context) -> OfferState:
    """The order exists. One whose customer and address intake derived nothing of is never offered."""
    if state.placed or event.derived is None:
        return state
    data: OrderPlaced = event.data
    goods = tuple([Goods(line.line, line.sku, line.quantity, line.category) for line in data.lines])
    state = OfferState("", event.time, data.currency, goods, _live(ctx.row), event.derived)
    if not ctx.policy.merge.on:
        return state
    _offer(state, ctx, True)
    return _stands(replace(state, told=OFFERED), ctx)


def _judged(state: OfferState, event: Event, ctx: Context) -> OfferState:
    """Whatever may bar the order, or free it."""
    return _stands(state, ctx)


def _stands(state: OfferState, ctx: Context) -> OfferState:
    """Tell how the order stands, where stage 2 believes something else."""
    told = state.told
    if not told or told in FINAL:
        return state
    row = ctx.row
    left = barred(row.lifecycle, ctx.policy.lifecycle_of(row.channel))
    if left is not None:
        if left.reason == told or (left.reason in OUT and told in OUT):
            return state
        ctx.emit("merge.left", row.subject, left)
        if left.reason in FINAL:
            return OfferState(left.reason)
        return replace(state, told=left.reason)
    live = _live(row)
    if told == OFFERED and live == state.live:
        return state
    state = replace(state, told=OFFERED, live=live)
    _offer(state, ctx, False)
    return state


def _live(row: Row) -> tuple[str, ...]:
    return row.lifecycle.live if row.lifecycle is not None else ()


def _offer(state: OfferState, ctx: Context, first: bool) -> None:
    """Tell all that stage 2 compares."""
    derived = state.derived
    assert derived is not None, "only what was derived is offered"
    sums: dict[str, int] = {}
    categories: set[str] = set()
    for goods in state.goods:
        if goods.line in state.live:
            sums[goods.sku] = sums.get(goods.sku, 0) + goods.quantity
            categories.add(goods.category)
    card = card_of(derived)
    offered = MergeOffered(
        state.placed,
        ctx.row.channel,
        state.currency,
        tuple(sorted(sums.items())),
        tuple(sorted(categories)),
        derived,
        tuple(identity_keys(card)),
        blocking_keys(card, ctx.policy.merge.matching),
        first,
    )
    ctx.emit("merge.offered", ctx.row.subject, offered)


class OfferFold(Fold[OfferState]):
    """Behind the lifecycle in the order's pipeline: reads its state and its decisions."""

    name = "offer"
    version = 1
    handlers: ClassVar[dict[str, Handler]] = {
        "order.placed.v1": _placed,
        **dict.fromkeys(
            (
                "order.cancelled.v1",
                "order.completed.v1",
                "order.reviewed.v1",
                "order.held.v1",
                "order.released.v1",
                "order.unfrozen.v1",
                "order.doubted.v1",
                "order.doubt_cleared.v1",
                "order.frozen.v1",
                "order.thawed.v1",
                "fulfilment.packed.v1",
                "fulfilment.dispatched.v1",
                "fulfilment.moved.v1",
                "fulfilment.delivered.v1",
                "fulfilment.refused.v1",
                "fulfilment.lost.v1",
            ),
            _judged,
        ),
    }

    def initial(self, subject: str) -> OfferState:
        return OfferState()

    def retarget(self, state: OfferState, old: Policy, new: Policy, now: int, ctx: Context) -> OfferState:
        """Merging was switched on, or other keys are made of the same cards: what may travel is offered."""
        if not new.merge.on or state.derived is None:
            return state
        first = not state.told
        if not first and (state.told != OFFERED or old.merge.matching == new.merge.matching):
            return state
        state = replace(state, told=OFFERED, live=_live(ctx.row))
        _offer(state, ctx, first)
        return _stands(state, ctx)

    def refolded(self, before: OfferState, after: OfferState, ctx: Context) -> None:
        """What stage 2 believes is put right: it is told what holds now, where that is something else."""
        if after.told == OFFERED:
            if before != after:
                _offer(after, ctx, before.told == "")
        elif before.told and before.told != after.told:
            left = barred(ctx.row.lifecycle, ctx.policy.lifecycle_of(ctx.row.channel))
            ctx.emit(
                "merge.left", ctx.row.subject, left or MergeLeft("unplaced", "it is not placed any more")
            )
