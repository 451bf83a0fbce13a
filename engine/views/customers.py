"""`customer show`: who ordered what in the last days, followed from key to order to key.

Links are not stored: two orders are one customer's because both bear a key, and the orders that bear it are the evidence.
A link is followed only where no more trusted key contradicts it, three deep and never further (DOMAIN.md, "Identity and
merge candidates"). What people and the policy merged or kept apart is named beside.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from engine.errors import NotFound
from engine.views.judged import Judged
from engine.views.masking import masked
from engine.views.merges import FOLD, PLACED, MergeLine, line_of, recognisable
from engine.views.queries import OrderLine, Reading, moment
from projections.merge.handles import customer_key, pair_of
from projections.merge.state import MADE, CustomerState, PairState, Seen
from schemas.envelope import Event

DEPTH = 3
ORDERS_MAX = 100
PAIRED_MAX = 20
"""Orders among which every pair is looked at for what was merged or refused."""

TRUST = ("account", "identity", "device", "phone", "email", "openid")
"""Kinds of identity key, the most trusted first."""

_WORDS = {
    "account": "login account",
    "identity": "verified id",
    "email": "e-mail",
    "openid": "OpenID",
}


class CustomerOrder(msgspec.Struct, frozen=True):
    """An order of the customer. `depth` 0 is where one began; `keys` are what it is known under, `customer` masked."""

    order: str
    depth: int
    placed: datetime | None
    state: str
    words: str
    customer: dict[str, str]
    keys: list[str]


class Link(msgspec.Struct, frozen=True):
    """Two orders are one customer's because both bear `evidence`; or are not taken for it, and `against` says why."""

    order: str
    with_: str = msgspec.field(name="with")
    evidence: str
    against: str = ""


class Customer(msgspec.Struct, frozen=True):
    """A customer as of now, masked. `asked` is what was asked for; `earlier` counts orders under these keys that are no longer
    kept; `cut` says that there are more orders than are followed."""

    as_of: datetime | None
    asked: str
    since: datetime | None
    orders: list[CustomerOrder]
    links: list[Link]
    unlinked: list[Link]
    merges: list[MergeLine]
    earlier: int
    cut: bool


def customer(reading: Reading, name: str) -> Customer:
    """The customer of an order, or of a phone, login account, e-mail or id number. NotFound where neither is known."""
    with reading.store.read() as cursor:
        judged = Judged(cursor)
        since = reading.now - reading.policy.merge.keep
        begin, asked = _begin(reading, judged, name)
        found = _Followed(judged, since)
        found.follow(begin)
        if not found.depth:
            raise NotFound(
                f"{asked} ordered nothing since {moment(since):%Y-%m-%d %H:%M}Z.",
                "Customers are kept for merge.keep; `orderfold order list` has all orders.",
            )
        pairs = _pairs(judged, sorted(found.depth))
    lines = reading.lines(sorted(found.depth))
    orders = [
        _order(reading, found, order, lines.get(order)) for order in sorted(found.depth, key=found.place)
    ]
    return Customer(
        reading.as_of,
        asked,
        moment(since),
        orders,
        found.links,
        found.unlinked,
        pairs,
        found.earlier,
        len(found.depth) >= ORDERS_MAX,
    )


def _begin(reading: Reading, judged: Judged, name: str) -> tuple[Seen, str]:
    """(what to begin with: an order, or a key of no order, and what was asked for, masked)."""
    name = name.strip()
    for kind, value in _values(reading, name):
        key = customer_key(kind, value)
        if judged.one(FOLD, key) is not None:
            return Seen(
                "", 0, (key,)
            ), f"{_WORDS.get(kind, kind)} {masked(kind.replace('identity', 'id_number'), name)}"
    try:
        order = reading.resolve(name)
    except NotFound:
        raise NotFound(
            "No order, phone, login account, e-mail or id number is known by that.",
            "Customers are known for merge.keep after their last order; give any number of an order.",
        ) from None
    placed = placed_of(reading, order)
    if placed is None or placed.derived is None:
        raise NotFound(f"Nothing is known of whose {order} is.", "Its placing names no customer.")
    derived = placed.derived
    keys = [customer_key(kind, value) for kind in TRUST if (value := getattr(derived, kind))]
    if derived.extension or derived.phone.startswith("~"):
        keys = [key for key in keys if not key.startswith("customer/phone:")]
    if not keys:
        raise NotFound(
            f"{order} names nothing a customer is known by again.", "It has no account, phone or e-mail."
        )
    return Seen(order, placed.time, tuple(keys)), order


