"""A world of orders, drawn event by event in the order they arrive.

Orders start in order of time, so nothing may arrive any more before the next order starts: what is under way at that
instant sits in a heap, one entry an order, and nothing else is kept. A line is written only when it is its turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush, heapreplace
from itertools import pairwise
from random import Random
from typing import Any

from engine.errors import UsageError
from engine.simulate import orders
from engine.simulate.answers import Answers
from engine.simulate.delivery import Delivery, held_back, transport, wired
from engine.simulate.orders import Order
from engine.simulate.sabotage import Scene, drawn
from engine.simulate.scenarios import CHANNELS, MILLISECOND, SCENARIOS, SECOND, Scenario
from engine.simulate.telling import encoded, event_of, rfc3339
from engine.simulate.terms import HOUSE, Terms

_Pending = tuple[int, int, Order, list[Delivery]]
"""(next arrival, index of the order, the order, its deliveries, the next one last)."""


class World:
    """`events` draws the world once; `answers` are complete when it is drawn. `begin` and `end` in µs UTC; `begun`
    counts the orders drawn so far."""

    def __init__(self, count: int, seed: int, scenario: Scenario, end: int, terms: Terms) -> None:
        self.count = count
        self.seed = seed
        self.begun = 0
        self.scenario = scenario
        # Half a millisecond past a whole one: no deadline, being whole milliseconds, passes at the very end.
        self.end = end - end % MILLISECOND - MILLISECOND // 2
        self.begin = self.end - scenario.span - MILLISECOND // 2
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

    def _next(self, heap: list[_Pending]) -> bytes:
        _, index, order, deliveries = heap[0]
        delivery = deliveries.pop()
        if deliveries:
            heapreplace(heap, (deliveries[-1].arrived, index, order, deliveries))
        else:
            heappop(heap)
        return wired(order, delivery)

    def _order(self, index: int) -> tuple[Order, list[Delivery]]:
        """The world's `index`-th order and what of it arrives by the end, counted in the answers."""
        scenario, cut, answers = self.scenario, self._cut, self._answers
        rng = Random((self.seed << 40) + index)
        order = orders.make(index, self.seed, self._start(index, rng), max(50, self.count // 3), rng)
        review = self._terms.reviewed(order.channel.name, order.category, order.receivable)
        facts = orders.life(order, scenario, self.begin, review, rng)
        deliveries = transport(order, facts, cut, rng)
        if not deliveries:
            return order, deliveries
        for silence in scenario.silences:
            if silence.channel == order.channel.name:
                held = held_back(order, deliveries, silence, self.begin, cut)
                if held is not None:
                    answers.take(order, held, plain=False)
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

    def _start(self, index: int, rng: Random) -> int:
        """When the order is placed: its place in the curve, a little to either side but never past its neighbours."""
        curve = self.scenario.curve
        share = (index * 1_000_000 + int(rng.random() * 1_000_000)) * 1000 // self.count
        for (low, since), (high, until) in pairwise(curve):
            if share < high * 1_000_000:
                offset = since + (share - low * 1_000_000) * (until - since) // ((high - low) * 1_000_000)
                break
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


def simulate(orders: int, seed: int, scenario: str, end: int, terms: Terms = HOUSE) -> World:
    """A world of so many orders; the same arguments give the same bytes. `end` (µs UTC) is when it ends; `terms` are
    those of the policy it will be folded under, by default the delivered one's.

    Raises UsageError for an unknown scenario, fewer than one order or a negative seed."""
    if scenario not in SCENARIOS:
        raise UsageError(f"There is no scenario {scenario!r}.", f"Choose one of {', '.join(SCENARIOS)}.")
    if orders < 1 or seed < 0:
        raise UsageError("A world needs at least one order and a seed that is not negative.")
    return World(orders, seed, SCENARIOS[scenario], end, terms)
