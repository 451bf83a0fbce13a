"""Plain values → the typed text, or everything that does not fit it, each at its path.

msgspec stops at the first mistake and knows no lines; so it is asked once for the whole, and only when that
fails is the tree walked beside the structs of `schemas.policy`."""

from __future__ import annotations

import types
import typing
from typing import Any

import msgspec

from engine.policy.document import Document, Path
from engine.policy.finding import Findings, nearest, shown
from schemas.policy import PolicyText

_SECRETS = frozenset({"token", "secret", "password", "key", "value"})
_BASES = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "a mapping"}


def shape(document: Document, findings: Findings) -> PolicyText | None:
    """The typed text; None where it does not fit. Unknown keys are found and left out, so that the checks
    after this still speak about the rest."""
    try:
        return msgspec.convert(document.tree, PolicyText)
    except msgspec.ValidationError:
        pass
    if not isinstance(document.tree, dict):
        findings.error(
            (),
            "it holds no settings",
            "Begin with `version: 1`; see the streams.yaml that comes with orderfold.",
        )
        return None
    walk = _Walk(findings)
    known = walk.value(document.tree, PolicyText, ())
    if walk.unfit:
        return None
    try:
        return msgspec.convert(known, PolicyText)
    except msgspec.ValidationError as error:
        findings.error(
            (), f"it does not fit: {error}", "Compare it with the streams.yaml that comes with orderfold."
        )
        return None


class _Walk:
    """Goes through the tree beside the types. `unfit` once anything but an unknown key was found."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.unfit = False

    def value(self, value: Any, type_: Any, path: Path) -> Any:
        """The value without its unknown keys."""
        plain = _chosen(_bare(type_), value)
        if plain is Any:
            return value
        before = self.unfit
        self.unfit = False
        known = self._inside(value, plain, path)
        if not self.unfit:
            self._fits(known, type_, path)
        self.unfit |= before
        return known

    def _inside(self, value: Any, plain: Any, path: Path) -> Any:
        origin = typing.get_origin(plain)
        if isinstance(value, dict) and isinstance(plain, type) and issubclass(plain, msgspec.Struct):
            return self._struct(value, plain, path)
        if isinstance(value, dict) and origin is dict:
            key_type, value_type = typing.get_args(plain)
            for key in value:
                self._fits(key, key_type, (*path, key))
            return {key: self.value(inner, value_type, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list) and origin is list:
            (item_type,) = typing.get_args(plain)
            return [self.value(item, item_type, (*path, i)) for i, item in enumerate(value)]
        return value

    def _struct(self, value: dict[str, Any], struct: type[msgspec.Struct], path: Path) -> dict[str, Any]:
        fields = {f.encode_name: f for f in msgspec.structs.fields(struct)}
        known = {}
        for key, inner in value.items():
            if key in fields:
                known[key] = self.value(inner, fields[key].type, (*path, key))
            elif path[:1] == ("tokens",) and key in _SECRETS:
                self.findings.error(
                    (*path, key),
                    "a token is never written here",
                    "Take it out, make a new one, and give its `sha256`, or its variable as `env`.",
                )
            else:
                self.findings.error((*path, key), f"unknown key {key!r}", nearest(key, fields))
        for name, field in fields.items():
            if field.required and name not in value:
                self.unfit = True
                self.findings.error(path, f"{name!r} is missing", f"Write {name}: {wanted(field.type)}.")
        return known

    def _fits(self, value: Any, type_: Any, path: Path) -> None:
        try:
            msgspec.convert(value, type_)
        except msgspec.ValidationError as error:
            self.unfit = True
            options = _options(type_)
            if options and isinstance(value, str):
                remedy = nearest(value, options)
            else:
                remedy = f"Write {wanted(type_)}."
            self.findings.error(path, f"{shown(value)} is not taken{_because(error, value)}", remedy)


def wanted(type_: Any) -> str:
    """What to write for a type: its description, its options, or the kind of value."""
    for meta in getattr(type_, "__metadata__", ()):
        if meta.description:
            return str(meta.description)
    plain = _bare(type_)
    options = _options(type_)
    if options:
        return options[0] if len(options) == 1 else "one of " + ", ".join(sorted(options))
    if _is_union(plain):
        return " or ".join(wanted(arg) for arg in typing.get_args(plain) if arg is not types.NoneType)
    base = typing.get_origin(plain) or plain
    if isinstance(base, type) and issubclass(base, msgspec.Struct):
        return "a mapping with " + ", ".join(
            f.encode_name for f in msgspec.structs.fields(base) if f.required
        )
    if plain.__class__ is type and plain.__name__ == "date":
        return "a date such as 2027-01-01"
    return _BASES.get(base, "another value")


def _bare(type_: Any) -> Any:
    return type_.__origin__ if hasattr(type_, "__metadata__") else type_


def _is_union(plain: Any) -> bool:
    return typing.get_origin(plain) in (typing.Union, types.UnionType)


def _chosen(plain: Any, value: Any) -> Any:
    """Of a union, the member the value is meant as: by its being a mapping, a list, or neither."""
    if not _is_union(plain):
        return plain
    kind = dict if isinstance(value, dict) else list if isinstance(value, list) else None
    for arg in typing.get_args(plain):
        bare = _bare(arg)
        base = typing.get_origin(bare) or bare
        if base is kind or (kind is dict and isinstance(base, type) and issubclass(base, msgspec.Struct)):
            return bare
    return plain


def _options(type_: Any) -> tuple[str, ...]:
    plain = _bare(type_)
    return tuple(map(str, typing.get_args(plain))) if typing.get_origin(plain) is typing.Literal else ()


def _because(error: msgspec.ValidationError, value: Any) -> str:
    """What msgspec says, where a reader gains by it: lengths and bounds, not patterns or type names."""
    said = str(error)
    if "length" in said or "<=" in said or ">=" in said:
        return f": {said[:1].lower()}{said[1:].replace('`', '')}"
    if isinstance(value, (int, float)) and not isinstance(value, bool) and "`str`" in said:
        return ": it reads as a number"
    return ""
