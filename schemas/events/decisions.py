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
