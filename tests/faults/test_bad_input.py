"""Bad input by every way in: a message that names the place and the way out, the rest goes on, the bytes are kept."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from engine.store.database import Store
from tests.faults.processes import Ended, Server, orderfold
from tests.serving import paid, placed, told
from tests.worlds import POLICY

TIME = "2026-02-01T00:00:00Z"
EVENT_BYTES_MAX = 65_536


def dated(event: dict[str, Any], **more: Any) -> dict[str, Any]:
    return event | {"time": TIME} | more


def line_of(**more: Any) -> dict[str, Any]:
    """An order whose only line is told otherwise."""
    event = placed("jd:66")
    event["data"]["lines"][0] |= more
    return dated(event)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in dated(placed("jd:66")).items() if key != name}


def encoded(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


GOOD = [
    dated(placed()),
    dated(paid()),
    dated(told("order.gift_wrapped", "jd:1", ribbon="red")),
    dated(told("order.placed", "jd:1", "v9"), type="order.placed.v9"),
    dated(placed("jd:2"), data=placed()["data"] | {"campaign": "double eleven"}),
    dated(placed("jd:3")),
]
"""Events that are taken, types, versions and fields nobody knows among them."""

BAD: list[tuple[bytes, str, str, str]] = [
    (encoded(dated(placed("jd:66")))[:-40], "broken-json", "column", "one UTF-8 JSON object per event"),
    (b"order 66 was placed, honestly", "broken-json", "column 1", "one UTF-8 JSON object per event"),
    (b'{"specversion": "1.0", "id": NaN}', "broken-json", "column", "one UTF-8 JSON object per event"),
    (
        encoded(dated(placed("jd:66"))).replace(b"Somewhere", b"\xff\xfe"),
        "broken-json",
        "/data: not UTF-8 at column",
        "send UTF-8 JSON",
    ),
    (
        encoded(dated(placed("jd:66"), data=0)).replace(b": 0", b": " + b"[" * 3_000 + b"]" * 3_000),
        "broken-json",
        "nested too deep",
        "UTF-8 JSON",
    ),
    (encoded([dated(placed("jd:66"))]), "not-cloudevent", "JSON array", "one event per line"),
    (encoded(without("specversion")), "not-cloudevent", "/specversion", "needs specversion, id, source"),
    (encoded(dated(placed("jd:66"), specversion="0.3")), "not-cloudevent", "/specversion", "CloudEvents 1.0"),
    (encoded(dated(placed("jd:66"), id=17)), "bad-attribute", "/id", "CloudEvents 1.0"),
    (encoded(without("source")), "bad-attribute", "/source is missing", "needs specversion, id, source"),
    (encoded(dated(placed("jd:66"), id="x" * 300)), "bad-attribute", "/id has 300", "shorter"),
    (
        encoded(dated(placed("jd:66"), type="t" * 300)),
        "bad-attribute",
        "/type",
        "write it as order.placed.v1",
    ),
    (encoded(dated(placed("jd:66"), subject="parcel 77")), "bad-subject", "'parcel 77'", "order/<channel>:"),
    (encoded(dated(placed("jd:66"), subject="order/")), "bad-subject", "'order/'", "order/<channel>:"),
    (
        encoded(dated(placed("jd:66"), subject="order/jd:1!")),
        "bad-subject",
        "ends in '!'",
        "order/<channel>:",
    ),
    (encoded(dated(placed("jd:66"), subject="policy/0")), "bad-subject", "'policy/0'", "order/<channel>:"),
    (
        encoded(dated(placed("jd:66"), subject="order/jd:\u0000")),
        "bad-subject",
        "printed",
        "order/<channel>:",
    ),
    (
        encoded(dated(placed("jd:66"), subject="order/jd:" + "9" * 400)),
        "bad-subject",
        "409 char",
        "order/<ch",
    ),
    (encoded(without("subject")), "bad-subject", "/subject is missing", "order/<channel>:"),
    (encoded(dated(placed("jd:66"), time="2026-02-30T25:61:00Z")), "bad-time", "/time", "write RFC 3339"),
    (encoded(dated(placed("jd:66"), time="yesterday")), "bad-time", "/time", "write RFC 3339"),
    (encoded(dated(placed("jd:66"), time="2026-02-01T00:00:00")), "bad-time", "/time", "write RFC 3339"),
    (encoded(dated(placed("jd:66"), time="1999-12-31T23:59:59Z")), "too-early", "/time", "intake.earliest"),
    (encoded(dated(placed("jd:66"), time="2999-01-01T00:00:00Z")), "too-far-ahead", "/time", "clock or zone"),
    (
        encoded(line_of(quantity=-3)),
        "bad-data",
        "/data/lines/0/quantity",
        "schemas/json/order.placed.v1.json",
    ),
    (encoded(line_of(unit_price=12.5)), "bad-data", "/data/lines/0/unit_price", "whole minor units"),
    (encoded(line_of(sku="S" * 500)), "bad-data", "/data/lines/0/sku", "schemas/json/order.placed.v1.json"),
    (encoded(dated(placed("jd:66"), data="two shirts")), "bad-data", "/data", "schemas/json/order.placed"),
    (
        encoded(dated(paid("jd:66"), data=None)),
        "bad-data",
        "/data is missing",
        "schemas/json/payment.received",
    ),
    (
        encoded(dated(placed("jd:66"), datacontenttype="text/xml")),
        "not-json-data",
        "/datacontenttype",
        "JSON",
    ),
    (encoded(dated(placed("jd:66"), type="order.frozen.v1")), "reserved-type", "/type", "send what happened"),
    (encoded(dated(placed("jd:66"), type="order.held.v1")), "person-type", "/type", "/commands"),
    (
        encoded(dated(placed("jd:66"), source="/orderfold/append")),
        "reserved-source",
        "/source",
        "name the send",
    ),
    (encoded(line_of(sku="x" * 70_000)), "oversize", "65536 bytes", "split the event"),
]
"""(line, reason, the place its message names, the way out it shows)."""


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good and bad lines in turn, empty ones between, a byte order mark before."""
    file = tmp_path_factory.mktemp("bad") / "events.jsonl"
    good = [encoded(event) for event in GOOD]
    lines = [part for n, (bad, *_) in enumerate(BAD) for part in (*good[n : n + 1], bad, b"  ")]
    file.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
    return file


