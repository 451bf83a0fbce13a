"""Intake of one event: what is taken, what is refused, and whether the message names the place and the way
out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.intake.cloudevents import decode
from engine.intake.dead_letter import dead_letter
from engine.intake.model import ANYBODY, REASONS, Credential, Incoming, Refused, Rules
from schemas.events.order import OrderPlaced

SECOND = 1_000_000
EARLIEST = 1_451_606_400 * SECOND  # 2016-01-01T00:00:00Z
NOW = 1_600_000_000 * SECOND  # 2020-09-13T12:26:40Z
RULES = Rules(EARLIEST, 300 * SECOND, 65_536, [("jd", ["/channels/jd/*"]), ("any", ["/channels/*"])], "other")

LINE = {"line": "1", "sku": "tea", "quantity": 2, "unit_price": 1999}
PLACED = {"currency": "CNY", "lines": [LINE]}


def encoded(**attributes: Any) -> bytes:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "/channels/jd/7",
        "type": "order.placed.v1",
        "subject": "order/jd:1",
        "time": "2020-09-13T12:00:00Z",
        "data": PLACED,
    } | attributes
    return msgspec.json.encode({name: value for name, value in event.items() if value is not None})


def taken(*, historical: bool = False, credential: Credential = ANYBODY, **attributes: Any) -> Incoming:
    return decode(encoded(**attributes), RULES, credential, NOW, historical)


def refused(*, historical: bool = False, **attributes: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        taken(historical=historical, **attributes)
    assert caught.value.reason in REASONS
    return caught.value


def test_data_is_typed_and_its_bytes_are_kept() -> None:
    incoming = taken()

    assert isinstance(incoming.event.data, OrderPlaced)
    assert incoming.event.data.lines[0].unit_price == 1999
    assert incoming.raw == msgspec.json.encode(PLACED)
    assert incoming.event.time == 1_599_998_400 * SECOND
    assert incoming.arrived == 0


# Data


def test_unknown_fields_are_kept_and_counted_by_path() -> None:
    lines = [LINE | {"line": str(n), "gift": True} for n in range(3)]
    data = PLACED | {"lines": lines, "campaign": {"name": "11.11"}}
    incoming = taken(data=data)

    assert set(incoming.unknown) == {"/campaign", "/lines/*/gift"}
    assert incoming.raw == msgspec.json.encode(data)
    assert len(incoming.event.data.lines) == 3


def test_unknown_types_and_versions_are_kept_without_typed_data() -> None:
    for type_ in ("order.gift_wrapped.v1", "order.placed.v9", "com.example.thing"):
        incoming = taken(type=type_, data=[1, 2])

        assert incoming.event.type == type_
        assert incoming.event.data is None
        assert incoming.raw == b"[1,2]"


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (PLACED | {"lines": [LINE, LINE | {"quantity": -3}]}, "/data/lines/1/quantity: Expected `int` >= 1"),
        (PLACED | {"lines": [LINE | {"unit_price": 12.5}]}, "minor units (12.34 is 1234)"),
        (PLACED | {"lines": "two shirts"}, "/data/lines: Expected `array`, got `str`"),
        (PLACED | {"currency": "rmb"}, "/data/currency: "),
        (PLACED | {"promises": {"ship_by": "2020-09-13T12:00:00"}}, "/data/promises/ship_by: "),
        (PLACED | {"gift": 1, "lines": [LINE | {"quantity": 0}]}, "/data/lines/0/quantity: "),
        ({}, "/data: Object missing required field `currency`"),
        ([], "/data: Expected `object`, got `array`"),
        (None, "/data is missing"),
    ],
)
def test_bad_data_is_named_by_json_pointer(data: Any, place: str) -> None:
    error = refused(data=data)

    assert error.reason == "bad-data"
    assert place in error.detail
    assert "schemas/json/order.placed.v1.json" in error.detail


def test_types_without_required_fields_need_no_data() -> None:
    assert taken(type="order.confirmed.v1", data=None).raw == b""


def test_deep_nesting_is_refused_not_a_crash() -> None:
    deep = b"[" * 20_000 + b"]" * 20_000
    for name in (b"extension", b"data"):
        raw = encoded(data=None)[:-1] + b',"' + name + b'":' + deep + b"}"
        with pytest.raises(Refused) as caught:
            decode(raw, RULES, Credential(), NOW, False)
        assert caught.value.reason == "broken-json"


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"{]", encoded()[:-20], encoded() + b"x", encoded(id="é").replace(b"\xc3", b"\xff")],
)
def test_broken_json_is_named_by_column(raw: bytes) -> None:
    with pytest.raises(Refused) as caught:
        decode(raw, RULES, Credential(), NOW, False)
    assert caught.value.reason == "broken-json"
    assert "column" in caught.value.detail


def test_size_is_judged_before_parsing() -> None:
    with pytest.raises(Refused) as caught:
        decode(b"x" * 65_537, RULES, Credential(), NOW, False)
    assert caught.value.reason == "oversize"


# Subjects


@pytest.mark.parametrize(
    ("type_", "subject"),
    [
        ("order.confirmed.v1", "order/jd:8"),
        ("order.confirmed.v1", "order/渠道:订单 8"),
        ("order.confirmed.v1", "alias/payment:2020:8"),
        ("fulfilment.moved.v1", "alias/waybill:SF1"),
        ("return.requested.v1", "return/77"),
        ("node.heartbeat.v1", "node/wh-1/2020-09-13"),
        ("channel.reported.v1", "channel/jd/2020-09-13"),
    ],
)
def test_subjects_of_the_grammar_are_taken(type_: str, subject: str) -> None:
    assert taken(type=type_, subject=subject, data=None).event.subject == subject


@pytest.mark.parametrize(
    "subject",
    [
        None,
        "",
        "parcel 77",
        "order/",
        "order/jd",
        "order/jd:",
        "order/:1",
        "order/jd:1!",
        "order/jd: 1",
        "order/jd:1\n2",
        "order/jd:1\u2028",
        "order/a b:1",
        "order/jd:" + "9" * 300,
        "alias/order:1",
        "node/wh-1/2020-09-13",
        "policy/1",
        "bulk/1",
        "Order/jd:1",
    ],
)
def test_junk_subjects_are_refused_with_the_way_to_write_them(subject: str | None) -> None:
    error = refused(type="order.confirmed.v1", subject=subject, data=None)

    assert error.reason == "bad-subject"
    assert "order/<channel>:<platform number>" in error.detail


def test_only_an_order_can_be_placed() -> None:
    assert refused(subject="alias/wms:1").reason == "bad-subject"


def test_telemetry_speaks_of_a_real_day() -> None:
    assert refused(type="node.heartbeat.v1", subject="node/wh/2020-13-01", data=None).reason == "bad-subject"


def test_only_a_return_brings_its_own_partition_key() -> None:
    order = taken(partitionkey="order/jd:2")
    back = taken(type="return.requested.v1", subject="return/7", partitionkey="order/jd:2", data=None)

    assert order.event.partitionkey == ""
    assert back.event.partitionkey == "order/jd:2"


# Instants


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("yesterday evening", "bad-time"),
        ("2026-02-30T00:00:00Z", "bad-time"),
        ("2020-09-13T12:00:00", "bad-time"),
        (1_600_000_000, "bad-time"),
        ("1999-12-31T23:59:59Z", "too-early"),
        ("0001-01-01T00:00:00+14:00", "too-early"),
        ("2020-09-13T12:31:41Z", "too-far-ahead"),
        ("9999-12-31T23:59:59-12:00", "too-far-ahead"),
    ],
)
def test_impossible_instants_are_refused(time: Any, reason: str) -> None:
    error = refused(time=time)

    assert error.reason == reason
    assert "/time" in error.detail


def test_five_minutes_ahead_are_allowed() -> None:
    assert taken(time="2020-09-13T12:31:40Z").event.time == NOW + 300 * SECOND


def test_a_live_event_without_time_is_marked() -> None:
    event = taken(time=None).event

    assert event.time == 0
    assert event.timemissing


def test_arrivedtime_counts_for_history_only() -> None:
    arrived = "2020-09-13T12:10:00.5+00:00"

    assert taken(arrivedtime=arrived).arrived == 0
    assert taken(arrivedtime=arrived, historical=True).arrived == 1_599_999_000_500_000
    assert taken(historical=True).arrived == 1_599_998_400 * SECOND


def test_history_is_judged_by_when_it_arrived() -> None:
    error = refused(time="2020-09-13T12:00:00Z", arrivedtime="2020-09-13T11:54:59Z", historical=True)

    assert error.reason == "too-far-ahead"


def test_history_without_any_instant_is_refused() -> None:
    assert refused(time=None, historical=True).reason == "bad-time"


def test_history_that_only_says_when_it_arrived_is_taken() -> None:
    incoming = taken(time=None, arrivedtime="2020-09-13T12:10:00Z", historical=True)

    assert incoming.event.timemissing
    assert incoming.arrived == 1_599_999_000 * SECOND


# Who may say what


@pytest.mark.parametrize(
    "type_", ["order.frozen.v1", "order.frozen.v2", "policy.published.v1", "merge.made.v1"]
)
def test_reserved_types_are_refused_of_everybody(type_: str) -> None:
    for credential in (Credential(), Credential(command=True)):
        with pytest.raises(Refused) as caught:
            taken(type=type_, credential=credential)
        assert caught.value.reason == "reserved-type"


def test_a_persons_types_come_as_commands_only() -> None:
    data = {"handle": "h1", "reason": "other"}

    assert refused(type="order.held.v1", data=data).reason == "person-type"
    assert (
        taken(type="order.held.v1", data=data, credential=Credential(command=True)).event.data.handle == "h1"
    )


@pytest.mark.parametrize("source", ["/orderfold", "/orderfold/append"])
def test_reserved_sources_are_refused(source: str) -> None:
    assert refused(source=source).reason == "reserved-source"
    assert taken(source="/orderfolder/1").event.source == "/orderfolder/1"


def test_the_channel_follows_from_the_source() -> None:
    assert taken().event.channel == "jd"
    assert taken(source="/channels/tb/1").event.channel == "any"
    assert taken(source="https://shop.example/1").event.channel == "other"
    assert taken(credential=Credential(channel="pos")).event.channel == "pos"


def test_what_the_sender_claims_is_kept_where_it_differs() -> None:
    event = taken(channel="tb", authid="admin", credential=Credential("api_key", "jd-connector")).event

    assert (event.channel, event.authtype, event.authid) == ("jd", "api_key", "jd-connector")
    assert event.claimedby == "channel:tb authid:admin"
    assert taken(channel="jd").event.claimedby == ""


def test_the_memory_of_sources_is_bounded() -> None:
    rules = Rules(EARLIEST, 0, 65_536, [("jd", ["/channels/jd/*"])], "other")
    for n in range(20_000):
        assert rules.channel_of(f"/channels/jd/{n}") == "jd"
    assert len(rules._found) <= 8192


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("id", "x" * 257),
        ("source", "/" * 257),
        ("id", "a\u0000"),
        ("correlationid", "x" * 257),
        ("id", 17),
        ("type", "t" * 257),
    ],
)
def test_overlong_and_unprintable_attributes_are_refused(attribute: str, value: Any) -> None:
    error = refused(**{attribute: value})

    assert error.reason == "bad-attribute"
    assert f"/{attribute}" in error.detail


def test_a_broken_trace_is_dropped_a_good_one_carried() -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

    assert taken(traceparent="broken").event.traceparent == ""
    assert taken(traceparent=trace).event.traceparent == trace


# Dead letters


def test_a_dead_letter_says_what_it_can_and_keeps_the_bytes() -> None:
    raw = encoded(data={}, id="77")
    letter = dead_letter(Refused("bad-data", "why"), raw, "night.jsonl:3", 65_536)

    assert (letter.subject, letter.type, letter.id, letter.source) == (
        "order/jd:1",
        "order.placed.v1",
        "77",
        "/channels/jd/7",
    )
    assert (letter.origin, letter.reason, letter.detail, letter.raw) == (
        "night.jsonl:3",
        "bad-data",
        "why",
        raw,
    )


@pytest.mark.parametrize("raw", [b"{", b"[1]", b'{"id":5,"subject":{}}', b"\xff", b"[" * 9_000])
def test_a_dead_letter_is_made_of_any_bytes(raw: bytes) -> None:
    letter = dead_letter(Refused("broken-json", "why"), raw, "x:1", 65_536)

    assert letter.raw == raw
    assert letter.id == ""


def test_of_an_oversize_line_the_beginning_is_kept() -> None:
    assert dead_letter(Refused("oversize", "why"), b"x" * 101, "x:1", 100).raw == b"x" * 100
