"""One order under the SLA fold alone: its lifecycle is said by hand, time is a number."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from projections.kernel import Context
from projections.ledger import LedgerState
from projections.lifecycle import Hold, LifecycleState, Offence
from projections.policy import Calendar, Policy, Route, Sla, Stage, Step, Tier
from projections.row import Row
from projections.sla import Clock, SlaFold, SlaState
from schemas.envelope import Event
from schemas.events.order import OrderCompleted, OrderPlaced
from tests.policies import HOUR, MINUTE
from tests.policies import policy as plain

DAY = 24 * HOUR
T0 = 1_767_261_600_000_000
"""2026-01-01T10:00:00Z"""

LADDER = (
    Step(0, "owner", ("wecom",)),
    Step(HOUR, "backup", ("dingtalk", "sms")),
    Step(4 * HOUR, "supervisor", ("wecom",)),
    Step(5 * HOUR, "group", ("mail",)),
)
PAY = Stage("pay", "placed", "paid", "", {"": 5 * MINUTE}, ())
SHIP = Stage("ship", "paid", "shipped", "", {"fresh": 45 * MINUTE, "": 2 * HOUR}, LADDER)
SHIP_BY = Stage("ship_by", "", "shipped", "ship_by", {}, ())
DELIVER_BY = Stage("deliver_by", "", "delivered", "deliver_by", {}, ())


def tier(*stages: Stage, name: str = "standard", calendar: str = "", **conditions: Any) -> Tier:
    """A tier that matches everything, unless `conditions` (channels, customers, amount_at_least) say otherwise."""
    return Tier(
        name,
        frozenset(conditions.get("channels", ())),
        frozenset(conditions.get("customers", ())),
        conditions.get("amount_at_least", 0),
        stages,
        calendar,
    )


def policy(*tiers: Tier, hash: str = "3c9f21aa", calendars: tuple[Calendar, ...] = (), **sla: int) -> Policy:
    """A policy of these tiers (default: `SHIP` for all). Ann owns everything, Bob stands in for her."""
    return plain(
        hash=hash,
        sla=Sla(
            tiers=tiers or (tier(SHIP),),
            half=sla.get("half", 500),
            warn=sla.get("warn", 800),
            pausing_holds=frozenset({"awaiting_customer", "incorrect_address"}),
            calendars={calendar.name: calendar for calendar in calendars},
        ),
        routes=(Route(frozenset(), frozenset(), frozenset(), "ann", "warehouse"),),
        guides={"sla": "Look at the order's page."},
    )


class Host:
    """Steps the fold as the engine's host does: timers due before an event fire first."""

    def __init__(self, rules: Policy) -> None:
        self.fold = SlaFold()
        self.policy = rules
        self.ctx = Context()
        self.ctx.fold = "sla"
        self.row = Row("order/shop:1", "shop")
        self.row.ledger = LedgerState(currency="CNY", placed=True)
        self.row.lifecycle = LifecycleState()
        self.row.sla = self.fold.initial(self.row.subject)
        self.decided: list[tuple[int, Any]] = []
        self.versions = 0
        self.refolds: list[str] = []

    @property
    def state(self) -> SlaState:
        assert self.row.sla is not None
        return self.row.sla

    @property
    def order(self) -> LifecycleState:
        assert self.row.lifecycle is not None
        return self.row.lifecycle

    def clock(self, stage: str) -> Clock:
        return next(clock for clock in self.state.clocks if clock.stage == stage)

    def told(self) -> list[tuple[str, str]]:
        """(type, key) of all decisions but work items."""
        return [(d.type, d.key) for _, d in self.decided if not d.type.startswith("work.")]

    def work(self) -> list[tuple[str, str]]:
        """(opened | closed, id) of work items."""
        return [(d.type.split(".")[1], d.key) for _, d in self.decided if d.type.startswith("work.")]

    def at(self, type: str, key: str) -> list[int]:
        """When decisions of a type and key were made."""
        return [when for when, d in self.decided if (d.type, d.key) == (type, key)]

    def data(self, type: str) -> Any:
        """The data of the last decision of a type."""
        return [d.data for _, d in self.decided if d.type == type][-1]

    def advance(self, to: int) -> None:
        """Nothing more comes at or before `to`."""
        while (due := self.fold.due(self.state)) and due <= to:
            self._begin(due, 0)
            self.row.sla = self.fold.wake(self.state, due, self.ctx)
            self._end()
            left = self.fold.due(self.state)
            assert left == 0 or left > due, "a wake leaves a later due or none"

    def tell(self, type: str, time: int, now: int = 0, data: Any = None) -> None:
        """An event that occurred at `time` and is folded at `now` (default: at once)."""
        now = now or time
        self.advance(now - 1)
        self.versions += 1
        event = Event(
            type,
            self.row.subject,
            str(self.versions),
            "/channels/shop",
            time,
            data if data is not None else OrderCompleted(),
            "shop",
            now,
            now,
            self.versions,
        )
        self._begin(now, self.versions)
        self.row.sla = self.fold.handlers[type](self.state, event, self.ctx)
        self._end()

    def place(self, time: int = T0, now: int = 0, amount: int = 1000, **data: Any) -> None:
        """order.placed, with `lines`, `tier` and `promises` as JSON would have them."""
        data.setdefault("lines", [])
        lines = [
            {"line": str(n), "sku": "s", "quantity": 1, "unit_price": 1, **line}
            for n, line in enumerate(data.pop("lines"))
        ]
        placed = msgspec.convert({"currency": "CNY", "lines": lines, **data}, OrderPlaced)
        self.row.ledger = LedgerState(currency="CNY", placed=True, receivable=amount)
        categories = tuple(sorted({line.category for line in placed.lines}))
        self.row.lifecycle = replace(self.order, categories=categories)
        self._entered("placed", time, self.versions + 1)
        self.tell("order.placed.v1", time, now, placed)

    def enter(self, state: str, time: int, now: int = 0) -> None:
        """The order enters a state."""
        self._entered(state, time, self.versions + 1)
        self.tell("order.confirmed.v1", time, now)

    def insert(self, state: str, time: int, now: int) -> None:
        """A late fact is put in its place among the states already entered."""
        entered = sorted((*self.order.entered, (state, time, self.versions + 1)), key=lambda e: e[1])
        self.row.lifecycle = replace(self.order, entered=tuple(entered))
        self.tell("order.confirmed.v1", time, now)

    def hold(self, time: int, now: int = 0, reason: str = "awaiting_customer", handle: str = "h") -> None:
        hold = Hold(handle, reason, time, self.versions + 1)
        self.row.lifecycle = replace(self.order, holds=(*self.order.holds, hold))
        self.tell("order.held.v1", time, now)

    def release(self, time: int, now: int = 0, handle: str = "h") -> None:
        left = tuple(hold for hold in self.order.holds if hold.handle != handle)
        self.row.lifecycle = replace(self.order, holds=left)
        self.tell("order.released.v1", time, now)

    def doubt(self, time: int, now: int = 0) -> None:
        """An illegal fact that occurred at `time`."""
        offence = Offence(
            self.versions + 1,
            time,
            "fulfilment.dispatched.v1",
            "x",
            "fulfilment.dispatched",
            state=self.order.state,
            reason="shipped while placed",
        )
        self.row.lifecycle = replace(self.order, offence=offence)
        self.tell("fulfilment.dispatched.v1", time, now)

    def freeze(self, now: int) -> None:
        """The grace time is over: what the lifecycle decides is handed on."""
        self.row.lifecycle = replace(self.order, frozen=True)
        self.tell("order.frozen.v1", now)

    def unfreeze(self, time: int, now: int = 0) -> None:
        self.row.lifecycle = replace(self.order, offence=None, frozen=False)
        self.tell("order.unfrozen.v1", time, now)

    def publish(self, rules: Policy, now: int) -> None:
        """Another policy comes into force."""
        self.advance(now - 1)
        self._begin(now, 0)
        old, self.policy, self.ctx.policy = self.policy, rules, rules
        self.row.sla = self.fold.retarget(self.state, old, rules, now, self.ctx)
        self._end()

    def _entered(self, state: str, time: int, version: int) -> None:
        entered = (*self.order.entered, (state, time, version))
        self.row.lifecycle = replace(self.order, state=state, since=time, entered=entered)

    def _begin(self, now: int, cause: int) -> None:
        self.ctx.policy, self.ctx.row, self.ctx.now, self.ctx.cause = self.policy, self.row, now, cause
        self.ctx.decisions = []
        self.ctx.wanted = ""

    def _end(self) -> None:
        self.decided += [(self.ctx.now, decision) for decision in self.ctx.decisions]
        if self.ctx.wanted:
            self.refolds.append(self.ctx.wanted)
