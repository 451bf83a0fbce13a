"""The documents made from the event types: JSON Schema 2020-12 per type, and one AsyncAPI 3.1.0 document.

    python -m schemas.documents           writes schemas/json/<type>.json and schemas/asyncapi.yaml
    python -m schemas.documents --lock    also keeps today's schemas in schemas/.lock, as those of a release

A schema says what to send, so unknown fields are not in it; what intake does with them is its own business
(it keeps and counts them). `x-classification: personal` marks what may only be stored sealed, `x-alias` the
numbers that stand for an order, `x-sender` who may send the type: upstream, person or engine.
"""

from __future__ import annotations

import argparse
import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from schemas.compatibility import Lock
from schemas.envelope import CloudEvent
from schemas.registry import TYPES, EventType

FOLDER = Path(__file__).parent
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = "urn:orderfold:schema:{type}"
"""`$id` of a type's schema, and the `dataschema` of its events."""

_CLOUDEVENT = "application/cloudevents+json"

Json = dict[str, Any]


def schema_of(type_: str) -> Json:
    """The JSON Schema of a type's data."""
    spec = TYPES[type_]
    made = msgspec.json.schema(spec.data)
    definitions = made.get("$defs", {})
    own = definitions.pop(spec.data.__name__)
    document = {"$schema": DIALECT, "$id": SCHEMA_ID.format(type=type_)} | own
    document["title"] = type_
    document["x-sender"] = sender(spec)
    if definitions:
        document["$defs"] = dict(sorted(definitions.items()))
    tidied: Json = _tidied(document)
    return tidied


def sender(spec: EventType) -> str:
    """Who may send a type: `upstream`, `person` or `engine`."""
    return "engine" if spec.reserved else "person" if spec.person else "upstream"


def asyncapi() -> Json:
    """The AsyncAPI document: what the engine takes and what it makes, by the ways that exist."""
    senders: dict[str, list[str]] = {"upstream": [], "person": [], "engine": []}
    for name, spec in sorted(TYPES.items()):
        senders[sender(spec)].append(name)
    channels = {
        "events": {
            "address": "/v1/events",
            "title": "What upstream systems tell",
            "description": "One CloudEvent, structured or binary, or a batch of them. Answered once durable.",
            "messages": _messages(senders["upstream"]),
        },
        "commands": {
            "address": "/v1/orders/{order}/commands",
            "title": "What people command",
            "description": "They need a role. The route's body is in the OpenAPI document; these are the events it makes.",
            "parameters": {"order": {"description": "The order, as <channel>:<platform number>."}},
            "messages": _messages(senders["person"]),
        },
        "receipts": {
            "address": None,
            "title": "What the engine decides and does",
            "description": (
                "Kept in the stream they speak of, or as receipts in its companion stream, <subject>!;"
                " read by GET /v1/orders/{order}/history."
            ),
            "messages": _messages(senders["engine"]),
        },
    }
    post = {"http": {"method": "POST", "bindingVersion": "0.3.0"}}
    operations = {
        "takeEvents": {"action": "receive", "channel": {"$ref": "#/channels/events"}, "bindings": post},
        "takeCommands": {"action": "receive", "channel": {"$ref": "#/channels/commands"}, "bindings": post},
        "keepReceipts": {"action": "send", "channel": {"$ref": "#/channels/receipts"}},
    }
    return {
        "asyncapi": "3.1.0",
        "id": "urn:orderfold",
        "info": {
            "title": "Orderfold",
            "version": "1.0.0",
            "description": "Orders as append-only event streams, folded into state, deadlines, money and health.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": _CLOUDEVENT,
        "servers": {"embedded": {"host": "127.0.0.1:8700", "protocol": "http"}},
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {name: _message(name) for name in sorted(TYPES)},
            "schemas": {"CloudEvent": _envelope()},
        },
    }


def files() -> dict[Path, str]:
    """Every generated file and its text."""
    made = {
        FOLDER / "json" / f"{name}.json": json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"
        for name in TYPES
    }
    heading = "# Made by `python -m schemas.documents`; a test holds it to the event types.\n"
    made[FOLDER / "asyncapi.yaml"] = heading + "\n".join(_yaml(asyncapi(), "")) + "\n"
    return made


def write(lock: bool) -> None:
    """Write every document, and remove schemas of types that are gone."""
    made = files()
    (FOLDER / "json").mkdir(exist_ok=True)
    for path in (FOLDER / "json").glob("*.json"):
        if path not in made:
            path.unlink()
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    if lock:
        path = FOLDER / ".lock"
        kept = Lock.read(path)
        kept.keep({name: schema_of(name) for name in TYPES})
        path.write_text(kept.text(), encoding="utf-8")


def _messages(names: list[str]) -> Json:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _message(name: str) -> Json:
    spec = TYPES[name]
    about = {"type": {"const": name}, "data": {"$ref": f"./json/{name}.json"}}
    return {
        "name": name,
        "title": name,
        "summary": " ".join(inspect.getdoc(spec.data).split()),  # type: ignore[union-attr]
        "contentType": _CLOUDEVENT,
        "payload": {"allOf": [{"$ref": "#/components/schemas/CloudEvent"}, {"properties": about}]},
    }


def _envelope() -> Json:
    """The envelope's schema, by its fields: msgspec has none for data kept as the bytes it came as."""
    fields = msgspec.structs.fields(CloudEvent)
    properties = {
        field.encode_name: {} if field.type is msgspec.Raw else msgspec.json.schema(field.type)
        for field in fields
    }
    properties["specversion"] = {"const": "1.0"}
    return {
        "type": "object",
        "description": " ".join(inspect.getdoc(CloudEvent).split()),  # type: ignore[union-attr]
        "properties": properties,
        "required": [field.encode_name for field in fields if field.required],
    }


def _tidied(node: Any) -> Any:
    """Marks of an optional field stand on the field, not on one of its alternatives; texts are one line."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidied = {name: _tidied(value) for name, value in node.items()}
    if isinstance(tidied.get("description"), str):
        tidied["description"] = " ".join(tidied["description"].split())
    for alternative in tidied.get("anyOf", ()):
        for mark in [name for name in alternative if name.startswith("x-")]:
            tidied[mark] = alternative.pop(mark)
    return tidied


def _yaml(node: Json | list[Any], indent: str) -> list[str]:
    """Plain YAML: block style, every scalar as JSON writes it. (Of all YAML this needs only so much.)"""
    lines: list[str] = []
    pairs = node.items() if isinstance(node, dict) else (("-", item) for item in node)
    for name, value in pairs:
        head = "-" if isinstance(node, list) else f"{_key(name)}:"
        if isinstance(value, dict | list) and value:
            inner = _yaml(value, indent + "  ")
            if isinstance(node, list):
                lines.append(f"{indent}- {inner[0].lstrip()}")
                lines += inner[1:]
            else:
                lines.append(f"{indent}{head}")
                lines += inner
        else:
            lines.append(f"{indent}{head} {json.dumps(value, ensure_ascii=False)}")
    return lines


def _key(name: str) -> str:
    return (
        name if name[:1].isalpha() and name.replace(".", "").replace("_", "").isalnum() else json.dumps(name)
    )


def main() -> None:
    """`python -m schemas.documents [--lock]`."""
    parser = argparse.ArgumentParser(
        prog="python -m schemas.documents", description="Write the schema documents."
    )
    parser.add_argument("--lock", action="store_true", help="keep today's schemas as those of a release")
    write(parser.parse_args().lock)


if __name__ == "__main__":
    main()
