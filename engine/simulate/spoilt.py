"""Events made wrong: other data, unknown types and fields, and lines that intake must refuse, each with the reason.

Every function takes the event as it should have been sent and gives the line that is sent instead.
"""

from __future__ import annotations

from typing import Any

from engine.simulate import telling
from engine.simulate.delivery import Alter, Delivery
from engine.simulate.orders import Order
from engine.simulate.telling import Telling, encoded, rfc3339

_DAY = 86_400_000_000


def reserialised(delivery: Delivery, order: Order, event: dict[str, Any]) -> bytes:
    """The same data, its fields in reverse order."""
    return encoded(event | {"data": dict(reversed(event["data"].items()))})


def with_unknown_field(delivery: Delivery, order: Order, event: dict[str, Any]) -> bytes:
    """A field no schema names, where a channel would put one."""
    return encoded(event | {"data": event["data"] | {"campaign": "double eleven"}})


def _data(field: str, value: Any) -> Alter:
    return lambda delivery, order, event: encoded(event | {"data": event["data"] | {field: value}})


def _more(field: str, by: int) -> Alter:
    return lambda delivery, order, event: encoded(
        event | {"data": event["data"] | {field: event["data"][field] + by}}
    )


def _attribute(name: str, value: Any) -> Alter:
    return lambda delivery, order, event: encoded(event | {name: value})


def _first_line(field: str, value: Any) -> Alter:
    def alter(delivery: Delivery, order: Order, event: dict[str, Any]) -> bytes:
        first, *others = event["data"]["lines"]
        return encoded(event | {"data": event["data"] | {"lines": [first | {field: value}, *others]}})

    return alter


def _cut_short(delivery: Delivery, order: Order, event: dict[str, Any]) -> bytes:
    whole = encoded(event)
    return whole[: len(whole) * 2 // 3].decode(errors="ignore").encode() + b"\n"


def _listed(delivery: Delivery, order: Order, event: dict[str, Any]) -> bytes:
    return encoded([event])


def _without(name: str) -> Alter:
    return lambda delivery, order, event: encoded({key: value for key, value in event.items() if key != name})


def _at(shift: int) -> Alter:
    return lambda delivery, order, event: encoded(event | {"time": rfc3339(delivery.arrived + shift)})


DIVERGENCES: dict[Telling, Alter] = {
    telling.PLACED: _more("shipping", 100),
    telling.RECEIVED: _more("amount", 1),
    telling.LOCKED: _data("node", "nowhere-9"),
    telling.PACKED: _data("weight_grams", 1),
}
"""Under the same source and id: other data."""

CONFLICTS: dict[Telling, Alter] = {
    telling.PLACED: _more("discount", 300),
    telling.RECEIVED: _more("amount", 100),
    telling.FEE: _more("amount", 7),
    telling.COLLECTED: _data("place", "another depot"),
}
"""Under another id: the same fact, told otherwise in a field that is part of its content."""

UNKNOWN_TYPES: tuple[Alter, ...] = (
    _attribute("type", "order.gift_wrapped.v1"),
    _attribute("type", "fulfilment.weighed.v2"),
    _attribute("type", "order.placed.v9"),
)

Spoilt = tuple[str, Alter]
"""(reason of the dead letter, what is sent)."""

_ANYWHERE: tuple[Spoilt, ...] = (
    ("broken-json", _cut_short),
    ("not-cloudevent", _listed),
    ("not-cloudevent", _attribute("specversion", "0.3")),
    ("bad-attribute", _attribute("source", 17)),
    ("bad-attribute", _attribute("id", "x" * 300)),
    ("bad-attribute", _without("source")),
    ("bad-subject", _attribute("subject", "parcel 77")),
    ("bad-subject", _attribute("subject", "order/")),
    ("bad-subject", _attribute("subject", f"order/taobao:{'9' * 400}")),
    ("bad-subject", _without("subject")),
    ("bad-time", _attribute("time", "2026-02-30T25:61:00Z")),
    ("bad-time", _attribute("time", "yesterday evening")),
    ("too-early", _attribute("time", "1999-12-31T23:59:59Z")),
    ("too-far-ahead", _at(400 * _DAY)),
    ("reserved-type", _attribute("type", "order.frozen.v1")),
    ("reserved-source", _attribute("source", "/orderfold/append")),
)

MALFORMED: dict[Telling, tuple[Spoilt, ...]] = {
    telling.PLACED: (
        *_ANYWHERE,
        ("bad-data", _first_line("quantity", -3)),
        ("bad-data", _first_line("unit_price", 12.5)),
        ("bad-data", _first_line("sku", "S" * 500)),
        ("bad-data", _data("currency", "rmb")),
        ("bad-data", _data("lines", "two shirts")),
    ),
    telling.RECEIVED: (
        *_ANYWHERE,
        ("bad-data", _more("amount", -(10**12))),
        ("bad-data", _data("amount", "129.00")),
        ("bad-data", _data("payment", None)),
        ("bad-data", _data("kind", "half")),
    ),
}


__all__ = ["CONFLICTS", "DIVERGENCES", "MALFORMED", "UNKNOWN_TYPES", "reserialised", "with_unknown_field"]
