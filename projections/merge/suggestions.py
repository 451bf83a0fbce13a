"""Suggestions: pairs put before a person, and how they end."""

from __future__ import annotations

from msgspec.structs import replace

from projections.keyed import KeyedContext
from projections.merge.compare import compare
from projections.merge.handles import pair_of
from projections.merge.likeness import Likeness
from projections.merge.pairs import listed, short
from projections.merge.state import EXPIRED, MADE, REFUSED, SUGGESTED, OrderState, PairState
from projections.merge.words import evidence
from projections.routing import close_across
from schemas.events.decisions import (
    MergeDeclined,
    MergeExpired,
    MergeSuggested,
    WorkOpened,
)

WORK = "merge"
"""The kind of work item, and its id within the pair's stream."""


def keep(order: str, state: OrderState, ctx: KeyedContext) -> None:
    """Keep an order as long as others are looked for; beyond that while a batch or a suggestion has to do with it."""
    due = state.until
    if due <= ctx.now and (state.batch or state.pairs):
        due = ctx.now + ctx.policy.merge.window
    ctx.put(order, state, due)


def pair_state(a: str, b: str, like: Likeness, key: str, ctx: KeyedContext) -> PairState:
    """A pair as it is first put down; `key` is the blocking key the two met under."""
    first, second = sorted((a, b))
    until = ctx.now + ctx.policy.merge.answer_within
    reasons = evidence(like)
    family = key.partition(":")[0]
    return PairState(
        first, second, SUGGESTED, like.score, like.needed, reasons, family, ctx.now, ctx.now, until
    )


def suggest(a: str, b: str, like: Likeness, key: str, ctx: KeyedContext) -> None:
    """Put a pair before the group that answers for merges."""
    policy = ctx.policy
    rules = policy.merge
    subject = pair_of(a, b)
    pair = pair_state(a, b, like, key, ctx)
    ctx.put(subject, pair, pair.until)
    for order in (pair.a, pair.b):
        state = ctx.get(order)
        keep(order, replace(state, pairs=(*state.pairs, subject)), ctx)
    orders = [pair.a, pair.b]
    ctx.decide(
        "merge.suggested.v1",
        subject,
        "",
        MergeSuggested(
            orders,
            pair.score,
            pair.needed,
            list(pair.reasons),
            pair.until,
            rules.lead or rules.group,
            list(policy.notify.get("suggested", ())),
        ),
    )
    title = f"{listed(orders)} may travel together, {pair.score} of 1000: {', '.join(pair.reasons)}"
    opened = WorkOpened(WORK, WORK, title, rules.lead, rules.group, policy.guides.get(WORK, ""))
    ctx.decide("work.opened.v1", subject, WORK, opened)


def end(subject: str, pair: PairState, ctx: KeyedContext, *, but: str = "") -> None:
    """Keep how a suggestion ended, for `keep`; its orders, other than `but`, have it open no longer."""
    before = ctx.get(subject)
    ctx.put(subject, pair, ctx.now + ctx.policy.merge.keep)
    if before is None or before.status != SUGGESTED:
        return
    for order in (pair.a, pair.b):
        state = ctx.get(order)
        if order != but and state is not None and subject in state.pairs:
            keep(order, replace(state, pairs=tuple(p for p in state.pairs if p != subject)), ctx)
    close_across(ctx, subject, WORK, pair.why)


def expire(subject: str, cause: str, why: str, ctx: KeyedContext, *, but: str = "") -> None:
    """Nobody need answer a suggestion any more: `cause` moved on, or its time is over."""
    pair = ctx.get(subject)
    if pair is None or pair.status != SUGGESTED:
        return
    end(subject, replace(pair, status=EXPIRED, at=ctx.now, why=why), ctx, but=but)
    ctx.decide("merge.expired.v1", subject, "", MergeExpired([pair.a, pair.b], cause, why))


def made(a: str, b: str, batch: str, by: str, why: str, ctx: KeyedContext) -> None:
    """A pair travels in a batch because a person says so: what was suggested of it is answered by that."""
    subject = pair_of(a, b)
    pair = ctx.get(subject)
    if pair is None:
        like = compare(ctx.get(a).card, ctx.get(b).card, ctx.policy.merge.matching)
        pair = pair_state(a, b, like, "", ctx)
    end(subject, replace(pair, status=MADE, at=ctx.now, until=0, batch=batch, by=by, why=why), ctx)


def refuse(a: str, b: str, status: str, by: str, why: str, ctx: KeyedContext) -> None:
    """A person keeps a pair apart: it is not proposed again."""
    subject = pair_of(a, b)
    pair = ctx.get(subject)
    first, second = sorted((a, b))
    if pair is None:
        pair = PairState(first, second, status, 0, 0, (), "", ctx.now, ctx.now, 0)
    end(subject, replace(pair, status=status, at=ctx.now, by=by, why=why), ctx)
    if status == REFUSED:
        ctx.decide("merge.declined.v1", subject, "", MergeDeclined([first, second], by, why))


def asked_already(order: str, batch: str, ctx: KeyedContext, *, but: str = "") -> str:
    """The open suggestion by which an order would join a batch, "" if there is none: a batch is asked about once."""
    pairs: tuple[str, ...] = ctx.get(order).pairs
    for subject in pairs:
        if subject != but:
            pair = ctx.get(subject)
            if ctx.get(pair.b if pair.a == order else pair.a).batch == batch:
                return subject
    return ""


def settle(order: str, ctx: KeyedContext) -> None:
    """An order has just been claimed by a batch: its suggestions within the batch are answered, those with orders of
    another batch have become impossible, and those for the same batch are one."""
    state = ctx.get(order)
    for subject in state.pairs:
        pair = ctx.get(subject)
        other = pair.b if pair.a == order else pair.a
        theirs = ctx.get(other).batch
        if theirs == state.batch:
            why = f"both travel in {state.batch}"
            end(subject, replace(pair, status=MADE, at=ctx.now, batch=theirs, why=why), ctx)
        elif not theirs:
            if asked_already(other, state.batch, ctx, but=subject):
                expire(subject, order, f"{short(other)} is suggested for {state.batch} already", ctx)
        else:
            expire(
                subject, order, f"{short(order)} travels in {state.batch}, {short(other)} in {theirs}", ctx
            )
