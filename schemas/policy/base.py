"""The words every section is written in: durations, names, amounts; and what a section is."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_PART = re.compile(r"(\d+)(ms|s|m|h|d)")
_DURATION = r"^(\d{1,6}(ms|s|m|h|d))+$"

Duration = Annotated[
    str,
    Meta(
        pattern=_DURATION,
        max_length=40,
        description="a duration such as 120s, 45m, 2h or 1h30m",
    ),
]
Offset = Annotated[
    str, Meta(pattern=r"^-?(\d{1,6}(ms|s|m|h|d))+$", max_length=40, description="a duration such as 0s or 4h")
]
Key = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_.-]*$",
        max_length=64,
        description="a name of lower-case letters, digits, '_', '-' and '.', beginning with a letter",
    ),
]
Words = Annotated[str, Meta(min_length=1, max_length=500, description="a short text in quotes")]
Source = Annotated[
    str,
    Meta(
        pattern=r"^[^\s?\[\]]+$",
        max_length=200,
        description="a CloudEvents source such as /channels/jd/shop-1, with * for any run of characters",
    ),
]
Span = Annotated[
    str,
    Meta(
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$",
        description="opening hours such as 09:00-18:00; an end not after the start is on the next day",
    ),
]
Clock = Annotated[
    str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="a local time of the day such as 09:00")
]
Score = Annotated[int, Meta(ge=0, le=1000, description="a whole number from 0 to 1000")]
Count = Annotated[int, Meta(ge=1, le=10**9, description="a whole number of at least 1")]
Points = Annotated[int, Meta(ge=0, le=100, description="a whole number from 0 to 100")]
PerMille = Annotated[int, Meta(ge=1, le=10**6, description="a whole number, in per mille")]
Money = Annotated[int, Meta(ge=0, le=10**15, description="a whole number of minor units (12.34 is 1234)")]
Digest = Annotated[
    str, Meta(pattern="^[0-9a-f]{64}$", description="64 hex digits, as `printf %s TOKEN | sha256sum` prints")
]
Variable = Annotated[
    str, Meta(pattern="^[A-Z][A-Z0-9_]*$", description="the name of an environment variable")
]
Contact = Annotated[
    str, Meta(min_length=1, max_length=200, description="a phone number, an address or a user id")
]
Zone = Annotated[str, Meta(min_length=1, max_length=64, description="an IANA zone such as Asia/Shanghai")]
Country = Annotated[
    str, Meta(pattern="^[A-Z]{2}$", description="a country's two letters (ISO 3166), such as CN")
]
Instant = Annotated[datetime, Meta(tz=True, description="an instant such as 2016-01-01T00:00:00Z")]


# No pattern here, but `is_duration` in the check: msgspec 0.22 frees the pattern of a text that shares a union
# with a mapping or list, and the process dies later, while collecting garbage.
Within = Annotated[str, Meta(max_length=40, description="a duration such as 45m or 2h")] | dict[Key, Duration]


def is_duration(text: str) -> bool:
    """Whether a text is a Duration."""
    return re.match(_DURATION, text) is not None


def duration(text: str) -> int:
    """`1h30m` → µs. The text is a Duration or Offset as checked; a leading minus makes it negative."""
    total = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return -total if text.startswith("-") else total


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every part of streams.yaml."""
