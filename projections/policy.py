"""The policy as folds read it: checked, compiled, immutable. `engine.policy` makes it out of streams.yaml.

All durations and instants are integer microseconds. Nothing here parses text or knows a time zone.
"""

from __future__ import annotations

import msgspec


class LifecycleMap(msgspec.Struct, frozen=True):
    """A named map of order states.

    `states` in order of advancement (the index is the rank); `moves` maps (state, trigger) to the next state,
    which may be the same. Triggers are event types without version (`fulfilment.picked`), or what a fold makes of
    one: `paid.full`, `paid.part`, `review.required`, `review.passed`, `review.rejected`. A trigger that no
    move names is not the map's business; one that is named but not for the present state is illegal.
    """

    name: str
    start: str
    states: tuple[str, ...]
    rank: dict[str, int]
    moves: dict[tuple[str, str], str]
    triggers: frozenset[str]
    terminal: frozenset[str]
    words: dict[str, str]
    expect: dict[str, str]
    grace: int
    person_thaws: frozenset[tuple[str, str]]
    """(state met, trigger) of freezes that only a person may lift, whatever facts arrive later."""


class Calendar(msgspec.Struct, frozen=True):
    """Working time as sorted, disjoint UTC intervals [opens[i], closes[i]). Before the first and after the last,
    where nothing is compiled, every hour counts (`projections.sla.calendar` says why)."""

    name: str
    opens: tuple[int, ...]
    closes: tuple[int, ...]


class Step(msgspec.Struct, frozen=True):
    """A rung of an escalation ladder: `after` the breach, to owner | backup | supervisor | group, `via` channels."""

    after: int
    to: str
    via: tuple[str, ...]


class Stage(msgspec.Struct, frozen=True):
    """A clock from reaching `start` to reaching `stop` (or anything more advanced, or a terminal state).
    A promise stage (`promise` = ship_by | deliver_by) runs from the order's placing to the instant promised."""

    name: str
    start: str
    stop: str
    promise: str
    within: dict[str, int]
    """Working time by goods category; "" for those not named. Empty for a promise."""
    ladder: tuple[Step, ...]


class Tier(msgspec.Struct, frozen=True):
    """The stages for the orders it matches; the first matching tier of the policy holds."""

    name: str
    channels: frozenset[str]
    customers: frozenset[str]
    amount_at_least: int
    stages: tuple[Stage, ...]
    calendar: str


class Sla(msgspec.Struct, frozen=True):
    """`half` and `warn` are shares of the time in per mille; `pausing_holds` the hold reasons that stop clocks."""

    tiers: tuple[Tier, ...]
    half: int
    warn: int
    pausing_holds: frozenset[str]
    calendars: dict[str, Calendar]


class Route(msgspec.Struct, frozen=True):
    """Who owns what: the first route whose conditions all hold. Empty sets match everything."""

    channels: frozenset[str]
    categories: frozenset[str]
    states: frozenset[str]
    owner: str
    group: str


class Absence(msgspec.Struct, frozen=True):
    """Not to be reached within [start, end)."""

    start: int
    end: int
    reason: str


class Person(msgspec.Struct, frozen=True):
    """`shifts` names the calendars they work by, none: always."""

    name: str
    group: str
    backup: str
    supervisor: str
    shifts: tuple[str, ...] = ()
    absences: tuple[Absence, ...] = ()


class Review(msgspec.Struct, frozen=True):
    """Orders that must be reviewed after payment: any rule that holds. 0 and empty sets mean 'no such rule'."""

    amount_at_least: int
    categories: frozenset[str]
    channels: frozenset[str]


class HealthWeights(msgspec.Struct, frozen=True):
    """Points out of 100 an order loses, by cause (`frozen`, `doubted`, `held`, `warned`, `breached`, `conflict`,
    `late`, `missing_lines`, `missing_address`, `lock_failed`, …)."""

    points: dict[str, int]
    stuck_after: int
    stuck_points_per_hour: int


class Channel(msgspec.Struct, frozen=True):
    name: str
    lifecycle: str
    zone: str
    sources: tuple[str, ...]


class Pattern(msgspec.Struct, frozen=True):
    """A diagnosis rule (`schemas.policy.PatternText`). `states` () means any open one; `happened` and `missing` are
    masks over `projections.diagnosis.WATCHED`; `orders` within `window` make an outage, 0: never."""

    name: str
    cause: str
    guide: str
    states: frozenset[str]
    channels: frozenset[str]
    after: int
    happened: int
    missing: int
    count: dict[str, int]
    reasons: tuple[str, ...]
    lacks: frozenset[str]
    kind: str
    group: str
    orders: int = 0
    window: int = 0
    unless: frozenset[str] = frozenset()


class Stuck(msgspec.Struct, frozen=True):
    """`after` so long without a fact (0: never) an order is stuck; empty sets match all."""

    after: int
    states: frozenset[str]
    channels: frozenset[str]
    calendar: str


