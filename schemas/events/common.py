"""Field types shared by every event family.

Money is an integer of minor units beside an ISO 4217 currency; instants are RFC 3339 strings on the
wire and aware datetimes here; quantities are positive integers. Two marks drive the rest of the engine:
`x-alias` names a number that stands for the order elsewhere (DOMAIN.md, "Aliases"), and
`x-classification: personal` names what may only live in a sealed part (DESIGN.md, "Privacy").
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(max_length=2000)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Number = Annotated[str, Meta(min_length=1, max_length=128)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Amount = Annotated[int, Meta(ge=0, le=10**15)]
Quantity = Annotated[int, Meta(ge=1, le=10**9)]
Grams = Annotated[int, Meta(ge=0, le=10**9)]
Instant = Annotated[datetime, Meta(tz=True)]

PaymentNumber = Annotated[Number, Meta(extra_json_schema={"x-alias": "payment"})]
WmsNumber = Annotated[Number, Meta(extra_json_schema={"x-alias": "wms"})]
Waybill = Annotated[Number, Meta(extra_json_schema={"x-alias": "waybill"})]

_personal = {"x-classification": "personal"}
Personal = Annotated[str, Meta(max_length=500, extra_json_schema=_personal)]


class Data(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Base of every event's `data`. Unknown fields are refused here so that intake notices and counts
    them; it then drops them from the typed view only: the bytes stored are those received."""


class Customer(Data):
    """Who ordered; every field is personal. At least one identity is expected, none is required."""

    account: Personal | None = None
    name: Personal | None = None
    phone: Personal | None = None
    email: Personal | None = None
    id_number: Personal | None = None
    openid: Personal | None = None
    device: Personal | None = None


class Address(Data):
    """Where it goes, as the channel gave it; parts are optional, `text` holds what was one string."""

    text: Personal | None = None
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    region: Personal | None = None
    city: Personal | None = None
    district: Personal | None = None
    postcode: Personal | None = None


class Line(Data):
    """One goods line. `unit_price` and `shipping` are minor units of the order's currency."""

    line: Number
    sku: Name
    quantity: Quantity
    unit_price: Amount
    category: Annotated[str, Meta(min_length=1, max_length=64)] = "general"
    weight_grams: Grams | None = None
    shipping: Amount = 0
    ship_by: Instant | None = None


class Promises(Data):
    """Deadlines promised to the customer, carried by the order itself."""

    ship_by: Instant | None = None
    deliver_by: Instant | None = None


class Share(Data):
    """One order's part of a payment made for several."""

    order: Name
    amount: Amount
