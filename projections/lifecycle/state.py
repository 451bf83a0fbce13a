"""What the lifecycle keeps of one order. Instants are microseconds UTC; 0 is none."""

from __future__ import annotations

import msgspec

PAID_FULL, PAID_PART = "paid.full", "paid.part"
REVIEW = "review.required"
CANCELLED = "order.cancelled"
MONEY = "money"
"""The trigger of a payment fact until the ledger says which of the two it comes to."""

PART_SHIPPED, SHIPPED = "part_shipped", "shipped"
"""Shown, if the map has both states, while some goods have left and some have not."""

PENDING_LIMIT = 64
"""Facts an order keeps in waiting; those beyond are counted, and a person is told of them."""


PARCELS_KEPT = 2000
"""As many as an order may have lines; further parcels are not noted."""


class Fact(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A fact that may move the order: the event `version`, cut down to what moves. `lines` () means the event
    named none. `seen` is when it became known, in stream time: waits for news count from there."""

    version: int
    time: int
    type: str
    id: str
    trigger: str
    parcel: str = ""
    lines: tuple[str, ...] = ()
    waybill: str = ""
    seen: int = 0


class Offence(Fact, frozen=True, gc=False, array_like=True, kw_only=True):
    """A fact the map has no way for. `state` is what it met ("" before the order was placed), `reason` says in
    plain words what is wrong."""

    state: str
    reason: str


class Hold(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A hold laid over the order by event `version`; `since` is when it occurred."""

    handle: str
    reason: str
    since: int
    version: int


class Parcel(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A parcel, its goods' least advanced state ("" until its goods are known), and its carrier's last scan."""

    parcel: str
    lines: tuple[str, ...] = ()
    state: str = ""
    waybill: str = ""
    scan: str = ""
    scanned: int = 0


class LineState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where one goods line stands while the order's lines differ; `since` is when it last moved."""

    line: str
    state: str
    since: int


class LifecycleState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One order.

    While all goods stand together, which is nearly always, `state` says where and `lines` is empty; when they
    differ `lines` holds each, and `state` is the least advanced of them, or part_shipped.
    """

    state: str = ""
    """What the order is shown as; "" in limbo, as long as nothing was placed."""
    since: int = 0
    """Occurrence of the last move, of the order or of any line."""
    entered: tuple[tuple[str, int, int], ...] = ()
    """(state, occurrence, streamversion) each time the order as a whole entered a state, by occurrence."""
    offence: Offence | None = None
    doubt_until: int = 0
    frozen: bool = False
    holds: tuple[Hold, ...] = ()
    owner: str = ""
    group: str = ""
    live: tuple[str, ...] = ()
    """The lines ordered and not cancelled. () for an order that came without lines."""
    cancelled: tuple[str, ...] = ()
    lines: tuple[LineState, ...] = ()
    """In the order of `live`; () while they do not differ."""
    parcels: tuple[Parcel, ...] = ()
    categories: tuple[str, ...] = ()
    """Of all goods ordered; sorted."""
    pending: tuple[Fact, ...] = ()
    """Recorded in limbo, doubt or frost: has moved nothing yet."""
    dropped: int = 0
    """Facts beyond PENDING_LIMIT."""
    limbo_since: int = 0
    limbo_event: int = 0
    reviewed: bool = False
    stayed: int = 0
    """Latest occurrence of a fact that was legal and left the order where it was."""
    due: int = 0

    @property
    def in_doubt(self) -> bool:
        """An illegal fact was told, and news that would make it legal is still awaited."""
        return self.offence is not None and not self.frozen