def letters(store: Path) -> list[tuple[str, str, bytes]]:
    """(reason, detail, bytes) of every dead letter, in the order they came."""
    opened = Store.open(str(store))
    try:
        with opened.read() as cursor:
            rows = cursor.execute("SELECT reason, detail, raw FROM dead_letters ORDER BY id")
            return [(row[0], row[1], row[2]) for row in rows]
    finally:
        opened.close()


@pytest.fixture(scope="module", params=["import", "live", "server"])
def taken(
    request: pytest.FixtureRequest, events: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Ended]:
    """The events put in by each of the three ways a file goes, and what was said."""
    store = tmp_path_factory.mktemp("taken") / "store"
    if request.param == "server":
        with Server(store) as server:
            done = orderfold("ingest", events, "--json", store=store)
            assert server.stop().code == 0
    else:
        way = ["--historical"] if request.param == "import" else []
        done = orderfold("ingest", events, "--json", *way, store=store)
    return store, done


def test_it_is_done_in_part_and_the_rest_goes_on(taken: tuple[Path, Ended]) -> None:
    store, done = taken

    assert done.code == 3, done.err
    assert "Traceback" not in done.err
    assert (done.data["accepted"], done.data["dead"]) == (len(GOOD), len(BAD))
    summary = orderfold("summary", "--json", store=store).data
    assert (summary["events"], summary["orders"], summary["dead"]) == (len(GOOD), 3, len(BAD))
    assert summary["unknown_types"] == 2
    assert summary["unknown_fields"] == {"order.placed.v1 /campaign": 1}


