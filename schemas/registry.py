"""The one table of event types: name → struct, business key, content, aliases, who may send it.

A **business key** names the fact an event tells, so that a webhook and a poll telling of one payment
under two ids count once (DESIGN.md, "Two kinds of sameness"): same key and content is a repeat, same key
and other content a conflict. A type without a business key has no repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from schemas.events import decisions, goods, order, payment, people, system, telemetry
from schemas.events.common import Data

Key = Callable[[Any, int], str]


class EventType(msgspec.Struct, frozen=True):
    """One event type.

    `key(data, time)` gives the business key (str) or is None; `content` names the fields that must agree
    between two facts of one key; `aliases` are (field, kind) pairs whose numbers stand for the order.
    `person`: enters as a command only. `reserved`: written by the engine only.
    """

    name: str
    data: type[Data]
    key: Key | None = None
    content: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    person: bool = False
    reserved: bool = False


def _aliases(data: type[Data]) -> tuple[tuple[str, str], ...]:
    """The (field, kind) pairs of fields marked `x-alias` in the struct's own annotations."""
    found = []
    for field in msgspec.inspect.type_info(data).fields:  # type: ignore[attr-defined]
        for kind in _marks(field.type, "x-alias"):
            found.append((field.name, kind))
    return tuple(found)


def _marks(node: Any, mark: str) -> Iterator[str]:
    if isinstance(node, msgspec.inspect.Metadata):
        if node.extra_json_schema and mark in node.extra_json_schema:
            yield node.extra_json_schema[mark]
        yield from _marks(node.type, mark)
    elif isinstance(node, msgspec.inspect.UnionType):
        for member in node.types:
            yield from _marks(member, mark)


def _parcel(verb: str) -> Key:
    def key(data: goods.Fulfilment, time: int) -> str:
        lines = data.lines
        # Most facts speak of a whole order or parcel and name no line.
        return f"{verb}:{data.parcel or ''}:{','.join(lines) if lines else ''}"

    return key


def _scan(data: goods.FulfilmentMoved, time: int) -> str:
    return f"moved:{data.waybill or data.parcel or ''}:{data.scan or ''}:{time}"


def _cancelled(data: order.OrderCancelled, time: int) -> str:
    return f"cancelled:{','.join(data.lines or ())}"


_MONEY = ("amount", "currency")

_UPSTREAM: list[tuple[str, type[Data], Key | None, tuple[str, ...]]] = [
    (
        "order.placed.v1",
        order.OrderPlaced,
        lambda data, time: "placed",
        ("currency", "lines", "shipping", "discount"),
    ),
    ("order.confirmed.v1", order.OrderConfirmed, lambda data, time: "confirmed", ()),
    ("order.cancelled.v1", order.OrderCancelled, _cancelled, ()),
    ("order.completed.v1", order.OrderCompleted, lambda data, time: "completed", ()),
    (
        "payment.received.v1",
        payment.PaymentReceived,
        lambda data, time: f"payment:{data.payment}",
        (*_MONEY, "kind"),
    ),
    ("payment.failed.v1", payment.PaymentFailed, None, ()),
    ("payment.refunded.v1", payment.PaymentRefunded, lambda d, t: f"refund:{d.refund}", _MONEY),
    ("payment.fee_charged.v1", payment.PaymentFeeCharged, lambda d, t: f"fee:{d.fee}", _MONEY),
    (
        "payment.subsidy_granted.v1",
        payment.PaymentSubsidyGranted,
        lambda d, t: f"subsidy:{d.subsidy}",
        _MONEY,
    ),
    ("stock.locked.v1", goods.StockLocked, None, ()),
    ("stock.lock_failed.v1", goods.StockLockFailed, None, ()),
    ("stock.unlocked.v1", goods.StockUnlocked, None, ()),
    ("fulfilment.routed.v1", goods.FulfilmentRouted, None, ()),
    ("fulfilment.accepted.v1", goods.FulfilmentAccepted, _parcel("accepted"), ()),
    ("fulfilment.picked.v1", goods.FulfilmentPicked, _parcel("picked"), ()),
    ("fulfilment.packed.v1", goods.FulfilmentPacked, _parcel("packed"), ("waybill",)),
    ("fulfilment.dispatched.v1", goods.FulfilmentDispatched, _parcel("dispatched"), ("waybill",)),
    ("fulfilment.moved.v1", goods.FulfilmentMoved, _scan, ("place",)),
    ("fulfilment.delivered.v1", goods.FulfilmentDelivered, _parcel("delivered"), ()),
    ("fulfilment.refused.v1", goods.FulfilmentRefused, _parcel("refused"), ()),
    ("fulfilment.lost.v1", goods.FulfilmentLost, _parcel("lost"), ()),
    ("node.registered.v1", telemetry.Registered, None, ()),
    ("node.reported.v1", telemetry.Reported, None, ()),
    ("node.heartbeat.v1", telemetry.Heartbeat, None, ()),
    ("channel.registered.v1", telemetry.Registered, None, ()),
    ("channel.reported.v1", telemetry.Reported, None, ()),
    ("channel.heartbeat.v1", telemetry.Heartbeat, None, ()),
]

