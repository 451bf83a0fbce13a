"""What is judged over all orders: merges and boards, channels and nodes."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from schemas.policy.base import Clock, Count, Duration, Key, PerMille, Points, Score, Section, Zone


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
    needs: Annotated[list[str], Meta(min_length=1, max_length=10)] = field(
        default_factory=lambda: ["city|postcode"]
    )


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
