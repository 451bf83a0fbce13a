"""Illegal steps: doubt, freeze, what waits meanwhile, and a person's verdict.

An illegal transition never moves the order (DOMAIN.md, "Lifecycle"). The order is in doubt at once, until
`grace` after the news: webhooks arrive out of order, and an earlier fact may yet make the path legal (the host
then folds the stream again, and the doubt is gone with all it made). Else it is frozen. Meanwhile what would move
it is recorded and moves nothing.
"""

from __future__ import annotations

from msgspec.structs import replace

from projections.kernel import NONE, Context, settled
from projections.ledger import LedgerState
from projections.lifecycle.goods import advance, enter, unknown_lines
from projections.lifecycle.paths import reason, takes_money, ways_out
from projections.lifecycle.state import (
    MONEY,
    PAID_FULL,
    PAID_PART,
    PART_SHIPPED,
    PENDING_LIMIT,
    REVIEW,
    Fact,
    LifecycleState,
    Offence,
)
from projections.policy import LifecycleMap
from projections.routing import close_work, open_work
from schemas.envelope import Event
from schemas.events.decisions import OrderDoubtCleared, OrderDoubted, OrderFrozen
from schemas.events.order import OrderUnfrozen

FROZEN, LIMBO, DROPPED, LINE_UNKNOWN = "frozen", "limbo", "pending_dropped", "line_unknown"
"""Kinds of work item."""


def step(
    state: LifecycleState,
    fact: Fact,
    ctx: Context,
    map_: LifecycleMap,
    news: int,
    unreached: frozenset[int] = frozenset(),
) -> LifecycleState:
    """The order after a fact that comes in its place in time. `news` is the stream time of what made it known;
    `unreached` are payment facts the ledger counts already that occurred only later."""
    if fact.trigger == MONEY:
        trigger = money_trigger(ctx.row.ledger, state, unreached)
        moved = advance(state, fact, map_, trigger, "tried") if trigger else state
        assert not isinstance(moved, str), "money is tried, never refused"
        return with_review(moved, fact.time, fact.version, ctx, map_)
    if fact.trigger not in map_.triggers:
        return state
    strangers = unknown_lines(state, fact)
    if strangers:
        open_work(
            ctx,
            f"{LINE_UNKNOWN}:{strangers[0]}",
            LINE_UNKNOWN,
            f"{fact.type} names line {', '.join(strangers[:5])}, which the order does not have",
            cause=fact.version,
        )
        if len(strangers) == len(fact.lines):
            return state
    if fact.version in ctx.pinned:
        doubted = doubt(state, fact, _stands(state), ctx, map_, news)
        met = ctx.pinned[fact.version]  # what a person judges is the state it met when it froze the order
        if not met or doubted.offence is None:
            return doubted
        return replace(doubted, offence=replace(doubted.offence, state=met))
    moved = advance(state, fact, map_, fact.trigger)
    if isinstance(moved, str):
        return doubt(state, fact, moved, ctx, map_, news)
    if fact.trigger == "review.passed":
        moved = replace(moved, reviewed=True)
    return with_review(moved, fact.time, fact.version, ctx, map_)


def _stands(state: LifecycleState) -> str:
    """A state of the map the order stands in: its own, or, while part of it has left, the first line's left."""
    if state.state != PART_SHIPPED:
        return state.state
    return next((line.state for line in state.lines), PART_SHIPPED)


def money_trigger(
    ledger: LedgerState | None, state: LifecycleState, unreached: frozenset[int] = frozenset()
) -> str:
    """What the money comes to: paid.full once nothing is owed (never for an order without lines: its receivable
    is not known), paid.part once something came and was not all sent back, "" before."""
    if ledger is None or not ledger.placed:
        return ""
    received, refunded, subsidies = ledger.received, ledger.refunded, ledger.subsidies
    for entry in ledger.entries if unreached else ():
        if entry.version in unreached and entry.currency == ledger.currency:
            if entry.kind == "refund":
                refunded -= entry.amount
            elif entry.kind == "subsidy":
                subsidies -= entry.amount
            elif entry.kind != "fee":
                received -= entry.amount
    kept = received - refunded
    if state.live and kept + subsidies >= ledger.receivable:
        return PAID_FULL
    return PAID_PART if kept > 0 else ""


