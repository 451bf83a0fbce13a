"""The stock and fulfilment families. Each fulfilment event may name its parcel and the lines in it;
without lines it speaks for the parcel's lines, without a parcel for the whole order."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.events.common import Data, Grams, Name, Number, Personal, Text, Waybill, WmsNumber

Lines = Annotated[list[Number], Meta(max_length=2000)]


class StockLocked(Data):
    """The goods are set aside for the order, or for the named lines of it."""

    lines: Lines | None = None
    wms: WmsNumber | None = None
    node: Name | None = None


class StockLockFailed(Data):
    """The goods could not be set aside: out of stock, or the stock service would not answer."""

    reason: Text | None = None
    lines: Lines | None = None
    node: Name | None = None


class StockUnlocked(Data):
    """Goods set aside are free for others again."""

    lines: Lines | None = None
    reason: Text | None = None
    node: Name | None = None


class Fulfilment(Data):
    """What every fulfilment event may say."""

    parcel: Number | None = None
    lines: Lines | None = None
    node: Name | None = None
    wms: WmsNumber | None = None


class FulfilmentRouted(Fulfilment):
    """A node was chosen."""


class FulfilmentAccepted(Fulfilment):
    """The node took the work on."""


class FulfilmentPicked(Fulfilment):
    """The goods are off the shelf."""


class FulfilmentPacked(Fulfilment):
    """The parcel is closed."""

    waybill: Waybill | None = None
    weight_grams: Grams | None = None


class FulfilmentDispatched(Fulfilment):
    """The carrier has it."""

    waybill: Waybill | None = None
    carrier: Name | None = None


class FulfilmentMoved(Data):
    """A tracking scan; moves the parcel, never the order."""

    waybill: Waybill | None = None
    scan: Name | None = None
    place: Text | None = None
    parcel: Number | None = None


class FulfilmentDelivered(Fulfilment):
    """The customer has it."""

    waybill: Waybill | None = None
    signed_by: Personal | None = None


class FulfilmentRefused(Fulfilment):
    """The customer would not take it."""

    waybill: Waybill | None = None
    reason: Text | None = None


class FulfilmentLost(Fulfilment):
    """The carrier has lost it."""

    waybill: Waybill | None = None
    reason: Text | None = None
