"""One stream told event by event, through the host's own steps, on a virtual clock."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.fold.refold import Timeline
from engine.fold.step import Decided, due_of, new_row, pipeline_of, step_wake
from engine.fold.stream import take
from engine.intake.normalise import derive
from projections.kernel import Context
from projections.ledger import LedgerState
from projections.lifecycle import LifecycleState
from projections.limbo import LimboState
from projections.order_health import OrderHealthState
from projections.policy import Policy
from schemas.data import decode_data
from schemas.envelope import Event
from tests.policies import policy

T0 = 1_600_000_000_000_000
"""2020-09-13T12:26:40Z"""

EVERY_MOVE = (
    "stock.locked",
    "fulfilment.accepted",
    "fulfilment.picked",
    "fulfilment.packed",
    "fulfilment.dispatched",
    "fulfilment.delivered",
)
"""From paid to delivered, in the standard map."""


def lines(*prices: int, **more: Any) -> list[dict[str, Any]]:
    """Goods lines "1", "2", … of these unit prices, one piece each."""
    return [
        {"line": str(n), "sku": f"sku-{n}", "quantity": 1, "unit_price": price, **more}
        for n, price in enumerate(prices, 1)
    ]


class Stream:
    """A stream of its own; times are µs after T0. `said` holds all decisions with the instant of their step,
    `refolds` why folds asked for one, `folded_again` counts those that were made."""

    def __init__(self, rules: Policy | None = None, subject: str = "order/shop:1", channel: str = "shop"):
        self.policy = rules or policy()
        self.channel = channel
        self.pipeline = pipeline_of(subject)
        self.row = new_row(subject, self.pipeline)
        self.inputs: list[Event] = []
        self.said: list[Decided] = []
        self.ctx = Context()
        self.timeline = Timeline([(0, self.policy)])
        self.now = T0
        self.refolds: list[str] = []
        self.folded_again = 0

    def tell(self, type_: str, at: int | None = None, heard: int | None = None, **data: Any) -> list[str]:
        """An event that occurred at `at` (now, unless given) and is heard at `heard` (then, unless later already).
        Returns the types of what was decided in its step, without version."""
        happened = self.now if at is None else T0 + at
        self.now = max(self.now + 1, happened if heard is None else T0 + heard)
        self._wake(self.now - 1)
        name = f"{type_}.v1"
        version = len(self.inputs) + 1
        event = Event(
            name,
            self.row.subject,
            f"e{version}",
            "/channels/shop",
            happened,
            decode_data(name, msgspec.json.encode(data)),
            self.channel,
            self.now,
            self.now,
            version,
        )
        event.derived = derive(name, event.data, "CN", self.channel)
        self.inputs.append(event)
        row = self.row
        self.row, decided = take(
            row, self.pipeline, event, self.timeline, self.ctx, lambda: list(self.inputs)
        )
        self.folded_again += self.row is not row
        if self.ctx.wanted:
            self.refolds.append(self.ctx.wanted)
        self.said += decided
        return _names(decided)

    def pass_to(self, at: int) -> list[str]:
        """Time goes by up to T0 + `at` and that instant: types of what the timers decided."""
        before = len(self.said)
        self.now = max(self.now, T0 + at)
        self._wake(self.now)
        return _names(self.said[before:])

    def _wake(self, until: int) -> None:
        while (due := due_of(self.row, self.pipeline)) and due <= until:
            self.said += step_wake(self.row, self.pipeline, due, self.policy, self.ctx)

    @property
    def ledger(self) -> LedgerState:
        assert self.row.ledger is not None
        return self.row.ledger

    @property
    def order(self) -> LifecycleState:
        assert self.row.lifecycle is not None
        return self.row.lifecycle

    @property
    def health(self) -> OrderHealthState:
        assert self.row.health is not None
        return self.row.health

    @property
    def limbo(self) -> LimboState:
        assert self.row.limbo is not None
        return self.row.limbo

    def path(self) -> list[tuple[str, int]]:
        """States entered, with µs after T0."""
        return [(state, time - T0) for state, time, _ in self.order.entered]

    def open_work(self) -> list[str]:
        return sorted(work.work for work in self.row.work)

    def last(self, type_: str) -> Decided:
        """The latest decision of a type, given without version."""
        return next(one for one in reversed(self.said) if one.decision.type == f"{type_}.v1")

    def place(self, at: int = 0, *prices: int, **more: Any) -> list[str]:
        """order.placed in EUR, of lines of these prices (one of 1000 unless given)."""
        return self.tell("order.placed", at, currency="EUR", lines=lines(*prices or (1000,)), **more)

    def pay(self, at: int, amount: int = 1000, number: str = "p1", **more: Any) -> list[str]:
        return self.tell("payment.received", at, payment=number, amount=amount, **{"currency": "EUR", **more})

    def to_packed(self, *prices: int) -> None:
        """Placed at 0, paid at 10, packed at 50."""
        self.place(0, *prices)
        self.pay(10, sum(prices or (1000,)))
        for n, what in enumerate(EVERY_MOVE[:4], 2):
            self.tell(what, n * 10)


def _names(decided: list[Decided]) -> list[str]:
    return [one.decision.type.rpartition(".v")[0] for one in decided]
