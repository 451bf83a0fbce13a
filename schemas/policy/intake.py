"""What is let in, by whom and in which words: intake, channels, roles and tokens, the OCEL mapping, views and store."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from schemas.policy.base import (
    Count,
    Country,
    Digest,
    Duration,
    Instant,
    Key,
    Section,
    Source,
    Variable,
    Zone,
)


class IntakeText(Section, frozen=True):
    """What is let in. `earliest`: nothing may have occurred before it; `max_ahead`: nor this far in the
    future."""

    earliest: Instant = msgspec.convert("2016-01-01T00:00:00Z", datetime)
    max_ahead: Duration = "5m"
    max_event_bytes: Count = 65_536
    max_body_bytes: Count = 8_388_608
    max_batch: Count = 1_000
    new_streams_per_minute: Count = 60_000
    """Orders not heard of before, by source: a sender with broken numbers must not fill the store."""


class TimersText(Section, frozen=True):
    """`settle`: how long a deadline already past waits, so that a backlog is folded before it is judged."""

    settle: Duration = "2s"


class ViewsText(Section, frozen=True):
    """Rows are written at `flush_events` pending events; when the queue is empty and the oldest unwritten
    change is `flush_idle` old; in any case when it is `flush_latest` old. `hot_bytes` bounds the rows kept in
    memory."""

    flush_events: Count = 20_000
    flush_idle: Duration = "50ms"
    flush_latest: Duration = "500ms"
    hot_bytes: Count = 134_217_728


class StoreText(Section, frozen=True):
    """`partitions` is read when a store is made and fixed from then on. Events are committed in groups of
    `commit_events`, or after `commit_after`. `head_bytes` bounds the stream heads kept in memory."""

    partitions: Annotated[int, Meta(ge=1, le=1024, description="a whole number from 1 to 1024")] = 16
    commit_events: Count = 2_000
    commit_after: Duration = "5ms"
    head_bytes: Count = 67_108_864


class ChannelText(Section, frozen=True):
    """Where orders come from. `sources` are the CloudEvents sources that belong to it; the first channel with
    one that matches has the event. `grace` overrides the lifecycle's. `country` is where its customers' phones
    are, unless an address names another."""

    lifecycle: Key
    zone: Zone
    sources: Annotated[list[Source], Meta(max_length=200)] = []
    grace: Duration | None = None
    country: Country = "CN"


class RoleText(Section, frozen=True):
    """What its holders may do: names of `ACTIONS`; `order.*` stands for every command of that family."""

    actions: Annotated[list[str], Meta(min_length=1, max_length=100)]


class TokenText(Section, frozen=True):
    """A credential, never itself written here: either the SHA-256 (hex) of the token, or the environment
    variable that holds it. `sources` are the CloudEvents sources it may send from."""

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9@._-]+$")]
    roles: Annotated[list[Key], Meta(min_length=1, max_length=20)]
    sha256: Digest | None = None
    env: Variable | None = None
    sources: list[Source] = []
    authtype: Literal["app_user", "user", "service_account", "api_key", "system"] = "service_account"


class OcelEventText(Section, frozen=True):
    """One event type of the log → one of ours.

    `type` is ours, with its version. `order` is a path to the objects that are the orders. An event that
    speaks of several orders (a package with the items of three) becomes one event for each of them: then the
    relationship the path begins with speaks, in `data`, only of the objects that lead to this order. `data`
    holds the fields of our type as templates:

        "EUR", 1             a text or number, as it is
        "{customer}"         the id of the (first) object under the event's qualifier `customer`
        "{*item}"            the ids of all of them, as a list
        "{item/is a}"        follow the relationship `is a` of that object
        "{item/^comprises}"  the other way round: the objects that have that item under `comprises`
        "{order@price}"      an attribute of the object: its value at the time of the event, else its first
        "{@reason}"          an attribute of the event
        "{$id}" "{$time}"    the event's own id and time (RFC 3339); "{$order}" the id of the order
        "{order@price|cents}"  times 100, rounded half up, an integer; |grams times 1000; |whole; |text
        "no. {$id}"          within more text: put in as text
        {each: item, give: {line: "{.}", sku: "{./is a}", quantity: 1}}
                             a list: `give` once for each object of the path, which is `.` in it

    A field whose template finds nothing is left out; a list may be empty.
    """

    type: str
    order: Annotated[str, Meta(min_length=1, max_length=500)]
    data: dict[str, Any] = {}


class OcelText(Section, frozen=True):
    """How an OCEL 2.0 log becomes events: `orderfold ingest FILE --format ocel`.

    Its events get this `source`, and by it their channel; the id of the log's event (followed by `/<order
    id>` where one event becomes several) is theirs. The subject is `order/<channel>:<order id>`. An event
    type that is neither in `events` nor in `ignore` is a dead letter."""

    source: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\s*]+$")]
    events: dict[str, OcelEventText]
    ignore: list[str] = []
