"""Whatever happens to orders and whatever people say: one claim an order, quantities conserved, work answered, same again."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from projections.merge.batches import totals
from projections.merge.blocks import Index
from projections.merge.handles import pair_of
from projections.merge.state import REFUSED, STANDING, SUGGESTED, BatchState, OrderState, PairState
from schemas.derived import Derived
from tests.merging import LI, NEAR, WANG, Night, merging, order

NUMBERS = "123456"
PEOPLE: tuple[Derived, ...] = (WANG, NEAR, LI, replace(WANG, account=""))
GOODS = ((("a", 1),), (("a", 2), ("b", 1)), (("c", 3),))

number = st.sampled_from(NUMBERS)
placing = st.tuples(
    st.just("place"), number, st.integers(0, 3), st.integers(0, 2), st.sampled_from((False, False, True))
)
act = st.one_of(
    placing,
    placing,
    placing,
    st.tuples(
        st.just("leave"),
        number,
        st.sampled_from(("cancelled", "held", "frozen", "labelled", "shipped", "labelled")),
        st.sampled_from(("", "W1", "W1", "W2")),
    ),
    st.tuples(st.just("accept"), st.lists(number, min_size=2, max_size=4, unique=True)),
    st.tuples(st.just("refuse"), st.lists(number, min_size=2, max_size=3, unique=True)),
    st.tuples(st.just("undo"), number),
    st.tuples(st.just("wait"), st.sampled_from((1, 5, 10, 40, 200, 1500))),
)


class Machine:
    """Carries acts out, each a minute after the last."""

    def __init__(self, acts: list[Any], restarting: bool = False) -> None:
        self.night = Night(merging(batch_orders=4, suggestions=2))
        self.minute = 0
        self.placed: dict[str, tuple[int, Derived]] = {}
        for one in acts:
            self.do(one)
            if restarting:
                self.night.bench.reload()
            else:
                self.holds()

    def do(self, one: Any) -> None:
        night = self.night
        self.minute += 1
        match one:
            case ("place", name, who, goods, late):
                first = night.state(order(name)) is None
                if first or late:  # else the same order again, with other goods
                    self.placed[name] = max(0, self.minute - 30) if late else self.minute, PEOPLE[who]
                placed, customer = self.placed[name]
                night.place(name, placed, customer, at=self.minute, lines=GOODS[goods], first=first)
            case ("leave", name, reason, waybill):
                night.leave(name, self.minute, reason, waybill if reason in ("labelled", "shipped") else "")
            case ("accept", names):
                night.accept(self.minute, *names)
            case ("refuse", names):
                night.refuse(self.minute, *names)
            case ("undo", name):
                known = night.state(order(name))
                if known is not None and known.batch:
                    night.undo(self.minute, known.batch)
            case ("wait", minutes):
                self.minute += minutes
                night.pass_to(self.minute)

    def states(self) -> dict[str, Any]:
        held = self.night.bench.judge.folds[0]
        return {key: cell.state for key, cell in held.cells.items() if cell.state is not None}

    def holds(self) -> None:
        states = self.states()
        orders = {key: one for key, one in states.items() if isinstance(one, OrderState)}
        pairs = {key: one for key, one in states.items() if isinstance(one, PairState)}
        batches = {key: one for key, one in states.items() if isinstance(one, BatchState)}
        self._claims(orders, batches)
        self._suggestions(orders, pairs)
        index = Index()
        for key in sorted(orders, reverse=True):
            index.change(key, orders[key])
        live: Index = self.night.bench.judge.folds[0].index
        assert index.orders == live.orders
        assert index.blocks == live.blocks

    @staticmethod
    def _claims(orders: dict[str, OrderState], batches: dict[str, BatchState]) -> None:
        claimed = Counter(
            member for one in batches.values() if one.status in STANDING for member in one.members
        )
        assert all(count == 1 for count in claimed.values())
        for key, one in batches.items():
            if one.status in STANDING:
                assert len(one.members) >= 2
                assert len(one.members) <= 4
                assert one.quantities == totals(orders[member] for member in one.members)
                assert all(orders[member].batch == key for member in one.members)
        for key, state in orders.items():
            if state.batch and state.batch in batches and batches[state.batch].status in STANDING:
                assert key in batches[state.batch].members

    def _suggestions(self, orders: dict[str, OrderState], pairs: dict[str, PairState]) -> None:
        suggested = {key for key, one in pairs.items() if one.status == SUGGESTED}
        named = {key for one in orders.values() for key in one.pairs}
        assert named == suggested
        for key in suggested:
            pair = pairs[key]
            assert key in orders[pair.a].pairs
            assert key in orders[pair.b].pairs
            assert not orders[pair.a].left
            assert not orders[pair.b].left
            assert not (orders[pair.a].batch and orders[pair.b].batch), "nobody can answer that"
        into = Counter(
            (order, orders[other].batch)
            for pair in (pairs[key] for key in suggested)
            for order, other in ((pair.a, pair.b), (pair.b, pair.a))
            if orders[other].batch
        )
        assert set(into.values()) <= {1}, "a batch is asked about once"
        opened: Counter[str] = Counter()
        for one in self.night.bench.decisions:
            opened[one.subject] += {"work.opened.v1": 1, "work.closed.v1": -1}.get(one.type, 0)
        assert {subject for subject, count in opened.items() if count} == suggested
        assert set(opened.values()) <= {0, 1}


@settings(max_examples=200, deadline=None)
@given(st.lists(act, min_size=8, max_size=40))
def test_claims_quantities_and_work_hold_through_every_sequence(acts: list[Any]) -> None:
    Machine(acts)


@settings(max_examples=40, deadline=None)
@given(st.lists(act, min_size=8, max_size=30))
def test_the_same_facts_make_the_same_decisions_however_often_it_restarts(acts: list[Any]) -> None:
    once, again = Machine(acts), Machine(acts, restarting=True)

    assert once.night.bench.decisions == again.night.bench.decisions


@settings(max_examples=60, deadline=None)
@given(st.lists(act, min_size=8, max_size=30))
def test_a_refused_pair_is_never_proposed_or_merged_unasked(acts: list[Any]) -> None:
    machine = Machine([])
    for one in acts:
        refused = {
            key
            for key, state in machine.states().items()
            if isinstance(state, PairState) and state.status == REFUSED
        }
        made = len(machine.night.bench.decisions)
        machine.do(one)
        for decision in machine.night.bench.decisions[made:]:
            data: Any = decision.data
            assert decision.type != "merge.suggested.v1" or decision.subject not in refused
            if decision.type == "merge.made.v1" and data.by == "policy":
                together = {pair_of(a, b) for a, b in combinations(data.orders, 2)}
                assert not together & refused


@settings(max_examples=30, deadline=None)
@given(st.lists(act, max_size=25))
def test_in_the_end_nothing_is_left(acts: list[Any]) -> None:
    machine = Machine(acts)
    for name in NUMBERS:
        machine.do(("leave", name, "shipped", "W9"))
    machine.do(("wait", 9 * 24 * 60))

    assert machine.states() == {}
    assert machine.night.bench.judge.folds[0].index.blocks == {}