def with_review(
    state: LifecycleState, time: int, version: int, ctx: Context, map_: LifecycleMap
) -> LifecycleState:
    """The order moved on to review, where its map asks for one in the state it has reached and a rule of the
    policy holds: its amount, a category of its goods, or its channel. Once it was reviewed, never again."""
    if state.reviewed or state.lines or state.offence is not None:
        return state
    to = map_.moves.get((state.state, REVIEW))
    if to is None or to == state.state:
        return state
    rule, ledger = ctx.policy.review, ctx.row.ledger
    if (
        (rule.amount_at_least and ledger is not None and ledger.receivable >= rule.amount_at_least)
        or not rule.categories.isdisjoint(state.categories)
        or ctx.row.channel in rule.channels
    ):
        return enter(state, to, max(time, state.since), version, state.parcels)
    return state


def doubt(
    state: LifecycleState, fact: Fact, met: str, ctx: Context, map_: LifecycleMap, news: int
) -> LifecycleState:
    """The order in doubt over `fact`, which met the state `met` ("" before the order was placed)."""
    why = reason(map_, met, fact.trigger)
    until = settled(max(ctx.now, news, fact.seen) + map_.grace, ctx)
    ctx.decide("order.doubted.v1", "", OrderDoubted(str(fact.version), met, until, why), cause=fact.version)
    offence = Offence(
        fact.version,
        fact.time,
        fact.type,
        fact.id,
        fact.trigger,
        fact.parcel,
        fact.lines,
        fact.waybill,
        fact.seen,
        state=met,
        reason=why,
    )
    return replace(state, offence=offence, doubt_until=until, due=until)


def freeze(state: LifecycleState, now: int, ctx: Context) -> LifecycleState:
    """The grace is over and nothing made the path legal."""
    offence = state.offence
    assert offence is not None, "only a doubt ends in a freeze"
    policy = ctx.policy
    map_ = policy.lifecycle_of(ctx.row.channel)
    ctx.decide(
        "order.frozen.v1",
        "",
        OrderFrozen(
            event=str(offence.version),
            event_type=offence.type,
            event_id=offence.id,
            state=offence.state,
            lifecycle=f"{map_.name}@{policy.hash[:12]}",
            ways_out=ways_out(map_, offence.state or map_.start, offence.trigger),
            reason=offence.reason,
            to=policy.frozen_group,
            via=list(policy.notify.get(FROZEN, ())),
        ),
        cause=offence.version,
        due=now,
    )
    open_work(ctx, FROZEN, FROZEN, f"frozen: {offence.reason}", cause=offence.version, due=now)
    return replace(state, frozen=True, due=NONE)


def record(state: LifecycleState, fact: Fact) -> LifecycleState:
    """A fact kept for later, because the order may not move now."""
    if len(state.pending) >= PENDING_LIMIT:
        return replace(state, dropped=state.dropped + 1)
    return replace(state, pending=(*state.pending, fact))


def wait(state: LifecycleState, event: Event, ctx: Context) -> LifecycleState:
    """Something is told of an order nobody has placed yet: limbo, with an age and an alert."""
    if state.limbo_since:
        return state
    since = max(ctx.now, event.streamtime)
    due = settled(since + ctx.policy.limbo_after, ctx)
    return replace(state, limbo_since=since, limbo_event=event.streamversion, due=due)


def alert(state: LifecycleState, now: int, ctx: Context) -> LifecycleState:
    """The order has been in limbo for too long."""
    waiting = len(state.pending) + state.dropped
    title = f"{waiting} fact{'s wait' if waiting != 1 else ' waits'} for an order nobody has placed"
    open_work(ctx, LIMBO, LIMBO, title, cause=state.limbo_event, due=now)
    return replace(state, due=NONE)


