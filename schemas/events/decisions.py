"""What the engine itself decides (reserved). Kept as receipts beside the stream they speak of; instants
inside are UTC microseconds, since folds write them."""

from __future__ import annotations

from schemas.events.common import Data


class OrderDoubted(Data):
    """An illegal step: the order moves nowhere until `until`, for news that makes its path legal."""

    event: str
    state: str
    until: int
    reason: str


class OrderDoubtCleared(Data):
    """News made the doubted step legal, or it was withdrawn."""

    reason: str


class OrderFrozen(Data):
    """The offending event, the state it met, the map, and the shortest legal ways out."""

    event: str
    event_type: str
    event_id: str
    state: str
    lifecycle: str
    ways_out: list[list[str]]
    reason: str
    to: str
    via: list[str]


class OrderThawed(Data):
    """A freeze no longer follows from what is known; the order moves again."""

    reason: str


class SlaWarned(Data):
    """80 % of the time is used (`sla.warn`). `used` and `target` are microseconds of working time."""

    stage: str
    due: int
    used: int
    target: int
    policy: str


class SlaBreached(Data):
    """`due` passed. `used` and `target` are microseconds of working time."""

    stage: str
    due: int
    used: int
    target: int
    policy: str
    owner: str
    group: str
    reason: str = "overdue"


class SlaEscalated(Data):
    """A rung of the ladder: `step` counts from 0, `via` names delivery channels."""

    stage: str
    step: int
    to: str
    via: list[str]
    reason: str


class SlaExcused(Data):
    """A breach stands no longer: what was due had happened in time."""

    stage: str
    reason: str


class WorkOpened(Data):
    """Something for a person: `kind` names the rule, `guide` says what to do."""

    work: str
    kind: str
    title: str
    owner: str
    group: str
    guide: str = ""


class WorkClosed(Data):
    """The work item needs nobody any more."""

    work: str
    reason: str


class WorkEscalated(Data):
    """A work item still open is put before somebody: rung `step` of its kind's ladder, counted from 0. `item` is the
    subject and the item's id; `reason` says why it is they, `since` since when it is open."""

    item: str
    kind: str
    title: str
    step: int
    owner: str
    group: str
    since: int
    to: str
    via: list[str]
    reason: str
    orders: list[str]
    guide: str = ""


class WorkDigested(Data):
    """What a group has to do, at the hour its digest is due: how many items, since when the oldest, how many by kind.
    `orders` are those of the oldest items."""

    group: str
    count: int
    untaken: int
    oldest: int
    kinds: dict[str, int]
    to: str
    via: list[str]
    orders: list[str]


class DiagnosisMade(Data):
    """A pattern over the order's history holds: what it means, what was seen (`evidence`), and what to do. It ends with
    its work item."""

    rule: str
    cause: str
    evidence: list[str]
    guide: str


class MergeSuggested(Data):
    """Two orders that look like one customer's to one address: a person should say. `score` of 1000, `needed` to be taken
    for the same; `reasons` are the evidence in words; without an answer it expires `until`."""

    orders: list[str]
    score: int
    needed: int
    reasons: list[str]
    until: int
    to: str
    via: list[str]


class MergeMade(Data):
    """Orders travel together in `batch`; `added` have just joined it. `by` is `policy`, or the person whose verdict it
    was; `quantities` are the batch's, by sku."""

    batch: str
    orders: list[str]
    added: list[str]
    quantities: dict[str, int]
    by: str
    score: int
    reasons: list[str]
    to: str
    via: list[str]


class MergeDeclined(Data):
    """These orders do not travel together: a person said so, or what a person wanted is not possible any more. Of a block
    of orders too common to tell customers apart, `orders` are its first ones."""

    orders: list[str]
    by: str
    reason: str


class MergeExpired(Data):
    """A suggestion nobody need answer any more: `cause` is the order that moved on, "" when its time was over."""

    orders: list[str]
    cause: str
    reason: str


class BatchDissolved(Data):
    """The orders of a batch go their own ways again. `cause` is the order it was dissolved over, "" for none; `by` as in
    `MergeMade`."""

    batch: str
    orders: list[str]
    cause: str
    by: str
    reason: str
    to: str
    via: list[str]


class BoardLine(Data):
    """A suggestion on a board."""

    merge: str
    orders: list[str]
    score: int
    since: int
    reasons: list[str]


class BoardListed(Data):
    """What waits for a group's answer, the surest first; `total` also counts what the board has no room for. The counts
    are of what was done since the board before."""

    group: str
    total: int
    lines: list[BoardLine]
    orders: list[str]
    suggested: int
    made: int
    declined: int
    expired: int
    dissolved: int
    to: str
    via: list[str]


class ChannelSilent(Data):
    """A stage of a channel has told nothing since `since`, longer than `limit` (µs): k times its usual gap `usual`,
    learned from `sample` hours with `events` events (`bucket` says which)."""

    channel: str
    stage: str
    since: int
    usual: int
    limit: int
    bucket: str
    sample: int
    events: int
    reason: str
    to: str
    via: list[str]


class ChannelResumed(Data):
    """A silent stage is heard again; it was silent for `lasted` µs."""

    channel: str
    stage: str
    lasted: int
    reason: str
    to: str
    via: list[str]


class DispatchPaused(Data):
    """Too few addresses of a channel can be read: `read` of `total` in the last `window` (µs), less than `least` per
    mille."""

    channel: str
    read: int
    total: int
    least: int
    window: int
    reason: str
    to: str
    via: list[str]


class DispatchResumed(Data):
    """Addresses are read again; dispatch was paused for `lasted` µs."""

    channel: str
    read: int
    total: int
    lasted: int
    reason: str
    to: str
    via: list[str]


class NodeSuspended(Data):
    """The last scores of a node were too low; it is probed from `until` on. `dry`: nothing follows from it."""

    node: str
    scores: list[int]
    until: int
    dry: bool
    reason: str
    to: str
    via: list[str]


class NodeProbed(Data):
    """What a suspended node reported when it was its turn: `passed`, and `good` in a row of the `needed`."""

    node: str
    score: int
    passed: bool
    good: int
    needed: int
    dry: bool


class NodeResumed(Data):
    """A suspended node is let back; it was out for `lasted` µs."""

    node: str
    lasted: int
    dry: bool
    reason: str
    to: str
    via: list[str]


class DecisionWithdrawn(Data):
    """A standing decision no longer follows from what is known."""

    decision: str
    decision_type: str
    reason: str


class CommandRefused(Data):
    """A command was not carried out, and why; versions where somebody else was first."""

    command: str
    reason: str
    expected: int | None = None
    actual: int | None = None
