"""OCEL 2.0 logs through a mapping: templates, orders told apart, money by decimal text, the public log."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from engine.errors import UsageError
from engine.intake.importing import Import
from engine.intake.model import DeadLetter, Incoming, Rules
from engine.intake.templates import BadValue, scaled
from schemas.policy import OcelText
from tests import real_data

RULES = Rules(0, 300_000_000, 65_536, [("ocel", ["/channels/ocel", "/channels/ocel/*"])], "other")
NOW = 1_800_000_000_000_000

MAPPING = """
source: /channels/ocel
ignore: [reminder]
events:
  place:
    type: order.placed.v1
    order: order
    data:
      currency: EUR
      customer: {account: "{customer}", name: "{nobody}"}
      address: {text: "{nowhere}"}
      lines:
        each: item
        give: {line: "{.}", sku: "{./is a}", quantity: "{.@count|whole}", unit_price: "{.@price|cents}",
               weight_grams: "{.@weight|grams}"}
  pay:
    type: payment.received.v1
    order: order
    data: {payment: "no. {$id}", amount: "{order@price|cents}", currency: EUR, method: "{@method}"}
  pick:
    type: fulfilment.picked.v1
    order: item/^comprises
    data: {parcel: "{package}", lines: "{*item}", node: "{item/is a@shelf}"}
  note:
    type: order.confirmed.v1
    order: order
    data: {reason: "{$order} at {$time} by {nobody}"}
