"""The order family: what a channel or a person says of the order itself."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.events.common import (
    Address,
    Amount,
    Currency,
    Customer,
    Data,
    Line,
    Name,
    Number,
    Promises,
    Text,
    WmsNumber,
)

HoldReason = Literal[
    "awaiting_payment",
    "awaiting_customer",
    "awaiting_return_items",
    "high_risk_of_fraud",
    "incorrect_address",
    "inventory_out_of_stock",
    "unknown_delivery_date",
    "other",
]


class OrderPlaced(Data):
    """The order exists. Receivable = Σ quantity × unit_price + Σ line shipping + shipping - discount."""

    currency: Currency
    lines: Annotated[list[Line], Meta(max_length=2000)] = []
    shipping: Amount = 0
    discount: Amount = 0
    deposit: Amount | None = None
    customer: Customer | None = None
    address: Address | None = None
    promises: Promises | None = None
    tier: Name | None = None
    wms: WmsNumber | None = None


class OrderConfirmed(Data):
    """The channel vouches for the order: payment approved, order accepted."""

    reason: Text | None = None


class OrderReviewed(Data):
    """A person's answer to a review."""

    outcome: Literal["passed", "rejected"]
    reason: Text | None = None


class OrderAssigned(Data):
    """The order has an owner by name; until then routing rules decide."""

    owner: Name
    group: Name | None = None
    reason: Text | None = None


class OrderHeld(Data):
    """A hold is laid on the order; several stand side by side, each under its handle."""

    handle: Number
    reason: HoldReason
    note: Text | None = None


class OrderReleased(Data):
    """A hold is lifted. Releasing an absent hold is an error, shown as a work item."""

    handle: Number
    reason: Text | None = None


class OrderUnfrozen(Data):
    """A named person frees a frozen order. Without `state` the offending event is let stand, and what was
    recorded since is taken up again; with it the order stands in `state` from here on."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000)]
    state: Name | None = None


class OrderCancelled(Data):
    """The order, or the named lines of it, will not be fulfilled."""

    reason: Text | None = None
    lines: list[Number] | None = None


class OrderCompleted(Data):
    """Nothing more is expected."""

    reason: Text | None = None


class OrderNoteAdded(Data):
    """A remark; moves nothing."""

    text: Text
