"""Batches: orders that travel together, from the first two to the label, or to what dissolves them.

Claims: an order is in at most one standing batch, the one its state names. Quantities: what a batch says it holds is the
sum of its members' lines, made anew whenever one of them changes. A batch never touches its orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from projections.days import span
from projections.keyed import KeyedContext
from projections.merge import suggestions
from projections.merge.handles import batch_of, pair_of
from projections.merge.likeness import Likeness
from projections.merge.offer import OUT
from projections.merge.pairs import apart, fits, goods_apart, likenesses, listed, short
from projections.merge.state import (
    DISSOLVED,
    LABELLED,
    LIVE,
    MADE,
    POLICY,
    REFUSED,
    SHIPPED,
    STANDING,
    UNDONE,
    BatchState,
    Deed,
    OrderState,
)
from projections.policy import Merging
from schemas.events.decisions import BatchDissolved, MergeMade
from schemas.facts import MergeLeft

KEPT_APART = (REFUSED, UNDONE)
DEEDS_KEPT = 200
"""Beyond these a change of lines is no longer noted; what ends a batch always is."""


def totals(states: Iterable[OrderState]) -> tuple[tuple[str, int], ...]:
    """Quantities by sku of all lines of some orders."""
    sums: dict[str, int] = {}
    for state in states:
        for sku, quantity in state.lines:
            sums[sku] = sums.get(sku, 0) + quantity
    return tuple(sorted(sums.items()))


# Putting together


def join(order: str, other: str, like: Likeness, key: str, ctx: KeyedContext) -> bool:
    """Let the policy merge two open orders that are the same customer's: into a new batch, or the free one into the
    other's. Whether they now travel together."""
    a, b = ctx.get(order), ctx.get(other)
    if a.batch and b.batch:
        return bool(a.batch == b.batch)
    subject = pair_of(order, other)
    into = a.batch or b.batch
    if into:
        joining = other if a.batch else order
        if obstacle_to_joining(joining, into, ctx):
            return False
        added, members = (joining,), (*ctx.get(into).members, joining)
    else:
        into = _unused(subject, ctx)
        added = members = tuple(sorted((order, other), key=lambda one: (ctx.get(one).placed, one)))
    pair = suggestions.pair_state(order, other, like, key, ctx)
    ctx.put(
        subject, replace(pair, status=MADE, batch=into, by=POLICY, until=0), ctx.now + ctx.policy.merge.keep
    )
    _claim(into, members, added, POLICY, "", like.score, pair.reasons, ctx)
    return True


def obstacle_to_joining(order: str, batch: str, ctx: KeyedContext) -> str:
    """Why an order may not join a batch unasked, in words; "" if it may."""
    rules = ctx.policy.merge
    state, known = ctx.get(order), ctx.get(batch)
    if known.status != LIVE:
        return f"the label of {batch} is printed"
    if len(known.members) >= rules.batch_orders:
        return f"{batch} is full with {len(known.members)} orders"
    members = [ctx.get(member) for member in known.members]
    for name, member in zip(known.members, members, strict=True):
        why = apart(state, member, rules)
        if why:
            return f"with {short(name)}: {why}"
        pair = ctx.get(pair_of(order, name))
        if pair is not None and pair.status in KEPT_APART:
            return f"a person keeps it apart from {short(name)}"
    return fits(likenesses(state.card, [member.card for member in members], rules), rules)


def unite(orders: Sequence[str], by: str, why: str, ctx: KeyedContext) -> str:
    """Let orders travel together because a person says so; why they cannot, "" if they now do."""
    states = {order: ctx.get(order) for order in orders}
    batches = sorted({state.batch for state in states.values() if state is not None and state.batch})
    into = batches[0] if len(batches) == 1 else ""
    known = ctx.get(into) if into else None
    problem = obstacle(states, known, batches, ctx.policy.merge) or _kept_apart(states, known, ctx)
    if problem:
        return problem
    members = known.members if known is not None else ()
    added = tuple(
        sorted((order for order in states if order not in members), key=lambda one: (states[one].placed, one))
    )
    into = into or _unused(pair_of(added[0], added[1]), ctx)
    _claim(into, (*members, *added), added, by, why, 0, (), ctx)
    everyone = ctx.get(into).members
    for index, order in enumerate(everyone):
        for other in everyone[index + 1 :]:
            if order in states and other in states:
                suggestions.made(order, other, into, by, why, ctx)
    return ""


