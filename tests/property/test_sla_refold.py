"""Folded as it comes or again in order of occurrence, an order has the same clocks and the same breaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.fold.refold import fold_again, for_a_person
from schemas.envelope import rfc3339
from tests.orders import EVERY_MOVE, T0, Stream, lines
from tests.policies import HOUR, MINUTE, SECOND
from tests.sla_orders import DAY, DELIVER_BY, PAY, SHIP, SHIP_BY, policy, tier

PICK = replace(SHIP, name="pick", start="locked", stop="picking", within={"": 20 * MINUTE})
RULES = policy(tier(PAY, SHIP, PICK, DELIVER_BY, SHIP_BY))
PROMISED = {"ship_by": rfc3339(T0 + 2 * HOUR), "deliver_by": rfc3339(T0 + 3 * HOUR)}
FACTS: dict[str, tuple[str, dict[str, Any]]] = {
    "placed": (
        "order.placed",
        {"currency": "EUR", "lines": lines(1000, category="fresh"), "promises": PROMISED},
    ),
    "paid": ("payment.received", {"payment": "p1", "amount": 1000, "currency": "EUR"}),
    **{move: (move, {}) for move in (*EVERY_MOVE, "order.cancelled")},
    "order.unfrozen": ("order.unfrozen", {"reason": "looked at"}),
    **{f"hold {h}": ("order.held", {"handle": h, "reason": "awaiting_customer"}) for h in "ab"},
    **{f"release {h}": ("order.released", {"handle": h}) for h in "ab"},
}

steps = st.sampled_from([0, MINUTE, 5 * MINUTE, 20 * MINUTE, HOUR, 7 * SECOND])


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, str]]:
    """(µs after T0, fact): the usual way with gaps in it, and holds, a cancellation or a verdict anywhere."""
    told: list[tuple[int, str]] = []
    at = 0
    for fact in ("placed", "paid", *EVERY_MOVE):
        at += draw(steps)
        if fact == "placed" or draw(st.integers(0, 9)):
            told.append((at, fact))
    anywhere = ["order.cancelled", "order.unfrozen", "hold a", "release a", "hold b", "release b"]
    told += [
        (draw(st.integers(0, max(at, MINUTE) // SECOND)) * SECOND, fact)
        for fact in draw(st.lists(st.sampled_from(anywhere), unique=True, max_size=5))
    ]
    # No two at one instant: told at once, the second would be known a moment after it occurred.
    return [(at + n, fact) for n, (at, fact) in enumerate(sorted(told))]


def judged(decisions: Iterable[Any]) -> Counter[tuple[str, str, int]]:
    names = ("sla.warned.v1", "sla.breached.v1", "sla.escalated.v1")
    return Counter((d.type, d.key, d.cause) for d in decisions if d.type in names)


def compared(stream: Stream) -> None:
    """The stream as it was folded against its inputs folded again."""
    pinned = for_a_person(stream.row, stream.inputs, stream.policy)
    again, decided = fold_again(
        stream.row.subject, stream.pipeline, stream.inputs, stream.timeline, stream.now, pinned
    )
    assert judged(one.decision for one in decided) == judged(stream.row.standing)
    assert again.sla is not None
    assert stream.row.sla is not None
    for field in ("past", "pauses", "half_at", "warn_at", "due_at", "breached"):
        assert getattr(again.sla, field) == getattr(stream.row.sla, field), field


@settings(max_examples=150, deadline=None)
@given(histories())
def test_facts_told_at_once(history: list[tuple[int, str]]) -> None:
    stream = Stream(RULES)
    for at, fact in history:
        name, data = FACTS[fact]
        stream.tell(name, at, **data)
    stream.pass_to(2 * DAY)
    compared(stream)


@settings(max_examples=150, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_a_backlog_in_any_order(history: list[tuple[int, str]], random: Any) -> None:
    stream = Stream(RULES)
    random.shuffle(history)
    for n, (at, fact) in enumerate(history):
        name, data = FACTS[fact]
        stream.tell(name, at, DAY + n, **data)
    stream.pass_to(3 * DAY)
    compared(stream)
