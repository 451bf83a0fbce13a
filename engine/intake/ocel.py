"""An OCEL 2.0 log (JSON) → events, through the mapping `ocel:` of streams.yaml (schemas.policy.OcelText).

A log ties events to objects; which of them are orders, and what the rest say of an order, is the mapping's to
tell. One event of the log that speaks of several orders becomes one for each. The log is read whole: its
objects may be needed by any event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from engine.errors import Unreadable, UsageError
from engine.intake import files
from engine.intake.model import DeadLetter, Rules
from engine.intake.order import AS_BEFORE, Found
from engine.intake.places import NOT_JSON, json_fault, shape_fault
from engine.intake.templates import NOTHING, BadValue, objects, template
from engine.policy.templates import parse_path
from schemas.envelope import CloudEvent, micros
from schemas.policy import OcelEventText, OcelText


class _Relation(msgspec.Struct):
    objectId: str
    qualifier: str = ""


class _Attribute(msgspec.Struct):
    name: str
    value: Any = None
    time: datetime | None = None


class _Object(msgspec.Struct):
    id: str
    type: str
    attributes: list[_Attribute] = []
    relationships: list[_Relation] = []


class _Happened(msgspec.Struct):
    id: str
    type: str
    time: datetime
    attributes: list[_Attribute] = []
    relationships: list[_Relation] = []


class _Document(msgspec.Struct):
    events: list[msgspec.Raw]
    objects: list[msgspec.Raw]


_document = msgspec.json.Decoder(_Document).decode
_object = msgspec.json.Decoder(_Object, float_hook=Decimal).decode
_happened = msgspec.json.Decoder(_Happened, float_hook=Decimal).decode
_encode = msgspec.json.Encoder().encode


class _Plan:
    """How one event type of the log becomes one of ours."""

    __slots__ = ("data", "first", "orders", "type")

    def __init__(self, text: OcelEventText) -> None:
        self.type = text.type
        self.orders = objects(text.order)
        self.first = parse_path(text.order).start
        self.data = template(text.data)


class Log:
    """Reads logs by one mapping. `ignored` counts events whose type the mapping leaves out, by that type."""

    def __init__(self, mapping: OcelText, rules: Rules, ignored: Counter[str]) -> None:
        self._source = mapping.source
        try:
            self._plans = {name: _Plan(text) for name, text in mapping.events.items()}
        except ValueError as error:
            raise UsageError(
                f"streams.yaml, section ocel: {error}.", "`orderfold check` names the line."
            ) from None
        self._left_out = frozenset(mapping.ignore)
        self._ignored = ignored
        self._prefix = f"order/{rules.channel_of(mapping.source)}:"

    def read(self, path: str) -> Iterator[Found]:
        """Every event of the log, in its order. What cannot be used comes as dead letters. Raises Unreadable
        for a file that is no OCEL 2.0 JSON."""
        body = files.whole(path)
        try:
            document = _document(body)
        except msgspec.ValidationError as error:
            pointer, said = shape_fault(error)
            raise Unreadable(
                f"{path}{pointer}: {said}.",
                "An OCEL 2.0 log in JSON has `events` and `objects`; XML is not read.",
            ) from None
        except NOT_JSON as error:
            raise Unreadable(
                f"{path}: {json_fault(body, error)}.", "An OCEL 2.0 log is one JSON object."
            ) from None
        things = _Objects()
        for place, raw in enumerate(document.objects, 1):
            try:
                things.add(_object(raw))
            except (ValueError, RecursionError) as error:
                yield (
                    AS_BEFORE,
                    f"{path}/objects",
                    place,
                    _refused(f"{path}/objects", place, bytes(raw), error),
                )
        label = f"{path}/events"
        for place, raw in enumerate(document.events, 1):
            try:
                events = self._events(_happened(raw), things)
            except (ValueError, RecursionError, BadValue) as error:
                yield AS_BEFORE, label, place, _refused(label, place, bytes(raw), error)
            else:
                for key, event in events:
                    yield key, label, place, event

    def _events(self, happened: _Happened, things: _Objects) -> list[tuple[int, bytes]]:
        plan = self._plans.get(happened.type)
        if plan is None:
            if happened.type not in self._left_out:
                raise BadValue(
                    f"event type {happened.type!r} is neither in ocel.events nor in ocel.ignore;"
                    " say in streams.yaml what it means."
                )
            self._ignored[happened.type] += 1
            return []
        scene = _Scene(happened, things)
        orders = plan.orders(scene)
        if not orders:
            raise BadValue(
                f"{happened.id!r} leads to no order; see ocel.events.{happened.type}.order in streams.yaml."
            )
        events = []
        for order in orders:
            scene.narrow(plan, order)
            data = plan.data(scene)
            event = CloudEvent(
                id=happened.id if len(orders) == 1 else f"{happened.id}/{order}",
                source=self._source,
                type=plan.type,
                specversion="1.0",
                subject=self._prefix + order,
                time=happened.time,
            )
            if data is not NOTHING:
                event.data = msgspec.Raw(_encode(data))
            events.append((scene.time, _encode(event)))
        return events


class _Objects:
    """The log's objects: attribute values by time, relationships both ways."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self._forward: dict[tuple[str, str], list[str]] = {}
        self._backward: dict[tuple[str, str], list[str]] = {}

    def add(self, thing: _Object) -> None:
        """Take an object in. ValueError for an instant without a zone."""
        for attribute in thing.attributes:
            at = 0 if attribute.time is None else micros(attribute.time)
            self._values.setdefault((thing.id, attribute.name), []).append((at, attribute.value))
        for relation in thing.relationships:
            self._forward.setdefault((thing.id, relation.qualifier), []).append(relation.objectId)
            self._backward.setdefault((relation.objectId, relation.qualifier), []).append(thing.id)

    def follow(self, object_: str, qualifier: str, back: bool) -> list[str]:
        return (self._backward if back else self._forward).get((object_, qualifier), [])

    def value(self, object_: str, name: str, at: int) -> Any:
        """The latest value not after `at`, else the first there is."""
        values = self._values.get((object_, name))
        if not values:
            return NOTHING
        known = [value for value in values if value[0] <= at]
        return max(known, key=_instant)[1] if known else min(values, key=_instant)[1]


