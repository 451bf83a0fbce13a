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
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="a country's two letters (ISO 3166), such as CN")]
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
    one that matches has the event. `grace` overrides the lifecycle's. `country` is where its customers' phones
    are, unless an address names another."""

    lifecycle: Key
    zone: Zone
    sources: Annotated[list[Source], Meta(max_length=200)] = []
    grace: Duration | None = None
    country: Country = "CN"


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
    """Who answers together; `title` for lists. `contacts` by delivery; without one its members' are used."""

    title: Words
    contacts: dict[Key, Contact] = {}


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
    contacts: dict[Key, Contact] = {}
    """Where each delivery finds them: a phone number, an address, a user id."""


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


# Merging: orders that travel together


class BoardText(Section, frozen=True):
    """The board of suggestions, listed daily at these local times of `zone` and told `via` these deliveries; it has
    room for `lines`."""

    at: Annotated[list[Clock], Meta(min_length=1, max_length=24)]
    zone: Zone
    via: Annotated[list[Key], Meta(max_length=10)] = []
    lines: Annotated[int, Meta(ge=1, le=500, description="a whole number from 1 to 500")] = 50


class MatchingText(Section, frozen=True):
    """How alike two orders must be, 0 to 1000: `same` is taken for one customer at one address, `near` is put before
    a person. `sparse` is added to both where there is next to nothing to compare. `address` is what the address needs by
    itself. `cluster` is the mean an order needs against the members of the batch it would join. What is left out is as the
    release was tuned."""

    same: Score | None = None
    near: Score | None = None
    sparse: Score | None = None
    address: Score | None = None
    cluster: Score | None = None


class MergeText(Section, frozen=True):
    """Which orders may travel together, and who says so.

    Two orders placed within `window` of each other, neither labelled nor shipped, whose goods are all of one group of
    `together`. `automatic`: the policy merges unasked where the evidence is a login account, a verified id, or phone and
    full name, at the same address; else, and for what is near, it asks the group `ask` (in it `lead`, if named).
    A suggestion waits `answer_within`, an order has at most `suggestions` open. A batch has at most `batch_orders`; once the
    first label of it is printed the others follow under the same waybill `label_within`. A key that more than
    `block_orders` open orders share tells nobody apart. `late`: how late a feed may tell of an order. Merges and what is
    known of customers are kept `keep`, of each key the last `customer_orders` orders."""

    ask: Key
    together: Annotated[list[Annotated[list[Key], Meta(min_length=1)]], Meta(min_length=1, max_length=100)]
    lead: str = ""
    automatic: bool = True
    across_channels: bool = True
    window: Duration = "2h"
    late: Duration = "30m"
    answer_within: Duration = "24h"
    label_within: Duration = "10m"
    suggestions: Annotated[int, Meta(ge=1, le=20, description="a whole number from 1 to 20")] = 3
    batch_orders: Annotated[int, Meta(ge=2, le=100, description="a whole number from 2 to 100")] = 10
    block_orders: Annotated[int, Meta(ge=2, le=10_000, description="a whole number from 2 to 10000")] = 200
    keep: Duration = "7d"
    customer_orders: Annotated[int, Meta(ge=1, le=500, description="a whole number from 1 to 500")] = 50
    board: BoardText | None = None
    matching: MatchingText = MatchingText()


# Diagnosis, and the work it makes


class ManyText(Section, frozen=True):
    """So many different orders in so short a time are one outage, not so many single cases."""

    orders: Count
    within: Duration


class PatternText(Section, frozen=True):
    """A named cause: an order for which all conditions hold, and that is neither held nor in doubt nor frozen. `cause` and
    `guide` are for people. `after`: it has stood in its state so long. `happened`, `missing`: event types without
    version that were, or were not, told of it. `count`: how often a type was told, at least; with `reasons`, only such
    whose reason holds one of these words. `lacks`: what it came without. `kind` and `group` of the work item: the group
    is the order's own unless one is named. `many`: from so many orders on it is an outage. `unless`: rules that say more,
    while one of them stands."""

    cause: Words
    guide: Words
    states: list[Key] = []
    channels: list[Key] = []
    after: Duration | None = None
    happened: list[str] = []
    missing: list[str] = []
    count: dict[str, Count] = {}
    reasons: list[str] = []
    lacks: list[Literal["lines", "address", "contact", "parsed_address"]] = []
    kind: str = "diagnosis"
    group: str = ""
    many: ManyText | None = None
    unless: list[Key] = []


class StuckText(Section, frozen=True):
    """An order of these channels in one of these states is stuck `after` so long without a fact, counted by a calendar
    ("": around the clock). 0s: never."""

    after: Duration
    states: list[Key] = []
    channels: list[Key] = []
    calendar: str = ""


class DiagnosisText(Section, frozen=True):
    """`rules` by name; `stuck`: the first that matches an open order, none: not stuck."""

    rules: dict[Key, PatternText] = {}
    stuck: Annotated[list[StuckText], Meta(max_length=100)] = []


