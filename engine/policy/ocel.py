"""Checks of the OCEL mapping: our types exist, their fields are known, templates can be followed."""

from __future__ import annotations

import types
import typing
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from engine.policy.document import Path
from engine.policy.finding import Findings, nearest, shown
from engine.policy.templates import parse_path, parse_template
from schemas.policy import PolicyText
from schemas.registry import TYPES

_EACH = {"each", "give"}
_QUALIFIERS = "Write qualifiers only, as `item` or `item/^comprises`."


def check(text: PolicyText, findings: Findings, now: int) -> None:
    """The section `ocel`."""
    if text.ocel is None:
        return
    sendable = {name for name, spec in TYPES.items() if not (spec.person or spec.reserved)}
    source = text.ocel.source
    if not any(
        fnmatchcase(source, pattern) for channel in text.channels.values() for pattern in channel.sources
    ):
        findings.warning(
            ("ocel", "source"),
            f"{source!r} is of no channel, so these orders are of {text.default_channel!r}",
            "Give a channel a source that matches it.",
        )
    for i, name in enumerate(text.ocel.ignore):
        if name in text.ocel.events:
            findings.error(
                ("ocel", "ignore", i),
                f"{name!r} is ignored, and mapped on line {findings.line(('ocel', 'events', name))}",
                "Keep one of the two.",
            )
    for name, event in text.ocel.events.items():
        at: Path = ("ocel", "events", name)
        if event.type not in sendable:
            findings.error(
                (*at, "type"), f"{event.type!r} is no type that may be sent", nearest(event.type, sendable)
            )
            continue
        _path(event.order, (*at, "order"), False, findings)
        _fields(event.data, TYPES[event.type].data, (*at, "data"), False, findings)


def _fields(
    data: dict[str, Any], struct: type[msgspec.Struct], at: Path, each: bool, findings: Findings
) -> None:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for name, value in data.items():
        if name not in fields:
            findings.error((*at, name), f"the type has no field {name!r}", nearest(name, fields))
        else:
            _value(value, fields[name].type, (*at, name), each, findings)
    for name, field in fields.items():
        if field.required and name not in data:
            findings.error(
                at, f"the field {name!r} of the type is missing", f"Write {name}: and a template for it."
            )


def _value(value: Any, type_: Any, at: Path, each: bool, findings: Findings) -> None:
    """`each`: inside a `give`, where `.` is the object in hand."""
    inner, listed = _inner(type_)
    if isinstance(value, dict) and value.keys() & _EACH:
        if value.keys() != _EACH:
            findings.error(
                at,
                "a list is written {each: path, give: value}",
                "Write both `each` and `give`, nothing else.",
            )
            return
        if not listed:
            findings.error(at, "the field holds one value, not a list", "Write a template.")
        _path(value["each"], (*at, "each"), each, findings)
        _value(value["give"], inner, (*at, "give"), True, findings)
    elif isinstance(value, dict):
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and not listed:
            _fields(value, inner, at, each, findings)
        else:
            findings.error(
                at, "the field has no fields of its own", "Write a template, or {each: path, give: value}."
            )
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _value(item, inner, (*at, i), each, findings)
    elif isinstance(value, str):
        _template(value, listed, at, each, findings)
    elif value is None or isinstance(value, float):
        findings.error(at, f"{shown(value)} is no template", "Write a text, a whole number, true or false.")


def _template(text: str, listed: bool, at: Path, each: bool, findings: Findings) -> None:
    try:
        paths = [part for part in parse_template(text) if not isinstance(part, str)]
    except ValueError as error:
        findings.error(at, str(error), "OcelEventText in schemas/policy.py shows what a template may hold.")
        return
    if not each and any(path.start == "." for path in paths):
        findings.error(at, "`.` is the object of `each`, and here is none", "Name a qualifier of the event.")
    every = any(path.every for path in paths)
    if every and not listed:
        findings.error(at, "the field holds one value, not a list", "Drop the *: the first is taken.")
    elif listed and not every:
        findings.error(at, "the field holds a list", "Write {*qualifier}, or {each: path, give: value}.")


def _path(text: Any, at: Path, each: bool, findings: Findings) -> None:
    """A path that must lead to objects."""
    try:
        path = parse_path(text) if isinstance(text, str) else None
    except ValueError as error:
        findings.error(at, str(error), _QUALIFIERS)
        return
    if path is None or path.attribute or path.unit or path.every or path.start.startswith("$"):
        findings.error(at, f"{shown(text)} does not lead to objects", _QUALIFIERS)
    elif path.start == "." and not each:
        findings.error(at, "`.` is the object of `each`, and here is none", _QUALIFIERS)


def _inner(type_: Any) -> tuple[Any, bool]:
    """(the plain type of a field, or of its items; whether it is a list)."""
    plain = type_.__origin__ if hasattr(type_, "__metadata__") else type_
    if typing.get_origin(plain) in (typing.Union, types.UnionType):
        for arg in typing.get_args(plain):
            if arg is not types.NoneType:
                return _inner(arg)
    if typing.get_origin(plain) is list:
        return _inner(typing.get_args(plain)[0])[0], True
    return plain, False
