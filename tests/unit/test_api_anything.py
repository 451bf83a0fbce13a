"""Whatever is sent, the API answers with what is wrong, never with an error of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.registry import TYPES
from tests.serving import Api, placed, served, told

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ATTRIBUTES = st.sampled_from(
    ["specversion", "id", "source", "type", "subject", "time", "data", "data_base64", "datacontenttype", "arrivedtime",
     "traceparent", "expectedversion", "partitionkey", "channel", "authid", "correlationid"]
)  # fmt: skip
EVENTS = st.one_of(
    st.builds(lambda changes: placed() | changes, st.dictionaries(ATTRIBUTES, JSON, max_size=3)),
    st.builds(
        lambda type_, data: told("x") | {"type": type_, "data": data}, st.sampled_from(sorted(TYPES)), JSON
    ),
    JSON,
)
MEDIA = st.sampled_from(
    [
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "text/plain",
        "",
    ]
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with served(tmp_path_factory.mktemp("anything")) as found:
        found.send(placed("jd:0"))
        yield found


@settings(max_examples=150, deadline=None)
@given(
    body=st.one_of(
        st.builds(msgspec.json.encode, EVENTS | st.lists(EVENTS, max_size=3)), st.binary(max_size=60)
    ),
    media=MEDIA,
)
def test_any_body_of_events(api: Api, body: bytes, media: str) -> None:
    answer = api.post("/v1/events", content=body, headers={"content-type": media})

    assert answer.status_code in (200, 400, 409, 412, 415, 422), answer.text
    answer.json()


@settings(max_examples=80, deadline=None)
@given(
    name=st.sampled_from(
        ["ce-id", "ce-type", "ce-subject", "ce-source", "ce-time", "ce-specversion", "content-type"]
    ),
    value=st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), max_size=30),
    body=st.binary(max_size=20),
)
def test_any_header(api: Api, name: str, value: str, body: bytes) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "1",
        "ce-source": "/x",
        "ce-type": "stock.locked.v1",
        "ce-subject": "order/jd:1",
    }
    sent = [(key.encode(), one.encode("latin-1")) for key, one in (headers | {name: value}).items()]

    answer = api.post("/v1/events", content=body, headers=sent)

    assert answer.status_code in (200, 400, 409, 415, 422), answer.text


@settings(max_examples=80, deadline=None)
@given(
    body=st.dictionaries(
        st.sampled_from(["type", "data", "reason"]), JSON | st.sampled_from(["note", "hold"])
    )
)
def test_any_command(api: Api, body: dict[str, Any]) -> None:
    answer = api.post(
        "/v1/orders/jd:0/commands", json=body, headers={"Idempotency-Key": str(hash(str(body)))}
    )

    assert answer.status_code in (200, 400, 409, 422), answer.text


@settings(max_examples=80, deadline=None)
@given(path=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_any_number_of_an_order(api: Api, path: str) -> None:
    for prefix in ("/v1/orders/", "/orders/"):
        answer = api.get(prefix + quote(path, safe=""))
        assert answer.status_code in (200, 400, 404), answer.text
