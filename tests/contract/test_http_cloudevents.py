"""CloudEvents 1.0 over HTTP: the binding's binary, structured and batched modes, and the web-hook hand-shake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.envelope import Event
from tests.serving import Api, placed, served

ORDER = {"currency": "CNY", "lines": [{"line": "1", "sku": "s", "quantity": 1, "unit_price": 5}]}

BINARY = {
    "ce-specversion": "1.0",
    "ce-id": "b1",
    "ce-source": "/channels/jd/shop-1",
    "ce-type": "order.placed.v1",
    "ce-subject": "order/jd:1",
    "ce-time": "2020-09-13T12:00:00Z",
    "content-type": "application/json",
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with served(tmp_path) as found:
        yield found


def kept(api: Api, subject: str = "order/jd:1") -> Event:
    records = api.engine.store.stream(subject)
    assert len(records) == 1
    return records[0].event


def send(api: Api, body: bytes, headers: dict[str, str]) -> int:
    return api.post("/v1/events", content=body, headers=headers).status_code


# Structured mode


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+json",
        "application/cloudevents+json; charset=UTF-8",
        'Application/CloudEvents+JSON;charset="utf-8"',
        "application/json",
    ],
)
def test_structured_mode(api: Api, content_type: str) -> None:
    event = {**placed(), "time": "2020-09-13T14:00:00+02:00"}

    assert send(api, msgspec.json.encode(event), {"content-type": content_type}) == 200
    assert kept(api).time == 1_599_998_400_000_000


def test_data_is_kept_byte_for_byte(api: Api) -> None:
    data = b'{"currency" : "CNY",\n "lines": [ ], "note\\u0041": 1.50}'
    event = msgspec.json.encode({**placed(), "data": None}).replace(b'"data":null', b'"data": ' + data)

    assert send(api, event, {"content-type": "application/cloudevents+json"}) == 200
    assert api.engine.store.stream("order/jd:1")[0].data == data


def test_data_may_come_in_base64(api: Api) -> None:
    event = {name: value for name, value in placed().items() if name != "data"}
    event["data_base64"] = "eyJjdXJyZW5jeSI6ICJDTlkifQ=="

    assert api.post("/v1/events", json=event).status_code == 200
    assert kept(api).data.currency == "CNY"


def test_unknown_extensions_are_let_be(api: Api) -> None:
    assert (
        api.post("/v1/events", json={**placed(), "comexampleextension": 5, "tracestate": "a=b"}).status_code
        == 200
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+avro",
        "application/cloudevents",
        "application/xml",
        "application/json; charset=gbk",
    ],
)
def test_other_formats_are_415(api: Api, content_type: str) -> None:
    assert send(api, b"{}", {"content-type": content_type}) == 415


def test_a_packed_body_is_415(api: Api) -> None:
    headers = {"content-type": "application/cloudevents+json", "content-encoding": "gzip"}

    assert send(api, b"\x1f\x8b", headers) == 415


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type"])
def test_what_the_standard_requires_is_required(api: Api, missing: str) -> None:
    event = {name: value for name, value in placed().items() if name != missing}

    assert api.post("/v1/events", json=event).status_code == 422


def test_another_version_of_the_standard_is_refused(api: Api) -> None:
    assert api.post("/v1/events", json={**placed(), "specversion": "2.0"}).status_code == 422


# Binary mode


def test_binary_mode(api: Api) -> None:
    assert send(api, msgspec.json.encode(ORDER), BINARY) == 200
    event = kept(api)
    assert (event.id, event.source, event.type) == ("b1", "/channels/jd/shop-1", "order.placed.v1")
    assert event.time == 1_599_998_400_000_000
    assert event.data.lines[0].unit_price == 5


def test_binary_mode_with_any_json_media_type_and_header_case(api: Api) -> None:
    headers = {name.upper(): value for name, value in BINARY.items()} | {
        "CONTENT-TYPE": "application/vnd.jd+json"
    }

    assert send(api, msgspec.json.encode(ORDER), headers) == 200


def test_header_values_are_percent_decoded(api: Api) -> None:
    headers = BINARY | {"ce-subject": "order/jd:%E5%8D%95%201", "ce-id": "50%25"}

    assert send(api, msgspec.json.encode(ORDER), headers) == 200
    assert kept(api, "order/jd:单 1").id == "50%"


def test_binary_mode_without_data_needs_no_media_type(api: Api) -> None:
    headers = {name: value for name, value in BINARY.items() if name != "content-type"} | {
        "ce-type": "stock.locked.v1"
    }

    assert send(api, b"", headers) == 200


@pytest.mark.parametrize(
    ("changed", "body", "status"),
    [
        ({"ce-id": ""}, b"{}", 422),
        ({"ce-subject": "order/jd:%FF"}, b"{}", 422),
        ({"ce-time": "yesterday"}, b'{"currency":"CNY"}', 422),
        ({}, b"{broken", 422),
        ({"content-type": "text/plain"}, b"{}", 415),
    ],
)
def test_what_is_wrong_in_binary_mode_is_told(
    api: Api, changed: dict[str, str], body: bytes, status: int
) -> None:
    assert send(api, body, BINARY | changed) == status


def test_what_came_in_binary_mode_and_could_not_be_read_is_kept_as_it_came(api: Api) -> None:
    send(api, b"{broken", BINARY)

    letter = api.get("/v1/dead-letters/1").json()
    assert (letter["letter"]["reason"], letter["letter"]["event"]) == ("broken-json", "b1")
    assert "ce-type: order.placed.v1" in letter["raw"]
    assert letter["raw"].endswith("{broken")


# Batched mode


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents-batch+json; charset=utf-8", "application/json"]
)
def test_batched_mode(api: Api, content_type: str) -> None:
    body = b" " + msgspec.json.encode([placed("jd:1"), placed("jd:2")])

    answer = api.post("/v1/events", content=body, headers={"content-type": content_type})

    assert answer.json()["counts"] == {"accepted": 2}


@pytest.mark.parametrize("body", [b"{}", b"[{}", b"[", b"", b"5", b"\xff[]"])
def test_a_batch_that_is_no_array_is_400(api: Api, body: bytes) -> None:
    assert send(api, body, {"content-type": "application/cloudevents-batch+json"}) == 400


# Web hooks (http-webhook.md)


def test_the_hand_shake_grants_the_origin_and_the_rate(api: Api) -> None:
    headers = {"WebHook-Request-Origin": "eventemitter.example.com", "WebHook-Request-Rate": "120"}

    answer = api.request("OPTIONS", "/v1/events", headers=headers)

    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "eventemitter.example.com"
    assert answer.headers["webhook-allowed-rate"] == "*"
    assert set(answer.headers["allow"].split(", ")) == {"POST", "OPTIONS"}


def test_without_a_request_there_is_nothing_to_grant(api: Api) -> None:
    answer: Any = api.request("OPTIONS", "/v1/events")

    assert "webhook-allowed-origin" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers
