"""An event's `data`: bytes → the typed struct of its type.

Structs forbid unknown fields, so that the usual case is one pass; a field we do not know takes the slow path:
it is dropped from the typed view, counted by its path, and kept in the bytes stored.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from schemas.events.common import Data
from schemas.registry import TYPES
from schemas.upcasts import UPCASTS, latest, upcast

_decoders: dict[str, Callable[[bytes], Data]] = {
    name: msgspec.json.Decoder(spec.data).decode for name, spec in TYPES.items()
}


def decoder_of(type_: str) -> Callable[[bytes], Data] | None:
    """The strict decoder of a type, upcasts included; None for a type this release does not know. It raises
    as `decode_data` does, for unknown fields too."""
    if type_ in UPCASTS:
        return lambda raw: _convert(type_, msgspec.json.decode(raw))
    return _decoders.get(type_)


def decode_data(type_: str, raw: bytes) -> Data | None:
    """Bytes received → typed data; None for a type this release does not know. An event sent without data
    (b"") reads as one whose fields are all absent.

    Raises msgspec.ValidationError (wrong shape, with the path) or msgspec.DecodeError (no JSON)."""
    decoder = decoder_of(type_) if type_ in UPCASTS else _decoders.get(type_)
    if decoder is None:
        return None
    try:
        return decoder(raw or b"{}")
    except msgspec.ValidationError as error:
        if "unknown field" not in str(error):
            raise
    return decode_lenient(type_, raw)[0]


def decode_lenient(type_: str, raw: bytes) -> tuple[Data, tuple[str, ...]]:
    """The same with unknown fields dropped: (data, their paths as JSON pointers)."""
    value = msgspec.json.decode(raw or b"{}")
    if type_ in UPCASTS and isinstance(value, dict):
        type_, value = upcast(type_, value)
    unknown: list[str] = []
    known = _strip(value, _shape(latest(type_)), "", unknown)
    return _convert(type_, known), tuple(unknown)


def _convert(type_: str, value: Any) -> Data:
    if isinstance(value, dict):
        type_, value = upcast(type_, value)
    # By way of bytes: what a field keeps raw cannot be converted from an object.
    return _decoders[latest(type_)](msgspec.json.encode(value))


@cache
def _shape(type_: str) -> msgspec.inspect.Type:
    return msgspec.inspect.type_info(TYPES[type_].data)


def _strip(value: Any, node: msgspec.inspect.Type, path: str, unknown: list[str]) -> Any:
    if isinstance(node, msgspec.inspect.Metadata):
        return _strip(value, node.type, path, unknown)
    if isinstance(node, msgspec.inspect.UnionType):
        for member in node.types:
            if isinstance(
                member, msgspec.inspect.StructType | msgspec.inspect.ListType | msgspec.inspect.Metadata
            ):
                value = _strip(value, member, path, unknown)
        return value
    if isinstance(node, msgspec.inspect.StructType) and isinstance(value, dict):
        fields = {field.encode_name: field.type for field in node.fields}
        unknown.extend(f"{path}/{name}" for name in value if name not in fields)
        return {
            name: _strip(item, fields[name], f"{path}/{name}", unknown)
            for name, item in value.items()
            if name in fields
        }
    if isinstance(node, msgspec.inspect.ListType) and isinstance(value, list):
        return [_strip(item, node.item_type, f"{path}/{i}", unknown) for i, item in enumerate(value)]
    return value
