"""The answers beside a world: what a correct engine must have found when it has taken all of it.

They are worked out from what truly happens and when each line arrives, by the clock and the terms of the house. No
fold is asked: the answers are there to test the folds.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from engine.simulate import telling
from engine.simulate.delivery import DROPPED, FACT, Delivery
from engine.simulate.orders import Order
from engine.simulate.telling import binds, rfc3339
from engine.simulate.terms import Deadline, Path, Terms


class Entry(NamedTuple):
    """The order as a whole entered `state` at `time`; the engine heard of it at `heard` (µs)."""

    state: str
    time: int
    heard: int


class Folded(NamedTuple):
    """A delivery in the stream of its order, since the instant it got there."""

    delivery: Delivery
    heard: int


def folded(order: Order, deliveries: list[Delivery]) -> tuple[list[Folded], list[str]]:
    """What gets into the order's stream, in that order, and the aliases whose facts still wait for an order.

    An alias is known to mean the order once a fact in the order's stream names it; what waited follows at once."""
    known: set[str] = set()
    waiting: dict[str, list[Delivery]] = {}
    stream: list[Folded] = []

    def take(delivery: Delivery, heard: int) -> None:
        stream.append(Folded(delivery, heard))
        for alias in binds(order, delivery.telling, delivery.part):
            if alias not in known:
                known.add(alias)
                for waited in waiting.pop(alias, ()):
                    take(waited, heard)

    for delivery in sorted(deliveries, key=_arrived):
        if delivery.fate == DROPPED:
            continue
        subject = delivery.subject(order)
        if subject.startswith("alias/") and subject not in known:
            waiting.setdefault(subject, []).append(delivery)
        else:
            take(delivery, delivery.arrived)
    return stream, list(waiting)


def _arrived(delivery: Delivery) -> int:
    return delivery.arrived


def entries(order: Order, stream: list[Folded], path: Path) -> list[Entry]:
    """The states the order truly went through, by occurrence: of several parcels the last one counts. `stream` is in
    order of occurrence and legal."""
    parcels = len(order.parcels)
    done: Counter[str] = Counter()
    state = ""
    owed = order.receivable - order.subsidy
    found = []
    for delivery, heard in stream:
        told = delivery.telling
        if not told.moves or delivery.fate != FACT:
            continue
        trigger = told.trigger
        if trigger == "order.placed":
            state = path.start
            found.append(Entry(state, delivery.time, heard))
            continue
        if trigger == "payment.received":
            owed -= order.amount(delivery.part)
            trigger = "paid.part" if owed > 0 else "paid.full"
        elif parcels > 1 and trigger.startswith("fulfilment."):
            done[trigger] += 1
            if done[trigger] < parcels:
                if told is telling.DISPATCHED and "part_shipped" in path.rank:
                    state = "part_shipped"
                    found.append(Entry(state, delivery.time, heard))
                continue
            if state == "part_shipped":
                state = "packed"
        state = path.moves[state, trigger]
        found.append(Entry(state, delivery.time, heard))
    return found


def _entered(states: list[Entry], state: str) -> int:
    """The position of the first entry of `state`, -1 if the order never stood there."""
    for number, entry in enumerate(states):
        if entry.state == state:
            return number
    return -1


def due_of(deadline: Deadline, order: Order, start: Entry) -> int:
    """When the deadline passes (µs), 0 where it asks nothing of the order."""
    if deadline.promise:
        return order.ship_by if deadline.promise == "ship_by" else 0
    within = deadline.within.get(order.category, deadline.within.get("", 0))
    return _after(deadline, start.time, within) if within else 0


def _after(deadline: Deadline, at: int, left: int) -> int:
    """`left` µs of working time after `at`; where no hours are known, all count."""
    opens, closes = deadline.opens, deadline.closes
    if not opens:
        return at + left
    if at < opens[0]:
        if at + left <= opens[0]:
            return at + left
        left -= opens[0] - at
        at = opens[0]
    for opened, closed in zip(opens, closes, strict=True):
        if closed <= at:
            continue
        at = max(at, opened)
        if at + left <= closed:
            return at + left
        left -= closed - at
    return max(at, closes[-1]) + left


Known = tuple[str, str, str, str, str]
"""Whose an order is and where it goes, in truth: subject, person, home ("" where nothing is sent), the kind of group of
look-alikes it belongs to and what was done to how it is written (`kin`), or "". Plain strings, one for each order: the
collector of garbage forgets such tuples."""


def known(order: Order) -> Known:
    """The truth about an order's customer and address."""
    guise = order.guise
    if guise is not None:
        return order.subject, guise.person, guise.home, guise.kind, " ".join(guise.noise)
    channel = order.channel
    person = f"w{order.customer}" if channel.currency == "USD" else str(order.customer)
    return order.subject, person, "" if channel.handed_over else person, "", ""


