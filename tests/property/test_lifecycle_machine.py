"""Whatever is told, the order stands in one legal place, and says why if it does not move."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.orders import T0, Stream
from tests.policies import GRACE, STANDARD

S = 1_000_000
GOODS = (
    "stock.locked",
    "stock.lock_failed",
    "fulfilment.accepted",
    "fulfilment.picked",
    "fulfilment.packed",
    "fulfilment.dispatched",
    "fulfilment.delivered",
    "fulfilment.lost",
)
LINES = ("1", "2", "3")
WAY = ("placed", "paid", *GOODS[:1], *GOODS[2:7], "order.completed")
PART = st.sampled_from([None, None, ["1"], ["2"], ["1", "2"], ["3"], ["1", "2", "3"]])


class LifecycleMachine(RuleBasedStateMachine):
    """Mostly along the way, else anything, early, late and out of place, with a person freeing now and then."""

    @initialize(count=st.integers(1, 3))
    def begin(self, count: int) -> None:
        self.order = Stream()
        self.lines = count
        self.next = 0
        self.clock = 0
        self.forced = False

    def _tell(self, what: str, at: int, **data: Any) -> None:
        before, folded = self.order.order, self.order.folded_again
        if what == "placed":
            if any(event.type == "order.placed.v1" for event in self.order.inputs):
                return
            self.order.place(at, *([100] * self.lines))
        elif what == "paid":
            self.order.pay(at, 100 * self.lines)
        else:
            self.order.tell(what, at, **data)
        after, offence = self.order.order, before.offence
        if offence is not None and T0 + at >= offence.time and self.order.folded_again == folded:
            assert (after.entered, after.lines) == (before.entered, before.lines)

    @rule(gap=st.integers(1, 100), lines=PART, parcel=st.sampled_from([None, None, "A", "B"]))
    def onward(self, gap: int, lines: list[str] | None, parcel: str | None) -> None:
        self.clock += gap * S
        what = WAY[min(self.next, len(WAY) - 1)]
        self.next += 1
        data: dict[str, Any] = {}
        if what.startswith("fulfilment"):
            data = {"parcel": parcel, "lines": lines}
        self._tell(what, self.clock, **data)

    @rule(back=st.integers(0, 200), what=st.sampled_from([*GOODS, "placed", "paid"]), lines=PART)
    def anything(self, back: int, what: str, lines: list[str] | None) -> None:
        data = {"lines": lines} if what.startswith(("stock", "fulfilment")) else {}
        self._tell(what, max(0, self.clock - back * S), **data)

    @rule(lines=PART)
    def cancel(self, lines: list[str] | None) -> None:
        self.clock += S
        self._tell("order.cancelled", self.clock, lines=lines)

    @rule(gap=st.sampled_from([S, 60 * S, GRACE, 2 * GRACE]))
    def wait(self, gap: int) -> None:
        self.clock = max(self.clock, self.order.now - T0) + gap
        self.order.pass_to(self.clock)

    @rule(state=st.sampled_from([None, None, "paid", "shipped", "part_shipped"]))
    def free(self, state: str | None) -> None:
        self.clock = max(self.clock, self.order.now - T0) + S
        self.forced = True
        self.order.tell("order.unfrozen", self.clock, reason="looked at", state=state)

    @invariant()
    def stands_in_one_place(self) -> None:
        state = self.order.order
        if not state.state:
            assert state.entered == ()
            assert state.offence is None
            return
        assert state.state in STANDARD.rank
        assert state.entered[-1][0] == state.state
        times = [time for _, time, _ in state.entered]
        assert times == sorted(times)
        assert state.since >= times[-1]

    @invariant()
    def came_by_legal_moves(self) -> None:
        state = self.order.order
        if (
            self.forced
            or state.lines
            or state.cancelled
            or "part_shipped" in dict.fromkeys(name for name, _, _ in state.entered)
        ):
            return
        ways = {(at, to) for (at, _), to in STANDARD.moves.items()}
        names = [name for name, _, _ in state.entered]
        assert all(step in ways for step in pairwise(names))

    @invariant()
    def lines_are_kept_only_while_they_differ(self) -> None:
        state = self.order.order
        if state.lines:
            assert tuple(line.line for line in state.lines) == state.live
            assert len({line.state for line in state.lines}) > 1
        if state.state:
            assert sorted((*state.live, *state.cancelled)) == list(LINES[: self.lines])

    @invariant()
    def waits_only_for_what_it_says(self) -> None:
        state = self.order.order
        assert state.in_doubt == (state.offence is not None and not state.frozen)
        assert ("frozen" in self.order.open_work()) == state.frozen
        assert (state.due != 0) <= (state.in_doubt or not state.state)
        assert not state.in_doubt or state.due == state.doubt_until >= self.order.now
        assert not state.pending or state.offence is not None or not state.state


TestLifecycleMachine = LifecycleMachine.TestCase
TestLifecycleMachine.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)


def shown(order: Stream) -> Any:
    """An order without the versions and news that depend on who was heard first."""
    state = order.order
    offence = state.offence
    return (
        state.state,
        state.since,
        [(name, time) for name, time, _ in state.entered],
        (state.live, state.cancelled, state.lines),
        sorted((parcel.parcel, parcel.lines, parcel.state) for parcel in state.parcels),
        offence and (offence.type, offence.time, offence.state, offence.reason),
        sorted((fact.time, fact.type) for fact in state.pending),
        order.open_work(),
    )


KEYED = ("fulfilment.", "order.")

STEP = st.one_of(
    st.tuples(st.sampled_from(GOODS), PART),
    st.tuples(st.sampled_from(["order.cancelled"]), PART),
    st.tuples(st.sampled_from(["paid.some", "paid.rest"]), st.none()),
)


@given(steps=st.lists(STEP, max_size=7), usual=st.integers(0, 7), data=st.data())
@settings(max_examples=200, deadline=None)
def test_within_the_grace_the_order_of_arrival_does_not_matter(
    steps: list[tuple[str, list[str] | None]], usual: int, data: st.DataObject
) -> None:
    way: list[tuple[str, list[str] | None]] = [("placed", None), ("paid.some", None), ("paid.rest", None)]
    way += [(what, None) for what in WAY[2 : 2 + usual]]
    # A second fact with the key of a first is its repeat, whenever it says it occurred: the first heard of holds.
    once = {(what, str(lines)) if what.startswith(KEYED) else n: (what, lines) for n, (what, lines) in
            enumerate([*way, *steps])}  # fmt: skip
    told = list(enumerate(once.values()))
    outcomes = []
    for arrival in (told, data.draw(st.permutations(told))):
        order = Stream()
        for n, (what, lines) in arrival:
            at = n * S
            heard = 1_000 * S
            if what == "placed":
                order.tell("order.placed", at, heard, currency="EUR", lines=_three())
            elif what.startswith("paid"):
                payment = {"payment": str(n), "amount": 150, "currency": "EUR"}
                order.tell("payment.received", at, heard, **payment)
            elif what.startswith("fulfilment") and lines:
                order.tell(what, at, heard, lines=lines, parcel="P" + lines[0])
            elif what == "order.completed":
                order.tell(what, at, heard)
            else:
                order.tell(what, at, heard, lines=lines)
        outcomes.append(shown(order))

    assert outcomes[0] == outcomes[1]


def _three() -> list[dict[str, Any]]:
    return [{"line": line, "sku": "s", "quantity": 1, "unit_price": 100} for line in LINES]