def obstacle(
    states: dict[str, OrderState | None], batch: BatchState | None, batches: Sequence[str], rules: Merging
) -> str:
    """Why not even a person can let these orders travel together, in words; "" if they can. `batch` is the only one of
    `batches` that claims any of them, None where there is none or several."""
    for order, state in states.items():
        if state is None:
            return f"{short(order)} was placed too long ago to be merged, or is not known"
        if state.left:
            return f"{short(order)} may not travel with others: {state.detail}"
    if len(batches) > 1:
        return f"they are claimed by {len(batches)} batches already ({', '.join(batches)})"
    members = set(states)
    if batch is not None:
        if batch.status != LIVE:
            return f"the label of {batches[0]} is printed"
        members.update(batch.members)
        if members == set(batch.members):
            return f"they travel together already, in {batches[0]}"
    if len(members) > rules.batch_orders:
        return f"{len(members)} orders are more than a batch may have ({rules.batch_orders})"
    known = [state for state in states.values() if state is not None]
    currencies = sorted({state.currency for state in known})
    if len(currencies) > 1:
        return f"their currencies differ ({', '.join(currencies)})"
    return goods_apart([category for state in known for category in state.categories], rules)


def _kept_apart(orders: Iterable[str], batch: BatchState | None, ctx: KeyedContext) -> str:
    """Whom of a batch a person keeps one of these orders apart from, though nobody names them both now."""
    named = set(orders)
    for order in sorted(named):
        for member in batch.members if batch is not None else ():
            if member in named or order == member:
                continue
            pair = ctx.get(pair_of(order, member))
            if pair is not None and pair.status in KEPT_APART:
                return f"{short(order)} is kept apart from {short(member)}: {pair.why}"
    return ""


def _unused(pair: str, ctx: KeyedContext) -> str:
    """A name for a new batch of a pair: one dissolved keeps its own."""
    number = 1
    while ctx.get(name := batch_of(pair, number)) is not None:
        number += 1
    return name


def _claim(
    name: str,
    members: tuple[str, ...],
    added: tuple[str, ...],
    by: str,
    why: str,
    score: int,
    reasons: tuple[str, ...],
    ctx: KeyedContext,
) -> None:
    policy = ctx.policy
    known = ctx.get(name)
    quantities = totals(ctx.get(member) for member in members)
    deed = Deed(
        ctx.now, "joined" if known is not None else "made", added, by, why or ", ".join(reasons), score
    )
    deeds = (*known.deeds, deed) if known is not None else (deed,)
    since = known.since if known is not None else ctx.now
    _keep(name, BatchState(members, LIVE, quantities, since, deeds), ctx)
    for order in added:
        suggestions.keep(order, replace(ctx.get(order), batch=name), ctx)
    ctx.decide(
        "merge.made.v1",
        name,
        added[-1],
        MergeMade(
            name,
            list(members),
            list(added),
            dict(quantities),
            by,
            score,
            list(reasons) or [why],
            policy.merge.group,
            list(policy.notify.get("merged", ())),
        ),
    )
    for order in added:
        suggestions.settle(order, ctx)


# What becomes of them


def changed(order: str, ctx: KeyedContext) -> None:
    """A member's lines are other ones: the batch holds other quantities."""
    name = ctx.get(order).batch
    known = ctx.get(name)
    quantities = totals(ctx.get(member) for member in known.members)
    deeds = known.deeds
    if len(deeds) < DEEDS_KEPT:
        deeds = (*deeds, Deed(ctx.now, "changed", (order,), "", "its lines changed"))
    _keep(name, replace(known, quantities=quantities, deeds=deeds), ctx)


