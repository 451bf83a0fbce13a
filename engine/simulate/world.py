"""A world of orders, drawn event by event in the order they arrive.

Orders start in order of time, so nothing may arrive any more before the next order starts: what is under way at that
instant sits in a heap, one entry an order, and nothing else is kept. A line is written only when it is its turn.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from heapq import heappop, heappush, heapreplace
from random import Random
from typing import Any

from engine.errors import UsageError
from engine.simulate import orders, telemetry, telling
from engine.simulate.answers import Answers
from engine.simulate.delivery import Delivery, held_back, transport, wired
from engine.simulate.kin import Kin
from engine.simulate.orders import Order
from engine.simulate.sabotage import Scene, drawn
from engine.simulate.scenarios import (
    CHANNELS,
    MILLISECOND,
    MINUTE,
    SCENARIOS,
    SECOND,
    Scenario,
    Silence,
    anchor_of,
    curve_of,
    lasting,
)
from engine.simulate.telling import encoded, event_of, rfc3339
from engine.simulate.terms import HOUSE, Terms
from engine.simulate.troubles import stopped

_Pending = tuple[int, int, Any, Any]
"""(next arrival, index of the order, the order, its deliveries, the next one last); of what nodes and channels say
(next arrival, a number below zero, the line, those that come after it)."""


class World:
    """`events` draws the world once; `answers` are complete when it is drawn. `begin` and `end` in µs UTC; `begun`
    counts the orders drawn so far; the scenario's offsets count from `anchor`."""

    def __init__(self, count: int, seed: int, scenario: Scenario, end: int, terms: Terms) -> None:
        self.count = count
        self.seed = seed
        self.begun = 0
        self.scenario = scenario
        # Half a millisecond past a whole one: no deadline, being whole milliseconds, passes at the very end.
        self.end = end - end % MILLISECOND - MILLISECOND // 2
        self.begin = self.end - scenario.span - MILLISECOND // 2
        self.anchor = anchor_of(scenario, self.begin, self.end)
        self._curve = curve_of(scenario, self.begin)
        self._shares = [share for share, _ in self._curve]
        self._customers = max(50, count // 3)
        self._kin = Kin(seed, scenario.kin, count * 35 * MINUTE // scenario.span, scenario.calm)
        self._terms = terms
        self._answers = Answers(terms, self.end)
        self._cut = self.end - terms.settle - 3 * SECOND
        self._drawn = False

    def events(self) -> Iterator[bytes]:
        """JSON lines in order of arrival, the last at `end`. A world is drawn once; make another to draw it again."""
        if self._drawn:
            raise UsageError("This world has been drawn already.", "Make it again from its seed.")
        self._drawn = True
        return self._draw()

    def answers(self) -> dict[str, Any]:
        """What a correct engine must have found by `end`; see `Answers.as_dict`. Only of a world drawn to its end."""
        if not self._answers.counts["closed"]:
            raise UsageError(
                "The answers are known when all events are drawn.", "Draw `events()` to the end first."
            )
        return {
            "scenario": self.scenario.name,
            "seed": self.seed,
            "simulated": self.count,
            **self._answers.as_dict(),
        }

    def _draw(self) -> Iterator[bytes]:
        counts = self._answers.counts
        heap: list[_Pending] = []
        lines = telemetry.streams(self.scenario, self.seed, self.begin, self.anchor, self._cut)
        for number, stream in enumerate(lines, 1):
            self._follow(heap, -number, stream)
        for index in range(self.count):
            order, deliveries = self._order(index)
            self.begun = index + 1
            start = order.start
            while heap and heap[0][0] < start:
                yield self._next(heap)
            if deliveries:
                counts["events"] += len(deliveries)
                deliveries.sort(key=_last_first)
                heappush(heap, (deliveries[-1].arrived, index, order, deliveries))
        while heap:
            yield self._next(heap)
        yield from self._closing()
        counts["closed"] = 1

    def _follow(self, heap: list[_Pending], number: int, stream: Iterator[telemetry.Line]) -> None:
        """Put the next line of a node or channel in its place, if there is one."""
        for arrived, line in stream:
            self._answers.counts["events"] += 1
            heappush(heap, (arrived, number, line, stream))
            break

    def _next(self, heap: list[_Pending]) -> bytes:
        _, index, order, deliveries = heap[0]
        if index < 0:
            heappop(heap)
            self._follow(heap, index, deliveries)
            line: bytes = order
            return line
        delivery: Delivery = deliveries.pop()
        if deliveries:
            heapreplace(heap, (deliveries[-1].arrived, index, order, deliveries))
        else:
            heappop(heap)
        return wired(order, delivery)

    def _order(self, index: int) -> tuple[Order, list[Delivery]]:
        """The world's `index`-th order and what of it arrives by the end, counted in the answers."""
        scenario, cut, answers = self.scenario, self._cut, self._answers
        rng = Random((self.seed << 40) + index)
        order = orders.make(index, self.seed, self._start(index, rng), self._customers, rng, self._kin)
        review = self._terms.reviewed(order.channel.name, order.category, order.receivable)
        facts = orders.life(order, scenario, self.anchor, review, rng)
        struck = None
        if scenario.trouble is not None:
            met = stopped(scenario.trouble, order, facts, self.anchor, rng)
            if met is not None:
                facts, struck = met
        deliveries = transport(order, facts, cut, rng)
        if not deliveries:
            return order, deliveries
        if struck is not None:
            self._stands(order.subject, struck.state, struck.since, struck.until)
            answers.take(order, deliveries)
            return order, deliveries
        for silence in scenario.silences:
            if silence.channel == order.channel.name:
                held = self._held_back(order, deliveries, silence)
                if held is not None:
                    return order, held
        sabotage = drawn(scenario.rates, rng.random())
        if sabotage is not None:
            scene = Scene(order, deliveries, answers, rng, cut)
            spoilt = sabotage(scene)
            if spoilt is not None:
                answers.take(order, spoilt, scene.offence, plain=False)
                return order, spoilt
        answers.take(order, deliveries)
        return order, deliveries

    def _held_back(self, order: Order, deliveries: list[Delivery], silence: Silence) -> list[Delivery] | None:
        placed = deliveries[0].arrived
        held = held_back(order, deliveries, silence, self.anchor, self._cut)
        if held is None:
            return None
        told = next((one.arrived for one in held if one.telling is telling.PLACED), 0)
        if told != placed:
            self._stands(order.subject, "unheard", order.start, told)
        self._answers.take(order, held, plain=False)
        return held

    def _stands(self, subject: str, state: str, since: int, until: int) -> None:
        if since < self._cut:
            self._answers.struck.append((subject, state, since, until if until < self._cut else 0))

    def _start(self, index: int, rng: Random) -> int:
        """When the order is placed: its place in the curve, a little to either side but never past its neighbours."""
        share = (index * 1_000_000 + int(rng.random() * 1_000_000)) * 1000 // self.count
        place = bisect_right(self._shares, share)
        (low, since), (high, until) = self._curve[place - 1 : place + 1]
        offset = since + (share - low) * (until - since) // (high - low)
        return self.begin + offset // MILLISECOND * MILLISECOND

    def _closing(self) -> Iterator[bytes]:
        """A sign of life of every channel at the end: a store of history then stands at `end`, and its deadlines with it."""
        for channel in CHANNELS:
            if any(
                silence.channel == channel.name and not silence.until for silence in self.scenario.silences
            ):
                continue
            self._answers.counts["events"] += 1
            yield encoded(
                event_of(
                    f"{self.seed:x}-{channel.name}",
                    f"/channels/{channel.name}/{channel.shop}-1",
                    "channel.heartbeat.v1",
                    f"channel/{channel.name}/{rfc3339(self.end)[:10]}",
                    self.end,
                    self.end,
                    {},
                )
            )


def _last_first(delivery: Delivery) -> int:
    return -delivery.arrived


def simulate(orders: int, seed: int, scenario: str, end: int, terms: Terms = HOUSE, days: int = 0) -> World:
    """A world of so many orders; the same arguments give the same bytes. `end` (µs UTC) is when it ends; `terms` are
    those of the policy it will be folded under, by default the delivered one's; `days` how long it goes on, where the
    scenario leaves that open (0: as long as it says).

    Raises UsageError for an unknown scenario, fewer than one order, a negative seed, or days that do not fit."""
    if scenario not in SCENARIOS:
        raise UsageError(f"There is no scenario {scenario!r}.", f"Choose one of {', '.join(SCENARIOS)}.")
    if orders < 1 or seed < 0:
        raise UsageError("A world needs at least one order and a seed that is not negative.")
    return World(orders, seed, lasting(SCENARIOS[scenario], days), end, terms)