class DigestText(Section, frozen=True):
    """What a group has to do, told each time the calendar opens, if there is anything."""

    calendar: Key
    via: Annotated[list[Key], Meta(min_length=1, max_length=10)]


class WorkText(Section, frozen=True):
    """How open work goes on to somebody else: a ladder of rungs by kind, "" of `kinds` for all others. A kind with the
    ladder `none` stays where it is."""

    ladders: dict[Key, Annotated[list[StepText], Meta(min_length=1, max_length=20)]] = {}
    kinds: dict[str, str] = {}
    digest: DigestText | None = None


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
    """A way to reach people; not switched on without `url`. `dry_run`: its notices are decided and listed, never sent.

    `provider` dingtalk and wecom are the robots of those two, `url` as their page gives it; apprise takes any URL of
    that library. In `url` (and in contacts) ${NAME} stands for an environment variable, {to} for the contact of
    whoever is told; without {to} everything goes to the one place, and a robot mentions the contact. `secret`: the
    variable that holds the secret DingTalk signs with. At most `per_minute` go out, to each contact where the URL
    names it; what is more waits. After a failure it is tried again after each of `retry` in turn."""

    dry_run: bool = True
    provider: Literal["apprise", "dingtalk", "wecom"] = "apprise"
    url: Annotated[str, Meta(max_length=2000)] = ""
    secret: Variable | None = None
    per_minute: Count = 20
    timeout: Duration = "20s"
    retry: Annotated[list[Duration], Meta(max_length=50)] = field(
        default_factory=lambda: ["5s", "30s", "2m", "10m", "30m", "1h", "2h"]
    )


class SendingText(Section, frozen=True):
    """How notices leave. Those of one kind to one person within `gather` become one message, more than `digest_over` of
    them a digest; one older than `expire` is not sent any more. `link`: the address people reach the board at. What was
    sent is forgotten after `keep`."""

    gather: Duration = "1m"
    digest_over: Count = 10
    expire: Duration = "24h"
    keep: Duration = "30d"
    link: Annotated[str, Meta(max_length=500)] = ""


class WebhookText(Section, frozen=True):
    """An endpoint that is told of decisions, by Standard Webhooks 1.0. `types` are event types with * for any run of
    characters. `secrets` name the environment variables that hold its secrets (whsec_… or whsk_…): with several each
    signs, so that one can be changed for another. `retry` is the standard's schedule."""

    url: Annotated[str, Meta(max_length=2000)]
    secrets: Annotated[list[Variable], Meta(min_length=1, max_length=5)]
    types: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(min_length=1, max_length=100)] = field(
        default_factory=lambda: ["*"]
    )
    dry_run: bool = True
    per_minute: Count = 600
    timeout: Duration = "20s"
    retry: Annotated[list[Duration], Meta(max_length=50)] = field(
        default_factory=lambda: "5s 5m 30m 2h 5h 10h 14h 20h 24h".split()
    )


class NoticeText(Section, frozen=True):
    """One kind of notice: by which deliveries, in which words. Variables in braces, as {order}; `NOTICES`
    lists them. `dry_run`: those of this kind are decided and listed, never sent."""

    via: Annotated[list[Key], Meta(max_length=10)]
    text: Annotated[str, Meta(min_length=1, max_length=2000)]
    dry_run: bool = False


# Flow, the golden figure, nodes


class AlertText(Section, frozen=True):
    """Who is told (a person or a group), and by which deliveries; an empty `via` tells nobody and only decides."""

    to: str
    via: Annotated[list[Key], Meta(max_length=10)] = []


class FlowStageText(Section, frozen=True):
    """Types of events (without version, * for any run of characters) that tell of one stage of an order's way.
    `alert`: a channel whose stage stands still is silent."""

    types: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(min_length=1, max_length=50)]
    alert: bool = False


class SilenceText(Section, frozen=True):
    """A stage's usual gap is the second longest silence of this weekday and hour in the last `weeks`, once there are
    `samples` of them with `events` events in all; else of this hour of all days; else the longest of the hours just
    past (at most 24) that had `events`, and of this hour of a day before. Silent is longer than that × `k` (×
    `recent_k` for the last), at least `least`; before there are so many events, never."""

    k: Count = 4
    recent_k: Count = 16
    least: Duration = "5m"
    weeks: Annotated[int, Meta(ge=2, le=26, description="a whole number from 2 to 26")] = 8
    samples: Annotated[int, Meta(ge=2, le=26, description="a whole number from 2 to 26")] = 3
    events: Count = 100


class CompleteText(Section, frozen=True):
    """What events of a type (without version) of these channels should tell: paths as `customer.phone`, `a|b` for
    either. The first that matches holds."""

    type: str
    fields: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=50)]
    channels: list[Key] = []


class AddressText(Section, frozen=True):
    """Dispatch pauses when less than `least` per mille of the last `window`'s addresses could be read, of at least
    `sample`; it goes on when as many as that can be again. Read means each of `needs` is known (`a|b`: either)."""

    least: Annotated[int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000, in per mille")] = (
        950
    )
    window: Duration = "30m"
    sample: Count = 40
    needs: Annotated[list[str], Meta(min_length=1, max_length=10)] = field(default_factory=lambda: ["city|postcode"])


