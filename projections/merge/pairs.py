"""Whether two orders may go into one parcel at all, whoever they are for: time, market, goods.

Pure, so that `merge why` asks the same as the fold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from projections.days import span
from projections.merge.card import Card
from projections.merge.compare import compare
from projections.merge.likeness import Likeness
from projections.merge.state import OrderState
from projections.merge.words import field_words, veto_words
from projections.policy import Merging

CLUSTER_SAMPLE = 10
"""Members an order that would join a batch is compared with."""

_DOOR = ("number", "building", "unit", "room")
_ANOTHER = 400
"""A part scored less is another one."""


def apart(a: OrderState, b: OrderState, rules: Merging) -> str:
    """Why two orders may not travel together, in words; "" if they may."""
    between = abs(a.placed - b.placed)
    if between > rules.window:
        return f"they were placed {span(between)} apart; the window is {span(rules.window)}"
    if a.currency != b.currency:
        return f"one is in {a.currency}, the other in {b.currency}"
    if a.channel != b.channel and not rules.across_channels:
        return f"one is of {a.channel}, the other of {b.channel}; orders of two channels are kept apart"
    if not a.categories or not b.categories:
        return "the goods of one of them are not known"
    return goods_apart((*a.categories, *b.categories), rules)


def goods_apart(categories: Iterable[str], rules: Merging) -> str:
    """Why goods of these categories may not travel together, "" if they may. Of an order without lines nothing is known."""
    wanted = set(categories)
    if not wanted:
        return "their goods are not known"
    for group in rules.together:
        if wanted <= group:
            return ""
    named = " and ".join(sorted(wanted))
    if len(wanted) == 1:
        return f"{named} goods never travel with another order"
    return f"{named} goods do not travel together"


def elsewhere(a: Card, b: Card) -> bool:
    """Whether two Chinese addresses are plainly of two places: a veto of `compare`, seen at once. Most orders that meet
    under a weak key (the end of a phone and a surname) are strangers of two cities, and comparing them all costs most."""
    return a.script == b.script == "han" and bool(
        (a.city and b.city and a.city != b.city)
        or (a.district and b.district and a.district != b.district)
        or (a.unit and b.unit and a.unit != b.unit)
    )


def two_doors(like: Likeness) -> str:
    """What of the door two orders plainly differ in, "" for nothing. Matching forgives it, since much else may outweigh one
    wrong number; but nobody is asked to put into one parcel what is addressed to two doors."""
    for reason in like.reasons:
        if reason.field in _DOOR and reason.score < _ANOTHER:
            return field_words(reason.field)
    return ""


def likenesses(card: Card, others: Sequence[Card], rules: Merging) -> list[Likeness]:
    """How alike a card is to the first ten of others."""
    return [compare(card, other, rules.matching) for other in others[:CLUSTER_SAMPLE]]


def fits(found: Sequence[Likeness], rules: Merging) -> str:
    """Why an order that is so like the members of a batch does not belong in it, "" if it does: none may speak against it,
    and the mean must pass, or one good pair after another would join strangers."""
    for like in found:
        if like.vetoes:
            return f"a member speaks against it: {veto_words(like)}"
    mean = sum([like.score for like in found]) // len(found)
    if mean < rules.matching.cluster:
        return f"it is only {mean} like its members in the mean, and {rules.matching.cluster} are needed"
    return ""


def short(order: str) -> str:
    """An order as people read it: `jd:1`."""
    return order.removeprefix("order/")


def listed(orders: Sequence[str]) -> str:
    """`jd:1, jd:2 and jd:3`."""
    names = [short(order) for order in orders]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