class Diagnosis(msgspec.Struct, frozen=True):
    """`watched`: the mask of what any rule asks about; `counted` the types any rule counts."""

    rules: tuple[Pattern, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    watched: int = 0
    counted: frozenset[str] = frozenset()


class Desk(msgspec.Struct, frozen=True):
    """How open work is handed on: a ladder by kind, "" for those not named. A group's digest is told `via` each time
    the calendar `digest` opens."""

    ladders: dict[str, tuple[Step, ...]] = {}
    digest: str = ""
    via: tuple[str, ...] = ()


class Matching(msgspec.Struct, frozen=True):
    """From which score on two orders are taken for one customer's to one address; scores are 0–1000.

    `same`: taken for the same. `near`: a person should look. Both hold where most fields are there; the fewer there
    are, the more is needed: `sparse` is what is added where there is nothing to compare. `address` is what the
    address needs by itself. `cluster` is the mean score a record needs against the members of the group it would
    join.
    """

    same: int = 525
    near: int = 475
    sparse: int = 600
    address: int = 400
    cluster: int = 400


class Board(msgspec.Struct, frozen=True):
    """When the board of suggestions is listed: sorted instants (µs), each `DAY` after the last one beyond them."""

    instants: tuple[int, ...]
    via: tuple[str, ...]
    lines: int


class Merging(msgspec.Struct, frozen=True):
    """Which orders may travel together (`schemas.policy.MergeText`); durations in µs. Not `on`: none, and nobody is asked."""

    on: bool = False
    automatic: bool = False
    across_channels: bool = False
    window: int = 7_200_000_000
    late: int = 1_800_000_000
    answer_within: int = 86_400_000_000
    label_within: int = 600_000_000
    suggestions: int = 3
    batch_orders: int = 10
    block_orders: int = 200
    keep: int = 604_800_000_000
    customer_orders: int = 50
    together: tuple[frozenset[str], ...] = ()
    group: str = ""
    lead: str = ""
    board: Board | None = None
    matching: Matching = Matching()


class ZoneOffsets(msgspec.Struct, frozen=True):
    """How far a zone stands from UTC (µs): offsets[i] from starts[i] on. Before the first the first holds."""

    starts: tuple[int, ...]
    offsets: tuple[int, ...]


class Field(msgspec.Struct, frozen=True):
    """Something an event should tell: any of `paths`, each the attributes to follow."""

    name: str
    paths: tuple[tuple[str, ...], ...]


class Due(msgspec.Struct, frozen=True):
    """The fields an event should tell, and the word that counts them in a cell of its minute (` x3`)."""

    fields: tuple[Field, ...]
    word: str


class Alert(msgspec.Struct, frozen=True):
    """Who is told, by which deliveries."""

    to: str
    via: tuple[str, ...]


class SilenceRule(msgspec.Struct, frozen=True):
    """See `schemas.policy.SilenceText`; `least` in µs."""

    k: int
    recent_k: int
    least: int
    weeks: int
    samples: int
    events: int


class AddressRule(msgspec.Struct, frozen=True):
    """`needs`: fields of `Derived`, of each group one must be known. `least` per mille, `window` µs."""

    least: int
    window: int
    sample: int
    needs: tuple[tuple[str, ...], ...]


class UnfoldedRule(msgspec.Struct, frozen=True):
    """`after` and `window` in µs."""

    after: int
    window: int
    sample: int


class BacklogRule(msgspec.Struct, frozen=True):
    """`full` and `empty` in per mille of the normal."""

    days: int
    samples: int
    full: int
    empty: int


class Flow(msgspec.Struct, frozen=True):
    """The flow of events by channel and stage. `stage_of` by event type; `expected` by type, then channel; `rules` by
    channel: of the routes an order just placed may take, in order, the categories (none: all) and whether it is a named
    rule, not the fallback without conditions."""

    stages: tuple[str, ...]
    stage_of: dict[str, str]
    alerting: frozenset[str]
    expected: dict[str, dict[str, Due]]
    rules: dict[str, tuple[tuple[frozenset[str], bool], ...]]
    alert: Alert
    silence: SilenceRule
    address: AddressRule
    unfolded: UnfoldedRule
    backlog: BacklogRule
    weights: dict[str, int]
    sample: int


class Golden(msgspec.Struct, frozen=True):
    """`ready` by channel: the state that is ready to ship; `bounds` of the buckets in seconds, ascending."""

    ready: dict[str, str]
    bounds: tuple[int, ...]


class Figure(msgspec.Struct, frozen=True):
    """See `schemas.policy.FigureText`."""

    weight: int
    full: int
    empty: int
    least: int


class Nodes(msgspec.Struct, frozen=True):
    """The availability of nodes (`schemas.policy.NodesText`); times in µs. `declared` → whether it runs dry."""

    alert: Alert
    zone: str
    throughput: Figure
    response: Figure
    failures: Figure
    days: int
    samples: int
    recent_hours: int
    smoothing: int
    below: int
    in_a_row: int
    enough: int
    probes: int
    probe_after: int
    probe_most: int
    heartbeat: int
    heartbeats: int
    dry_run: bool
    declared: dict[str, bool]


class Policy(msgspec.Struct, frozen=True):
    """All a fold may know of streams.yaml. `hash` is the SHA-256 (hex) of the text."""

    hash: str
    name: str
    channels: dict[str, Channel]
    default_channel: Channel
    lifecycles: dict[str, LifecycleMap]
    sla: Sla
    review: Review
    routes: tuple[Route, ...]
    people: dict[str, Person]
    health: HealthWeights
    settle: int
    limbo_after: int
    frozen_group: str
    guides: dict[str, str]
    """What to do, by kind of work item."""
    notify: dict[str, tuple[str, ...]]
    """Delivery channels by kind of notice, e.g. frozen → (wecom,)."""
    merge: Merging = Merging()
    diagnosis: Diagnosis = Diagnosis()
    desk: Desk = Desk()
    webhooks: dict[str, tuple[str, ...]] = {}
    """Endpoints that are told of decisions: patterns of the types each wants."""

    flow: Flow | None = None
    golden: Golden | None = None
    nodes: Nodes | None = None
    zones: dict[str, ZoneOffsets] = {}
    """The channels' zones and the nodes', by name."""

    def lifecycle_of(self, channel: str) -> LifecycleMap:
        """The map the channel's orders follow."""
        return self.lifecycles[self.channels.get(channel, self.default_channel).lifecycle]
