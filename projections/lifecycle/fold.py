"""The lifecycle fold: one handler per event type.

A handler's usual case, all goods of an order in good standing moving on together, is taken at once; everything
else becomes a `Fact` and is considered in turn: limbo, doubt or frost, lateness, lines and parcels.
"""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec.structs import replace

from projections.kernel import NONE, Context, Fold, Handler
from projections.lifecycle.doubt import (
    alert,
    freeze,
    leave_limbo,
    money_moves,
    money_trigger,
    record,
    step,
    unfreeze,
    wait,
    with_review,
)
from projections.lifecycle.goods import (
    enter,
    find_parcel,
    note_parcel,
    spoken_for,
    unknown_lines,
)
from projections.lifecycle.paths import fit, stood_at
from projections.lifecycle.state import (
    MONEY,
    PAID_FULL,
    PAID_PART,
    PARCELS_KEPT,
    REVIEW,
    Fact,
    Hold,
    LifecycleState,
    Parcel,
)
from projections.policy import LifecycleMap
from projections.routing import is_open, open_work
from schemas.envelope import Event
from schemas.events.goods import FulfilmentMoved
from schemas.events.order import OrderAssigned, OrderHeld, OrderPlaced, OrderReleased
from schemas.registry import TYPES

_GOODS = tuple(
    name
    for name in TYPES
    if name.startswith(("stock.", "fulfilment.")) and not name.startswith("fulfilment.moved.")
)
_ORDER = ("order.confirmed.v1", "order.cancelled.v1", "order.completed.v1")
_MONEY = ("payment.received.v1", "payment.refunded.v1", "payment.subsidy_granted.v1")
_TRIGGERS = {name: name.rpartition(".v")[0] for name in (*_GOODS, *_ORDER)} | dict.fromkeys(_MONEY, MONEY)


