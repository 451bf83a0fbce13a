"""What intake takes, refuses and hands on: `Incoming`, `DeadLetter`, `Refused`, and the `Rules` and
`Credential` it judges by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate

import msgspec

from schemas.envelope import Event

REASONS: dict[str, str] = {
    "broken-json": "it is not JSON",
    "not-cloudevent": "it is JSON, but no CloudEvents 1.0 event",
    "bad-attribute": "an attribute has the wrong type, length or characters",
    "bad-subject": "the subject names no stream",
    "bad-time": "an instant is missing, impossible or without a zone",
    "too-early": "it is dated before the store's first instant",
    "too-far-ahead": "it is dated in the future",
    "bad-data": "`data` does not fit the schema of its type",
    "not-json-data": "`data` is not declared as JSON",
    "oversize": "it is larger than one event may be",
    "reserved-type": "only the engine writes events of this type",
    "reserved-source": "only the engine writes under this source",
    "person-type": "a person's act enters as a command, with a role",
    "bad-row": "a row of a table or log could not be read",
}
"""Every reason for a dead letter, and what it means; the codes label metrics and dead letters."""

COUNTRY = "CN"

_SOURCES_KEPT = 8192


class Refused(Exception):
    """An event is refused: `reason` is a key of REASONS, `detail` names the place and the way out."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Incoming(msgspec.Struct, gc=False):
    """An event intake took: checked, not yet stamped.

    `event` has typed data, its channel, and `time` in µs UTC (0 with `timemissing` where none was sent).
    `raw` is `data` exactly as received (b"" for none). `arrived` is the import instant of a historical event,
    µs UTC: its `arrivedtime`, else its `time`; 0 for a live one. `unknown` are the paths of fields its schema does not name, array positions as `*`:
    kept in `raw`, counted here.
    """

    event: Event
    raw: bytes
    arrived: int = 0
    unknown: tuple[str, ...] = ()


class DeadLetter(msgspec.Struct, gc=False):
    """What intake refused: the bytes as they came and why. `subject`, `type`, `id` and `source` as far as
    they could be read, for finding it again. Of an oversize line only the beginning is kept."""

    origin: str
    reason: str
    detail: str
    raw: bytes
    subject: str = ""
    type: str = ""
    id: str = ""
    source: str = ""


class Credential(msgspec.Struct, frozen=True):
    """Who sends, as authenticated by intake. `channel` overrides the channel found by source; `command` lets
    a person's types and reserved sources through, and is given to the command routes alone."""

    authtype: str = "unauthenticated"
    authid: str = ""
    channel: str = ""
    command: bool = False


ANYBODY = Credential()
"""Who brings a file, or posts to an open API, without saying who they are."""


class Rules:
    """What the policy text asks of intake.

    `earliest` µs UTC, `max_ahead` µs, `max_event_bytes`; `channels` are (name, source patterns) in the order
    they are tried, patterns as in a shell (`/channels/shopify/*`); a source none matches is of
    `default_channel`. `countries` (ISO 3166) by channel are those of its customers, COUNTRY where none is named.
    """

    __slots__ = (
        "_countries",
        "_found",
        "_patterns",
        "default_channel",
        "earliest",
        "max_ahead",
        "max_event_bytes",
    )

    def __init__(
        self,
        earliest: int,
        max_ahead: int,
        max_event_bytes: int,
        channels: Iterable[tuple[str, Iterable[str]]],
        default_channel: str,
        countries: Mapping[str, str] | None = None,
    ) -> None:
        self.earliest = earliest
        self.max_ahead = max_ahead
        self.max_event_bytes = max_event_bytes
        self.default_channel = default_channel
        self._countries = dict(countries or {})
        self._patterns = [
            (name, re.compile("|".join(translate(pattern) for pattern in patterns)).match)
            for name, patterns in ((name, list(patterns)) for name, patterns in channels)
            if patterns
        ]
        self._found: dict[str, str] = {}

    def country_of(self, channel: str) -> str:
        """The country whose phone numbers a channel's customers have, unless their address names another."""
        return self._countries.get(channel, COUNTRY)

    def channel_of(self, source: str) -> str:
        """The channel a source belongs to; the first pattern that matches decides."""
        found = self._found.get(source)
        if found is None:
            found = next((name for name, match in self._patterns if match(source)), self.default_channel)
            # Senders choose their sources: without a bound they could fill the memory.
            if len(self._found) >= _SOURCES_KEPT:
                self._found.clear()
            self._found[source] = found
        return found
