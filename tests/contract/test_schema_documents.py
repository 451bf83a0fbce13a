"""The generated documents: as the event types are, valid by their own standards, and able to read all of
history."""

from __future__ import annotations

import inspect
import json
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from schemas import documents
from schemas.compatibility import Lock, breaks
from schemas.events.common import Data
from schemas.registry import TYPES
from schemas.upcasts import UPCASTS

REMEDY = "run `python -m schemas.documents`"


@pytest.mark.parametrize("path", sorted(documents.files()), ids=lambda path: path.name)
def test_documents_have_not_drifted(path: Any) -> None:
    assert path.exists(), REMEDY
    assert path.read_text(encoding="utf-8") == documents.files()[path], REMEDY


def test_there_is_no_schema_of_a_type_that_is_gone() -> None:
    found = {path.name.removesuffix(".json") for path in (documents.FOLDER / "json").glob("*.json")}

    assert found == set(TYPES), REMEDY


# JSON Schema


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_every_schema_is_valid_json_schema_2020_12(type_: str) -> None:
    schema = documents.schema_of(type_)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:orderfold:schema:{type_}"


def test_marks_stand_on_the_fields() -> None:
    packed = documents.schema_of("fulfilment.packed.v1")["properties"]
    customer = documents.schema_of("order.placed.v1")["$defs"]["Customer"]["properties"]

    assert packed["waybill"]["x-alias"] == "waybill"
    assert packed["wms"]["x-alias"] == "wms"
    assert {field["x-classification"] for field in customer.values()} == {"personal"}


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        ({"currency": "CNY"}, True),
        ({"currency": "CNY", "lines": [{"line": "1", "sku": "a", "quantity": 1, "unit_price": 5}]}, True),
        ({"currency": "CNY", "lines": [{"line": "1", "sku": "a", "quantity": 0, "unit_price": 5}]}, False),
        ({"currency": "CNY", "deposit": None}, True),
        ({"currency": "cny"}, False),
        ({}, False),
    ],
)
def test_schema_and_struct_agree(data: Any, fits: bool) -> None:
    validator = jsonschema.Draft202012Validator(documents.schema_of("order.placed.v1"))
    try:
        msgspec.convert(data, TYPES["order.placed.v1"].data)
        taken = True
    except msgspec.ValidationError:
        taken = False

    assert (validator.is_valid(data), taken) == (fits, fits)


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_every_type_says_what_it_tells(type_: str) -> None:
    struct = TYPES[type_].data

    assert struct.__doc__, f"{struct.__name__} lacks a docstring"
    assert inspect.getdoc(struct) != inspect.getdoc(Data)


# AsyncAPI


def test_asyncapi_is_written_as_it_is_made() -> None:
    text = (documents.FOLDER / "asyncapi.yaml").read_text(encoding="utf-8")

    assert yaml.safe_load(text) == documents.asyncapi()


def test_asyncapi_names_every_type_once_by_who_sends_it() -> None:
    document = documents.asyncapi()
    named = [name for channel in document["channels"].values() for name in channel["messages"]]

    assert document["asyncapi"] == "3.1.0"
    assert sorted(named) == sorted(document["components"]["messages"]) == sorted(TYPES)
    assert "order.frozen.v1" in document["channels"]["receipts"]["messages"]
    assert "order.held.v1" in document["channels"]["commands"]["messages"]


def test_every_reference_in_asyncapi_leads_somewhere() -> None:
    document = documents.asyncapi()

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for item in node for found in references(item)] if isinstance(node, list) else []

    for reference in references(document):
        if reference.startswith("./"):
            assert (documents.FOLDER / reference).exists()
        else:
            target: Any = document
            for step in reference.removeprefix("#/").split("/"):
                target = target[step]


# Compatibility


@pytest.mark.parametrize("type_", sorted(Lock.read(documents.FOLDER / ".lock").types))
def test_every_released_schema_can_still_be_read(type_: str) -> None:
    """BACKWARD_TRANSITIVE: an incompatible change is a new version of the type, with an upcast from the old
    one."""
    if type_ in UPCASTS:
        return
    assert type_ in TYPES, f"{type_} was released and is stored somewhere: it needs its struct, or an upcast"
    for released in Lock.read(documents.FOLDER / ".lock").types[type_]:
        assert breaks(released, documents.schema_of(type_)) == []


OLD = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 10},
        "kind": {"enum": ["a", "b"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "maxItems": 5},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {
        "Line": {
            "type": "object",
            "properties": {"quantity": {"type": "integer", "minimum": 1}},
            "additionalProperties": False,
        }
    },
}


def changed(**properties: Any) -> dict[str, Any]:
    return OLD | {"properties": OLD["properties"] | properties}  # type: ignore[operator]


def with_line(**quantity: Any) -> dict[str, Any]:
    new = json.loads(json.dumps(OLD))
    new["$defs"]["Line"]["properties"]["quantity"] = quantity
    return new  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        changed(more={"type": "string"}),
        changed(name={"type": "string"}),
        changed(name={"anyOf": [{"type": "string", "maxLength": 20}, {"type": "null"}]}),
        changed(kind={"enum": ["a", "b", "c"]}),
        changed(kind={}),
        OLD | {"required": []},
        with_line(type="integer", minimum=0),
        with_line(type="number"),
    ],
)
def test_widening_is_compatible(new: dict[str, Any]) -> None:
    assert breaks(OLD, new) == []


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (changed(name={"type": "integer"}), "/name: was string, is integer"),
        (changed(name={"type": "string", "maxLength": 9}), "/name: maxLength was 10, is 9"),
        (changed(name={"type": "string", "pattern": "^a"}), "/name: pattern"),
        (changed(kind={"enum": ["a"]}), "/kind: some values"),
        (changed(note={"type": "string"}), "/note: was null, is string"),
        (OLD | {"required": ["name", "kind"]}, "/kind: is required now"),
        (OLD | {"properties": {}}, "/name: is gone"),
        (with_line(type="integer", minimum=2), "/lines/*/quantity: minimum was 1, is 2"),
    ],
)
def test_narrowing_is_named_by_its_place(new: dict[str, Any], words: str) -> None:
    assert any(words in found for found in breaks(OLD, new))


def test_a_lock_keeps_each_schema_once() -> None:
    lock = Lock({})
    for schema in ({"a": 1}, {"a": 1}, {"a": 2}):
        lock.keep({"t": schema})

    assert lock.types == {"t": [{"a": 1}, {"a": 2}]}
    assert json.loads(lock.text())["types"] == lock.types
