"""The Olist set: money by its digits, local times, what is inferred; and what a spoilt table does."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from engine.intake.importing import Import
from engine.intake.model import DeadLetter, Incoming, Rules
from engine.intake.tables import BadCell, cents
from schemas.envelope import Event, rfc3339
from tests import real_data

RULES = Rules(0, 300_000_000, 65_536, [("olist", ["/channels/olist"])], "other")
NOW = 1_700_000_000_000_000

ORDERS = (
    "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,"
    "order_delivered_customer_date,order_estimated_delivery_date\n"
)
ITEMS = "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value\n"
PAYMENTS = "order_id,payment_sequential,payment_type,payment_installments,payment_value\n"
CUSTOMERS = "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\n"
PRODUCTS = "product_id,product_category_name,product_name_lenght,product_weight_g\n"

ORDER = "o1,c1,delivered,2017-10-02 10:56:33,2017-10-02 11:07:15,2017-10-04 19:55:00,2017-10-10 21:25:13,2017-10-18 00:00:00\n"


def folder(tmp_path: Path, **tables: str) -> str:
    """A set of one order, unless a table is given otherwise."""
    texts = {
        "orders": ORDERS + ORDER,
        "order_items": ITEMS
        + "o1,1,p1,s1,2017-10-06 11:07:15,29.99,8.72\no1,2,p2,s1,2017-10-05 11:07:15,118.7,22.76\n",
        "order_payments": PAYMENTS + "o1,1,credit_card,1,18.12\no1,2,voucher,1,162.05\n",
        "customers": CUSTOMERS + 'c1,u1,03149,"são paulo",SP\n',
        "products": PRODUCTS + "p1,perfumaria,40,225\np2,,0,\n",
    } | tables
    for name, text in texts.items():
        (tmp_path / f"olist_{name}_dataset.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    (tmp_path / "product_category_name_translation.csv").write_text(
        "\ufeffproduct_category_name,product_category_name_english\nperfumaria,perfumery\n", encoding="utf-8"
    )
    return str(tmp_path)


def read(path: str) -> tuple[list[Event], list[DeadLetter], list[str]]:
    with Import([path], "olist", RULES, now=NOW, historical=True) as import_:
        found = list(import_)
    events = [item.event for item in found if isinstance(item, Incoming)]
    dead = [item for item in found if isinstance(item, DeadLetter)]
    return events, dead, [error.detail for error in import_.errors]


def test_an_order_becomes_its_events(tmp_path: Path) -> None:
    events, dead, errors = read(folder(tmp_path))

    assert (dead, errors) == ([], [])
    assert [(event.id, rfc3339(event.time), event.timeinferred) for event in events] == [
        ("o1:placed", "2017-10-02T13:56:33Z", False),
        ("o1:payment-1", "2017-10-02T14:07:15Z", True),
        ("o1:payment-2", "2017-10-02T14:07:15Z", True),
        ("o1:confirmed", "2017-10-02T14:07:15Z", False),
        ("o1:dispatched", "2017-10-04T22:55:00Z", False),
        ("o1:delivered", "2017-10-11T00:25:13Z", False),
    ]
    assert {event.subject for event in events} == {"order/olist:o1"}
    assert {event.channel for event in events} == {"olist"}


def test_what_is_placed_says_lines_customer_address_and_promises(tmp_path: Path) -> None:
    data = read(folder(tmp_path))[0][0].data

    first, second = data.lines
    assert (first.line, first.sku, first.unit_price, first.shipping) == ("1", "p1", 2999, 872)
    assert (first.category, first.weight_grams) == ("perfumery", 225)
    assert (second.unit_price, second.category, second.weight_grams) == (11870, "general", None)
    assert data.customer.account == "u1"
    assert (data.address.city, data.address.region, data.address.country) == ("são paulo", "SP", "BR")
    assert data.promises.ship_by.isoformat() == "2017-10-05T14:07:15+00:00"
    assert data.promises.deliver_by.isoformat() == "2017-10-18T02:00:00+00:00"


def test_payments_have_their_numbers_and_amounts(tmp_path: Path) -> None:
    payments = [event.data for event in read(folder(tmp_path))[0] if event.type == "payment.received.v1"]

    assert [(paid.payment, paid.amount, paid.method) for paid in payments] == [
        ("o1-1", 1812, "credit_card"),
        ("o1-2", 16205, "voucher"),
    ]


@pytest.mark.parametrize("status", ["canceled", "unavailable"])
def test_the_cancelled_are_so_a_second_after_the_last_that_is_known(tmp_path: Path, status: str) -> None:
    row = f"o1,c1,{status},2017-10-02 10:56:33,,2017-10-04 19:55:00,,2017-10-18 00:00:00\n"
    events, _, _ = read(folder(tmp_path, orders=ORDERS + row))

    cancelled = events[-1]
    assert (cancelled.type, cancelled.data.reason) == ("order.cancelled.v1", status)
    assert (rfc3339(cancelled.time), cancelled.timeinferred) == ("2017-10-04T22:55:01Z", True)
    assert [rfc3339(event.time) for event in events[:3]] == ["2017-10-02T13:56:33Z"] * 3


@pytest.mark.parametrize(
    ("local", "utc", "inferred"),
    [
        ("2017-10-14 23:59:59", "2017-10-15T02:59:59Z", False),
        ("2017-10-15 00:30:00", "2017-10-15T02:30:00Z", True),  # never was: clocks went from 0:00 to 1:00
        ("2017-10-15 01:00:00", "2017-10-15T03:00:00Z", False),
        ("2018-02-17 22:59:59", "2018-02-18T00:59:59Z", False),
        (
            "2018-02-17 23:30:00",
            "2018-02-18T01:30:00Z",
            True,
        ),  # was twice: clocks went from 0:00 back to 23:00
        ("2018-02-18 00:00:00", "2018-02-18T03:00:00Z", False),
    ],
)
def test_a_clock_change_takes_the_earlier_instant(
    tmp_path: Path, local: str, utc: str, inferred: bool
) -> None:
    row = f"o1,c1,created,{local},,,,2018-10-18 00:00:00\n"
    placed = read(folder(tmp_path, orders=ORDERS + row))[0][0]

    assert (rfc3339(placed.time), placed.timeinferred) == (utc, inferred)


def test_tables_may_be_gzip(tmp_path: Path) -> None:
    path = folder(tmp_path)
    table = tmp_path / "olist_orders_dataset.csv"
    (tmp_path / "olist_orders_dataset.csv.gz").write_bytes(gzip.compress(table.read_bytes()))
    table.unlink()

    assert len(read(path)[0]) == 6


@pytest.mark.parametrize(
    ("table", "text", "words"),
    [
        ("orders", ORDERS + ORDER.replace("delivered", "teleported"), "line 2: order_status 'teleported'"),
        (
            "orders",
            ORDERS + ORDER.replace("2017-10-02 10", "2017-13-02 10"),
            "line 2: order_purchase_timestamp",
        ),
        ("orders", ORDERS + ORDER.replace("21:25:13", "21:25"), "line 2: order_delivered_customer_date"),
        ("orders", ORDERS + ORDER + ORDER, "line 3: order_id 'o1' is there twice"),
        ("orders", ORDERS + "o2,c1\n" + ORDER, "line 2: 2 fields where the heading has 8"),
        (
            "order_items",
            ITEMS + "o1,1,p1,s1,2017-10-06 11:07:15,29.9O,8.72\n",
            "line 2: price '29.9O' is no amount",
        ),
        ("order_items", ITEMS + "o9,1,p1,s1,,29.90,8.72\n", "line 2: order_id 'o9' has no usable row"),
        ("order_payments", PAYMENTS + "o1,1,credit_card,1,-5.00\n", "line 2: payment_value '-5.00'"),
        ("products", PRODUCTS + "p1,perfumaria,40,heavy\n", "line 2: product_weight_g 'heavy'"),
        ("customers", CUSTOMERS + "c1,u1,03149,s\udce3o paulo,SP\n", "line 2: it is not UTF-8"),
        ("customers", CUSTOMERS + 'c1,u1,03149,"sao" paulo,SP\n', "line 2: "),
    ],
)
def test_a_bad_row_is_a_dead_letter_and_the_rest_goes_on(
    tmp_path: Path, table: str, text: str, words: str
) -> None:
    events, dead, errors = read(folder(tmp_path, **{table: text}))

    assert errors == []
    assert any(words in letter.detail for letter in dead)
    letter = next(letter for letter in dead if words in letter.detail)
    assert letter.reason == "bad-row"
    assert letter.raw
    assert f"olist_{table}_dataset.csv" in letter.detail
    assert events or table == "orders"


def test_rows_of_an_order_that_cannot_be_read_are_not_lost(tmp_path: Path) -> None:
    events, dead, _ = read(folder(tmp_path, orders=ORDERS + ORDER.replace("delivered", "teleported")))

    assert events == []
    assert [letter.origin for letter in dead] == [
        "olist/orders:2",
        "olist/items:2",
        "olist/items:3",
        "olist/payments:2",
        "olist/payments:3",
    ]
    assert dead[4].raw == b"o1,2,voucher,1,162.05"


def test_a_missing_column_or_table_is_named(tmp_path: Path) -> None:
    path = folder(tmp_path, orders=ORDERS.replace("order_status", "status") + ORDER)
    events, _, errors = read(path)

    assert events == []
    assert "olist_orders_dataset.csv, line 1: no column order_status" in errors[0]

    (tmp_path / "olist_order_payments_dataset.csv").unlink()
    assert "neither olist_order_payments_dataset.csv nor" in read(path)[2][0]


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    assert "olist_orders_dataset.csv" in read(str(tmp_path / "absent"))[2][0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("58.90", 5890), ("0.00", 0), ("118.7", 11870), ("5.000", 500), ("13664.08", 1366408), ("5", 500)],
)
def test_amounts_are_read_by_their_digits(text: str, expected: int) -> None:
    assert cents(text, "price") == expected


@pytest.mark.parametrize("text", ["", ".", ".50", "1e3", "1.005", "-1.00", "1,00", "NaN", "١.٠٠", "1.²²"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(BadCell):
        cents(text, "price")


def test_the_whole_set_comes_to_the_cent() -> None:
    path = real_data.folder("olist")
    counts: Counter[str] = Counter()
    inferred: Counter[str] = Counter()
    paid = prices = freight = latest = 0
    with Import([str(path)], "olist", RULES, now=NOW, historical=True) as import_:
        for item in import_:
            assert isinstance(item, Incoming)
            assert item.arrived >= latest
            latest = item.arrived
            event = item.event
            counts[event.type] += 1
            inferred[event.type] += event.timeinferred
            if event.type == "payment.received.v1":
                paid += event.data.amount
            elif event.type == "order.placed.v1":
                prices += sum(line.unit_price for line in event.data.lines)
                freight += sum(line.shipping for line in event.data.lines)

    assert import_.errors == []
    assert counts == {
        "order.placed.v1": 99_441,
        "payment.received.v1": 103_886,
        "order.confirmed.v1": 99_281,
        "fulfilment.dispatched.v1": 97_658,
        "fulfilment.delivered.v1": 96_476,
        "order.cancelled.v1": 625 + 609,
    }
    assert import_.total == sum(counts.values()) == 497_976
    assert (inferred["order.placed.v1"], inferred["order.confirmed.v1"]) == (13, 9)
    assert (paid, prices, freight) == (1_600_887_212, 1_359_164_370, 225_190_954)
