"""How each kind of fact is told: by whom, under which subject, with which data.

Channels know the order's number; warehouses, carriers and gateways often only their own, and then speak of
`alias/wms:…`, `alias/waybill:…` or `alias/payment:…`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from time import gmtime, strftime
from typing import TYPE_CHECKING, Any

import orjson

from engine.simulate.words import address, person, scrambled

if TYPE_CHECKING:
    from engine.simulate.orders import Order

Teller = Callable[["Order", int], str]
Data = dict[str, Any]


class Telling:
    """One kind of fact. `source`, `subject` and `data` are asked with the order and the number of its parcel or
    payment; `delay` is the median from occurrence to arrival (µs); `moves` says that a lifecycle may be moved by it."""

    __slots__ = ("data", "delay", "moves", "source", "subject", "trigger", "type")

    def __init__(
        self,
        type_: str,
        source: Teller,
        subject: Teller,
        data: Callable[[Order, int], Data],
        delay: int,
        moves: bool = True,
    ) -> None:
        self.type = type_
        self.trigger = type_.rpartition(".")[0]
        self.source = source
        self.subject = subject
        self.data = data
        self.delay = delay
        self.moves = moves


@lru_cache(maxsize=4096)
def _minute(minutes: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:", gmtime(minutes * 60))


def rfc3339(instant: int) -> str:
    """µs UTC → `2026-11-11T20:00:00.123456Z`, always with six digits. Lines come by arrival, so the minutes of their
    instants are few and near: formatting them once is most of the speed."""
    minutes, rest = divmod(instant, 60_000_000)
    digits = f"{rest:08d}"
    return f"{_minute(minutes)}{digits[:2]}.{digits[2:]}Z"


def event_of(
    id_: str, source: str, type_: str, subject: str, time: int, arrived: int, data: Data
) -> dict[str, Any]:
    """A CloudEvent with our extension `arrivedtime`, ready to be written as JSON."""
    return {
        "specversion": "1.0",
        "id": id_,
        "source": source,
        "type": type_,
        "subject": subject,
        "time": rfc3339(time),
        "arrivedtime": rfc3339(arrived),
        "data": data,
    }


def encoded(event: Any) -> bytes:
    """A JSON line."""
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)


# Who tells


def _channel(order: Order, part: int) -> str:
    return order.source


def _gateway(order: Order, part: int) -> str:
    return f"/gateways/{order.channel.gateway}"


def _stock(order: Order, part: int) -> str:
    return f"/stock/{order.node}"


def _wms(order: Order, part: int) -> str:
    return f"/wms/{order.node}"


def _carrier(order: Order, part: int) -> str:
    return f"/carriers/{order.carrier}"


def _payer(order: Order, part: int) -> str:
    return _gateway(order, part) if order.by_gateway else order.source


# Of what


def _order(order: Order, part: int) -> str:
    return order.subject


def _by_payment(order: Order, part: int) -> str:
    return f"alias/payment:{order.payment(part)}"


def _by_payer(order: Order, part: int) -> str:
    return _by_payment(order, part) if order.by_gateway else order.subject


def _by_wms(order: Order, part: int) -> str:
    return f"alias/wms:{order.wms}" if order.by_wms else order.subject


def _by_waybill(order: Order, part: int) -> str:
    return order.subject if order.channel.handed_over else f"alias/waybill:{order.waybill(part)}"


# What


def _placed(order: Order, part: int) -> Data:
    channel, guise = order.channel, order.guise
    data: Data = {
        "currency": channel.currency,
        "lines": [
            {
                "line": str(number),
                "sku": goods.sku,
                "quantity": goods.quantity,
                "unit_price": goods.unit_price,
                "category": order.category,
                "weight_grams": goods.grams,
            }
            for number, goods in enumerate(order.lines, 1)
        ],
        "shipping": order.shipping,
        "discount": order.discount,
        "customer": person(order.customer, order.seed, channel.name) if guise is None else guise.customer,
    }
    if order.deposit:
        data["deposit"] = order.deposit
    if order.unaddressed:
        if order.index % 4:
            data["address"] = {
                "country": "CN",
                "text": f"addr_id={scrambled(order.index, 9, order.seed + 7)}",
            }
    elif not channel.handed_over:
        data["address"] = (
            address(order.customer, order.seed, channel.name) if guise is None else guise.address
        )
    if promised := order.ship_by:
        data["promises"] = {"ship_by": rfc3339(promised)}
    return data


def _subsidy(order: Order, part: int) -> Data:
    return {
        "subsidy": f"S{scrambled(order.index, 12, order.seed + 4)}",
        "amount": order.subsidy,
        "currency": order.channel.currency,
        "by": order.channel.name,
    }


def _failed(order: Order, part: int) -> Data:
    return {
        "payment": order.payment(part),
        "amount": order.amount(part),
        "currency": order.channel.currency,
        "reason": "bank declined",
    }


def _received(order: Order, part: int) -> Data:
    kind = "full"
    if order.deposit:
        kind = "balance" if part else "deposit"
    return {
        "payment": order.payment(part),
        "amount": order.amount(part),
        "currency": order.channel.currency,
        "kind": kind,
        "method": order.channel.method,
    }


def _fee(order: Order, part: int) -> Data:
    return {
        "fee": f"F{scrambled(order.index, 12, order.seed + 5)}",
        "amount": order.fee(part),
        "currency": order.channel.currency,
        "kind": "service",
    }


def _refunded(order: Order, part: int) -> Data:
    return {
        "refund": f"R{scrambled(order.index, 12, order.seed + 6)}",
        "amount": order.amount(part),
        "currency": order.channel.currency,
        "payment": order.payment(part),
        "reason": "cancelled",
    }


def _unpaid(order: Order, part: int) -> Data:
    return {"reason": "not paid in time"}


def _called_off(order: Order, part: int) -> Data:
    return {"reason": "customer changed their mind"}


def _locked(order: Order, part: int) -> Data:
    data: Data = {"node": order.node}
    if order.by_wms:
        data["wms"] = order.wms
    return data


def _lock_failed(order: Order, part: int) -> Data:
    return {"reason": "stock service does not answer", "node": order.node}


def _goods(order: Order, part: int) -> Data:
    data: Data = {"node": order.node}
    if len(order.parcels) > 1:
        data["parcel"] = str(part + 1)
        data["lines"] = order.parcels[part]
    if order.by_wms:
        data["wms"] = order.wms
    return data


def _packed(order: Order, part: int) -> Data:
    data = _goods(order, part)
    if not order.by_wms and not order.channel.handed_over:
        data["waybill"] = order.waybill(part)
    return data


def _dispatched(order: Order, part: int) -> Data:
    data = _goods(order, part)
    if not order.channel.handed_over:
        data["waybill"] = order.waybill(part)
        data["carrier"] = order.carrier
    return data


def _delivered(order: Order, part: int) -> Data:
    if order.channel.handed_over:
        return {}
    data: Data = {"waybill": order.waybill(part)}
    if len(order.parcels) > 1:
        data["parcel"] = str(part + 1)
        data["lines"] = order.parcels[part]
    return data


def _collected(order: Order, part: int) -> Data:
    return {"waybill": order.waybill(part), "scan": "collected", "place": order.node}


def _at_hub(order: Order, part: int) -> Data:
    return {"waybill": order.waybill(part), "scan": "at hub", "place": f"{order.carrier} hub"}


def _nothing(order: Order, part: int) -> Data:
    return {}


_FAST, _USUAL, _SLOW = 250_000, 700_000, 9_000_000

PLACED = Telling("order.placed.v1", _channel, _order, _placed, _FAST)
SUBSIDY = Telling("payment.subsidy_granted.v1", _channel, _order, _subsidy, _FAST, moves=False)
FAILED = Telling("payment.failed.v1", _channel, _order, _failed, _USUAL, moves=False)
RECEIVED = Telling("payment.received.v1", _payer, _by_payer, _received, _USUAL)
RECEIVED_POLLED = Telling("payment.received.v1", _gateway, _by_payment, _received, _USUAL)
FEE = Telling("payment.fee_charged.v1", _gateway, _by_payment, _fee, _USUAL, moves=False)
REFUNDED = Telling("payment.refunded.v1", _gateway, _by_payment, _refunded, _USUAL, moves=False)
UNPAID = Telling("order.cancelled.v1", _channel, _order, _unpaid, _USUAL)
CALLED_OFF = Telling("order.cancelled.v1", _channel, _order, _called_off, _USUAL)
LOCKED = Telling("stock.locked.v1", _stock, _order, _locked, _FAST)
LOCK_FAILED = Telling("stock.lock_failed.v1", _stock, _order, _lock_failed, _FAST, moves=False)
ACCEPTED = Telling("fulfilment.accepted.v1", _wms, _by_wms, _goods, _USUAL)
PICKED = Telling("fulfilment.picked.v1", _wms, _by_wms, _goods, _USUAL)
PACKED = Telling("fulfilment.packed.v1", _wms, _by_wms, _packed, _USUAL)
DISPATCHED = Telling("fulfilment.dispatched.v1", _wms, _by_wms, _dispatched, _USUAL)
COLLECTED = Telling("fulfilment.moved.v1", _carrier, _by_waybill, _collected, _SLOW, moves=False)
AT_HUB = Telling("fulfilment.moved.v1", _carrier, _by_waybill, _at_hub, _SLOW, moves=False)
DELIVERED = Telling("fulfilment.delivered.v1", _carrier, _by_waybill, _delivered, _SLOW)
DELIVERED_UNASKED = Telling("fulfilment.delivered.v1", _carrier, _order, _nothing, _USUAL)
COMPLETED = Telling("order.completed.v1", _channel, _order, _nothing, _USUAL)


def binds(order: Order, telling: Telling, part: int) -> list[str]:
    """The alias subjects that stand for the order from this fact on."""
    data = telling.data(order, part)
    return [f"alias/{field}:{data[field]}" for field in ("payment", "wms", "waybill") if field in data]
