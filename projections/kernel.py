"""What a fold is, and what it may ask of its host.

A **step** is one event, one wake or one re-target of one stream. In a step the folds of the stream's pipeline
run in their fixed order (ledger → lifecycle → SLA → order health); what an earlier fold decides is handed
to the later ones at once, as an event of its own type with the step's times (DESIGN.md, "Fold"). States are
immutable: a handler returns the next state, so a fold that raises leaves the state as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import msgspec

from schemas.envelope import Event
from schemas.events.common import Data

if TYPE_CHECKING:
    from projections.policy import Policy
    from projections.row import Row

S = TypeVar("S", bound=msgspec.Struct)
Handler = Callable[[Any, Event, "Context"], Any]

NONE = 0
"""No instant: `due`, `since` and the like hold 0 where there is none."""


class Decision(msgspec.Struct, gc=False):
    """Something a fold decided in a step. `cause` is the streamversion of the causing input (0 where a policy
    caused it), `due` the instant a timer was due (0 for none), `key` tells apart decisions of one type."""

    fold: str
    type: str
    key: str
    cause: int
    due: int
    data: Data


class Work(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An open work item of a stream, as its row keeps it. `work` is stable per (kind, key)."""

    work: str
    kind: str
    title: str
    owner: str
    group: str
    guide: str
    since: int
    cause: int


class Context:
    """What a fold may see and ask within one step.

    `policy` in force; `row` the stream's states (earlier folds' are already of this step); `now` the stream time
    of the step, or the due instant of a wake; `pinned` versions of events a person must judge, each with the
    state it met ("" where that is no longer known): they stay illegal in a refold whatever makes their path legal.
    """

    __slots__ = (
        "cause",
        "counts",
        "decisions",
        "facts",
        "fold",
        "now",
        "pinned",
        "policy",
        "refolding",
        "row",
        "wanted",
    )

    policy: Policy
    row: Row
    now: int
    cause: int
    fold: str
    decisions: list[Decision]
    facts: list[tuple[str, str, msgspec.Struct]]
    counts: list[tuple[str, str, int]]
    pinned: Mapping[int, str]
    refolding: bool
    wanted: str

    def __init__(self) -> None:
        self.decisions = []
        self.facts = []
        self.counts = []
        self.pinned = {}
        self.refolding = False
        self.wanted = ""

    def decide(self, type: str, key: str, data: Data, cause: int = -1, due: int = NONE) -> None:
        """Decide something, effective now; `cause` defaults to the event of the step."""
        self.decisions.append(Decision(self.fold, type, key, self.cause if cause < 0 else cause, due, data))

    def emit(self, type: str, key: str, data: msgspec.Struct) -> None:
        """Tell stage 2 something about `key`, as of this step: `type` is one of `schemas.facts` or an event's. Within a
        refold nothing is told: `Fold.refolded` says afterwards what changed."""
        if not self.refolding:
            self.facts.append((type, key, data))

    def count(self, key: str, cell: str, n: int = 1) -> None:
        """Add `n` to a cell of the key's sum of this step's minute. Minutes are not corrected by refolds."""
        if not self.refolding:
            self.counts.append((key, cell, n))

    def refold(self, reason: str) -> None:
        """Ask the host to fold the stream again in order of occurrence, because of this step's event. Within a
        refold itself it asks nothing: there every event already stands where it belongs."""
        if not self.refolding:
            self.wanted = reason


def settled(due: int, ctx: Context) -> int:
    """A due instant that a step may set: one already past waits `timers.settle` more, so that a backlog delivered
    at once is folded before it is judged (DESIGN.md, "Timers")."""
    return due if due > ctx.now else ctx.now + ctx.policy.settle


class Fold(Generic[S]):
    """One fold: a name, a version raised whenever its answers change, and one handler per event type.

    `handlers` maps event types, and types of earlier folds' decisions, to functions
    `(state, event, ctx) -> state`; types it does not name cost nothing.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    handlers: ClassVar[dict[str, Handler]]
    judged: ClassVar[frozenset[str]] = frozenset()
    """Types whose place in time matters to this fold: one that occurred before a standing decision of its
    stream makes the host fold the stream again."""

    def initial(self, subject: str) -> S:
        """The state of a stream nothing is known of."""
        raise NotImplementedError

    def due(self, state: S) -> int:
        """The next instant (µs) this state wants to be woken at, or 0."""
        return NONE

    def wake(self, state: S, now: int, ctx: Context) -> S:
        """`now` is the due instant, whenever it is noticed. Must leave a later due, or none."""
        return state

    def retarget(self, state: S, old: Policy, new: Policy, now: int, ctx: Context) -> S:
        """The policy changed under the state."""
        return state

    def refolded(self, before: S, after: S, ctx: Context) -> None:
        """The stream was folded again; `ctx.emit` what makes good the facts told before, where they no longer hold."""