def leave_limbo(
    limbo: LifecycleState, state: LifecycleState, placed: Fact, ctx: Context, map_: LifecycleMap
) -> LifecycleState:
    """`state`, just placed, with what waited in `limbo` taken up in order of occurrence. Money may come before
    the order and counts from its placing (`placed`, as a money fact); what moves goods may not."""
    if not limbo.due:
        close_work(ctx, LIMBO, "the order was placed")
    facts = sorted(limbo.pending, key=_by_time)
    early = next(
        (
            fact
            for fact in facts
            if fact.time < placed.time and fact.trigger != MONEY and fact.trigger in map_.triggers
        ),
        None,
    )
    if early is not None:
        rest = tuple(fact for fact in facts if fact is not early)
        state = doubt(replace(state, pending=rest), early, "", ctx, map_, placed.seen)
        return replace(state, dropped=limbo.dropped)
    later = [fact for fact in facts if fact.time >= placed.time]
    unreached = frozenset(fact.version for fact in later)
    state = step(state, placed, ctx, map_, placed.seen, unreached)
    return take_up(replace(state, dropped=limbo.dropped), later, ctx, map_, placed.seen)


def take_up(
    state: LifecycleState, facts: list[Fact], ctx: Context, map_: LifecycleMap, news: int
) -> LifecycleState:
    """Facts that waited, in order of occurrence, until one of them is illegal again: the rest waits on."""
    for index, fact in enumerate(facts):
        if state.offence is not None:
            return replace(state, pending=tuple(facts[index:]))
        unreached = frozenset(later.version for later in facts[index + 1 :] if later.trigger == MONEY)
        state = step(state, fact, ctx, map_, news, unreached)
    if state.dropped and state.offence is None:
        title = (
            f"{state.dropped} facts beyond the {PENDING_LIMIT} an order can keep waiting were not taken up"
        )
        open_work(ctx, DROPPED, DROPPED, title)
        state = replace(state, dropped=0)
    return state


def unfreeze(state: LifecycleState, event: Event, ctx: Context, map_: LifecycleMap) -> LifecycleState:
    """A named person's verdict over an order in doubt or frozen: without a state the offending fact is let
    stand and what waited is taken up; with one the order stands there, and what waited is dropped. A verdict
    does not speak of an order or an offence heard of only after it, though they occurred before."""
    verdict: OrderUnfrozen = event.data
    offence = state.offence
    if offence is None or max(offence.version, state.entered[0][2]) > event.streamversion:
        return state
    to = verdict.state
    if to is not None and (to not in map_.rank or to == PART_SHIPPED):
        title = f"cannot be unfrozen into {to}: the map {map_.name} does not know that state"
        open_work(ctx, f"unfreeze:{to}", "unfreeze", title)
        return state
    if state.frozen:
        close_work(ctx, FROZEN, verdict.reason)
    else:
        ctx.decide("order.doubt_cleared.v1", "", OrderDoubtCleared(verdict.reason))
    freed = replace(state, offence=None, doubt_until=0, frozen=False, pending=(), due=NONE)
    if to is not None:
        time = max(event.time, state.since)
        parcels = tuple(replace(parcel, state=to) if parcel.state else parcel for parcel in state.parcels)
        return enter(replace(freed, lines=(), dropped=0), to, time, event.streamversion, parcels)
    moved = advance(freed, offence, map_, offence.trigger, "forced")
    assert not isinstance(moved, str), "what is forced is not refused"
    moved = with_review(moved, offence.time, offence.version, ctx, map_)
    return take_up(moved, sorted(state.pending, key=_by_time), ctx, map_, max(ctx.now, event.streamtime))


def money_moves(state: LifecycleState, map_: LifecycleMap, since: int) -> bool:
    """Whether a payment fact could have moved the order in any state it stood in from the index `since` on."""
    return any(takes_money(map_, entered[0]) for entered in state.entered[max(0, since) :])


def _by_time(fact: Fact) -> tuple[int, int]:
    return fact.time, fact.version


__all__ = [
    "alert",
    "doubt",
    "freeze",
    "leave_limbo",
    "money_moves",
    "money_trigger",
    "record",
    "step",
    "take_up",
    "unfreeze",
    "wait",
    "with_review",
]
