"""Which orders may travel together, whose batch they are in, and what a person should say.

Question: which open orders are one customer's to one address? From: the cards of orders as they are offered, compared with
those they share a key with; what bars an order later; and what people say. Decides: `merge.made` where the policy merges
unasked, `merge.suggested` as work for a person, `merge.expired`, `merge.declined`, `batch.dissolved` with its cause. Holds:
an order is in at most one standing batch; a batch's quantities are its members'; refused pairs are not proposed again
(DOMAIN.md, "Identity and merge candidates"). What it keeps of an order ends with the window, unless a batch needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from projections.keyed import Handler, KeyedContext, KeyedFold, Told
from projections.merge import batches, customers, suggestions
from projections.merge.blocks import Index
from projections.merge.card import card_of
from projections.merge.compare import compare
from projections.merge.handles import block_key, pair_of
from projections.merge.likeness import Likeness
from projections.merge.offer import OUT
from projections.merge.pairs import apart, elsewhere, short, two_doors
from projections.merge.state import (
    POLICY,
    REFUSED,
    STANDING,
    SUGGESTED,
    BatchState,
    BlockState,
    CustomerState,
    OrderState,
    PairState,
)
from projections.merge.words import family_words
from projections.policy import Policy
from schemas.events.decisions import MergeDeclined
from schemas.events.people import MergeAccepted, MergeRefused, MergeUndone
from schemas.facts import MergeLeft, MergeOffered

NOT_AGAIN = (SUGGESTED, *batches.KEPT_APART)
"""Pairs that stand so are not proposed."""

BLOCK_SHOWN = 5
VERDICT_ORDERS = 20
"""Of more orders a refusal is not taken pair by pair."""


def _proposals(
    order: str, index: Index, policy: Policy, common: list[str]
) -> list[tuple[int, str, str, Likeness]]:
    """(minus score, other order, key, likeness) of the open orders that may be the same customer's, the likest first; keys
    too common to tell are added to `common`."""
    rules = policy.merge
    state = index.orders[order]
    found = []
    for other, key in index.met(order, rules.block_orders, common):
        theirs = index.orders[other]
        if elsewhere(state.card, theirs.card) or apart(state, theirs, rules):
            continue
        like = compare(state.card, theirs.card, rules.matching)
        if like.verdict != "different":
            found.append((-like.score, other, key, like))
    found.sort(key=_likest)
    return found


def _likest(found: tuple[int, str, str, Likeness]) -> tuple[int, str]:
    return found[0], found[1]


def _offered(fold: KeyedFold, fact: Told, ctx: KeyedContext) -> None:
    """An order may travel with others, anew or again."""
    rules = ctx.policy.merge
    if not rules.on:
        return
    order, data = fact.key, fact.data
    assert isinstance(data, MergeOffered)
    known = ctx.get(order)
    if known is None:
        if not data.first and ctx.now > data.placed + rules.window + rules.late:
            return  # free once more, but whoever it could have met has gone by
        customers.note(order, data, ctx)
    card = card_of(data.derived)
    until = max(data.placed, ctx.now) + rules.window + rules.late
    state = OrderState(
        data.placed, data.channel, data.currency, data.lines, data.categories, card, data.keys, until
    )
    freed: tuple[str, ...] = ()
    if known is not None:
        state = replace(state, until=known.until, batch=known.batch, pairs=known.pairs)
        if not known.left and _differ_only_in_lines(known, state):
            suggestions.keep(order, state, ctx)
            if state.batch:
                batches.changed(order, ctx)
            return
        if state.batch and ctx.get(state.batch) is not None:
            why = "its label stands no longer" if known.left else "its customer, address or goods changed"
            freed = batches.dissolve(state.batch, order, f"{short(order)}: {why}", POLICY, ctx)
        for subject in known.pairs:
            suggestions.expire(subject, order, f"{short(order)} changed", ctx)
        state = replace(state, batch="", pairs=())
    suggestions.keep(order, state, ctx)
    _propose(order, ctx)
    for other in freed:
        if other != order:
            _propose(other, ctx)


def _differ_only_in_lines(a: OrderState, b: OrderState) -> bool:
    return (
        a.card == b.card
        and a.keys == b.keys
        and a.placed == b.placed
        and a.currency == b.currency
        and set(b.categories) <= set(a.categories)
        and bool(b.categories) == bool(a.categories)
    )


def _propose(order: str, ctx: KeyedContext) -> None:
    """Merge or suggest an open order with those like it: unasked first, then, up to the limit, for a person to say."""
    rules = ctx.policy.merge
    asked = []
    common: list[str] = []
    proposals = _proposals(order, ctx.index, ctx.policy, common)
    for key in common:
        _tell_common(key, ctx)
    for found in proposals:
        _, other, key, like = found
        pair = ctx.get(pair_of(order, other))
        if pair is not None and pair.status in NOT_AGAIN:
            continue
        if rules.automatic and like.automatic and batches.join(order, other, like, key, ctx):
            continue
        if not two_doors(like):
            asked.append(found)
    for _, other, key, like in asked:
        mine, theirs = ctx.get(order), ctx.get(other)
        if len(mine.pairs) >= rules.suggestions:
            return
        if len(theirs.pairs) < rules.suggestions and _answerable(order, other, ctx):
            suggestions.suggest(order, other, like, key, ctx)


def _answerable(order: str, other: str, ctx: KeyedContext) -> bool:
    """Whether a person could still let two open orders travel together, in the batch of one of them if there is one, and is
    not asked so already."""
    a, b = ctx.get(order), ctx.get(other)
    if a.batch and b.batch:
        return False
    if not a.batch and not b.batch:
        return True
    joining, into = (other, a.batch) if a.batch else (order, b.batch)
    return not suggestions.asked_already(joining, into, ctx) and not batches.obstacle_to_joining(
        joining, into, ctx
    )


def _tell_common(key: str, ctx: KeyedContext) -> None:
    """A block that has just become too common says so, once."""
    name = block_key(key)
    if ctx.get(name) is not None:
        return
    rules = ctx.policy.merge
    size = ctx.index.size(key)
    ctx.put(name, BlockState(key, ctx.now, size), ctx.now + rules.window)
    why = (
        f"{size} open orders share the same {family_words(key.partition(':')[0])}: that tells nobody apart, and "
        f"proposes nothing (limit {rules.block_orders})"
    )
    first = sorted(ctx.index.blocks[key])[:BLOCK_SHOWN]
    subject = f"merge/{name.removeprefix('block/')}"
    ctx.decide("merge.declined.v1", subject, "", MergeDeclined(first, POLICY, why))


def _left(fold: KeyedFold, fact: Told, ctx: KeyedContext) -> None:
    """An order may no longer travel with others."""
    order, gone = fact.key, fact.data
    assert isinstance(gone, MergeLeft)
    known = ctx.get(order)
    if known is None or known.left == gone.reason:
        return
    out = known.left in OUT and gone.reason not in OUT and gone.reason != "cancelled"
    if out:
        return  # a parcel on its way is not held, nor frozen, for its batch
    suggestions.keep(order, replace(known, left=gone.reason, detail=gone.detail, pairs=()), ctx)
    for subject in known.pairs:
        suggestions.expire(subject, order, f"{short(order)} moved on: {gone.detail}", ctx, but=order)
    if known.batch:
        for other in batches.left(order, known.batch, gone, ctx):
            _propose(other, ctx)


def _accepted(fold: KeyedFold, fact: Told, ctx: KeyedContext) -> None:
    """A person lets orders travel together."""
    verdict = fact.data
    assert isinstance(verdict, MergeAccepted)
    orders = _named(verdict.orders)
    by = _who(fact)
    problem = batches.unite(orders, by, verdict.reason, ctx)
    if problem:
        ctx.decide("merge.declined.v1", fact.key, "", MergeDeclined(orders, by, problem))


def _refused(fold: KeyedFold, fact: Told, ctx: KeyedContext) -> None:
    """A person keeps orders apart: what is suggested of them is answered, what travels together is undone."""
    verdict = fact.data
    assert isinstance(verdict, MergeRefused)
    orders = _named(verdict.orders)[:VERDICT_ORDERS]
    by = _who(fact)
    for index, order in enumerate(orders):
        for other in orders[index + 1 :]:
            a, b = ctx.get(order), ctx.get(other)
            if a is not None and b is not None and a.batch and a.batch == b.batch:
                batch = ctx.get(a.batch)
                problem = batches.obstacle_to_undoing(a.batch, batch)
                if problem:
                    declined = MergeDeclined([order, other], by, f"they stay together: {problem}")
                    ctx.decide("merge.declined.v1", pair_of(order, other), "", declined)
                    continue
                batches.dissolve(a.batch, "", verdict.reason, by, ctx)
                suggestions.refuse(order, other, REFUSED, by, verdict.reason, ctx)
                for member in batch.members:
                    if member not in orders and ctx.get(member) is not None:
                        _propose_if_open(member, ctx)
                continue
            suggestions.refuse(order, other, REFUSED, by, verdict.reason, ctx)
            _answered(order, other, verdict.reason, ctx)


def _answered(order: str, other: str, why: str, ctx: KeyedContext) -> None:
    """Two orders are kept apart: what was asked of one and the batch of the other is answered too."""
    for joining, claimed in ((order, other), (other, order)):
        a, b = ctx.get(joining), ctx.get(claimed)
        if a is not None and b is not None and b.batch and not a.batch:
            subject = suggestions.asked_already(joining, b.batch, ctx)
            if subject:
                cause = f"{short(joining)} is kept apart from {short(claimed)}: {why}"
                suggestions.expire(subject, "", cause, ctx)


def _propose_if_open(order: str, ctx: KeyedContext) -> None:
    if order in ctx.index.orders:
        _propose(order, ctx)


def _undone(fold: KeyedFold, fact: Told, ctx: KeyedContext) -> None:
    """A person dissolves a batch before its label is printed."""
    verdict = fact.data
    assert isinstance(verdict, MergeUndone)
    name = verdict.batch if verdict.batch.startswith("batch/") else f"batch/{verdict.batch}"
    by = _who(fact)
    problem = batches.undo(name, by, verdict.reason, ctx)
    if problem:
        known = ctx.get(name)
        orders = list(known.members) if known is not None else []
        ctx.decide("merge.declined.v1", fact.key, "", MergeDeclined(orders, by, f"it stays: {problem}"))


def _who(fact: Told) -> str:
    """Whose verdict it is; an event that does not say is named itself."""
    return fact.data.by or f"{fact.subject}@{fact.streamversion}"


def _named(orders: Iterable[str]) -> list[str]:
    """The orders a verdict names, each once, as subjects."""
    return list(dict.fromkeys([o if o.startswith("order/") else f"order/{o}" for o in orders]))


class MergeFold(KeyedFold):
    """First of stage 2."""

    name = "merge"
    version = 1
    kinds: ClassVar[Mapping[str, type[msgspec.Struct]]] = {
        "order": OrderState,
        "merge": PairState,
        "batch": BatchState,
        "customer": CustomerState,
        "block": BlockState,
    }
    handlers: ClassVar[dict[str, Handler]] = {
        "merge.offered": _offered,
        "merge.left": _left,
        "merge.accepted.v1": _accepted,
        "merge.refused.v1": _refused,
        "merge.undone.v1": _undone,
    }

    def reads(self, fact: Told, policy: Policy) -> Iterable[str]:
        if fact.type == "merge.offered":
            return (fact.key, *customers.keys_of(fact.data)) if policy.merge.on else ()
        return (fact.key,)

    def new_index(self) -> Index:
        return Index()

    def reindex(self, index: Index, key: str, state: Any | None) -> None:
        if key.startswith("order/"):
            index.change(key, state)

    def wake(self, key: str, state: Any, ctx: KeyedContext) -> None:
        """The window is over, nobody has answered, no label followed, or what is remembered has had its time."""
        rules = ctx.policy.merge
        if isinstance(state, OrderState):
            batch = ctx.get(state.batch) if state.batch else None
            if state.pairs or (batch is not None and batch.status in STANDING):
                suggestions.keep(key, state, ctx)
            else:
                ctx.drop(key)
        elif isinstance(state, PairState):
            if state.status == SUGGESTED:
                suggestions.expire(key, "", "nobody answered in time", ctx)
            else:
                ctx.drop(key)
        elif isinstance(state, BatchState):
            for order in batches.overdue(key, state, ctx):
                _propose_if_open(order, ctx)
        elif isinstance(state, BlockState) and ctx.index.size(state.key) > rules.block_orders:
            ctx.put(key, replace(state, orders=ctx.index.size(state.key)), ctx.now + rules.window)
        else:
            ctx.drop(key)

    def label(self, key: str, state: Any) -> str:
        if isinstance(state, PairState | BatchState):
            return state.status
        return "common" if isinstance(state, BlockState) else ""
