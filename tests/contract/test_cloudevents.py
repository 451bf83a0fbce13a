"""CloudEvents 1.0: the JSON format, the HTTP binding's binary and batched modes, by the standard's own
examples."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from engine.intake.cloudevents import batch, binary, decode
from engine.intake.model import ANYBODY, Incoming, Refused, Rules

NOW = 1_700_000_000_000_000
RULES = Rules(0, 300_000_000, 65_536, [], "shop")

EVENT = {
    "specversion": "1.0",
    "id": "A234-1234-1234",
    "source": "/mycontext",
    "type": "com.example.someevent",
    "subject": "order/shop:1",
    "time": "2018-04-05T17:31:00Z",
}


def taken(**attributes: Any) -> Incoming:
    event = {name: value for name, value in (EVENT | attributes).items() if value != "absent"}
    return decode(json.dumps(event).encode(), RULES, ANYBODY, NOW, False)


def refused(**attributes: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        taken(**attributes)
    return caught.value


# JSON format


def test_the_standards_object_data_is_kept_as_it_came() -> None:
    raw = (
        b'{"specversion" : "1.0", "type" : "com.example.someevent", "source" : "/mycontext", "subject": "order/s:1",'
        b' "id" : "C234-1234-1234", "time" : "2018-04-05T17:31:00Z", "comexampleextension1" : "value",'
        b' "comexampleothervalue" : 5, "datacontenttype" : "application/json",'
        b' "data" : { "appinfoA" : "abc",  "appinfoB" : 123, "appinfoC" : true }}'
    )

    incoming = decode(raw, RULES, ANYBODY, NOW, False)

    assert incoming.raw == b'{ "appinfoA" : "abc",  "appinfoB" : 123, "appinfoC" : true }'
    assert incoming.event.time == 1_522_949_460_000_000
    assert incoming.event.id == "C234-1234-1234"


def test_a_string_is_legal_data_where_no_schema_says_otherwise() -> None:
    assert taken(data="I'm just a string").raw == b'"I\'m just a string"'


def test_null_is_the_same_as_absent() -> None:
    names = (
        "time",
        "datacontenttype",
        "dataschema",
        "partitionkey",
        "traceparent",
        "correlationid",
        "timeinferred",
    )
    event = taken(**dict.fromkeys(names))

    assert event.event.timemissing
    assert not event.event.timeinferred


def test_unknown_extensions_are_dropped() -> None:
    assert taken(comexampleextension1="value", comexampleothervalue=5).unknown == ()


def test_base64_data_declared_as_json_is_json() -> None:
    encoded = base64.b64encode(b'{"reason":"ok"}').decode()
    incoming = taken(type="order.confirmed.v1", data_base64=encoded)

    assert incoming.raw == b'{"reason":"ok"}'
    assert incoming.event.data.reason == "ok"


@pytest.mark.parametrize(
    "kind", ["application/json", "application/JSON; charset=utf-8", "text/json", "a/b+json"]
)
def test_every_json_media_type_is_json(kind: str) -> None:
    assert taken(datacontenttype=kind, data={}).raw == b"{}"


@pytest.mark.parametrize("kind", ["application/xml", "application/vnd.apache.thrift.binary", "json", ""])
def test_other_media_types_are_refused(kind: str) -> None:
    assert refused(datacontenttype=kind, data='<much wow="xml"/>').reason == "not-json-data"


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        ("specversion", "not-cloudevent"),
        ("id", "bad-attribute"),
        ("source", "bad-attribute"),
        ("type", "bad-attribute"),
        ("subject", "bad-subject"),
    ],
)
def test_a_missing_attribute_is_named(attribute: str, reason: str) -> None:
    error = refused(**{attribute: "absent"})

    assert error.reason == reason
    assert f"/{attribute} is missing" in error.detail


@pytest.mark.parametrize("attribute", ["id", "source", "type"])
def test_required_attributes_are_not_empty(attribute: str) -> None:
    error = refused(**{attribute: ""})

    assert error.reason == "bad-attribute"
    assert error.detail.startswith(f"/{attribute} ")


def test_data_and_data_base64_exclude_each_other() -> None:
    assert refused(data={}, data_base64="e30=").reason == "bad-attribute"


def test_base64_that_is_none_is_refused() -> None:
    assert refused(data_base64="***").reason == "bad-attribute"


def test_another_specversion_is_refused() -> None:
    assert "CloudEvents 1.0" in refused(specversion="0.3").detail


# HTTP, binary mode

HEADERS = {
    "Ce-Specversion": "1.0",
    "CE-Type": "order.confirmed.v1",
    "ce-time": "2018-04-05T03:56:24Z",
    "ce-id": "1234-1234-1234",
    "ce-source": "/mycontext/subcontext",
    "ce-subject": "order/shop:1",
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": "17",
}


def sent(body: bytes = b'{ "reason": "x" }', **headers: str) -> Incoming:
    names = {f"ce-{name}": value for name, value in headers.items()}
    return decode(binary(HEADERS | names, body), RULES, ANYBODY, NOW, False)


def test_binary_mode_takes_attributes_from_headers_and_data_from_the_body() -> None:
    incoming = sent()

    assert incoming.event.type == "order.confirmed.v1"
    assert incoming.event.id == "1234-1234-1234"
    assert incoming.raw == b'{ "reason": "x" }'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("%e2%82%ac", "€"),
        ("%41", "A"),
        ("percent%25encoded", "percent%encoded"),
        ('"with \\"quotes\\" and spaces"', 'with "quotes" and spaces'),
        ('"%20quoted%20"', " quoted "),
    ],
)
def test_header_values_are_unquoted_then_percent_decoded_once(value: str, expected: str) -> None:
    assert sent(id=value).event.id == expected


@pytest.mark.parametrize("value", ["%C0%A0", "%ff"])
def test_percent_sequences_that_are_no_utf8_are_refused(value: str) -> None:
    with pytest.raises(Refused) as caught:
        sent(id=value)
    assert caught.value.reason == "bad-attribute"


def test_typed_attributes_are_read_from_text() -> None:
    event = sent(timeinferred="true", expectedversion="7").event

    assert event.timeinferred
    assert event.expectedversion == 7


def test_headers_that_make_no_event_are_refused() -> None:
    with pytest.raises(Refused) as caught:
        binary({"content-type": "application/json"}, b"{}")
    assert caught.value.reason == "not-cloudevent"


def test_a_body_that_is_no_json_is_refused_with_its_place() -> None:
    with pytest.raises(Refused) as caught:
        sent(b'{"reason":\n "x",}')
    assert caught.value.reason == "broken-json"
    assert "line 2 column 6" in caught.value.detail


def test_an_empty_body_is_an_event_without_data() -> None:
    assert sent(b"").raw == b""


def test_a_body_of_another_media_type_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        decode(binary(HEADERS | {"Content-Type": "text/xml"}, b"<a/>"), RULES, ANYBODY, NOW, False)
    assert caught.value.reason == "not-json-data"


# HTTP, batched mode


def test_a_batch_is_split_into_the_bytes_it_came_as() -> None:
    first, second = b'{ "a" : 1 }', json.dumps(EVENT).encode()

    assert batch(b"[\n " + first + b" ,\n" + second + b"]") == [first, second]


def test_an_empty_batch_is_legal() -> None:
    assert batch(b"[]") == []


@pytest.mark.parametrize(
    ("body", "reason"), [(b"{}", "not-cloudevent"), (b"[{},", "broken-json"), (b"", "broken-json")]
)
def test_what_is_no_batch_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        batch(body)
    assert caught.value.reason == reason