def _placed(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """The order exists, in the first state of its map; what waited for it is taken up."""
    if state.state:
        return state
    data: OrderPlaced = event.data
    map_ = ctx.policy.lifecycle_of(ctx.row.channel)
    lines = data.lines
    if len(lines) == 1:
        live: tuple[str, ...] = (lines[0].line,)
        categories: tuple[str, ...] = (lines[0].category,)
    else:
        live = tuple(dict.fromkeys(line.line for line in lines))
        categories = tuple(sorted({line.category for line in lines}))
    start = map_.start
    placed = replace(
        state,
        state=start,
        since=event.time,
        entered=((start, event.time, event.streamversion),),
        live=live,
        categories=categories,
        pending=(),
        dropped=0,
        limbo_since=0,
        limbo_event=0,
        due=NONE,
    )
    if state.limbo_since:
        seen = max(ctx.now, event.streamtime)
        fact = Fact(event.streamversion, event.time, event.type, event.id, MONEY, seen=seen)
        return leave_limbo(state, placed, fact, ctx, map_)
    to = map_.moves.get((start, PAID_FULL))
    if to is not None and money_trigger(ctx.row.ledger, placed) == PAID_FULL:
        placed = enter(placed, to, event.time, event.streamversion, placed.parcels)
    return with_review(placed, event.time, event.streamversion, ctx, map_)


def _goods(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """What moves goods, or the order with all its goods."""
    trigger = _TRIGGERS[event.type]
    at = state.state
    if (
        at
        and event.time >= state.since
        and event.time >= state.stayed
        and not state.lines
        and state.offence is None
        and not state.cancelled
        and not ctx.pinned
    ):
        map_ = ctx.policy.lifecycle_of(ctx.row.channel)
        to = map_.moves.get((at, trigger))
        if to is not None and to != at:
            parcels = _parcels_of_all(state, event.data, to)
            if parcels is not None:
                moved = replace(
                    state,
                    state=to,
                    since=event.time,
                    entered=(*state.entered, (to, event.time, event.streamversion)),
                    parcels=parcels,
                )
                if (to, REVIEW) in map_.moves:
                    return with_review(moved, event.time, event.streamversion, ctx, map_)
                return moved
    return _consider(state, _fact(event, trigger, ctx), event, ctx)


def _parcels_of_all(state: LifecycleState, data: Any, to: str) -> tuple[Parcel, ...] | None:
    """The order's parcels once all its goods are at `to`; None where `data` does not plainly speak for all."""
    lines = getattr(data, "lines", None)
    if lines is not None and (tuple(lines) != state.live or not lines):
        return None
    parcels = state.parcels
    number = getattr(data, "parcel", None) or ""
    waybill = getattr(data, "waybill", None) or ""
    if not parcels:
        return (Parcel(number, state.live, to, waybill),) if number or waybill else parcels
    if not number and not waybill:
        return tuple([replace(parcel, state=to) if parcel.state else parcel for parcel in parcels])
    if len(parcels) > 1 or find_parcel(parcels, number, waybill) < 0:
        return None
    only = parcels[0]
    if not only.state or only.lines != state.live:
        return None
    known, before = only.parcel or number, only.waybill
    return (Parcel(known, only.lines, to, waybill or before, only.scan, only.scanned),)


def _money(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """Payments, refunds, subsidies: the ledger has counted them, here they may mean paid."""
    if (
        state.state
        and event.time >= state.since
        and event.time >= state.stayed
        and not state.lines
        and state.offence is None
    ):
        map_ = ctx.policy.lifecycle_of(ctx.row.channel)
        at = state.state
        if (at, PAID_FULL) not in map_.moves and (at, PAID_PART) not in map_.moves:
            return state
        to = map_.moves.get((at, money_trigger(ctx.row.ledger, state)))
        if to is None or to == at:
            return state
        parcels = state.parcels
        if parcels:
            parcels = tuple([replace(parcel, state=to) if parcel.state else parcel for parcel in parcels])
        moved = enter(state, to, event.time, event.streamversion, parcels)
        return with_review(moved, event.time, event.streamversion, ctx, map_)
    return _consider(state, _fact(event, MONEY, ctx), event, ctx)


def _reviewed(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """A person's verdict is a step of its own: passed or rejected."""
    return _consider(state, _fact(event, f"review.{event.data.outcome}", ctx), event, ctx)


def _fact(event: Event, trigger: str, ctx: Context) -> Fact:
    data: Any = event.data
    lines = getattr(data, "lines", None)
    return Fact(
        event.streamversion,
        event.time,
        event.type,
        event.id,
        trigger,
        getattr(data, "parcel", None) or "",
        tuple(dict.fromkeys(lines)) if lines else (),
        getattr(data, "waybill", None) or "",
        max(ctx.now, event.streamtime),
    )


def _consider(state: LifecycleState, fact: Fact, event: Event, ctx: Context) -> LifecycleState:
    """A fact that may move the order, in whatever standing the order is."""
    if not state.state:
        return record(wait(state, event, ctx), fact)
    map_ = ctx.policy.lifecycle_of(ctx.row.channel)
    if fact.trigger == MONEY:
        if PAID_FULL not in map_.triggers and PAID_PART not in map_.triggers:
            return state
    elif fact.trigger not in map_.triggers:
        parcels = note_parcel(state, fact, spoken_for(state, fact)[0], state.state)
        return state if parcels is state.parcels else replace(state, parcels=parcels)
    if state.offence is not None:
        if fact.time < state.offence.time and not ctx.refolding:
            ctx.refold(f"{fact.type} occurred before what put the order in doubt")
            return state
        return record(state, fact)
    if fact.time < max(state.since, state.stayed) and not ctx.refolding:
        return _late(state, fact, ctx, map_)
    return step(state, fact, ctx, map_, fact.seen)


def _late(state: LifecycleState, fact: Fact, ctx: Context, map_: LifecycleMap) -> LifecycleState:
    """A fact that occurred before the last one that was legal, whether that moved the order or not. Where it plainly fits it is placed by its time and moves
    nothing back; anything else asks for the stream to be folded again in order of occurrence."""
    index = stood_at(state.entered, fact.time)
    if fact.trigger == MONEY:
        if money_moves(state, map_, index):
            ctx.refold(f"{fact.type} occurred before the order reached {state.state}")
        return state
    lines, _ = spoken_for(state, fact)
    whole = not state.lines and not state.cancelled and len(lines) == len(state.live)
    entered = None
    if whole and not fact.trigger.startswith("review.") and not unknown_lines(state, fact):
        entered = fit(map_, state.entered, fact, state.stayed)
    if entered is None:
        ctx.refold(f"{fact.type} occurred before the order reached {state.state}")
        return state
    stayed = max(state.stayed, fact.time) if entered is state.entered else state.stayed
    parcels = note_parcel(state, fact, lines, state.state)
    return replace(state, entered=entered, stayed=stayed, parcels=parcels)


def _scanned(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """A carrier's scan: noted with its parcel, by occurrence. It moves nothing."""
    data: FulfilmentMoved = event.data
    if not state.state:
        state = wait(state, event, ctx)
    number, waybill = data.parcel or "", data.waybill or ""
    scan = data.scan or data.place or ""
    parcels = state.parcels
    index = find_parcel(parcels, number, waybill)
    if index < 0:
        if len(parcels) >= PARCELS_KEPT:
            return state
        return replace(state, parcels=(*parcels, Parcel(number, (), "", waybill, scan, event.time)))
    known = parcels[index]
    if event.time < known.scanned:
        return state
    noted = Parcel(
        known.parcel or number, known.lines, known.state, known.waybill or waybill, scan, event.time
    )
    return replace(state, parcels=(*parcels[:index], noted, *parcels[index + 1 :]))


def _held(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """A hold is laid over the state, under its handle."""
    data: OrderHeld = event.data
    if not state.state:
        state = wait(state, event, ctx)
    if is_open(ctx, f"hold_absent:{data.handle}"):
        ctx.refold(f"hold {data.handle} was released before it was known")
    hold = Hold(data.handle, data.reason, event.time, event.streamversion)
    others = tuple(other for other in state.holds if other.handle != data.handle)
    return replace(state, holds=(*others, hold))


def _released(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """The hold of that handle is lifted; one that is not there is work for a person."""
    data: OrderReleased = event.data
    if not state.state:
        state = wait(state, event, ctx)
    left = tuple(hold for hold in state.holds if hold.handle != data.handle)
    if len(left) == len(state.holds):
        title = f"hold {data.handle} was to be released, but the order has no such hold"
        open_work(ctx, f"hold_absent:{data.handle}", "hold_absent", title)
        return state
    return replace(state, holds=left)


def _assigned(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """A person has the order from here on, whatever the routing rules say."""
    data: OrderAssigned = event.data
    if not state.state:
        state = wait(state, event, ctx)
    return replace(state, owner=data.owner, group=data.group or "")


def _unfrozen(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """A named person lets the offending event stand, or says in which state the order is."""
    return unfreeze(state, event, ctx, ctx.policy.lifecycle_of(ctx.row.channel))


def _told(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """Facts that never move an order, but are facts: without an order they are in limbo like any other."""
    return state if state.state else wait(state, event, ctx)


def _conflicted(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """A second fact of a known business key with other content moves nothing. What money and the order itself
    say is the ledger's to compare; here it is the goods'."""
    spec = TYPES[event.type]
    if spec.key is None or not event.type.startswith("fulfilment."):
        return state
    data: Any = event.data
    number, waybill = getattr(data, "parcel", None) or "", getattr(data, "waybill", None) or ""
    index = find_parcel(state.parcels, number, waybill if not number else "")
    known = state.parcels[index].waybill if index >= 0 else ""
    named = ", ".join(f"{name} {getattr(data, name)}" for name in spec.content)
    before = f" instead of {known}" if known and "waybill" in spec.content else ""
    open_work(
        ctx,
        f"conflict:{spec.key(data, event.time)}",
        "conflict",
        f"{event.type} was told twice of parcel {number or waybill or '(unnamed)'}, differently: "
        f"{named}{before}; the first holds",
    )
    return state


class LifecycleFold(Fold[LifecycleState]):
    """Second in the pipeline: reads the ledger, decides doubts, freezes and the work they make."""

    name = "lifecycle"
    version = 1
    handlers: ClassVar[dict[str, Handler]] = {
        "order.placed.v1": _placed,
        "order.reviewed.v1": _reviewed,
        "order.held.v1": _held,
        "order.released.v1": _released,
        "order.assigned.v1": _assigned,
        "order.unfrozen.v1": _unfrozen,
        "payment.failed.v1": _told,
        "payment.fee_charged.v1": _told,
        "fulfilment.moved.v1": _scanned,
        "fact.conflicted": _conflicted,
        **dict.fromkeys(_MONEY, _money),
        **dict.fromkeys((*_ORDER, *_GOODS), _goods),
    }
    judged = frozenset(("order.placed.v1", "order.reviewed.v1", *_MONEY, *_ORDER, *_GOODS))

    def initial(self, subject: str) -> LifecycleState:
        return LifecycleState()

    def due(self, state: LifecycleState) -> int:
        return state.due

    def wake(self, state: LifecycleState, now: int, ctx: Context) -> LifecycleState:
        """The grace is over and the step is still illegal: frozen. An order still not placed is told of."""
        return freeze(state, now, ctx) if state.state else alert(state, now, ctx)
