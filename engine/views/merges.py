"""Merges: what waits for an answer, what travels together, and why two orders do or do not.

`why` asks what the fold asks, in its order and with the same pure functions, of states where they are kept and of the log
where they are not; so it answers for any two orders, also such as were never compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from engine.errors import NotFound, UsageError
from engine.views.judged import Judged
from engine.views.masking import MASK, masked_fields
from engine.views.queries import LIMIT, LIMIT_MAX, Reading, moment
from projections.days import span
from projections.merge.card import card_of
from projections.merge.compare import compare
from projections.merge.handles import block_key, pair_of
from projections.merge.keys import blocking_keys
from projections.merge.likeness import Likeness
from projections.merge.offer import barred
from projections.merge.pairs import apart, fits, likenesses, listed, short, two_doors
from projections.merge.state import (
    DISSOLVED,
    EXPIRED,
    LABELLED,
    LIVE,
    POLICY,
    REFUSED,
    SHIPPED,
    STANDING,
    SUGGESTED,
    UNDONE,
    BatchState,
    OrderState,
    PairState,
)
from projections.merge.words import evidence, family_words, veto_words
from projections.policy import Merging
from projections.row import Row
from schemas.envelope import Event

FOLD = "merge"
OPEN = (SUGGESTED, LIVE, LABELLED)
"""What a list shows unless it is asked for something else."""
PAIRS = (SUGGESTED, REFUSED, EXPIRED, UNDONE)
BATCHES = (LIVE, LABELLED, SHIPPED, DISSOLVED)
STATUSES = (*PAIRS, *BATCHES)

PLACED = "order.placed.v1"
KEYS_SHOWN = 3


class MergeLine(msgspec.Struct, frozen=True):
    """A suggestion or a batch as lists show it. `by` made it or ended it (`policy`, or a person), `why` in words; `score` of
    1000 against `needed`, 0 for what no likeness made; `until` a suggestion waits; `quantities` by sku of a batch."""

    merge: str
    status: str
    orders: list[str]
    score: int
    needed: int
    reasons: list[str]
    since: datetime | None
    until: datetime | None
    ended: datetime | None
    by: str
    why: str
    quantities: dict[str, int]


class MergePage(msgspec.Struct, frozen=True):
    """`counts` by status, of all there are; `total` matches. Batches come before suggestions, the surest of these first; what
    has ended comes latest first."""

    as_of: datetime | None
    total: int
    counts: dict[str, int]
    lines: list[MergeLine]


class DeedShown(msgspec.Struct, frozen=True):
    """Something done to a batch: who, when, why."""

    at: datetime | None
    what: str
    orders: list[str]
    by: str
    why: str
    score: int


class Side(msgspec.Struct, frozen=True):
    """One of the orders, its customer and address masked. `left`: why it may not travel with others, "" while it may."""

    order: str
    channel: str
    state: str
    placed: datetime | None
    left: str
    lines: dict[str, int]
    customer: dict[str, str]
    address: dict[str, str]


class MergeShown(msgspec.Struct, frozen=True):
    """A suggestion or batch with its orders, and everything done to it."""

    as_of: datetime | None
    merge: MergeLine
    sides: list[Side]
    deeds: list[DeedShown]


class Check(msgspec.Struct, frozen=True):
    """A question the engine asks of two orders; `ok` None where the answer decides nothing any more."""

    question: str
    answer: str
    ok: bool | None


class MergeWhy(msgspec.Struct, frozen=True):
    """Why two orders travel together or not. `answer` is the sentence, `checks` all that is asked, in its order."""

    as_of: datetime | None
    merge: str
    orders: list[str]
    answer: str
    checks: list[Check]
    score: int
    needed: int
    reasons: list[str]


# Lists


def merges(reading: Reading, status: str = "", limit: int = LIMIT) -> MergePage:
    """What is open (suggested, live, labelled), or what stands at one of STATUSES. UsageError for another."""
    if status and status not in STATUSES:
        raise UsageError(f"No merge is ever {status!r}.", f"They are {', '.join(STATUSES)}.")
    if not 1 <= limit <= LIMIT_MAX:
        raise UsageError(f"A list has 1 to {LIMIT_MAX} items, not {limit}.", "Narrow it by --status.")
    wanted = (status,) if status else OPEN
    with reading.store.read() as cursor:
        judged = Judged(cursor)
        counts = {name: count for name, count in judged.counts(FOLD).items() if name in STATUSES}
        found = [one for name in wanted for one in judged.labelled(FOLD, name)]
    found.sort(key=_first)
    lines = [line_of(key, state) for key, state in found[:limit]]
    return MergePage(reading.as_of, len(found), counts, lines)


def counts(judged: Judged) -> dict[str, int]:
    """How many suggestions and batches stand at what."""
    return {name: count for name, count in judged.counts(FOLD).items() if name in STATUSES}


def _first(found: tuple[str, Any]) -> tuple[int, int, int, str]:
    key, state = found
    if isinstance(state, BatchState):
        return 0, 0, state.since if state.status in STANDING else -state.deeds[-1].at, key
    return 1, -state.score if state.status == SUGGESTED else -state.at, state.since, key


def line_of(key: str, state: PairState | BatchState) -> MergeLine:
    """A stored state as lists show it."""
    if isinstance(state, PairState):
        over = state.status != SUGGESTED
        return MergeLine(
            key,
            state.status,
            [state.a, state.b],
            state.score,
            state.needed,
            list(state.reasons),
            moment(state.since),
            None if over else moment(state.until),
            moment(state.at) if over else None,
            state.by,
            state.why,
            {},
        )
    made = state.deeds[0]
    last = state.deeds[-1]
    over = state.status not in STANDING
    return MergeLine(
        key,
        state.status,
        list(state.members),
        made.score,
        0,
        [made.why] if made.why else [],
        moment(state.since),
        None,
        moment(last.at) if over else None,
        (last if state.status == DISSOLVED else made).by,
        last.why if over or state.status == LABELLED else "",
        dict(state.quantities),
    )


def show(reading: Reading, name: str) -> MergeShown:
    """A merge by its subject, with or without its kind, or by any number of an order that has one. NotFound where it has none."""
    with reading.store.read() as cursor:
        judged = Judged(cursor)
        key, state = find(reading, judged, name)
        orders = _orders_of(state)
        deeds = state.deeds if isinstance(state, BatchState) else ()
        shown = [DeedShown(moment(d.at), d.what, list(d.orders), d.by, d.why, d.score) for d in deeds]
        sides = [_side_shown(one) for one in (_side(reading, judged, order) for order in orders)]
    return MergeShown(reading.as_of, line_of(key, state), sides, shown)


def find(reading: Reading, judged: Judged, name: str) -> tuple[str, PairState | BatchState]:
    """The (key, state) of the merge a name means: of an order its batch, else its suggestion that is open."""
    for key in (name, f"merge/{name}", f"batch/{name}"):
        if key.startswith(("merge/", "batch/")):
            state = judged.one(FOLD, key)
            if isinstance(state, PairState | BatchState):
                return key, state
    if name.startswith(("merge/", "batch/")):
        raise NotFound(f"There is no {name} (any more).", "`orderfold merge list` names those there are.")
    order = reading.resolve(name)
    known = judged.one(FOLD, order)
    for key in (known.batch, *known.pairs) if known is not None else ():
        state = judged.one(FOLD, key) if key else None
        if state is not None:
            return key, state
    for kind in ("batch/", "merge/"):
        # What is kept of an order ends with its window; its merges are kept longer.
        ended = [(key, state) for key, state in judged.under(FOLD, kind) if order in _orders_of(state)]
        if ended:
            return max(ended, key=_latest)
    raise NotFound(
        f"{short(order)} travels with no other order, and nothing is suggested of it.",
        "`orderfold merge why A B` says why of any two orders.",
    )


def _orders_of(state: PairState | BatchState) -> tuple[str, ...]:
    return state.members if isinstance(state, BatchState) else (state.a, state.b)


def _latest(found: tuple[str, Any]) -> tuple[int, str]:
    key, state = found
    return (state.deeds[-1].at if isinstance(state, BatchState) else state.at), key


# Why


class _Found(msgspec.Struct, frozen=True):
    """One order as the fold knows it, or would: `kept` is its own state, `state` one made of the log where it has none."""

    order: str
    kept: OrderState | None
    state: OrderState | None
    row: Row
    placed: Event | None
    left: str


def _side(reading: Reading, judged: Judged, order: str) -> _Found:
    row = reading.row(order)
    kept = judged.one(FOLD, order)
    placed = next(
        (record.event for record in reading.store.stream(order) if record.event.type == PLACED), None
    )
    rules = reading.policy.merge
    gone = barred(row.lifecycle, reading.policy.lifecycle_of(row.channel))
    state = kept
    if kept is None and placed is not None and placed.derived is not None:
        card = card_of(placed.derived)
        sums: dict[str, int] = {}
        for line in placed.data.lines:
            sums[line.sku] = sums.get(line.sku, 0) + line.quantity
        state = OrderState(
            placed.time,
            row.channel,
            placed.data.currency,
            tuple(sorted(sums.items())),
            tuple(sorted({line.category for line in placed.data.lines})),
            card,
            blocking_keys(card, rules.matching),
            0,
        )
    return _Found(order, kept, state, row, placed, gone.detail if gone is not None else "")


def _side_shown(one: _Found) -> Side:
    data = one.placed.data if one.placed is not None else None
    return Side(
        one.order,
        one.row.channel,
        one.row.lifecycle.state if one.row.lifecycle is not None else "",
        moment(one.placed.time) if one.placed is not None else None,
        one.left,
        dict(one.state.lines) if one.state is not None else {},
        recognisable(data.customer) if data is not None else {},
        recognisable(data.address) if data is not None else {},
    )


def recognisable(data: Any) -> dict[str, str]:
    """What is left to see of a customer or address once it is masked."""
    return {name: value for name, value in masked_fields(data).items() if value != MASK}


def why(reading: Reading, first: str, second: str) -> MergeWhy:
    """Why two orders, by any of their numbers, travel together or do not. UsageError for one and the same."""
    a_name, b_name = reading.resolve(first), reading.resolve(second)
    if a_name == b_name:
        raise UsageError(f"{first} and {second} are one order.", "Name two.")
    for order in (a_name, b_name):
        if not order.startswith("order/"):
            raise NotFound(f"{order} waits for its order; it is none itself.", "Ask once it is known.")
    subject = pair_of(a_name, b_name)
    with reading.store.read() as cursor:
        judged = Judged(cursor)
        a, b = _side(reading, judged, a_name), _side(reading, judged, b_name)
        pair = judged.one(FOLD, subject)
        like = None
        if a.state is not None and b.state is not None:
            like = compare(a.state.card, b.state.card, reading.policy.merge.matching)
        checks = list(_checks(reading, judged, a, b, like))
        answer = _decided(judged, a, b, pair, reading) or _undecided(a, b, checks)
    return MergeWhy(
        reading.as_of,
        subject,
        sorted([a_name, b_name]),
        answer,
        checks,
        like.score if like is not None else 0,
        like.needed if like is not None else 0,
        list(evidence(like)) if like is not None else [],
    )


def _decided(judged: Judged, a: _Found, b: _Found, pair: PairState | None, reading: Reading) -> str:
    """What stands decided of the two, "" for nothing."""
    names = listed(sorted([a.order, b.order]))
    together = (
        a.kept.batch if a.kept is not None and b.kept is not None and a.kept.batch == b.kept.batch else ""
    )
    if together:
        batch = judged.one(FOLD, together)
        deed = next(
            (
                d
                for d in reversed(batch.deeds)
                if d.what in ("made", "joined") and {a.order, b.order} & set(d.orders)
            ),
            batch.deeds[0],
        )
        return (
            f"{names} travel together in {together} ({batch.status}), by {by_whom(deed.by)} since "
            f"{_at(deed.at)}: {deed.why}."
        )
    if pair is None:
        return _through_a_member(judged, a, b) or _through_a_member(judged, b, a)
    score = f" with {pair.score} of 1000" if pair.score else ""
    if pair.status == SUGGESTED:
        whose = reading.policy.merge.lead or reading.policy.merge.group
        return (
            f"{names} were suggested{score} at {_at(pair.since)}, and wait for {whose} until {_at(pair.until)}: "
            f"{', '.join(pair.reasons)}."
        )
    if pair.status == REFUSED:
        return f"{by_whom(pair.by)} keeps {names} apart since {_at(pair.at)}: {pair.why}."
    if pair.status == UNDONE:
        return f"{names} travelled together until {by_whom(pair.by)} undid it at {_at(pair.at)}: {pair.why}."
    if pair.status == EXPIRED:
        return (
            f"{names} were suggested{score} at {_at(pair.since)}; it expired at {_at(pair.at)}: {pair.why}."
        )
    batch = judged.one(FOLD, pair.batch)
    if batch is not None and batch.status == DISSOLVED:
        last = batch.deeds[-1]
        return f"{names} travelled together in {pair.batch} until it was dissolved at {_at(last.at)}: {last.why}."
    return f"{names} travelled together in {pair.batch}, by {by_whom(pair.by)} at {_at(pair.at)}."


def _through_a_member(judged: Judged, a: _Found, b: _Found) -> str:
    """What waits for an answer between `a` and the batch `b` is in: it is asked once, of the member most like it."""
    if a.kept is None or b.kept is None or not b.kept.batch:
        return ""
    batch = judged.one(FOLD, b.kept.batch)
    for subject in a.kept.pairs:
        pair = judged.one(FOLD, subject)
        if pair is not None and pair.status == SUGGESTED and {pair.a, pair.b} & set(batch.members):
            return (
                f"{short(b.order)} travels in {b.kept.batch}; whether {short(a.order)} joins it is asked in {subject}: "
                f"`orderfold merge why {' '.join(short(order) for order in (pair.a, pair.b))}`."
            )
    return ""


def _undecided(a: _Found, b: _Found, checks: Iterable[Check]) -> str:
    """The first thing that keeps two orders apart of which nothing was ever decided."""
    names = listed(sorted([a.order, b.order]))
    for check in checks:
        if check.ok is False:
            return f"{names} do not travel together: {check.answer}."
    return (
        f"Nothing keeps {names} apart as they are now; they were not so when they were compared, "
        "or have not been compared yet."
    )


def _checks(reading: Reading, judged: Judged, a: _Found, b: _Found, like: Likeness | None) -> Iterable[Check]:
    """All that is asked of two orders: first what holds of them for good, then how they stand now."""
    rules = reading.policy.merge
    yield Check("Does the policy merge?", "yes" if rules.on else "the policy has no section merge", rules.on)
    for one in (a, b):
        if one.placed is None:
            yield Check(f"Is {short(one.order)} placed?", f"nobody has placed {short(one.order)}", False)
        elif one.state is None:
            why_not = f"nothing is known of the customer and address of {short(one.order)}"
            yield Check(f"Can {short(one.order)} be compared?", why_not, False)
    if a.state is None or b.state is None or like is None:
        return
    between = abs(a.state.placed - b.state.placed)
    close = between <= rules.window
    said = f"they were placed {span(between)} apart"
    yield Check(f"Placed within {span(rules.window)}?", said, close)
    against = "" if not close else apart(a.state, b.state, rules)
    if close:
        goods = ", ".join(sorted({*a.state.categories, *b.state.categories})) or "not known"
        yield Check("May their goods travel together?", against or f"yes: {goods}", not against)
    yield _met(judged, a.state, b.state, rules)
    if like.vetoes:
        yield Check("Does anything speak against it?", veto_words(like), False)
    enough = like.verdict != "different"
    needed = f"{like.needed} are needed to be taken for the same, {_near(like, rules)} to be suggested"
    yield Check("Are they alike?", f"{like.score} of 1000; {needed}: {', '.join(evidence(like))}", enough)
    door = two_doors(like)
    if enough and door:
        said = f"they are addressed to two doors: another {door}"
        yield Check("Would a person be asked?", said, False)
    yield Check("Is the evidence enough unasked?", _unasked(like, rules), None)
    for one in (a, b):
        said = f"{short(one.order)}: {one.left}" if one.left else "yes"
        yield Check(f"May {short(one.order)} travel with others?", said, not one.left)
    yield from _claims(judged, a, b, rules)


def _met(judged: Judged, a: OrderState, b: OrderState, rules: Merging) -> Check:
    question = "Do they share a key?"
    shared = sorted(set(a.keys) & set(b.keys))
    if not shared:
        return Check(
            question,
            "they share no key (phone, account, name and place …), so they were never compared",
            False,
        )
    common = [key for key in shared if judged.one(FOLD, block_key(key)) is not None]
    rare = [key for key in shared if key not in common]
    if not rare:
        first = judged.one(FOLD, block_key(common[0]))
        words = family_words(common[0].partition(":")[0])
        said = (
            f"they share only what {first.orders} open orders share ({words}), more than {rules.block_orders}"
        )
        return Check(question, said, False)
    families = list(dict.fromkeys(family_words(key.partition(":")[0]) for key in rare))
    more = [f"{len(families) - KEYS_SHOWN} more"] if len(families) > KEYS_SHOWN else []
    return Check(question, f"yes: {'; '.join([*families[:KEYS_SHOWN], *more])}", True)


def _near(like: Likeness, rules: Merging) -> int:
    return like.needed - rules.matching.same + rules.matching.near


def _unasked(like: Likeness, rules: Merging) -> str:
    if not rules.automatic:
        return "the policy merges nothing unasked"
    if like.automatic:
        return f"yes: {evidence(like)[0]}, at the same address"
    if not like.same_address:
        return "no: the address is not plainly the same"
    return "no: neither login account, verified id, nor phone and the full name are equal and all of the door"


def _claims(judged: Judged, a: _Found, b: _Found, rules: Merging) -> Iterable[Check]:
    for one, other in ((a, b), (b, a)):
        if one.kept is None:
            if not one.left:
                until = f"its window ended {span(rules.window + rules.late)} after it was placed"
                yield Check(f"Are others still looked for with {short(one.order)}?", f"no: {until}", False)
            continue
        if not one.kept.batch or (other.kept is not None and other.kept.batch == one.kept.batch):
            continue
        batch = judged.one(FOLD, one.kept.batch)
        if batch is None or batch.status not in STANDING:
            continue
        question = f"Is {short(one.order)} claimed?"
        if other.kept is not None and other.kept.batch:
            said = (
                f"{short(one.order)} travels in {one.kept.batch}, {short(other.order)} in {other.kept.batch}"
            )
            yield Check(question, said, False)
            return
        yield Check(question, *_joining(judged, other, one.kept.batch, batch, rules))
    for one in (a, b):
        if one.kept is not None and len(one.kept.pairs) >= rules.suggestions:
            said = f"{short(one.order)} has {len(one.kept.pairs)} suggestions open, as many as it may"
            yield Check(f"May more be suggested of {short(one.order)}?", said, False)


def _joining(judged: Judged, one: _Found, name: str, batch: BatchState, rules: Merging) -> tuple[str, bool]:
    if one.state is None:
        return f"it travels in {name}", True
    if batch.status != LIVE:
        return f"it travels in {name}, whose label is printed", False
    if len(batch.members) >= rules.batch_orders:
        return f"it travels in {name}, which is full with {len(batch.members)} orders", False
    known = [(order, judged.one(FOLD, order)) for order in batch.members]
    members = [(order, member) for order, member in known if member is not None]
    for order, member in members:
        against = apart(one.state, member, rules)
        if against:
            return f"it travels in {name}; with {short(order)}: {against}", False
    against = fits(likenesses(one.state.card, [member.card for _, member in members], rules), rules)
    return (f"it travels in {name}; {against}", False) if against else (f"it travels in {name}", True)


def by_whom(by: str) -> str:
    """Who decided, in words."""
    return "the policy" if by == POLICY else by


def _at(instant: int) -> str:
    at = moment(instant)
    return f"{at:%Y-%m-%d %H:%M}Z" if at is not None else "?"