"""

OBJECTS: list[dict[str, Any]] = [
    {
        "id": "o1",
        "type": "orders",
        "attributes": [
            {"name": "price", "value": 29.985, "time": "2023-04-03T10:00:00Z"},
            {"name": "price", "value": 31, "time": "2023-04-03T14:00:00+02:00"},
        ],
        "relationships": [
            {"objectId": "i1", "qualifier": "comprises"},
            {"objectId": "i2", "qualifier": "comprises"},
        ],
    },
    {"id": "o2", "type": "orders", "relationships": [{"objectId": "i3", "qualifier": "comprises"}]},
    *(
        {
            "id": f"i{n}",
            "type": "items",
            "attributes": [
                {"name": "price", "value": "1.005", "time": "2023-04-03T10:00:00Z"},
                {"name": "weight", "value": 0.1885, "time": "2023-04-03T10:00:00Z"},
                {"name": "count", "value": n, "time": "2023-04-03T10:00:00Z"},
            ],
            "relationships": [{"objectId": "tea", "qualifier": "is a"}],
        }
        for n in (1, 2, 3)
    ),
    {"id": "tea", "type": "products", "attributes": [{"name": "shelf", "value": "A7"}]},
]


def happened(
    id_: str, type_: str, *related: tuple[str, str], time: str = "2023-04-03T11:00:00Z"
) -> dict[str, Any]:
    relationships = [{"objectId": object_, "qualifier": qualifier} for object_, qualifier in related]
    return {"id": id_, "type": type_, "time": time, "relationships": relationships}


def log(tmp_path: Path, *events: Any, objects: list[Any] | None = None) -> str:
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"events": events, "objects": OBJECTS if objects is None else objects}))
    return str(path)


def mapping(text: str = MAPPING) -> OcelText:
    return msgspec.convert(yaml.safe_load(text), OcelText)


def read(path: str) -> tuple[list[Incoming], list[DeadLetter], Import]:
    with Import([path], "ocel", RULES, now=NOW, historical=True, mapping=mapping()) as import_:
        found = list(import_)
    return (
        [item for item in found if isinstance(item, Incoming)],
        [item for item in found if isinstance(item, DeadLetter)],
        import_,
    )


def test_fields_are_made_by_their_templates(tmp_path: Path) -> None:
    event = happened("e1", "place", ("o1", "order"), ("c1", "customer"), ("i1", "item"), ("i2", "item"))
    ((placed,), dead, _) = read(log(tmp_path, event))

    assert dead == []
    assert (placed.event.subject, placed.event.id, placed.event.channel) == ("order/ocel:o1", "e1", "ocel")
    assert json.loads(placed.raw) == {
        "currency": "EUR",
        "customer": {"account": "c1"},
        "lines": [
            {"line": "i1", "sku": "tea", "quantity": 1, "unit_price": 101, "weight_grams": 189},
            {"line": "i2", "sku": "tea", "quantity": 2, "unit_price": 101, "weight_grams": 189},
        ],
    }


@pytest.mark.parametrize(
    ("time", "amount"),
    [
        ("2023-04-03T09:00:00Z", 2999),
        ("2023-04-03T11:59:59Z", 2999),
        ("2023-04-03T12:00:00Z", 3100),
        ("2024-01-01T00:00:00Z", 3100),
    ],
)
def test_attributes_have_their_value_of_the_time(tmp_path: Path, time: str, amount: int) -> None:
    event = happened("e1", "pay", ("o1", "order"), time=time) | {
        "attributes": [{"name": "method", "value": "card"}]
    }
    ((paid,), _, _) = read(log(tmp_path, event))

    assert json.loads(paid.raw) == {
        "payment": "no. e1",
        "amount": amount,
        "currency": "EUR",
        "method": "card",
    }


def test_an_event_of_several_orders_becomes_one_for_each(tmp_path: Path) -> None:
    event = happened("e1", "pick", ("p1", "package"), ("i1", "item"), ("i3", "item"), ("i2", "item"))
    (events, _, _) = read(log(tmp_path, event))

    assert [(item.event.id, item.event.subject, json.loads(item.raw)) for item in events] == [
        ("e1/o1", "order/ocel:o1", {"parcel": "p1", "lines": ["i1", "i2"], "node": "A7"}),
        ("e1/o2", "order/ocel:o2", {"parcel": "p1", "lines": ["i3"], "node": "A7"}),
    ]


def test_a_text_with_something_missing_is_left_out(tmp_path: Path) -> None:
    ((confirmed,), _, _) = read(log(tmp_path, happened("e1", "note", ("o1", "order"))))

    assert confirmed.raw == b""


def test_types_left_out_are_counted_and_others_are_dead_letters(tmp_path: Path) -> None:
    path = log(tmp_path, happened("e1", "reminder"), happened("e2", "reminder"), happened("e3", "dance"))
    events, dead, import_ = read(path)

    assert events == []
    assert import_.ignored == {"reminder": 2}
    assert [letter.origin for letter in dead] == [f"{path}/events:3"]
    assert "'dance' is neither in ocel.events nor in ocel.ignore" in dead[0].detail


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (happened("e1", "pay"), "leads to no order"),
        (happened("e1", "pay", ("o1", "order"), time="yesterday"), "/time: Invalid RFC3339"),
        (happened("e1", "pay", ("o1", "order"), time="2023-04-03T11:00:00"), "no time zone"),
        ({"id": "e1", "type": "pay"}, "missing required field `time`"),
        (17, "Expected `object`, got `int`"),
        (happened("e1", "pay", ("o3", "order")), "'dear' is no number"),
        (happened("e1", "pay", ("o2", "order")), "missing required field `amount`"),
    ],
)
def test_what_cannot_be_used_is_a_dead_letter_and_the_rest_goes_on(
    tmp_path: Path, event: Any, words: str
) -> None:
    dear = {"id": "o3", "type": "orders", "attributes": [{"name": "price", "value": "dear"}]}
    path = log(tmp_path, event, happened("e2", "pay", ("o1", "order")), objects=[*OBJECTS, dear])
    events, dead, _ = read(path)

    assert [item.event.id for item in events] == ["e2"]
    assert words in dead[0].detail
    assert dead[0].origin == f"{path}/events:1"
    assert dead[0].raw


def test_a_broken_object_is_a_dead_letter(tmp_path: Path) -> None:
    path = log(tmp_path, happened("e2", "pay", ("o1", "order")), objects=[{"id": 5}, *OBJECTS])
    events, dead, _ = read(path)

    assert len(events) == 1
    assert dead[0].origin == f"{path}/objects:1"


@pytest.mark.parametrize(
    ("text", "words"), [("{", "cut short"), ("[]", "got `array`"), ('{"events": 1}', "/events")]
)
def test_what_is_no_log_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "log.json"
    path.write_text(text)
    events, dead, import_ = read(str(path))

    assert (events, dead) == ([], [])
    assert words in import_.errors[0].detail


def test_a_template_that_does_not_parse_is_told_before_reading() -> None:
    wrong = mapping(MAPPING.replace("{order@price|cents}", "{order@price|groats}"))

    with pytest.raises(UsageError) as caught:
        Import(["absent"], "ocel", RULES, now=NOW, historical=True, mapping=wrong)
    assert "groats" in caught.value.detail


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1.005", 101), ("1.004999", 100), (2, 200), ("1353.98", 135398), ("0.005", 1), ("-0.005", -1)],
)
def test_money_is_rounded_half_up_by_decimal_text(value: Any, expected: int) -> None:
    assert scaled(value, 100) == expected


@pytest.mark.parametrize("value", ["", "dear", None, True, "Infinity", "NaN", [1]])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(BadValue):
        scaled(value, 100)


def test_the_public_order_log_maps_whole() -> None:
    """By the mapping in streams.yaml, as the operator has it."""
    path = real_data.folder("ocel") / "order-management.json.gz"
    text = Path(__file__).parents[2].joinpath("streams.yaml").read_bytes()
    policy = msgspec.convert(yaml.safe_load(text)["ocel"], OcelText)
    counts: Counter[str] = Counter()
    receivable = received = 0
    with Import([str(path)], "ocel", RULES, now=NOW, historical=True, mapping=policy) as import_:
        for item in import_:
            assert isinstance(item, Incoming)
            data = item.event.data
            counts[item.event.type] += 1
            if item.event.type == "order.placed.v1":
                receivable += sum(line.quantity * line.unit_price for line in data.lines) + data.shipping
            elif item.event.type == "payment.received.v1":
                received += data.amount

    assert import_.ignored == {"reorder item": 1_544, "payment reminder": 566}
    assert counts == {
        "order.placed.v1": 2_000,
        "order.confirmed.v1": 2_000,
        "payment.received.v1": 2_000,
        "fulfilment.picked.v1": 7_659,
        "stock.lock_failed.v1": 1_544,
        "fulfilment.packed.v1": 4_264,
        "fulfilment.dispatched.v1": 4_264,
        "fulfilment.delivered.v1": 4_264,
        "fulfilment.moved.v1": 1_117,
    }
    assert receivable == received == 476_190_999