def _values(reading: Reading, name: str) -> Iterable[tuple[str, str]]:
    """What a person may mean by a name: (kind of key, value as intake derives it)."""
    from engine.intake.normalise.phones import phone

    for country in ("CN", *sorted({"US", "GB", "DE", "BR"})) if _like_phone(name) else ():
        number, extension, _ = phone(name, country)
        if number and not extension:
            yield "phone", number
    for channel in sorted({*reading.policy.channels, reading.policy.default_channel.name}):
        yield "account", f"{channel}/{name}"
    channel, slash, account = name.partition("/")
    if slash and channel != "order":
        yield "account", f"{channel}/{account}"
    yield "email", name.lower()
    yield "identity", name.upper()
    yield "openid", name
    yield "device", name


def _like_phone(name: str) -> bool:
    return 7 <= sum(map(str.isdigit, name)) <= 15 and not any(map(str.isalpha, name))


class _Followed:
    """Orders reached from some keys, and by what."""

    def __init__(self, judged: Judged, since: int) -> None:
        self._judged = judged
        self._since = since
        self.depth: dict[str, int] = {}
        self.seen: dict[str, Seen] = {}
        self.links: list[Link] = []
        self.unlinked: list[Link] = []
        self.earlier = 0
        self._asked: set[str] = set()

    def place(self, order: str) -> tuple[int, str]:
        return -self.seen[order].placed, order

    def follow(self, begin: Seen) -> None:
        """From keys to orders to their keys, DEPTH times."""
        if begin.order and begin.placed >= self._since:
            self.depth[begin.order], self.seen[begin.order] = 0, begin
        first = 1 if begin.order else 0
        ahead = [(begin, key) for key in begin.keys]
        for depth in range(first, DEPTH + 1):
            reached: list[tuple[Seen, str]] = []
            for source, key in ahead:
                for seen in self._orders(key):
                    if self._add(source, key, seen, depth):
                        reached += [(seen, other) for other in seen.keys]
            ahead = reached

    def _orders(self, key: str) -> list[Seen]:
        if key in self._asked:
            return []
        self._asked.add(key)
        state = self._judged.one(FOLD, key)
        if not isinstance(state, CustomerState):
            return []
        self.earlier += state.more
        return [seen for seen in state.orders if seen.placed >= self._since]

    def _add(self, source: Seen, key: str, seen: Seen, depth: int) -> bool:
        if seen.order in self.depth or len(self.depth) >= ORDERS_MAX:
            return False
        kind = _kind(key)
        evidence = f"same {_WORDS.get(kind, kind)}"
        if source.order:
            against = contradiction(source, seen, kind)
            if against:
                self.unlinked.append(Link(seen.order, source.order, evidence, against))
                return False
            self.links.append(Link(seen.order, source.order, evidence))
        self.depth[seen.order] = depth
        self.seen[seen.order] = seen
        return True


def contradiction(a: Seen, b: Seen, kind: str) -> str:
    """The more trusted key that speaks against two orders being one customer's, though they share one of this kind; "" if none
    does. Login accounts contradict each other within one channel only."""
    ours = {_kind(key): key for key in a.keys}
    theirs = {_kind(key): key for key in b.keys}
    for more in TRUST[: TRUST.index(kind)]:
        if more in ours and more in theirs and ours[more] != theirs[more]:
            if more == "account" and _channel(a.order) != _channel(b.order):
                continue
            if more == "device":  # people have several
                continue
            return f"another {_WORDS.get(more, more)}"
    return ""


def _kind(key: str) -> str:
    return key.removeprefix("customer/").partition(":")[0]


def _channel(order: str) -> str:
    return order.removeprefix("order/").partition(":")[0]


def placed_of(reading: Reading, order: str) -> Event | None:
    """The event that placed an order."""
    return next((r.event for r in reading.store.stream(order) if r.event.type == PLACED), None)


def _order(reading: Reading, found: _Followed, order: str, line: OrderLine | None) -> CustomerOrder:
    placed = placed_of(reading, order)
    seen = found.seen[order]
    return CustomerOrder(
        order,
        found.depth[order],
        moment(seen.placed),
        line.state if line is not None else "",
        line.words if line is not None else "",
        recognisable(placed.data.customer) if placed is not None else {},
        [_WORDS.get(_kind(key), _kind(key)) for key in seen.keys],
    )


def _pairs(judged: Judged, orders: list[str]) -> list[MergeLine]:
    """What was suggested, merged or refused among the orders."""
    found: dict[str, MergeLine] = {}
    near = orders[:PAIRED_MAX]
    for index, order in enumerate(near):
        state = judged.one(FOLD, order)
        keys = [pair_of(order, other) for other in near[index + 1 :]]
        for key in (*((state.batch, *state.pairs) if state is not None else ()), *keys):
            known = judged.one(FOLD, key) if key else None
            if isinstance(known, PairState) and known.status == MADE:
                key, known = known.batch, judged.one(FOLD, known.batch)
            if known is not None:
                found[key] = line_of(key, known)
    return [found[key] for key in sorted(found)]
