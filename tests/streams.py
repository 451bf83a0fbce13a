"""The delivered streams.yaml, and small edits of it."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.envelope import EPOCH, micros

FILE = Path(__file__).parent.parent / "streams.yaml"
HOUSE = FILE.read_text(encoding="utf-8")
NOW = micros(EPOCH.replace(year=2026, month=11, day=22))
"""An instant its holidays are entered for."""


def edited(*edits: tuple[str, str]) -> str:
    """The file with the first occurrence of each `old` replaced by its `new`; each must be there."""
    text = HOUSE
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def without(section: str) -> bytes:
    """The file without one of its top-level sections."""
    text, found = re.subn(rf"(?m)^{section}:.*\n(?:(?:[ #].*)?\n)*", "", HOUSE)
    assert found == 1, section
    return text.encode()