class UnfoldedText(Section, frozen=True):
    """A kind of event nobody folds is work when `sample` of them came within `window` and the first of them is `after`
    old; the work is done when none has come for a `window`."""

    after: Duration = "5m"
    window: Duration = "1h"
    sample: Count = 5


class BacklogText(Section, frozen=True):
    """Open orders against the median of the same hour over `days`, once there are `samples`: up to `full` per mille of
    it score 100, from `empty` on 0."""

    days: Annotated[int, Meta(ge=2, le=60, description="a whole number from 2 to 60")] = 14
    samples: Count = 3
    full: PerMille = 1500
    empty: PerMille = 4000


class IndexText(Section, frozen=True):
    """The parts of a channel's score and what each weighs; a part nothing is known of is left out. `sample`: placed or
    read so many, before a rate counts. The index is the channels' mean, weighted by the orders of the last 24 hours."""

    connectivity: Count = 40
    completeness: Count = 20
    address: Count = 20
    backlog: Count = 15
    rules: Count = 5
    sample: Count = 20


class FlowText(Section, frozen=True):
    """The flow of events by channel and stage; without this section none of it is judged."""

    stages: Annotated[dict[Key, FlowStageText], Meta(min_length=1, max_length=20)]
    alert: AlertText
    silence: SilenceText = SilenceText()
    complete: Annotated[list[CompleteText], Meta(max_length=200)] = []
    address: AddressText = AddressText()
    unfolded: UnfoldedText = UnfoldedText()
    backlog: BacklogText = BacklogText()
    index: IndexText = IndexText()


class GoldenText(Section, frozen=True):
    """From placed to ready to ship: the first of the states `ready` an order's lifecycle has. Times are counted in
    buckets up to each of `buckets`, ascending."""

    ready: Annotated[list[Key], Meta(min_length=1, max_length=20)]
    buckets: Annotated[list[Duration], Meta(min_length=2, max_length=200)]


class NodeText(Section, frozen=True):
    """A node that is known before it reports; `dry_run` in place of the section's."""

    title: str = ""
    region: str = ""
    dry_run: bool | None = None


class FigureText(Section, frozen=True):
    """How one figure of a report becomes 0 to 100: `weight` among the figures reported; all of it up to `full`, nothing
    from `empty` on. Throughput and response are per mille of the node's normal, failures per mille above it.
    `least`: a normal below this is too little to judge by."""

    weight: Count
    full: Annotated[int, Meta(ge=0, le=10**6, description="a whole number, in per mille")]
    empty: Annotated[int, Meta(ge=0, le=10**6, description="a whole number, in per mille")]
    least: Annotated[int, Meta(ge=0, le=10**9, description="a whole number")] = 0


class NodesText(Section, frozen=True):
    """The availability of nodes from what they report; without this section none of it is judged.

    Normal is the median of the same hour (of `zone`) over `days`, once there are `samples` days of it, else of all
    hours kept once they are `recent_hours`; before, nothing is scored. `smoothing`: per mille of a new score in the
    next. `in_a_row` scores below `below` suspend; after `probe_after`, twice as long each time up to `probe_most`, the
    next reports are probes, and `probes` of them of at least `enough` in a row let the node back. A node that sent
    `heartbeats` signs of life misses one each `heartbeat` without any, or each two of its own gaps if those are
    longer: a miss counts as a score of 0. `dry_run`: all is decided and marked so, and nothing follows from it."""

    alert: AlertText
    zone: Zone
    throughput: FigureText
    response: FigureText
    failures: FigureText
    days: Annotated[int, Meta(ge=2, le=60, description="a whole number from 2 to 60")] = 14
    samples: Count = 3
    recent_hours: Count = 2
    smoothing: PerMille = 400
    below: Points = 60
    in_a_row: Annotated[int, Meta(ge=1, le=20, description="a whole number from 1 to 20")] = 3
    enough: Points = 70
    probes: Annotated[int, Meta(ge=1, le=50, description="a whole number from 1 to 50")] = 3
    probe_after: Duration = "2m"
    probe_most: Duration = "30m"
    heartbeat: Duration = "2m"
    heartbeats: Count = 10
    dry_run: bool = False
    declared: dict[Annotated[str, Meta(min_length=1, max_length=100)], NodeText] = {}


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
    sending: SendingText = SendingText()
    merge: MergeText | None = None
    webhooks: dict[Key, WebhookText] = {}
    guides: dict[str, Words] = {}
    roles: dict[Key, RoleText] = {}
    tokens: list[TokenText] = []
    ocel: OcelText | None = None
    views: ViewsText = ViewsText()
    store: StoreText = StoreText()
    diagnosis: DiagnosisText = DiagnosisText()
    work: WorkText = WorkText()
    flow: FlowText | None = None
    golden: GoldenText | None = None
    nodes: NodesText | None = None
