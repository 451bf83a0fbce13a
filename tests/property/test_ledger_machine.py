"""Money is conserved: whatever is told, in whatever order, each fresh fact is in exactly one sum."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from projections.ledger import LedgerState
from tests.orders import Stream

AMOUNTS = st.integers(0, 5_000)
CURRENCIES = st.sampled_from(["EUR", "EUR", "EUR", "USD", "JPY"])
NUMBERS = st.integers(1, 6).map(str)

FACTS = {
    "payment.received": ("payment", "received"),
    "payment.refunded": ("refund", "refunded"),
    "payment.fee_charged": ("fee", "fees"),
    "payment.subsidy_granted": ("subsidy", "subsidies"),
}


def sums(state: LedgerState) -> Counter[tuple[str, str]]:
    """(currency, sum) → minor units, over the order's own currency and all others."""
    found: Counter[tuple[str, str]] = Counter()
    for purse in (state, *state.foreign):
        for name in ("received", "refunded", "fees", "subsidies", "deposit"):
            found[purse.currency, name] += getattr(purse, name)
    return +found


class LedgerMachine(RuleBasedStateMachine):
    """Tells facts, repeats them under new ids, and contradicts them; keeps its own books beside."""

    @initialize()
    def begin(self) -> None:
        self.order = Stream()
        self.books: Counter[tuple[str, str]] = Counter()
        self.known: dict[tuple[str, str], tuple[int, str, str]] = {}
        self.conflicts: set[str] = set()
        self.receivable = 0

    @precondition(lambda self: not self.order.ledger.placed)
    @rule(prices=st.lists(AMOUNTS, max_size=3), shipping=AMOUNTS, discount=st.integers(0, 100))
    def place(self, prices: list[int], shipping: int, discount: int) -> None:
        self.order.place(0, *prices, shipping=shipping, discount=discount)
        self.receivable = sum(prices or [1000]) + shipping - discount

    @rule(
        type_=st.sampled_from(sorted(FACTS)),
        number=NUMBERS,
        amount=AMOUNTS,
        currency=CURRENCIES,
        kind=st.sampled_from(["full", "deposit", "balance"]),
    )
    def tell(self, type_: str, number: str, amount: int, currency: str, kind: str) -> None:
        name, total = FACTS[type_]
        data: dict[str, Any] = {name: number, "amount": amount, "currency": currency}
        kind = kind if name == "payment" else ""
        if kind:
            data["kind"] = kind
        self.order.tell(type_, 0, **data)
        known = self.known.setdefault((name, number), (amount, currency, kind))
        if known != (amount, currency, kind):
            self.conflicts.add(f"conflict:{name}:{number}")
        elif (name, number, "") not in self.books:
            self.books[name, number, ""] = 1  # type: ignore[index]
            self.books[currency, total] += amount
            if kind == "deposit":
                self.books[currency, "deposit"] += amount

    @invariant()
    def conserved(self) -> None:
        expected = {key: amount for key, amount in self.books.items() if len(key) == 2 and amount}
        assert dict(sums(self.order.ledger)) == expected

    @invariant()
    def the_order_is_in_one_currency(self) -> None:
        state = self.order.ledger
        if state.placed:
            assert state.currency == "EUR"
            assert state.receivable == self.receivable == state.goods + state.shipping - state.discount
            assert state.outstanding == self.receivable - state.subsidies - state.received + state.refunded
            assert ("conflict:currency" in self.order.open_work()) == bool(state.foreign)

    @invariant()
    def every_disagreement_is_work(self) -> None:
        open_work = set(self.order.open_work())
        assert {work for work in open_work if work.startswith("conflict:")} - {"conflict:currency"} == (
            self.conflicts
        )
        state = self.order.ledger
        assert ("over_refund" in open_work) == (state.refunded > state.received)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


@given(
    facts=st.lists(st.tuples(st.sampled_from(sorted(FACTS)), AMOUNTS, CURRENCIES), min_size=1, max_size=8),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_the_order_of_arrival_does_not_matter(facts: list[tuple[str, int, str]], data: st.DataObject) -> None:
    numbered: list[tuple[int, str, int, str]] = [(-1, "", 0, "")]
    numbered += [(n, *fact) for n, fact in enumerate(facts)]
    outcomes = []
    for arrival in (numbered, data.draw(st.permutations(numbered))):
        order = Stream()
        for n, type_, amount, currency in arrival:
            if type_:
                order.tell(type_, 0, **{FACTS[type_][0]: str(n), "amount": amount, "currency": currency})
            else:
                order.place(0, 1000)
        outcomes.append((sums(order.ledger), order.ledger.outstanding, order.ledger.currency))

    assert outcomes[0] == outcomes[1]
