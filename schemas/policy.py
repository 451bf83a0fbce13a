"""streams.yaml as written: one struct per section, durations and dates still as the operator's text.

`engine.policy` reads it, checks it and compiles what folds need into `projections.policy.Policy`; intake,
views and store read their sections from here. A field without a default must be written; a key not named here
is refused. The defaults of the sections that only tune the engine are those of DESIGN.md."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, field

from schemas.events.order import HoldReason

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
Zone = Annotated[str, Meta(min_length=1, max_length=64, description="an IANA zone such as Asia/Shanghai")]
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


# Intake, clocks, stores: how the engine runs


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


# Channels and lifecycles


class ChannelText(Section, frozen=True):
    """Where orders come from. `sources` are the CloudEvents sources that belong to it; the first channel with
    one that matches has the event. `grace` overrides the lifecycle's."""

    lifecycle: Key
    zone: Zone
    sources: Annotated[list[Source], Meta(max_length=200)] = []
    grace: Duration | None = None


class StateText(Section, frozen=True):
    """A state of the order. `words` tell the customer, `expect` what comes next and when. `end`: nothing more
    is due and its clocks stop, though a move may still lead on. `derived`: shown by the fold, reached by no
    move."""

    state: Key
    words: Words
    expect: Annotated[str, Meta(max_length=500)] = ""
    end: bool = False
    derived: bool = False


class MoveText(Section, frozen=True):
    """What a trigger does: from one of `origins` (`from:`) to `target` (`to:`); in the states of `stay` it is
    welcome and moves nothing. In any other state of the map the trigger is illegal."""

    trigger: str
    origins: list[Key] = field(name="from", default_factory=list)
    target: Key | None = field(name="to", default=None)
    stay: list[Key] = []


class LifecycleText(Section, frozen=True):
    """A named map of states, in order of advancement. `order.placed` creates the order in `start`. After an
    illegal event the order is in doubt for `grace`; then it is frozen, and where `person_thaws` names the trigger
    with the state it met, only a person frees it. Without `person_thaws` that is shipped before paid:
    fulfilment.dispatched in every state that money moves on to paid."""

    start: Key
    states: Annotated[list[StateText], Meta(min_length=1, max_length=100)]
    moves: Annotated[list[MoveText], Meta(min_length=1, max_length=500)]
    grace: Duration = "120s"
    person_thaws: dict[str, list[Key]] | None = None


# Deadlines


class CalendarText(Section, frozen=True):
    """Working time in local hours of `zone`. `hours` by day of the week; `holidays` are closed all day;
    `special` are dates with hours of their own, such as working Saturdays. `known_until`: the last date the
    holidays are entered for; check warns when it is less than 60 days ahead."""

    zone: Zone
    hours: dict[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], list[Span]]
    holidays: Annotated[list[date], Meta(max_length=2000)] = []
    special: dict[date, list[Span]] = {}
    known_until: date | None = None


class StepText(Section, frozen=True):
    """A rung of a ladder: this long after the deadline, this person is told by these deliveries."""

    after: Offset
    to: Literal["owner", "backup", "supervisor", "group"]
    via: Annotated[list[Key], Meta(min_length=1, max_length=10)]


class StageText(Section, frozen=True):
    """A clock. Either `within` a working time, one for all goods or by category (`other` for those not
    named), from entering `start` (`from:`); or until the instant the order itself promises. It stops on
    reaching `stop` (`to:`), anything more advanced, or an end."""

    stop: Key = field(name="to")
    start: Key | None = field(name="from", default=None)
    within: Within | None = None
    promise: Literal["ship_by", "deliver_by"] | None = None
    ladder: Key = "default"


class TierText(Section, frozen=True):
    """Which stages hold for which orders; the first tier that matches decides, empty conditions match all.
    `customers` are the tiers the channel gives its customers. `within` sets other times for some of the
    stages."""

    name: Key
    stages: list[Key]
    channels: list[Key] = []
    customers: list[str] = []
    amount_at_least: Money = 0
    calendar: str = ""
    within: dict[Key, Within] = {}