def _instant(value: tuple[int, Any]) -> int:
    return value[0]


class _Scene:
    """An event of the log as one order sees it (templates.Scene)."""

    def __init__(self, happened: _Happened, things: _Objects) -> None:
        self.id = happened.id
        self.time = micros(happened.time)
        self.order = ""
        self.item = ""
        self._things = things
        self._attributes = {attribute.name: attribute.value for attribute in happened.attributes}
        self._related: dict[str, list[str]] = {}
        for relation in happened.relationships:
            self._related.setdefault(relation.qualifier, []).append(relation.objectId)
        self._whole = self._related

    def narrow(self, plan: _Plan, order: str) -> None:
        """Look from this order: of the objects its path begins with, only those that lead to it are seen."""
        self.order = order
        self._related = self._whole
        mine = []
        for object_ in self._whole.get(plan.first, []):
            self._related = {**self._whole, plan.first: [object_]}
            if order in plan.orders(self):
                mine.append(object_)
        self._related = {**self._whole, plan.first: mine}

    def related(self, qualifier: str) -> list[str]:
        return self._related.get(qualifier, [])

    def follow(self, objects: list[str], qualifier: str, back: bool) -> list[str]:
        return [found for object_ in objects for found in self._things.follow(object_, qualifier, back)]

    def attribute(self, object: str, name: str) -> Any:
        return self._things.value(object, name, self.time)

    def own_attribute(self, name: str) -> Any:
        return self._attributes.get(name, NOTHING)


def _refused(label: str, place: int, raw: bytes, error: Exception) -> DeadLetter:
    if isinstance(error, msgspec.ValidationError):
        pointer, said = shape_fault(error)
        detail = f"{pointer or '/'}: {said}; see OCEL 2.0, JSON."
    elif isinstance(error, NOT_JSON):
        detail = json_fault(raw, error)
    else:
        detail = str(error)
    return DeadLetter(f"{label}:{place}", "bad-row", f"{label}, number {place}: {detail}", raw)