def test_each_message_names_the_place_and_the_way_out(taken: tuple[Path, Ended]) -> None:
    found = letters(taken[0])

    # What cannot stand in a batch goes to a server before it.
    found.sort(key=lambda letter: [bad[:EVENT_BYTES_MAX] for bad, *_ in BAD].index(letter[2]))
    assert [(reason, raw) for reason, _, raw in found] == [
        (reason, bad[:EVENT_BYTES_MAX]) for bad, reason, _, _ in BAD
    ], "the bytes as they came, of one too large its beginning"
    for (_, _, place, way), (reason, detail, _) in zip(BAD, found, strict=True):
        assert place in detail, (reason, detail)
        assert way in detail, (reason, detail)


def test_again_nothing_is_kept_twice(taken: tuple[Path, Ended], events: Path) -> None:
    store, _ = taken
    way = (
        ["--historical"]
        if orderfold("store", "info", "--json", store=store).data["kind"] == "history"
        else []
    )
    before = letters(store)

    again = orderfold("ingest", events, "--json", *way, store=store)

    assert again.code == 3
    assert (again.data["accepted"], again.data["duplicates"]) == (0, len(GOOD))
    if way:
        assert letters(store) == before


def test_large_events_go_to_a_server_in_batches_it_takes(tmp_path: Path) -> None:
    """Two hundred events of 50 kB are more than one request may have."""
    file = tmp_path / "large.jsonl"
    with file.open("wb") as out:
        for n in range(200):
            event = dated(placed(f"jd:{n}"))
            event["data"]["note_of_the_shop"] = "x" * 50_000
            out.write(encoded(event) + b"\n")
    with Server(tmp_path / "store") as server:
        done = orderfold("ingest", file, "--json", store=tmp_path / "store")
        assert server.stop().code == 0

    assert done.code == 0, done.err
    assert done.data["accepted"] == 200


# Files


