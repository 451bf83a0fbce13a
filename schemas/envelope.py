"""The envelope: a CloudEvents 1.0 event as received, and the `Event` folds read.

`CloudEvent` is the structured JSON form with our extension attributes (STANDARDS.md); `Event` is what
append has stamped and folds take: typed data, instants as integer microseconds UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.derived import Derived

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FRESH, REPEAT, CONFLICT = 0, 1, 2
"""Sameness of a fact with those its stream already holds (DESIGN.md, "Two kinds of sameness")."""


def micros(instant: datetime) -> int:
    """An aware datetime → microseconds since 1970-01-01 UTC. ValueError when it carries no zone."""
    try:
        delta = instant - EPOCH
    except TypeError:
        raise ValueError(f"{instant.isoformat()} has no time zone; write RFC 3339, as …Z") from None
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def rfc3339(instant: int) -> str:
    """Microseconds UTC → `2026-11-22T20:00:00Z`, with a fraction only where there is one."""
    seconds, fraction = divmod(instant, 1_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:06d}Z" if fraction else f"{text}Z"


class CloudEvent(msgspec.Struct, gc=False, omit_defaults=True):
    """A structured CloudEvent as upstream sends it; `null` is the same as absent. Attributes we do not name
    are ignored here and kept in nothing: CloudEvents lets a receiver drop unknown extensions. `data` stays
    the bytes received. `channel` and `authid` are claims: intake knows both from the credential."""

    id: str
    source: str
    type: str
    specversion: str
    subject: str | None = None
    time: datetime | None = None
    data: msgspec.Raw = msgspec.Raw(b"")
    datacontenttype: str | None = None
    dataschema: str | None = None
    data_base64: str | None = None
    arrivedtime: datetime | None = None
    timeinferred: bool | None = None
    partitionkey: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    expectedversion: int | None = None
    channel: str | None = None
    authid: str | None = None


class Event(msgspec.Struct, gc=False):
    """One event of a stream, as folds see it. All instants are microseconds UTC.

    `time` occurrence; `receivedtime`, `streamtime`, `streamversion` as stamped by append (0 before);
    `sameness` FRESH, REPEAT or CONFLICT, set by the fold host; `data` a struct of `schemas.registry`, or None
    for a type this release does not know. `number` is the stream's in its partition's directory. `via` is the
    alias subject a forwarded event came by. `partitionkey` is empty where it is the subject. `derived` is what intake
    made of names, phones and addresses for folds to compare; it is kept in the record's sealed part.
    """

    type: str
    subject: str
    id: str
    source: str
    time: int
    data: Any
    channel: str = ""
    receivedtime: int = 0
    streamtime: int = 0
    streamversion: int = 0
    number: int = 0
    sameness: int = FRESH
    timemissing: bool = False
    timeinferred: bool = False
    historical: bool = False
    authtype: str = "unauthenticated"
    authid: str = ""
    claimedby: str = ""
    via: str = ""
    partitionkey: str = ""
    correlationid: str = ""
    causationid: str = ""
    traceparent: str = ""
    expectedversion: int = 0
    derived: Derived | None = None
