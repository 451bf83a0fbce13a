"""Events for tests: short to write, typed and checked like any other."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.intake.model import Incoming
from engine.intake.normalise import derive
from schemas.data import decode_data
from schemas.envelope import Event

START = 1_600_000_000_000_000
"""2020-09-13T12:26:40Z, a fixed past instant in µs."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def event(
    type_: str,
    subject: str = "order/shop:1",
    at: int = 0,
    data: dict[str, Any] | None = None,
    *,
    id: str = "",
    arrived: int | None = None,
    source: str = "/channels/shop",
    channel: str = "shop",
) -> Incoming:
    """A historical event `at` µs after START (arriving then too, unless `arrived` says otherwise)."""
    raw = msgspec.json.encode(data or {})
    name = f"{type_}.v1"
    when = START + at
    typed = decode_data(name, raw)
    return Incoming(
        Event(
            name,
            subject,
            id or f"{type_}@{at}",
            source,
            when,
            typed,
            channel,
            historical=True,
            derived=derive(name, typed, channel=channel),
        ),
        raw,
        START + (at if arrived is None else arrived),
    )


def placed(subject: str = "order/shop:1", at: int = 0, price: int = 1_000, **more: Any) -> Incoming:
    """order.placed with one general line of `price` minor units CNY."""
    keys = {name: more.pop(name) for name in ("id", "arrived", "channel") if name in more}
    line = {"line": "1", "sku": "sku-1", "quantity": 1, "unit_price": price}
    data = {"currency": "CNY", "lines": [line], "address": {"text": "Somewhere 1"}, **more}
    return event("order.placed", subject, at, data, **keys)


def paid(
    subject: str = "order/shop:1", at: int = 0, amount: int = 1_000, number: str = "", **keys: Any
) -> Incoming:
    """payment.received in full."""
    data = {"payment": number or f"pay-{subject}", "amount": amount, "currency": "CNY"}
    return event("payment.received", subject, at, data, **keys)