class Answers:
    """Everything counted while a world is drawn. `end` (µs) is the instant the answers hold at."""

    def __init__(self, terms: Terms, end: int) -> None:
        self.terms = terms
        self.end = end
        self.counts: Counter[str] = Counter()
        self.dead: Counter[str] = Counter()
        self.states: Counter[str] = Counter()
        self.money: dict[str, Counter[str]] = {}
        self.orders: dict[str, list[str]] = {"frozen": [], "in_doubt": [], "thawed": [], "doubt_cleared": []}
        self.limbo: list[str] = []
        self.breached: list[tuple[str, str]] = []
        self.excused: list[tuple[str, str]] = []
        self.people: list[Known] = []
        self.struck: list[tuple[str, str, int, int]] = []

    def take(
        self, order: Order, deliveries: list[Delivery], offence: Delivery | None = None, plain: bool = True
    ) -> None:
        """Count an order with all its deliveries by the end. `offence` froze it, or has it in doubt at the end, for good;
        `plain` orders arrive as they occurred, so that nothing of them is late or waits."""
        if plain:
            stream = [Folded(delivery, delivery.arrived) for delivery in deliveries]
        else:
            stream, limbo = folded(order, deliveries)
            self.limbo += limbo
            latest = 0
            for one in stream:
                if one.delivery.time < latest:
                    self.counts["late"] += 1
                latest = max(latest, one.delivery.time)
            stream.sort(key=lambda one: one.delivery.time)
        if not any(one.delivery.telling is telling.PLACED for one in stream):
            if stream:
                self.limbo.append(order.subject)
            return
        self.people.append(known(order))
        self._sums(order, stream)
        if offence is not None:
            stream = [one for one in stream if one.delivery.time < offence.time]
        path = self.terms.path_of(order.channel.name)
        states = entries(order, stream, path)
        shown = states[-1].state
        if shown == "paid" and self.terms.reviewed(order.channel.name, order.category, order.receivable):
            shown = "review"
            states.append(Entry(shown, states[-1].time, states[-1].heard))
        self.states[shown] += 1
        self._judge(order, states, path, offence)

    def _sums(self, order: Order, stream: list[Folded]) -> None:
        sums = self.money.setdefault(order.channel.currency, Counter())
        for delivery, _ in stream:
            if delivery.fate != FACT:
                continue
            told, part = delivery.telling, delivery.part
            if told is telling.PLACED:
                sums["receivable"] += order.receivable
                self.counts["orders"] += 1
            elif told is telling.RECEIVED:
                sums["received"] += order.amount(part)
            elif told is telling.FEE:
                sums["fees"] += order.fee(part)
            elif told is telling.SUBSIDY:
                sums["subsidies"] += order.subsidy
            elif told is telling.REFUNDED:
                sums["refunded"] += order.amount(part)

    def _judge(self, order: Order, states: list[Entry], path: Path, offence: Delivery | None) -> None:
        rank, ends = path.rank, path.ends
        for deadline in self.terms.deadlines_of(order.channel.name, order.receivable):
            number = 0 if deadline.promise else _entered(states, deadline.start)
            if number < 0:
                continue
            start = states[number]
            due = due_of(deadline, order, start)
            if not due or (offence is not None and due >= offence.time):
                continue  # a frozen order's clocks stand still from the offence on
            stop = rank[deadline.stop]
            fires = due if due > start.heard else start.heard + self.terms.settle
            for reached in states[number + 1 :]:
                if rank[reached.state] >= stop or reached.state in ends:
                    if reached.time > due:
                        self.breached.append((order.subject, deadline.stage))
                    elif reached.heard > fires:
                        self.excused.append((order.subject, deadline.stage))
                    break
            else:
                if fires <= self.end:
                    self.breached.append((order.subject, deadline.stage))

    def dues(self, order: Order, deliveries: list[Delivery]) -> list[int]:
        """Every deadline the order comes under if all goes on as it truly does (µs)."""
        path = self.terms.path_of(order.channel.name)
        states = entries(order, [Folded(delivery, delivery.arrived) for delivery in deliveries], path)
        return [
            due_of(deadline, order, entered)
            for deadline in self.terms.deadlines_of(order.channel.name, order.receivable)
            for entered in states
            if entered.state == (path.start if deadline.promise else deadline.start)
        ]

    def as_dict(self) -> dict[str, Any]:
        """The answers as they are written: counts, sums in minor units by currency, and sorted lists of subjects."""
        counts = self.counts
        dead = sum(self.dead.values())
        return {
            "as_of": rfc3339(self.end),
            "events": counts["events"],
            "accepted": counts["events"] - dead - counts["duplicates"] - counts["divergent"],
            "orders": counts["orders"],
            "duplicates": counts["duplicates"],
            "divergent": counts["divergent"],
            "repeats": counts["repeats"],
            "conflicts": counts["conflicts"],
            "late": counts["late"],
            "unknown_types": counts["unknown_types"],
            "unknown_fields": counts["unknown_fields"],
            "dead": dict(sorted(self.dead.items())),
            "states": dict(sorted(self.states.items())),
            "money": {currency: dict(sorted(sums.items())) for currency, sums in sorted(self.money.items())},
            **{name: sorted(subjects) for name, subjects in self.orders.items()},
            "breached": [list(one) for one in sorted(self.breached)],
            "excused": [list(one) for one in sorted(self.excused)],
            "limbo": sorted(self.limbo),
            "struck": [
                [subject, state, rfc3339(since), rfc3339(until) if until else ""]
                for subject, state, since, until in sorted(self.struck)
            ],
            "people": [
                [subject, person, home, f"{person}@{home}" if home else "", kind, noise]
                for subject, person, home, kind, noise in sorted(self.people)
            ],
        }
