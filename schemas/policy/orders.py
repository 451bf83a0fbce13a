"""How one order fares: lifecycle, deadlines, calendars, people and routing, review, order health."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, get_args

from msgspec import Meta, field

from schemas.events.order import HoldReason
from schemas.policy.base import (
    Contact,
    Duration,
    Key,
    Money,
    Offset,
    PerMille,
    Points,
    Section,
    Span,
    Within,
    Words,
    Zone,
)


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


class HealthText(Section, frozen=True):
    """Points out of 100 an order loses by cause; `stuck_points_per_hour` more for each hour beyond
    `stuck_after` without an event in an open state."""

    points: dict[Key, Points]
    stuck_after: Duration = "2h"
    stuck_points_per_hour: Points = 2


class LimboText(Section, frozen=True):
    """Facts that know no order are told after `after`."""

    after: Duration = "15m"
