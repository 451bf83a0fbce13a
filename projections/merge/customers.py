"""Who ordered what in the last days, by every identity key an order bears.

Two keys belong together because an order bears both; nothing is closed transitively here. Whoever asks for a customer
follows the links at read time (DOMAIN.md, "Identity and merge candidates").
"""

from __future__ import annotations

from projections.keyed import KeyedContext
from projections.merge.handles import customer_key
from projections.merge.state import CustomerState, Seen
from schemas.facts import MergeOffered


def keys_of(offered: MergeOffered) -> tuple[str, ...]:
    """The keys an order is known under, the most trusted first."""
    return tuple([customer_key(kind, value) for _, kind, value in offered.identity])


def note(order: str, offered: MergeOffered, ctx: KeyedContext) -> None:
    """Keep an order under its identity keys."""
    rules = ctx.policy.merge
    keys = keys_of(offered)
    seen = Seen(order, offered.placed, keys)
    for key in keys:
        known = ctx.get(key)
        if known is None:
            state = CustomerState((seen,))
        else:
            since = ctx.now - rules.keep
            kept = [one for one in known.orders if one.order != order and one.placed >= since]
            kept.append(seen)
            kept.sort(key=_by_placing)
            over = max(0, len(kept) - rules.customer_orders)
            state = CustomerState(tuple(kept[over:]), known.more + over)
        ctx.put(key, state, ctx.now + rules.keep)


def _by_placing(seen: Seen) -> tuple[int, str]:
    return seen.placed, seen.order
