"""How well an order does, 0 to 100, every lost point with its event and cause.

Question: which orders need a look before anyone asks? From: what the order lacks as placed, conflicting facts,
failed stock locks, holds, doubts, freezes and deadlines. Points by cause are the policy's (DOMAIN.md, "Health").
Holds, doubts and freezes cost while they last, the rest for good; what later turns out not to hold (an excused
breach) is given back by folding the order again. Time without news is added on reading only: `health_at`.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from projections.kernel import Context, Fold, Handler
from projections.policy import HealthWeights
from schemas.envelope import Event
from schemas.events.decisions import SlaBreached, SlaWarned
from schemas.events.order import OrderHeld, OrderPlaced, OrderReleased
from schemas.registry import TYPES

HOUR = 3_600_000_000
FULL = 100
LOSSES_KEPT = 64
"""Long before this many a score is 0; further ones are not kept."""


class Loss(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`points` lost by `cause` because of event version `event` (0: no event, which is the point), at an instant.
    `key` tells apart losses of one cause: the hold's handle, the stage, the fact."""

    cause: str
    points: int
    event: int
    at: int
    key: str = ""


class OrderHealthState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`score` is 100 less all points of `losses`, at least 0."""

    score: int = FULL
    losses: tuple[Loss, ...] = ()


def health_at(
    state: OrderHealthState, now: int, last_event_streamtime: int, open: bool, weights: HealthWeights
) -> tuple[int, tuple[Loss, ...]]:
    """(score, losses) as of `now`: for an open order also what it has lost since its last event, points for
    each full hour beyond the policy's `stuck_after`."""
    hours = (now - last_event_streamtime - weights.stuck_after) // HOUR
    points = weights.stuck_points_per_hour * hours
    if not open or points <= 0:
        return state.score, state.losses
    stuck = Loss("stuck", points, 0, last_event_streamtime + weights.stuck_after)
    return _score(losses := (*state.losses, stuck)), losses


def _score(losses: tuple[Loss, ...]) -> int:
    return max(0, FULL - sum([loss.points for loss in losses]))


def _lose(state: OrderHealthState, cause: str, event: Event, ctx: Context, key: str = "") -> OrderHealthState:
    """The state with one more loss, if the policy gives the cause points and it is not counted already."""
    points = ctx.policy.health.points.get(cause, 0)
    if not points or len(state.losses) >= LOSSES_KEPT:
        return state
    for loss in state.losses:
        if loss.cause == cause and loss.key == key:
            return state
    losses = (*state.losses, Loss(cause, points, event.streamversion, event.time, key))
    return OrderHealthState(_score(losses), losses)


def _regain(state: OrderHealthState, causes: tuple[str, ...], key: str | None = None) -> OrderHealthState:
    if not state.losses:
        return state
    losses = tuple(
        [loss for loss in state.losses if loss.cause not in causes or (key is not None and loss.key != key)]
    )
    return state if len(losses) == len(state.losses) else OrderHealthState(_score(losses), losses)


def _placed(state: OrderHealthState, event: Event, ctx: Context) -> OrderHealthState:
    """What an order lacks as it is placed (lines, address, contact) costs for good."""
    data: OrderPlaced = event.data
    if not data.lines:
        state = _lose(state, "missing_lines", event, ctx)
    address = data.address
    if address is None or not (address.text or address.postcode or address.city or address.region):
        state = _lose(state, "missing_address", event, ctx)
    customer = data.customer
    if customer is None or not (customer.phone or customer.email or customer.openid or customer.account):
        state = _lose(state, "missing_contact", event, ctx)
    return state


def _conflicted(state: OrderHealthState, event: Event, ctx: Context) -> OrderHealthState:
    """Two facts of one number that disagree cost for good."""
    key = TYPES[event.type].key
    return _lose(state, "conflict", event, ctx, key(event.data, event.time) if key else event.id)


def _lock_failed(state: OrderHealthState, event: Event, ctx: Context) -> OrderHealthState:
    """Goods that could not be set aside cost for good."""
    return _lose(state, "lock_failed", event, ctx)


def _held(state: OrderHealthState, event: Event, ctx: Context) -> OrderHealthState:
    """A hold costs while it lasts."""
    data: OrderHeld = event.data
    return _lose(state, "held", event, ctx, data.handle)


def _released(state: OrderHealthState, event: Event, ctx: Context) -> OrderHealthState:
    """What the hold cost is given back."""
    data: OrderReleased = event.data
    return _regain(state, ("held",), data.handle)


def _doubted(state: OrderHealthState, event: Event, ctx: Context) -> OrderHealthState:
    """A doubt costs while it lasts."""
    return _lose(state, "doubted", event, ctx)


def _frozen(state: OrderHealthState, event: Event, ctx: Context) -> OrderHealthState:
    """A freeze costs while it lasts, in place of the doubt before it."""
    return _lose(_regain(state, ("doubted",)), "frozen", event, ctx)


def _unfrozen(state: OrderHealthState, event: Event, ctx: Context) -> OrderHealthState:
    """A verdict frees the order of the fact that stopped it, unless the lifecycle could not follow it. If it meets
    the next illegal fact at once, that doubt is handed on after this and counts anew."""
    order = ctx.row.lifecycle
    stands = order.offence.version if order is not None and order.offence is not None else 0
    losses = tuple(
        loss for loss in state.losses if loss.cause not in ("doubted", "frozen") or loss.event == stands
    )
    return OrderHealthState(_score(losses), losses)


def _warned(state: OrderHealthState, event: Event, ctx: Context) -> OrderHealthState:
    """A deadline that is near costs."""
    data: SlaWarned = event.data
    return _lose(state, "warned", event, ctx, data.stage)


def _breached(state: OrderHealthState, event: Event, ctx: Context) -> OrderHealthState:
    """A missed deadline costs for good, in place of its warning."""
    data: SlaBreached = event.data
    return _lose(_regain(state, ("warned",), data.stage), "breached", event, ctx, data.stage)


class OrderHealthFold(Fold[OrderHealthState]):
    """Last in the pipeline: reads what all others decide."""

    name = "order_health"
    version = 1
    handlers: ClassVar[dict[str, Handler]] = {
        "order.placed.v1": _placed,
        "fact.conflicted": _conflicted,
        "stock.lock_failed.v1": _lock_failed,
        "order.held.v1": _held,
        "order.released.v1": _released,
        "order.doubted.v1": _doubted,
        "order.frozen.v1": _frozen,
        "order.unfrozen.v1": _unfrozen,
        "sla.warned.v1": _warned,
        "sla.breached.v1": _breached,
    }

    def initial(self, subject: str) -> OrderHealthState:
        return OrderHealthState()
