"""What intake refuses → a dead letter with the bytes, the reason and as much of the envelope as can be
read."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.intake.cloudevents import ATTRIBUTE_LENGTH_MAX
from engine.intake.model import DeadLetter, Refused
from engine.intake.places import NOT_JSON


class _Glance(msgspec.Struct):
    """The attributes a dead letter is found by, whatever type they came as."""

    subject: Any = None
    type: Any = None
    id: Any = None
    source: Any = None


_glance = msgspec.json.Decoder(_Glance).decode


def dead_letter(refused: Refused, raw: bytes, origin: str, limit: int) -> DeadLetter:
    """A refused event's bytes → its dead letter, keeping at most `limit` bytes."""
    try:
        seen = _glance(raw) if len(raw) <= limit else _Glance()
    except NOT_JSON:
        seen = _Glance()
    return DeadLetter(
        origin,
        refused.reason,
        refused.detail,
        raw[:limit],
        _text(seen.subject),
        _text(seen.type),
        _text(seen.id),
        _text(seen.source),
    )


def _text(value: Any) -> str:
    return value[:ATTRIBUTE_LENGTH_MAX] if isinstance(value, str) else ""
