"""What the merge fold keeps, by the kind of its key. Instants are µs UTC, 0 is none; orders are subjects (`order/…`)."""

from __future__ import annotations

import msgspec

from projections.merge.card import Card

SUGGESTED, MADE, REFUSED, EXPIRED, UNDONE = "suggested", "made", "refused", "expired", "undone"
"""Where a pair stands. A refused or undone one is not proposed again."""

LIVE, LABELLED, SHIPPED, DISSOLVED = "live", "labelled", "shipped", "dissolved"
"""Where a batch stands: its label is not printed yet, it is, all members have followed, its orders go their own ways."""

STANDING = (LIVE, LABELLED)
"""A batch that claims its orders."""

POLICY = "policy"
"""Who merges unasked."""


class OrderState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`order/…`: an order that was offered. `left` is why it may not travel with others, "" while it may; `batch` the one
    that claims it; `pairs` its open suggestions; until `until` others are still looked for."""

    placed: int
    channel: str
    currency: str
    lines: tuple[tuple[str, int], ...]
    categories: tuple[str, ...]
    card: Card
    keys: tuple[str, ...]
    until: int
    left: str = ""
    detail: str = ""
    batch: str = ""
    pairs: tuple[str, ...] = ()


class PairState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`merge/<pair>`: two orders that were put together or kept apart. `key` is the family of the blocking key they met
    under; `by` is `policy` or a person; `why` how it ended; `at` when it last changed."""

    a: str
    b: str
    status: str
    score: int
    needed: int
    reasons: tuple[str, ...]
    key: str
    since: int
    at: int
    until: int
    batch: str = ""
    by: str = ""
    why: str = ""


class Deed(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Something done to a batch: `what` is made, joined, changed, labelled, shipped, dissolved."""

    at: int
    what: str
    orders: tuple[str, ...]
    by: str
    why: str
    score: int = 0


class BatchState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`batch/<id>`: orders that travel together. `quantities` are the sums of its members' lines; `gone` the members whose
    label is printed, under `waybills`."""

    members: tuple[str, ...]
    status: str
    quantities: tuple[tuple[str, int], ...]
    since: int
    deeds: tuple[Deed, ...]
    gone: tuple[str, ...] = ()
    waybills: tuple[str, ...] = ()


class Seen(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An order known under an identity key, with all the identity keys it bears."""

    order: str
    placed: int
    keys: tuple[str, ...]


class CustomerState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`customer/<kind>:<digest>`: the orders placed under an identity, oldest first. `more` is how many it no longer keeps."""

    orders: tuple[Seen, ...]
    more: int = 0


class BlockState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`block/<family>:<digest>`: a blocking key that too many open orders share, told once. `orders` at the last look."""

    key: str
    since: int
    orders: int
