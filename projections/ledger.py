"""The money of one order, conserved.

Question: what is owed, what came, what went back? From: order.placed, payment.received, refunded, fee_charged,
subsidy_granted. Invariants (DOMAIN.md, "Money"): every fresh fact is counted exactly once, under its own currency,
whatever the order of arrival; repeats never reach a fold; conflicts and other currencies are never summed, they
are work for a person. Money that comes before the order is placed is kept.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from projections.kernel import Context, Fold, Handler
from projections.routing import close_work, is_open, open_work
from schemas.envelope import Event
from schemas.events.common import Share
from schemas.events.order import OrderPlaced
from schemas.events.payment import (
    PaymentFeeCharged,
    PaymentReceived,
    PaymentRefunded,
    PaymentSubsidyGranted,
)
from schemas.registry import TYPES

ENTRIES_KEPT = 64
"""Facts kept one by one, the latest; the sums hold them all."""

OVER_REFUND = "over_refund"
CURRENCY = "conflict:currency"


class Entry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One money fact counted. `kind` is full, deposit or balance (a payment), refund, fee or subsidy; `amount`
    this order's part of it, in minor units."""

    version: int
    kind: str
    number: str
    amount: int
    currency: str


class Purse(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Sums in a currency that is not the order's: kept, shown, never added to the others."""

    currency: str
    received: int = 0
    refunded: int = 0
    fees: int = 0
    subsidies: int = 0
    deposit: int = 0


class LedgerState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Sums in minor units of `currency`: the order's, or until it is placed that of the first money.

    receivable = goods + shipping - discount, where `shipping` is the lines' and the order's; `received` counts
    deposits too, and `deposit` says how much of it came as such.
    """

    currency: str = ""
    placed: bool = False
    goods: int = 0
    shipping: int = 0
    discount: int = 0
    receivable: int = 0
    received: int = 0
    refunded: int = 0
    fees: int = 0
    subsidies: int = 0
    deposit: int = 0
    foreign: tuple[Purse, ...] = ()
    """Sorted by currency."""
    entries: tuple[Entry, ...] = ()

    @property
    def outstanding(self) -> int:
        """What the customer still owes; negative when more came than was due."""
        return self.receivable - self.subsidies - (self.received - self.refunded)


def _placed(state: LedgerState, event: Event, ctx: Context) -> LedgerState:
    """The order says what it costs: goods and shipping less discount is receivable."""
    data: OrderPlaced = event.data
    goods, shipping = _totals(data)
    if state.currency and state.currency != data.currency:
        state = _weighed(state, _recount(state, data.currency), ctx)
    if state.foreign:
        others = ", ".join(purse.currency for purse in state.foreign)
        open_work(
            ctx, CURRENCY, "conflict", f"the order is in {data.currency}, money came in {others}: not counted"
        )
    return replace(
        state,
        currency=data.currency,
        placed=True,
        goods=goods,
        shipping=shipping,
        discount=data.discount,
        receivable=goods + shipping - data.discount,
    )


def _totals(data: OrderPlaced) -> tuple[int, int]:
    """(goods, shipping) in minor units."""
    goods = 0
    shipping = data.shipping
    for line in data.lines:
        goods += line.quantity * line.unit_price
        shipping += line.shipping
    return goods, shipping


def _recount(state: LedgerState, currency: str) -> LedgerState:
    """The order turns out to be in another currency than its first money was."""
    purses = {purse.currency: purse for purse in state.foreign}
    own = purses.pop(currency, Purse(currency))
    purses[state.currency] = Purse(
        state.currency, state.received, state.refunded, state.fees, state.subsidies, state.deposit
    )
    return replace(
        state,
        currency=currency,
        received=own.received,
        refunded=own.refunded,
        fees=own.fees,
        subsidies=own.subsidies,
        deposit=own.deposit,
        foreign=tuple(purses[name] for name in sorted(purses)),
    )


def _received(state: LedgerState, event: Event, ctx: Context) -> LedgerState:
    """Money in the order's currency is added to what was received, a divided payment with this order's share."""
    data: PaymentReceived = event.data
    amount = data.amount
    if data.shares is not None:
        share = share_of(data.shares, event.subject)
        if share is None:
            open_work(
                ctx,
                f"share:payment:{data.payment}",
                "share",
                f"payment {data.payment} is divided among orders and names no share of this one: not counted",
            )
            return state
        amount = share
    entry = Entry(event.streamversion, data.kind, data.payment, amount, data.currency)
    deposit = amount if data.kind == "deposit" else 0
    if state.currency != data.currency and state.currency:
        return _foreign(state, ctx, entry, received=amount, deposit=deposit)
    after = replace(
        state,
        currency=data.currency,
        received=state.received + amount,
        deposit=state.deposit + deposit,
        entries=(*state.entries[1 - ENTRIES_KEPT :], entry),
    )
    return _weighed(state, after, ctx) if state.refunded else after


def share_of(shares: list[Share], subject: str) -> int | None:
    """What of a divided payment is for the order `subject`, in minor units; None if it names no such share.
    A share names its order by subject or by the part of it after `order/`."""
    number = subject.partition("/")[2]
    amounts = [share.amount for share in shares if share.order == subject or share.order == number]
    return sum(amounts) if amounts else None


def _refunded(state: LedgerState, event: Event, ctx: Context) -> LedgerState:
    """Money that went back is added to what was refunded."""
    data: PaymentRefunded = event.data
    entry = Entry(event.streamversion, "refund", data.refund, data.amount, data.currency)
    if state.currency != data.currency and state.currency:
        return _foreign(state, ctx, entry, refunded=data.amount)
    after = replace(
        state,
        currency=data.currency,
        refunded=state.refunded + data.amount,
        entries=(*state.entries[1 - ENTRIES_KEPT :], entry),
    )
    return _weighed(state, after, ctx)


def _weighed(before: LedgerState, after: LedgerState, ctx: Context) -> LedgerState:
    """`after`; more refunded than received is work for a person, until money comes that covers it."""
    was, now = before.refunded > before.received, after.refunded > after.received
    if now and not was:
        refunded, received = (_money(sum_, after.currency) for sum_ in (after.refunded, after.received))
        open_work(ctx, OVER_REFUND, OVER_REFUND, f"{refunded} refunded of {received} received")
    elif was and not now:
        close_work(ctx, OVER_REFUND, "what was received covers what was refunded")
    return after


def _fee(state: LedgerState, event: Event, ctx: Context) -> LedgerState:
    """A fee is added to the fees; it changes nothing that is owed."""
    data: PaymentFeeCharged = event.data
    entry = Entry(event.streamversion, "fee", data.fee, data.amount, data.currency)
    if state.currency != data.currency and state.currency:
        return _foreign(state, ctx, entry, fees=data.amount)
    return replace(
        state,
        currency=data.currency,
        fees=state.fees + data.amount,
        entries=(*state.entries[1 - ENTRIES_KEPT :], entry),
    )


def _subsidy(state: LedgerState, event: Event, ctx: Context) -> LedgerState:
    """A subsidy lowers what the customer owes."""
    data: PaymentSubsidyGranted = event.data
    entry = Entry(event.streamversion, "subsidy", data.subsidy, data.amount, data.currency)
    if state.currency != data.currency and state.currency:
        return _foreign(state, ctx, entry, subsidies=data.amount)
    return replace(
        state,
        currency=data.currency,
        subsidies=state.subsidies + data.amount,
        entries=(*state.entries[1 - ENTRIES_KEPT :], entry),
    )


def _foreign(state: LedgerState, ctx: Context, entry: Entry, **sums: int) -> LedgerState:
    """Money in another currency than the order's (or, before it is placed, than the first money's)."""
    purses = {purse.currency: purse for purse in state.foreign}
    purse = purses.get(entry.currency, Purse(entry.currency))
    changed = {name: getattr(purse, name) + amount for name, amount in sums.items()}
    purses[entry.currency] = replace(purse, **changed)
    if state.placed and not is_open(ctx, CURRENCY):
        open_work(
            ctx,
            CURRENCY,
            "conflict",
            f"{_named(entry)} is {_money(entry.amount, entry.currency)}, the order is in {state.currency}: "
            "not counted",
        )
    return replace(
        state,
        foreign=tuple(purses[name] for name in sorted(purses)),
        entries=(*state.entries[1 - ENTRIES_KEPT :], entry),
    )


def _conflicted(state: LedgerState, event: Event, ctx: Context) -> LedgerState:
    """A second fact of a known business key with other content: named, never summed."""
    told = _told(event)
    if told is not None:
        key = TYPES[event.type].key
        assert key is not None, f"{event.type} has no business key and cannot conflict"
        work = f"conflict:{key(event.data, event.time)}"
        open_work(ctx, work, "conflict", _difference(state, event, told))
    return state


def _told(event: Event) -> Entry | OrderPlaced | None:
    """What a conflicting event says of money; None if it says nothing."""
    data: Any = event.data
    match data:
        case OrderPlaced():
            return data
        case PaymentReceived():
            amount = data.amount if data.shares is None else share_of(data.shares, event.subject) or 0
            return Entry(event.streamversion, data.kind, data.payment, amount, data.currency)
        case PaymentRefunded():
            return Entry(event.streamversion, "refund", data.refund, data.amount, data.currency)
        case PaymentFeeCharged():
            return Entry(event.streamversion, "fee", data.fee, data.amount, data.currency)
        case PaymentSubsidyGranted():
            return Entry(event.streamversion, "subsidy", data.subsidy, data.amount, data.currency)
    return None


def _difference(state: LedgerState, event: Event, told: Entry | OrderPlaced) -> str:
    if isinstance(told, OrderPlaced):
        goods, shipping = _totals(told)
        parts = [
            f"{name} {_money(now, told.currency)} instead of {_money(before, state.currency)}"
            for name, now, before in (
                ("goods", goods, state.goods),
                ("shipping", shipping, state.shipping),
                ("discount", told.discount, state.discount),
            )
            if now != before or told.currency != state.currency
        ]
        named = ", ".join(parts) or "the sums agree, the lines do not"
        return f"the order was placed twice, differently: {named}; the first holds"
    name = _named(told)
    for entry in state.entries:
        if _named(entry) == name:
            before = f"{_money(entry.amount, entry.currency)} ({entry.kind})"
            now = f"{_money(told.amount, told.currency)} ({told.kind})"
            return f"{name} was told twice, differently: {now} instead of {before}; the first holds"
    return f"{name} was told twice, differently: now {_money(told.amount, told.currency)}; the first holds"


def _named(entry: Entry) -> str:
    kind = "payment" if entry.kind in ("full", "deposit", "balance") else entry.kind
    return f"{kind} {entry.number}"


def _money(amount: int, currency: str) -> str:
    """Minor units as such: how many make a unit differs by currency, and a wrong comma costs more than none."""
    return f"{amount} {currency} minor units"


class LedgerFold(Fold[LedgerState]):
    """First in the pipeline: what it sums decides when the lifecycle calls an order paid."""

    name = "ledger"
    version = 1
    handlers: ClassVar[dict[str, Handler]] = {
        "order.placed.v1": _placed,
        "payment.received.v1": _received,
        "payment.refunded.v1": _refunded,
        "payment.fee_charged.v1": _fee,
        "payment.subsidy_granted.v1": _subsidy,
        "fact.conflicted": _conflicted,
    }

    def initial(self, subject: str) -> LedgerState:
        return LedgerState()
