"""Upcasts: how data of an older version of a type is read as the next one (DESIGN.md, "Versions").

An upcast is a pure function over the plain JSON object of version N that returns that of version N + 1. When
a type gets a version N + 1, its struct replaces the old one in `schemas.registry`, the old name gets its
upcast here, and folds only ever meet the newest. Stored bytes are never rewritten. None is needed yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.registry import TYPES

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTS: dict[str, Upcast] = {}
"""`noun.past_participle.vN` → the function to v(N+1)."""


def upcast(name: str, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(type, its JSON object) → both as of the newest version. A type without upcast comes back as it is."""
    while (step := UPCASTS.get(name)) is not None:
        name, data = successor(name), step(data)
    return name, data


def latest(name: str) -> str:
    """The type an event of this type is folded as."""
    while name in UPCASTS:
        name = successor(name)
    return name


def successor(name: str) -> str:
    """`order.placed.v1` → `order.placed.v2`. ValueError for a name without a version."""
    stem, version = _versioned(name)
    if version == 0:
        raise ValueError(f"{name} names no version; event types end in .v1, .v2 …")
    return f"{stem}.v{version + 1}"


def unknown_version(name: str) -> str:
    """Why a type is not known, where only its version is not: names those that are. "" otherwise."""
    stem, version = _versioned(name)
    if version == 0 or name in TYPES or name in UPCASTS:
        return ""
    versions = (_versioned(other) for other in (*TYPES, *UPCASTS))
    known = sorted({number for other, number in versions if other == stem})
    if not known:
        return ""
    names = ", ".join(f"v{number}" for number in known)
    return f"{stem} is known as {names}, not v{version}; kept and counted, read once a release knows it."


def _versioned(name: str) -> tuple[str, int]:
    stem, _, version = name.rpartition(".v")
    if stem and version.isdecimal() and version.isascii() and not version.startswith("0"):
        return stem, int(version)
    return name, 0