def test_a_gzip_file_cut_short_gives_what_can_be_read_of_it(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(encoded(dated(placed(f"jd:{n}"))) + b"\n" for n in range(500)))
    cut, other = tmp_path / "cut.jsonl.gz", tmp_path / "other.jsonl"
    cut.write_bytes(whole[: len(whole) // 2])
    other.write_bytes(encoded(dated(placed("tmall:1"))))

    done = orderfold("ingest", cut, other, "--historical", "--json", store=tmp_path / "store")

    assert done.code == 3
    assert 10 < done.data["accepted"] < 500
    said = done.err.replace("\n", " ")
    assert f"{cut} ends early, at byte {len(whole) // 2}" in said
    assert f"Lines 1 to {done.data['accepted'] - 1} were read." in said
    assert "Fetch it again and ingest it again" in said
    cut.write_bytes(whole)
    again = orderfold("ingest", cut, "--historical", "--json", store=tmp_path / "store")
    assert (again.code, again.data["accepted"]) == (0, 500 - done.data["accepted"] + 1)


TABLES = {
    "orders": "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,"
    "order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date\n"
    "o1,c1,created,2017-10-02 10:56:33,,,,2017-10-18 00:00:00\n",
    "order_items": "order_id,order_item_id,product_id,shipping_limit_date,price,freight_value\n"
    "o1,1,p1,2017-10-06 11:07:15,29.99,8.72\n",
    "order_payments": "order_id,payment_sequential,payment_type,payment_value\no1,1,credit_card,38.71\n",
    "customers": "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\n"
    "c1,u1,03149,sao paulo,SP\n",
    "products": "product_id,product_category_name,product_weight_g\np1,utilidades,500\n",
}


def tables(folder: Path) -> Path:
    folder.mkdir()
    for name, text in TABLES.items():
        (folder / f"olist_{name}_dataset.csv").write_text(text)
    return folder


def olist(store: Path, *folders: Path) -> Ended:
    return orderfold("ingest", *folders, "--format", "olist", "--historical", "--json", store=store)


def test_a_table_without_a_column_is_named_with_those_it_has(tmp_path: Path) -> None:
    whole, lacking = tables(tmp_path / "whole"), tables(tmp_path / "lacking")
    payments = lacking / "olist_order_payments_dataset.csv"
    payments.write_text(payments.read_text().replace(",payment_value", ",value"))

    alone = olist(tmp_path / "one", lacking)
    beside = olist(tmp_path / "two", lacking, whole)

    assert (alone.code, beside.code) == (1, 3)
    for done in (alone, beside):
        said = done.err.replace("\n", " ")
        assert f"{payments}, line 1: no column payment_value; there is order_id, payment_sequential" in said
        assert "Use the file as published" in said
    assert beside.data["accepted"] == 2, "the other folder goes on"


def test_a_row_that_cannot_be_used_is_a_dead_letter_with_file_and_line(tmp_path: Path) -> None:
    folder = tables(tmp_path / "olist")
    items = folder / "olist_order_items_dataset.csv"
    items.write_text(items.read_text() + "o1,2,p1,2017-13-06 11:07:15,29.99,8.72\no1,3,p1,,29.99\n")

    done = olist(tmp_path / "store", folder)

    assert done.code == 3
    assert (done.data["accepted"], done.data["dead"]) == (2, 2)
    assert [(reason, raw) for reason, _, raw in letters(tmp_path / "store")] == [
        ("bad-row", b"o1,2,p1,2017-13-06 11:07:15,29.99,8.72"),
        ("bad-row", b"o1,3,p1,,29.99"),
    ]
    first, second = [detail for _, detail, _ in letters(tmp_path / "store")]
    assert f"{items}, line 3: shipping_limit_date '2017-13-06 11:07:15' is no instant; write 2017" in first
    assert f"{items}, line 4: 5 fields where the heading has 6" in second


# Policies and stores

BROKEN = [
    (POLICY.replace(b"\nchannels:", b"\nchannels: [", 1), "line"),
    (b"name: [unclosed\nmaps: {}\n", "line 2"),
    (POLICY + b"\ncolour: blue\n", f"line {POLICY.count(bytes([10])) + 2}"),
    (b"\xff\xfe\x00", "UTF-8"),
]


@pytest.mark.parametrize(("text", "place"), BROKEN)
def test_a_policy_that_does_not_parse_is_told_by_line(tmp_path: Path, text: bytes, place: str) -> None:
    policy, events = tmp_path / "rules.yaml", tmp_path / "events.jsonl"
    policy.write_bytes(text)
    events.write_bytes(encoded(dated(placed())))
    store = tmp_path / "store"

    checked = orderfold("check", policy)
    ingested = orderfold("ingest", events, "--historical", "--policy", policy, store=store)
    served = orderfold("up", "--port", "0", "--policy", policy, store=store)

    for done in (checked, ingested, served):
        assert done.code == 1
        assert place in done.out + done.err, done.out + done.err
        assert "Traceback" not in done.err
    assert not store.exists(), "and no store is made"


def test_a_store_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    store, events = tmp_path / "store", tmp_path / "events.jsonl"
    events.write_bytes(encoded(dated(placed())))
    assert orderfold("ingest", events, "--historical", store=store).code == 0
    opened = Store.open(str(store))
    with opened.write() as cursor:
        Store.set_setting(cursor, "format", "99")
    opened.close()

    for command in (
        ("summary",), ("order", "list"), ("replay", "verify"), ("ingest", str(events), "--historical"),
        ("up", "--port", "0"), ("projection", "rebuild", "--reason", "x"), ("clock", "advance", "now", "--reason", "x"),
    ):  # fmt: skip
        done = orderfold(*command, store=store)
        said = done.err.replace("\n", " ")
        assert (done.code, done.out) == (1, ""), command
        assert f"{store}/orderfold.db has format 99; this release reads up to" in said
        assert "Use the release that wrote it" in said