_PERSON: dict[str, type[Data]] = {
    "order.reviewed.v1": order.OrderReviewed,
    "order.assigned.v1": order.OrderAssigned,
    "order.held.v1": order.OrderHeld,
    "order.released.v1": order.OrderReleased,
    "order.unfrozen.v1": order.OrderUnfrozen,
    "order.note_added.v1": order.OrderNoteAdded,
    "merge.accepted.v1": people.MergeAccepted,
    "merge.refused.v1": people.MergeRefused,
    "merge.undone.v1": people.MergeUndone,
    "event.corrected.v1": people.EventCorrected,
    "event.skipped.v1": people.EventSkipped,
    "work.taken.v1": people.WorkTaken,
    "work.assigned.v1": people.WorkAssigned,
    "work.done.v1": people.WorkDone,
    "work.noted.v1": people.WorkNoted,
}

_RESERVED: dict[str, type[Data]] = {
    "order.doubted.v1": decisions.OrderDoubted,
    "order.doubt_cleared.v1": decisions.OrderDoubtCleared,
    "order.frozen.v1": decisions.OrderFrozen,
    "order.thawed.v1": decisions.OrderThawed,
    "sla.warned.v1": decisions.SlaWarned,
    "sla.breached.v1": decisions.SlaBreached,
    "sla.escalated.v1": decisions.SlaEscalated,
    "sla.excused.v1": decisions.SlaExcused,
    "work.opened.v1": decisions.WorkOpened,
    "work.closed.v1": decisions.WorkClosed,
    "work.escalated.v1": decisions.WorkEscalated,
    "work.digested.v1": decisions.WorkDigested,
    "diagnosis.made.v1": decisions.DiagnosisMade,
    "merge.suggested.v1": decisions.MergeSuggested,
    "merge.made.v1": decisions.MergeMade,
    "merge.declined.v1": decisions.MergeDeclined,
    "merge.expired.v1": decisions.MergeExpired,
    "batch.dissolved.v1": decisions.BatchDissolved,
    "board.listed.v1": decisions.BoardListed,
    "channel.silent.v1": decisions.ChannelSilent,
    "channel.resumed.v1": decisions.ChannelResumed,
    "dispatch.paused.v1": decisions.DispatchPaused,
    "dispatch.resumed.v1": decisions.DispatchResumed,
    "node.suspended.v1": decisions.NodeSuspended,
    "node.probed.v1": decisions.NodeProbed,
    "node.resumed.v1": decisions.NodeResumed,
    "decision.withdrawn.v1": decisions.DecisionWithdrawn,
    "command.refused.v1": decisions.CommandRefused,
    "policy.published.v1": system.PolicyPublished,
    "projection.switched.v1": system.ProjectionSwitched,
    "person.erased.v1": system.PersonErased,
    "alias.bound.v1": system.AliasBound,
}

TYPES: dict[str, EventType] = {
    name: EventType(name, data, key, content, _aliases(data)) for name, data, key, content in _UPSTREAM
}
TYPES |= {name: EventType(name, data, person=True) for name, data in _PERSON.items()}
TYPES |= {name: EventType(name, data, reserved=True) for name, data in _RESERVED.items()}