class SlaText(Section, frozen=True):
    """`half` and `warn` are per mille of the time: yellow and orange. `pausing_holds` stop the clocks."""

    ladders: dict[Key, Annotated[list[StepText], Meta(min_length=1, max_length=20)]]
    stages: dict[Key, StageText]
    tiers: Annotated[list[TierText], Meta(min_length=1, max_length=200)]
    half: PerMille = 500
    warn: PerMille = 800
    pausing_holds: list[HoldReason] = field(default_factory=lambda: list(get_args(HoldReason)))


# People


class GroupText(Section, frozen=True):
    """Who answers together; `title` for lists."""

    title: Words


class AbsenceText(Section, frozen=True):
    """Not to be reached from the first date to the last, both included."""

    first: date = field(name="from")
    last: date = field(name="until")
    reason: Annotated[str, Meta(max_length=200)] = ""


class PersonText(Section, frozen=True):
    """Someone who owns orders. `shifts` names the calendars they work by; empty means always."""

    group: Key
    backup: str = ""
    supervisor: str = ""
    shifts: list[Key] = []
    absences: list[AbsenceText] = []


class RouteText(Section, frozen=True):
    """Whose orders these are: the first route whose conditions all hold; empty conditions match all."""

    channels: list[Key] = []
    categories: list[Key] = []
    states: list[Key] = []
    owner: str = ""
    group: str = ""


class RoutingText(Section, frozen=True):
    """`frozen`: the group told of frozen orders (risk control). `routes` give every other order an owner."""

    frozen: Key
    routes: Annotated[list[RouteText], Meta(max_length=500)]


class ReviewText(Section, frozen=True):
    """Which paid orders a person reviews first: any rule that holds. 0 and empty lists ask for none."""

    amount_at_least: Money = 0
    categories: list[Key] = []
    channels: list[Key] = []


# Health, limbo, notices


class HealthText(Section, frozen=True):
    """Points out of 100 an order loses by cause; `stuck_points_per_hour` more for each hour beyond
    `stuck_after` without an event in an open state."""

    points: dict[Key, Points]
    stuck_after: Duration = "2h"
    stuck_points_per_hour: Points = 2


class LimboText(Section, frozen=True):
    """Facts that know no order are told after `after`."""

    after: Duration = "15m"


class DeliveryText(Section, frozen=True):
    """A way to reach people. `dry_run`: its notices are decided and listed, never sent."""

    dry_run: bool = True


class NoticeText(Section, frozen=True):
    """One kind of notice: by which deliveries, in which words. Variables in braces, as {order}; `NOTICES`
    lists them."""

    via: Annotated[list[Key], Meta(max_length=10)]
    text: Annotated[str, Meta(min_length=1, max_length=2000)]


# Access


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


# OCEL 2.0


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


class PolicyText(Section, frozen=True):
    """The whole file. `version` is the version of its form, `name` the policy's own, shown beside every
    deadline."""

    version: Literal[1]
    name: Key
    default_channel: Key
    channels: Annotated[dict[Key, ChannelText], Meta(min_length=1, max_length=1000)]
    lifecycles: Annotated[dict[Key, LifecycleText], Meta(min_length=1, max_length=100)]
    sla: SlaText
    groups: dict[Key, GroupText]
    people: dict[Key, PersonText]
    routing: RoutingText
    health: HealthText
    notices: dict[str, NoticeText]
    categories: list[Key] = []
    intake: IntakeText = IntakeText()
    timers: TimersText = TimersText()
    calendars: dict[Key, CalendarText] = {}
    review: ReviewText = ReviewText()
    limbo: LimboText = LimboText()
    delivery: dict[Key, DeliveryText] = {}
    guides: dict[str, Words] = {}
    roles: dict[Key, RoleText] = {}
    tokens: list[TokenText] = []
    ocel: OcelText | None = None
    views: ViewsText = ViewsText()
    store: StoreText = StoreText()
