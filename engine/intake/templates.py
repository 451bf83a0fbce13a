"""Following the templates of `ocel:` in streams.yaml through a log (schemas.policy.OcelEventText shows their forms;
engine.policy.templates parses them).

A template is compiled once and evaluated on a `Scene`: one event of the log, seen from one order.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final, Protocol

from engine.policy.templates import ObjectPath, parse_path, parse_template
from schemas.envelope import rfc3339


class BadValue(Exception):
    """The log holds something a template cannot use."""


class Nothing:
    """What a template gives that finds nothing: the field is left out."""


NOTHING: Final = Nothing()

SCALES = {"cents": 100, "grams": 1000, "whole": 1}
"""Units that make an integer: times this, rounded half up by decimal text, never by binary floats."""


class Scene(Protocol):
    """One event of a log as one order sees it. `item` is the object an `each` stands at, "" outside."""

    id: str
    time: int
    order: str
    item: str

    def related(self, qualifier: str) -> list[str]:
        """The objects the event has under a qualifier, of this order only where the log tells them apart."""

    def follow(self, objects: list[str], qualifier: str, back: bool) -> list[str]:
        """From objects along a relationship, or `back` against its direction."""

    def attribute(self, object: str, name: str) -> Any:
        """An object's value at the time of the event, else its first; NOTHING if it has none."""

    def own_attribute(self, name: str) -> Any:
        """A value of the event itself, or NOTHING."""


Give = Callable[[Scene], Any]


def template(text: Any) -> Give:
    """Compile a template, or an object or list of them. Raises ValueError saying what is wrong."""
    if isinstance(text, str):
        return _text(text)
    if isinstance(text, dict) and "each" in text:
        return _each(objects(text["each"]), template(text["give"]))
    if isinstance(text, dict):
        return _object({name: template(value) for name, value in text.items()})
    if isinstance(text, list):
        gives = [template(value) for value in text]
        return lambda scene: [value for give in gives if (value := give(scene)) is not NOTHING]
    return lambda scene: text


def objects(text: str) -> Callable[[Scene], list[str]]:
    """Compile a path such as `item/^comprises` → the objects it leads to, each once. Raises ValueError."""
    return _walk(parse_path(text))


def _walk(path: ObjectPath) -> Callable[[Scene], list[str]]:
    def walk(scene: Scene) -> list[str]:
        found = [scene.item] if path.start == "." else scene.related(path.start)
        for hop in path.hops:
            found = scene.follow(found, hop.qualifier, hop.back)
        return list(dict.fromkeys(found))

    return walk


def _object(gives: dict[str, Give]) -> Give:
    def give_object(scene: Scene) -> Any:
        found = {name: value for name, give in gives.items() if (value := give(scene)) is not NOTHING}
        return found or NOTHING

    return give_object


def _each(walk: Callable[[Scene], list[str]], give: Give) -> Give:
    def give_list(scene: Scene) -> Any:
        outer, found = scene.item, []
        for object_ in walk(scene):
            scene.item = object_
            if (value := give(scene)) is not NOTHING:
                found.append(value)
        scene.item = outer
        return found

    return give_list


def _text(text: str) -> Give:
    gives = [_part(part) for part in parse_template(text)]
    if len(gives) == 1:
        return gives[0]

    def give_text(scene: Scene) -> Any:
        parts = [give(scene) for give in gives]
        return NOTHING if NOTHING in parts else "".join(map(str, parts))

    return give_text


def _part(part: str | ObjectPath) -> Give:
    if isinstance(part, str):
        return lambda scene: part
    if part.start == "$time":
        return lambda scene: rfc3339(scene.time)
    if part.start in ("$id", "$order"):
        name = part.start[1:]
        return lambda scene: getattr(scene, name)
    if not part.start:
        return lambda scene: _used(scene.own_attribute(part.attribute), part.unit)
    walk = _walk(part)

    def give_values(scene: Scene) -> list[Any]:
        values: list[Any] = walk(scene)
        if part.attribute:
            values = [scene.attribute(object_, part.attribute) for object_ in values]
        return [_used(value, part.unit) for value in values if value is not NOTHING]

    if part.every:
        return give_values
    return lambda scene: next(iter(give_values(scene)), NOTHING)


def _used(value: Any, unit: str) -> Any:
    if value is NOTHING:
        return value
    if unit == "text":
        return str(value)
    if unit:
        return scaled(value, SCALES[unit])
    if isinstance(value, Decimal):
        raise BadValue(f"{value} is no whole number; say |cents, |grams, |whole or |text in its template.")
    return value


def scaled(value: Any, scale: int) -> int:
    """A decimal number or its text times `scale`, rounded half up: ("12.345", 100) → 1235. Raises BadValue."""
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        return int((Decimal(value) * scale).quantize(Decimal(1), ROUND_HALF_UP))
    except (InvalidOperation, ValueError, TypeError):
        raise BadValue(f"{str(value)[:40]!r} is no number.") from None
