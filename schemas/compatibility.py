"""Whether today's schemas can still read all events ever released: BACKWARD_TRANSITIVE, in Confluent's words.

Stored events are replayed by every later release, so each schema is held against every one its type ever had
(`schemas/.lock`). Only what msgspec writes of JSON Schema is understood here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_SAME = ("pattern", "format", "const")


class Lock:
    """Every schema each type has had in a release, oldest first."""

    def __init__(self, types: dict[str, list[Json]]) -> None:
        self.types = types

    @classmethod
    def read(cls, path: Path) -> Lock:
        """The lock kept at `path`; an empty one where there is none."""
        return cls(json.loads(path.read_text(encoding="utf-8"))["types"] if path.exists() else {})

    def keep(self, schemas: dict[str, Json]) -> None:
        """Add the schemas of a release, where they differ from the last one's."""
        for name, schema in schemas.items():
            kept = self.types.setdefault(name, [])
            if not kept or kept[-1] != schema:
                kept.append(schema)

    def text(self) -> str:
        """The file: one schema a line, so that a release's changes can be seen in a diff."""
        types = ",\n".join(
            f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(schema) for schema in kept) + "\n]"
            for name, kept in sorted(self.types.items())
        )
        return f'{{"mode": "BACKWARD_TRANSITIVE", "types": {{\n{types}\n}}}}\n'


def breaks(old: Json, new: Json) -> list[str]:
    """What data the old schema allowed the new one does not, each with its JSON pointer; [] when nothing
    is."""
    return _breaks(old, new, old, new, "")


def _breaks(old: Json, new: Json, old_root: Json, new_root: Json, at: str) -> list[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    branches = old.get("anyOf", [old])
    wanted = new.get("anyOf", [new])
    found: list[str] = []
    for branch in branches:
        attempts = [_narrower(branch, want, old_root, new_root, at) for want in wanted]
        if all(attempts):
            fewest: list[str] = min(attempts, key=len)
            found += fewest
    return found


def _narrower(old: Json, new: Json, old_root: Json, new_root: Json, at: str) -> list[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    place = at or "/"
    if (
        "type" in new
        and old.get("type") != new["type"]
        and (old.get("type"), new["type"]) != ("integer", "number")
    ):
        return [f"{place}: was {old.get('type', 'anything')}, is {new['type']}"]
    found = []
    if "enum" in new and not set(old.get("enum", [None])) <= set(new["enum"]):
        found.append(f"{place}: some values are no longer taken")
    for names, none, sign in ((_AT_LEAST, float("-inf"), 1), (_AT_MOST, float("inf"), -1)):
        found += [
            f"{place}: {name} was {old.get(name, 'none')}, is {new[name]}"
            for name in names
            if name in new and sign * old.get(name, none) < sign * new[name]
        ]
    found += [
        f"{place}: {name} is new or another" for name in _SAME if name in new and old.get(name) != new[name]
    ]
    found += [
        f"{at}/{name}: is required now"
        for name in new.get("required", [])
        if name not in old.get("required", [])
    ]
    properties = new.get("properties", {})
    for name, schema in old.get("properties", {}).items():
        if name in properties:
            found += _breaks(schema, properties[name], old_root, new_root, f"{at}/{name}")
        elif new.get("additionalProperties") is False:
            found.append(f"{at}/{name}: is gone")
    if "items" in new:
        found += _breaks(old.get("items", {}), new["items"], old_root, new_root, f"{at}/*")
    return found


def _resolved(schema: Json, root: Json) -> Json:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema
