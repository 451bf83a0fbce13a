"""The payment family: money that moved, in minor units. The numbers are the gateway's own."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from schemas.events.common import Amount, Currency, Data, Name, Number, PaymentNumber, Share, Text


class PaymentReceived(Data):
    """Money came in. `shares` divides a payment made for several orders."""

    payment: PaymentNumber
    amount: Amount
    currency: Currency
    kind: Literal["full", "deposit", "balance"] = "full"
    method: Name | None = None
    shares: Annotated[list[Share], Meta(max_length=1000)] | None = None


class PaymentFailed(Data):
    """An attempt failed; counts no money."""

    payment: PaymentNumber
    amount: Amount
    currency: Currency
    reason: Text | None = None


class PaymentRefunded(Data):
    """Money went back."""

    refund: Number
    amount: Amount
    currency: Currency
    payment: PaymentNumber | None = None
    reason: Text | None = None


class PaymentFeeCharged(Data):
    """A channel or gateway kept a fee."""

    fee: Number
    amount: Amount
    currency: Currency
    kind: Name | None = None


class PaymentSubsidyGranted(Data):
    """Someone else pays part of the order: it lowers what the customer owes."""

    subsidy: Number
    amount: Amount
    currency: Currency
    by: Name | None = None
