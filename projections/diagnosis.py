"""What is wrong with an order that stands still, by name, and what to do about it.

Question: which known trouble is this? From: the state the order stands in and how long, what was told of it and what was
not, how often something failed, and what it came without; the patterns are the policy's (DOMAIN.md, "Health"). An
order no pattern names, with no fact for too long, is stuck. Waits for news count from when things became known.
Invariants: an order that is held, in doubt or frozen is diagnosed as nothing, that is its trouble already; what was
diagnosed is taken back when the pattern no longer holds; one timer an order, moved seldom: it wakes early rather than
being set anew by every event.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec.structs import replace

from projections.days import span
from projections.flow import is_read
from projections.kernel import NONE, Context, Fold, Handler, settled
from projections.lifecycle import LifecycleState
from projections.policy import Calendar, Diagnosis, Pattern, Policy, Stuck
from projections.routing import close_work, is_open, open_work
from projections.sla.calendar import add_working
from schemas.envelope import Event, rfc3339
from schemas.events.decisions import DiagnosisMade
from schemas.events.order import OrderPlaced
from schemas.facts import Tallied

WATCHED = (
    "order.confirmed",
    "order.reviewed",
    "payment.received",
    "payment.failed",
    "payment.refunded",
    "stock.locked",
    "stock.lock_failed",
    "stock.unlocked",
    "fulfilment.routed",
    "fulfilment.accepted",
    "fulfilment.picked",
    "fulfilment.packed",
    "fulfilment.dispatched",
    "fulfilment.moved",
    "fulfilment.delivered",
    "fulfilment.refused",
    "fulfilment.lost",
    "order.completed",
    "order.cancelled",
)
"""What a pattern may ask for as told or not told. Stored as bits by place: only ever added to, at the end."""

BITS = {f"{name}.v1": 1 << place for place, name in enumerate(WATCHED)}

STUCK = "stuck"

_PLACES = (("region", "city", "district", "town", "road", "compound", "postcode"),)


class Tally(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How often what `rule` counts was told, the last time by event `version`."""

    rule: str
    count: int
    version: int


