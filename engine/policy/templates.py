"""Templates of the OCEL mapping: `{item/is a@price|cents}` → a parsed path (`schemas.policy.OcelEventText`
explains them). They are parsed here, where they are checked; following a path through a log is intake's."""

from __future__ import annotations

import re

import msgspec

UNITS = ("cents", "grams", "whole", "text")
SPECIAL = ("$id", "$time", "$order")

_PART = re.compile(r"\{([^{}]*)\}")
_NAME = r"[^{}/@|^*$]+"
_PATH = re.compile(
    rf"(?P<every>\*)?(?P<start>\$[a-z]+|\.|{_NAME})?(?P<hops>(/\^?{_NAME})*)(@(?P<attribute>{_NAME}))?(\|(?P<unit>\w+))?"
).fullmatch


class Hop(msgspec.Struct, frozen=True):
    """Follow the relationship `qualifier`; `back`: to the objects that have this one under it."""

    qualifier: str
    back: bool


class ObjectPath(msgspec.Struct, frozen=True):
    """From an event to objects or to a value.

    `start` is a qualifier of the event's relationships, "." for the object of `each`, "$id", "$time" or
    "$order", or "" for the event itself (then there is an attribute). `unit` is "" or one of UNITS. `every`:
    all, as a list.
    """

    start: str
    hops: tuple[Hop, ...] = ()
    attribute: str = ""
    unit: str = ""
    every: bool = False


Template = tuple[str | ObjectPath, ...]
"""Texts and paths in turn. A template of one path stands for its value as it is, any other for text."""


def parse_path(text: str) -> ObjectPath:
    """`item/^comprises` → ObjectPath; raises ValueError saying what is wrong."""
    match = _PATH(text.strip())
    start = (match["start"] or "").strip() if match is not None else ""
    if match is None or not (start or match["attribute"]):
        raise ValueError(f"{text!r} is no path: write it as qualifier/relationship@attribute|unit")
    if start.startswith("$") and (start not in SPECIAL or match["hops"] or match["attribute"]):
        raise ValueError(f"{text!r} is no path: there are {', '.join(SPECIAL)}, and nothing may follow them")
    if not start and (match["hops"] or match["every"]):
        raise ValueError(f"{text!r} is no path: it begins nowhere; name a qualifier of the event first")
    unit = match["unit"] or ""
    if unit and unit not in UNITS:
        raise ValueError(f"{unit!r} is no unit: there are {', '.join(UNITS)}")
    hops = tuple(
        Hop(part.removeprefix("^").strip(), part.startswith("^")) for part in match["hops"].split("/")[1:]
    )
    return ObjectPath(start, hops, (match["attribute"] or "").strip(), unit, match["every"] is not None)


def parse_template(text: str) -> Template:
    """`no. {$id}` → ("no. ", ObjectPath("$id")); raises ValueError saying what is wrong."""
    parts: list[str | ObjectPath] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        parts.append(parse_path(match[1]))
        end = match.end()
    if end < len(text) or not text:
        parts.append(text[end:])
    if any(isinstance(part, str) and ("{" in part or "}" in part) for part in parts):
        raise ValueError(f"{text!r} has a brace without its partner")
    if len(parts) > 1 and any(isinstance(part, ObjectPath) and part.every for part in parts):
        raise ValueError(f"{text!r} puts a list into a text: a path with * stands alone")
    return tuple(parts)
