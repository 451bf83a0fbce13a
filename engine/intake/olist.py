"""The Olist set (a Brazilian marketplace, 2016 to 2018, as published: a folder of CSV files) → events.

Payments have no time of their own: they take approval's, else purchase's. A cancelled or unavailable order
was so at its last known time + 1 s. A local time that a clock change makes ambiguous or impossible takes the
earlier UTC instant. All three are marked `timeinferred`. `deliver_by` is the estimate as written: midnight,
when its day begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from engine.errors import Unreadable
from engine.intake.model import DeadLetter
from engine.intake.order import AS_BEFORE, Found
from engine.intake.tables import BadCell, Table, cents, located
from schemas.envelope import CloudEvent, micros
from schemas.events.common import Address, Customer, Data, Line, Promises
from schemas.events.order import OrderCancelled, OrderPlaced
from schemas.events.payment import PaymentReceived

SOURCE = "/channels/olist"
ZONE = "America/Sao_Paulo"
CURRENCY = "BRL"

_STATUSES = (
    "created",
    "approved",
    "invoiced",
    "processing",
    "shipped",
    "delivered",
    "canceled",
    "unavailable",
)
_CANCELLED = ("canceled", "unavailable")
_TABLES: dict[str, tuple[str, ...]] = {
    "orders": (
        "olist_orders_dataset",
        "order_id",
        "customer_id",
        "order_status",
        "order_purchase_timestamp",
        "order_approved_at",
        "order_delivered_carrier_date",
        "order_delivered_customer_date",
        "order_estimated_delivery_date",
    ),
    "items": (
        "olist_order_items_dataset",
        "order_id",
        "order_item_id",
        "product_id",
        "shipping_limit_date",
        "price",
        "freight_value",
    ),
    "payments": (
        "olist_order_payments_dataset",
        "order_id",
        "payment_sequential",
        "payment_type",
        "payment_value",
    ),
    "customers": (
        "olist_customers_dataset",
        "customer_id",
        "customer_unique_id",
        "customer_zip_code_prefix",
        "customer_city",
        "customer_state",
    ),
    "products": ("olist_products_dataset", "product_id", "product_category_name", "product_weight_g"),
}
_TRANSLATION = (
    "product_category_name_translation",
    "product_category_name",
    "product_category_name_english",
)

_SECOND = timedelta(seconds=1)

_encode = msgspec.json.Encoder().encode


def read(folder: str) -> Iterator[Found]:
    """Every event of the set, in the order of its orders table. Rows that cannot be used come as dead
    letters. Raises Unreadable for a folder without one of the tables, or a table without a column."""
    return _Set(Path(folder)).events()


class _Clock:
    """Local wall-clock texts → UTC. Converted once per hour that occurs: this zone changes on the hour
    only."""

    def __init__(self) -> None:
        try:
            self._zone = ZoneInfo(ZONE)
        except ZoneInfoNotFoundError:
            raise Unreadable(f"This machine does not know the zone {ZONE}.", "pip install tzdata") from None
        self._hours: dict[str, tuple[datetime, bool]] = {}

    def utc(self, text: str, column: str) -> tuple[datetime, bool]:
        """(UTC instant, whether a clock change left two readings). Raises BadCell naming the column."""
        try:
            hour, inferred = self._hours.get(text[:13]) or self._hour(text[:13])
            if len(text) != 19 or text[13] != ":" or text[16] != ":":
                raise ValueError
            return hour.replace(minute=int(text[14:16]), second=int(text[17:])), inferred
        except ValueError:
            raise BadCell(f"{column} {text[:40]!r} is no instant; write 2017-10-02 10:56:33.") from None

    def _hour(self, text: str) -> tuple[datetime, bool]:
        local = datetime.strptime(text, "%Y-%m-%d %H").replace(tzinfo=self._zone)
        readings = {local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
        found = self._hours[text] = (min(readings), len(readings) > 1)
        return found


class _Set:
    """The tables of one folder, joined. Small tables are held in memory; the orders table is read row by
    row."""

    def __init__(self, folder: Path) -> None:
        self._dead: list[DeadLetter] = []
        self._clock = _Clock()
        self._tables = {
            label: Table(located(folder, names[0]), f"olist/{label}", names[1:], self._dead.append)
            for label, names in _TABLES.items()
        }
        self._translation = None
        if any((folder / f"{_TRANSLATION[0]}.csv{end}").exists() for end in ("", ".gz")):
            path = located(folder, _TRANSLATION[0])
            self._translation = Table(path, "olist/translation", _TRANSLATION[1:], self._dead.append)

    def events(self) -> Iterator[Found]:
        """All of the set."""
        orders = self._tables["orders"]
        customers = {row[0]: row[1:] for row in self._tables["customers"]}
        lines = self._lines(self._products())
        payments = self._payments()
        yield from self._refused()
        told: set[str] = set()
        for row in orders:
            order = row[0]
            try:
                if order in told:
                    raise BadCell(f"order_id {order!r} is there twice; keep one of the rows.")
                found = self._order(row, customers.get(row[1]), lines.get(order, []), payments.get(order, []))
            except BadCell as error:
                orders.refuse(str(error))
            else:
                yield from found
                told.add(order)
            if self._dead:
                yield from self._refused()
        customers.clear()
        for label, named in (("items", lines), ("payments", payments)):
            yield from self._orphans(self._tables[label], named.keys() - told)

    def _order(
        self,
        row: tuple[str, ...],
        customer: tuple[str, ...] | None,
        lines: list[Line],
        payments: list[tuple[int, PaymentReceived]],
    ) -> list[Found]:
        order, _, status, purchase, approval, carrier, delivery, estimate = row
        if status not in _STATUSES:
            raise BadCell(f"order_status {status[:40]!r} is none of {', '.join(_STATUSES)}.")
        utc = self._clock.utc
        placed_at, placed_inferred = utc(purchase, "order_purchase_timestamp")
        last = placed_at
        placed = OrderPlaced(
            currency=CURRENCY,
            lines=lines,
            promises=Promises(
                ship_by=min((line.ship_by for line in lines if line.ship_by), default=None),
                deliver_by=utc(estimate, "order_estimated_delivery_date")[0] if estimate else None,
            ),
        )
        if customer is not None:
            account, postcode, city, state = customer
            placed.customer = Customer(account=account)
            placed.address = Address(country="BR", region=state, city=city, postcode=postcode)
        label, line = "olist/orders", self._tables["orders"].line
        found: list[Found] = [
            _event(order, "placed", "order.placed.v1", placed_at, placed_inferred, placed, label, line)
        ]
        paid_at = utc(approval, "order_approved_at")[0] if approval else placed_at
        for number, payment in payments:
            name = f"payment-{payment.payment[len(order) + 1 :]}"
            found.append(
                _event(order, name, "payment.received.v1", paid_at, True, payment, "olist/payments", number)
            )
        for text, column, name, type_ in (
            (approval, "order_approved_at", "confirmed", "order.confirmed.v1"),
            (carrier, "order_delivered_carrier_date", "dispatched", "fulfilment.dispatched.v1"),
            (delivery, "order_delivered_customer_date", "delivered", "fulfilment.delivered.v1"),
        ):
            if text:
                at, inferred = utc(text, column)
                last = max(last, at)
                found.append(_event(order, name, type_, at, inferred, None, label, line))
        if status in _CANCELLED:
            reason = OrderCancelled(reason=status)
            found.append(
                _event(order, "cancelled", "order.cancelled.v1", last + _SECOND, True, reason, label, line)
            )
        return found

    def _products(self) -> dict[str, tuple[str, int | None]]:
        """Product → (category, grams). The English category where the translation has one, else the
        Portuguese."""
        english = {row[0]: row[1] for row in self._translation or ()}
        products: dict[str, tuple[str, int | None]] = {}
        table = self._tables["products"]
        for product, category, grams in table:
            if grams and not (grams.isdecimal() and grams.isascii()):
                table.refuse(f"product_weight_g {grams[:40]!r} is no whole number of grams.")
                continue
            products[product] = (english.get(category, category) or "general", int(grams) if grams else None)
        return products

    def _lines(self, products: dict[str, tuple[str, int | None]]) -> dict[str, list[Line]]:
        lines: dict[str, list[Line]] = {}
        table = self._tables["items"]
        for order, item, product, limit, price, freight in table:
            category, grams = products.get(product, ("general", None))
            try:
                line = Line(
                    line=item,
                    sku=product,
                    quantity=1,
                    unit_price=cents(price, "price"),
                    category=category,
                    weight_grams=grams,
                    shipping=cents(freight, "freight_value"),
                    ship_by=self._clock.utc(limit, "shipping_limit_date")[0] if limit else None,
                )
            except BadCell as error:
                table.refuse(str(error))
            else:
                lines.setdefault(order, []).append(line)
        return lines

    def _payments(self) -> dict[str, list[tuple[int, PaymentReceived]]]:
        payments: dict[str, list[tuple[int, PaymentReceived]]] = {}
        table = self._tables["payments"]
        for order, number, method, value in table:
            try:
                amount = cents(value, "payment_value")
            except BadCell as error:
                table.refuse(str(error))
                continue
            payment = PaymentReceived(f"{order}-{number}", amount, CURRENCY, method=method or None)
            payments.setdefault(order, []).append((table.line, payment))
        return payments

    def _orphans(self, table: Table, orders: set[str]) -> Iterator[Found]:
        """Rows of orders that have no usable row: the table is read again for their bytes."""
        if not orders:
            return
        self._dead.clear()
        for row in table:
            # Rows refused in this second reading were refused in the first.
            self._dead.clear()
            if row[0] in orders:
                table.refuse(
                    f"order_id {row[0]!r} has no usable row in the orders table; put that right first."
                )
                yield from self._refused()
        self._dead.clear()

    def _refused(self) -> Iterator[Found]:
        for letter in self._dead:
            label, _, line = letter.origin.rpartition(":")
            yield AS_BEFORE, label, int(line), letter
        self._dead.clear()


def _event(
    order: str, name: str, type_: str, at: datetime, inferred: bool, data: Data | None, label: str, line: int
) -> Found:
    event = CloudEvent(
        id=f"{order}:{name}",
        source=SOURCE,
        type=type_,
        specversion="1.0",
        subject=f"order/olist:{order}",
        time=at,
        timeinferred=True if inferred else None,
    )
    if data is not None:
        event.data = msgspec.Raw(_encode(data))
    return micros(at), label, line, _encode(event)