class Made(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A diagnosis that stands, by the rule's name (STUCK for no rule), since a stream time."""

    rule: str
    since: int


class DiagnosisState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`seen` is the mask of what was told; the last fact was known at `last`, as event `news`. The order stands in
    `state` with nothing in the way `since` event `version` was known (0: something is). `lacks`: what it came without."""

    seen: int = 0
    last: int = 0
    news: int = 0
    state: str = ""
    since: int = 0
    version: int = 0
    lacks: tuple[str, ...] = ()
    tallies: tuple[Tally, ...] = ()
    made: tuple[Made, ...] = ()
    due: int = 0


class Course(msgspec.Struct, frozen=True):
    """What the rules of a policy come to for orders of a channel in a state: not `open`, nothing. `simple` are those of the
    `rules` that count nothing, `stuck` how long until it is stuck (0: never), by the working hours of `calendar`."""

    policy: Policy
    open: bool
    rules: tuple[Pattern, ...]
    simple: tuple[Pattern, ...]
    stuck: int
    calendar: Calendar | None


COURSES_KEPT = 1_000
"""Senders may name channels of their own."""

_courses: dict[tuple[str, str], Course] = {}
"""By channel and state: orders enter the same few states millions of times. Of another policy they are made anew."""


def _course_of(policy: Policy, channel: str, state: str) -> Course:
    course = _courses.get((channel, state))
    if course is None or course.policy is not policy:
        if len(_courses) >= COURSES_KEPT:
            _courses.clear()
        course = _courses[channel, state] = _course(policy, channel, state)
    return course


def _course(policy: Policy, channel: str, state: str) -> Course:
    lifecycle = policy.lifecycle_of(channel)
    if not state or state in lifecycle.terminal:
        return Course(policy, False, (), (), NONE, None)
    # Where the channel's map expects nothing of what a rule misses, its feed never tells it: that it is missing says nothing.
    told = sum(BITS.get(f"{trigger}.v1", 0) for trigger in lifecycle.triggers)
    rules = tuple(
        rule
        for rule in policy.diagnosis.rules
        if (not rule.states or state in rule.states)
        and (not rule.channels or channel in rule.channels)
        and (not rule.missing or rule.missing & told)
    )
    stuck = stuck_rule(policy, channel, state)
    return Course(
        policy,
        True,
        rules,
        tuple(rule for rule in rules if not rule.count),
        stuck.after if stuck is not None else NONE,
        policy.sla.calendars.get(stuck.calendar) if stuck is not None else None,
    )


def _told(state: DiagnosisState, event: Event, ctx: Context) -> DiagnosisState:
    """A fact of the order: mostly it only says that the order is not stuck."""
    rules = ctx.policy.diagnosis
    order = ctx.row.lifecycle
    assert order is not None, "an order's row has all folds' states"
    type_ = event.type
    seen = state.seen | BITS.get(type_, 0)
    now = ctx.now if ctx.now > event.streamtime else event.streamtime
    if now < state.last:
        now = state.last
    if (
        order.state == state.state
        and not state.made
        and (seen == state.seen or not (seen ^ state.seen) & rules.watched)
        and type_ not in rules.counted
        and (order.offence is None and not order.holds) == (state.since > 0)
    ):
        return DiagnosisState(
            seen,
            now,
            event.streamversion,
            state.state,
            state.since,
            state.version,
            state.lacks,
            state.tallies,
            (),
            state.due,
        )
    return _looked_at(state, order, event, seen, now, ctx)


def _placed(state: DiagnosisState, event: Event, ctx: Context) -> DiagnosisState:
    """What the order came without is kept: patterns may ask for it at any time."""
    lacks = _lacks(event, ctx)
    return _told(replace(state, lacks=lacks) if lacks else state, event, ctx)


def _lacks(event: Event, ctx: Context) -> tuple[str, ...]:
    data: OrderPlaced = event.data
    address, customer = data.address, data.customer
    found = []
    if not data.lines:
        found.append("lines")
    if address is None or not (address.text or address.postcode or address.city or address.region):
        found.append("address")
    elif event.derived is not None and not is_read(event.derived, _needs(ctx.policy)):
        found.append("parsed_address")
    if customer is None or not (customer.phone or customer.email or customer.openid or customer.account):
        found.append("contact")
    return tuple(found)


def _needs(policy: Policy) -> tuple[tuple[str, ...], ...]:
    """What must be known of an address: as the rate of the channel is counted, else any part of where it goes."""
    return policy.flow.address.needs if policy.flow is not None else _PLACES


def _looked_at(
    state: DiagnosisState, order: LifecycleState, event: Event, seen: int, now: int, ctx: Context
) -> DiagnosisState:
    """The state after a fact that may make or end a diagnosis."""
    name, since, version = order.state, state.since, state.version
    clear = order.offence is None and not order.holds
    if name != state.state or clear != (since > 0):
        since, version = now if clear else NONE, event.streamversion
    tallies = state.tallies
    if event.type in ctx.policy.diagnosis.counted:
        tallies = _tallied(state, event, ctx)
    elif not state.made and not tallies:
        # The usual step of an order that fares well: it only moves on.
        due = _usual(state, name, since, seen, now, ctx)
        if due >= 0:
            news = event.streamversion
            return DiagnosisState(seen, now, news, name, since, version, state.lacks, tallies, (), due)
    after = DiagnosisState(
        seen, now, event.streamversion, name, since, version, state.lacks, tallies, state.made, state.due
    )
    kept = tuple(one for one in state.made if _still(one, after, event, ctx))
    if kept != state.made:
        after = replace(after, made=kept)
    for rule in _rules(after, ctx):
        if not rule.after and _holds(rule, after):
            after = _make(rule, after, ctx, NONE)
    return _timed(after, ctx)


def _usual(state: DiagnosisState, name: str, since: int, seen: int, now: int, ctx: Context) -> int:
    """The timer of an order of which nothing is diagnosed nor counted, now in state `name`; -1 if a rule holds at once."""
    if not since:
        return NONE
    course = _course_of(ctx.policy, ctx.row.channel, name)
    wanted = course.stuck
    if wanted:
        wanted = now + wanted if course.calendar is None else add_working(course.calendar, now, wanted)
    for rule in course.simple:
        at = since + rule.after
        if (wanted and at >= wanted) or rule.happened & ~seen or rule.missing & seen:
            continue
        if rule.lacks and (not state.lacks or not rule.lacks.issubset(state.lacks)):
            continue
        if not rule.after:
            return -1
        wanted = at
    due = state.due
    if not wanted or (due and ctx.now < due <= wanted):
        return due if wanted else NONE
    return settled(wanted, ctx)


def _tallied(state: DiagnosisState, event: Event, ctx: Context) -> tuple[Tally, ...]:
    """The tallies after an event that some rule may count."""
    tallies = state.tallies
    rules = ctx.policy.diagnosis
    if event.type not in rules.counted:
        return tallies
    reason = (getattr(event.data, "reason", None) or "").casefold()
    for rule in rules.rules:
        if event.type not in rule.count or (
            rule.reasons and not any(word in reason for word in rule.reasons)
        ):
            continue
        count = 1 + next((tally.count for tally in tallies if tally.rule == rule.name), 0)
        others = tuple(tally for tally in tallies if tally.rule != rule.name)
        tallies = (*others, Tally(rule.name, count, event.streamversion))
        if rule.orders:
            ctx.emit("diagnosis.tallied", f"outage/{rule.name}", Tallied(rule.name, count))
    return tallies


# What holds


def _rules(state: DiagnosisState, ctx: Context) -> list[Pattern]:
    """The rules an order in this state may come under and has not come under yet."""
    if not state.since:
        return []
    rules = _course_of(ctx.policy, ctx.row.channel, state.state).rules
    made = [one.rule for one in state.made]
    return [rule for rule in rules if rule.name not in made and rule.unless.isdisjoint(made)]


def _holds(rule: Pattern, state: DiagnosisState) -> bool:
    """Whether what the rule asks of the history holds, however long the order has stood."""
    if rule.happened & ~state.seen or rule.missing & state.seen or not rule.lacks.issubset(state.lacks):
        return False
    return not rule.count or _count(rule, state) >= min(rule.count.values())


def _count(rule: Pattern, state: DiagnosisState) -> int:
    return next((tally.count for tally in state.tallies if tally.rule == rule.name), 0)


def _still(one: Made, state: DiagnosisState, event: Event, ctx: Context) -> bool:
    """Whether a diagnosis holds after an event; where it does not, its work item is closed."""
    if one.rule == STUCK:
        _end(one, f"{event.type} was told", ctx)
        return False
    rule = _rule(ctx.policy.diagnosis, one.rule)
    others = replace(state, made=tuple(other for other in state.made if other.rule != one.rule))
    if rule is not None and rule in _rules(others, ctx) and _holds(rule, others):
        return True
    stand = state.state if state.since else f"{state.state}, held or in doubt"
    _end(one, f"the order is {stand} since {event.type}", ctx)
    return False


def _rule(rules: Diagnosis, name: str) -> Pattern | None:
    return next((rule for rule in rules.rules if rule.name == name), None)


def _end(one: Made, reason: str, ctx: Context) -> None:
    if is_open(ctx, _work(one.rule)):
        close_work(ctx, _work(one.rule), reason)


# Waiting


def _stuck_at(state: DiagnosisState, ctx: Context) -> int:
    """When the order counts as stuck if nothing more is told; 0 for never."""
    if state.made or not state.since:
        return NONE
    course = _course_of(ctx.policy, ctx.row.channel, state.state)
    return add_working(course.calendar, max(state.last, state.since), course.stuck) if course.stuck else NONE


def stuck_rule(policy: Policy, channel: str, state: str) -> Stuck | None:
    """The first rule that says when an order of the channel is stuck in that state."""
    for rule in policy.diagnosis.stuck:
        if (not rule.states or state in rule.states) and (not rule.channels or channel in rule.channels):
            return rule
    return None


def _timed(state: DiagnosisState, ctx: Context) -> DiagnosisState:
    """The state with its timer: the one it has where that is early enough."""
    wanted = _stuck_at(state, ctx)
    for rule in _rules(state, ctx):
        if rule.after and _holds(rule, state):
            at = state.since + rule.after
            if not wanted or at < wanted:
                wanted = at
    due = state.due
    if not wanted:
        due = NONE
    elif not due or wanted < due or due <= ctx.now:
        due = settled(wanted, ctx)
    return state if due == state.due else replace(state, due=due)


# Deciding


def _make(rule: Pattern, state: DiagnosisState, ctx: Context, due: int) -> DiagnosisState:
    """Decide that the rule's pattern holds; `due` the instant of the wake, 0 within an event."""
    for one in state.made:
        if one.rule == STUCK:
            _end(one, f"the cause is known: {rule.cause}", ctx)
    evidence, short = _evidence(rule, state)
    cause = next((tally.version for tally in state.tallies if tally.rule == rule.name), state.version)
    data = DiagnosisMade(rule.name, rule.cause, evidence, rule.guide)
    ctx.decide("diagnosis.made.v1", rule.name, data, cause, due)
    title = f"{rule.cause}: {', '.join(short)}" if short else rule.cause
    open_work(ctx, _work(rule.name), rule.kind, title, cause, due, guide=rule.guide, group=rule.group)
    if rule.orders and not rule.count:
        ctx.emit("diagnosis.tallied", f"outage/{rule.name}", Tallied(rule.name, 1))
    others = tuple(one for one in state.made if one.rule != STUCK)
    return replace(state, made=(*others, Made(rule.name, ctx.now)))


def _evidence(rule: Pattern, state: DiagnosisState) -> tuple[list[str], list[str]]:
    """(what was seen, in full with its events; the same in few words)."""
    full = [f"{state.state} since {rfc3339(state.since)} (event {state.version})"]
    short = [f"{state.state} for {span(rule.after)}"] if rule.after else []
    told = [name for name in WATCHED if BITS[f"{name}.v1"] & rule.happened]
    short += [f"{name} was told" for name in told]
    missing = [name for name in WATCHED if BITS[f"{name}.v1"] & rule.missing]
    short += [f"no {name}" for name in missing]
    for tally in state.tallies:
        if tally.rule == rule.name:
            types = " or ".join(type_.rpartition(".")[0] for type_ in rule.count)
            short.append(f"{types} {tally.count} times")
            full.append(f"{types} was told {tally.count} times, last by event {tally.version}")
    short += [f"no {what.replace('_', ' ')}" for what in state.lacks if what in rule.lacks]
    full += [words for words in short if words.startswith("no ") or words.endswith("told")]
    return full, short


def _mark_stuck(state: DiagnosisState, ctx: Context, now: int) -> DiagnosisState:
    course = _course_of(ctx.policy, ctx.row.channel, state.state)
    title = f"no fact for {span(course.stuck)} while {state.state}, the last one {rfc3339(state.last)}"
    open_work(ctx, STUCK, STUCK, title, state.news, now)
    return replace(state, made=(*state.made, Made(STUCK, now)))


def _work(rule: str) -> str:
    return STUCK if rule == STUCK else f"diagnosis:{rule}"


class DiagnosisFold(Fold[DiagnosisState]):
    """After order health: reads the lifecycle, decides diagnoses and the work they make."""

    name = "diagnosis"
    version = 1
    handlers: ClassVar[dict[str, Handler]] = {
        **dict.fromkeys(
            (
                *BITS,
                "order.held.v1",
                "order.released.v1",
                "order.unfrozen.v1",
                "payment.fee_charged.v1",
                "payment.subsidy_granted.v1",
                "order.frozen.v1",
                "order.doubted.v1",
                "fact.conflicted",
            ),
            _told,
        ),
        "order.placed.v1": _placed,
    }

    def initial(self, subject: str) -> DiagnosisState:
        return DiagnosisState()

    def due(self, state: DiagnosisState) -> int:
        return state.due

    def wake(self, state: DiagnosisState, now: int, ctx: Context) -> DiagnosisState:
        """The order has stood long enough for a pattern, or for being stuck; or the timer came early."""
        for rule in _rules(state, ctx):
            if rule.after and state.since + rule.after <= now and _holds(rule, state):
                state = _make(rule, state, ctx, now)
        at = _stuck_at(state, ctx)
        if at and at <= now:
            state = _mark_stuck(state, ctx, now)
        return _timed(state, ctx)

    def retarget(
        self, state: DiagnosisState, old: Policy, new: Policy, now: int, ctx: Context
    ) -> DiagnosisState:
        """Under other rules: what the new ones do not know ends, and the waits are theirs."""
        if old.diagnosis == new.diagnosis or not state.state:
            return state
        for one in state.made:
            known = _rule(new.diagnosis, one.rule) is not None
            if one.rule == STUCK:
                known = bool(new.diagnosis.stuck)
            if not known:
                _end(one, f"the policy no longer has a rule {one.rule}", ctx)
                state = replace(state, made=tuple(other for other in state.made if other != one))
        return _timed(state, ctx)