def left(order: str, name: str, gone: MergeLeft, ctx: KeyedContext) -> tuple[str, ...]:
    """A member may no longer travel with others. Returns those a batch dissolved over it sets free.

    A printed label is the batch's if the others follow under the same waybill within `label_within`."""
    known = ctx.get(name)
    if known is None or known.status not in STANDING:
        return ()
    if gone.reason not in OUT:
        if order in known.gone and gone.reason != "cancelled":
            return ()
        return dissolve(name, order, f"{short(order)}: {gone.detail}", POLICY, ctx)
    if order in known.gone:
        return ()
    if known.waybills and gone.waybills and not set(known.waybills) & set(gone.waybills):
        why = f"{short(order)} travels under {', '.join(gone.waybills)}, {listed(known.gone)} under {', '.join(known.waybills)}"
        return dissolve(name, order, why, POLICY, ctx)
    first = not known.gone
    everyone = (*known.gone, order)
    complete = len(everyone) == len(known.members)
    deed = Deed(ctx.now, "shipped" if complete else "labelled", (order,), "", gone.detail)
    state = replace(
        known,
        status=SHIPPED if complete else LABELLED,
        gone=everyone,
        waybills=tuple(sorted({*known.waybills, *gone.waybills})),
        deeds=(*known.deeds, deed),
    )
    _keep(name, state, ctx)
    if first and not complete:
        for member in known.members:
            for subject in ctx.get(member).pairs:
                suggestions.expire(subject, order, f"the label of {name} is printed", ctx)
    return ()


def _keep(name: str, batch: BatchState, ctx: KeyedContext) -> None:
    """Keep a batch, to be looked at again when its members should have followed the first label, or it has stood too long."""
    rules = ctx.policy.merge
    if batch.status == LABELLED:
        due = next(deed.at for deed in batch.deeds if deed.what == "labelled") + rules.label_within
    else:
        due = (batch.since if batch.status == LIVE else ctx.now) + rules.keep
    ctx.put(name, batch, due)


def overdue(name: str, batch: BatchState, ctx: KeyedContext) -> tuple[str, ...]:
    """The batch's timer: the others have not followed the first label, it was never shipped, or it is forgotten."""
    rules = ctx.policy.merge
    if batch.status == LABELLED:
        late = [member for member in batch.members if member not in batch.gone]
        under = f" under {', '.join(batch.waybills)}" if batch.waybills else ""
        followed = "has" if len(late) == 1 else "have"
        why = (
            f"{listed(batch.gone)} left alone{under}: {listed(late)} {followed} not followed "
            f"within {span(rules.label_within)}"
        )
        return dissolve(name, batch.gone[0], why, POLICY, ctx)
    if batch.status == LIVE:
        return dissolve(name, "", f"it was not shipped within {span(rules.keep)}", POLICY, ctx)
    ctx.drop(name)
    return ()


def dissolve(name: str, cause: str, why: str, by: str, ctx: KeyedContext) -> tuple[str, ...]:
    """The orders of a batch are free again; returns those that may still travel with others."""
    policy = ctx.policy
    known = ctx.get(name)
    deed = Deed(ctx.now, "dissolved", (cause,) if cause else (), by, why)
    _keep(name, replace(known, status=DISSOLVED, deeds=(*known.deeds, deed)), ctx)
    free = []
    for member in known.members:
        state = ctx.get(member)
        if state is None or state.batch != name:
            continue
        suggestions.keep(member, replace(state, batch=""), ctx)
        if not state.left:
            free.append(member)
    ctx.decide(
        "batch.dissolved.v1",
        name,
        "",
        BatchDissolved(
            name,
            list(known.members),
            cause,
            by,
            why,
            policy.merge.group,
            list(policy.notify.get("dissolved", ())),
        ),
    )
    return tuple(free)


def undo(name: str, by: str, why: str, ctx: KeyedContext) -> str:
    """Dissolve a batch because a person says so; its members are kept apart. Why it cannot be, "" if it now is."""
    known = ctx.get(name)
    problem = obstacle_to_undoing(name, known)
    if problem:
        return problem
    dissolve(name, "", why, by, ctx)
    for index, order in enumerate(known.members):
        for other in known.members[index + 1 :]:
            suggestions.refuse(order, other, UNDONE, by, why, ctx)
    return ""


def obstacle_to_undoing(name: str, batch: BatchState | None) -> str:
    """Why a batch cannot be undone, in words; "" if it can."""
    if batch is None:
        return f"there is no {name}"
    if batch.status == LABELLED:
        return f"its label is printed for {listed(batch.gone)}"
    if batch.status != LIVE:
        return f"it is {batch.status} already"
    return ""
