"""Whether two cards are one customer's, and go to one door: compare(a, b, rules) → Likeness.

Every field that both cards have speaks for or against, in points; a field one of them lacks says nothing. Points are
logarithms of odds, 50 to the natural unit, as found on labelled sets, and not delicate. The sum, put at 500, is the
score. What no sum can express comes on top: two different whole names, two rooms or two cities veto, whatever the
phone says; and the fewer fields there are, the higher a score is needed.
"""

from __future__ import annotations

import msgspec
from rapidfuzz.distance import OSA

from projections.merge import names, places
from projections.merge.card import Card
from projections.merge.keys import identity_keys
from projections.policy import Matching

SAME, NEAR, DIFFERENT = "same", "near", "different"


class Reason(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one field says: `score` 0 (contradicts) to 1000 (equal), `text` in words."""

    field: str
    score: int
    text: str


class Likeness(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`score` 0–1000 against `needed`, which depends on the fields both cards have.

    `verdict` is same, near (a person should look) or different. `by` names the evidence of the same customer, ""
    for none; `address` is the address alone, 0–1000. A veto leaves `different`, whatever the score. `automatic`:
    evidence enough to merge unasked.
    """

    score: int
    needed: int
    verdict: str
    same_customer: bool
    by: str
    same_address: bool
    address: int
    automatic: bool
    vetoes: tuple[str, ...]
    reasons: tuple[Reason, ...]


_HAN_NAMES: dict[str, tuple[int, int]] = {
    names.EQUAL: (140, 1000),
    names.SOUNDS: (130, 950),
    names.SWAPPED: (50, 850),
    names.SHORT: (50, 800),
    names.SPELT: (75, 900),
    names.NEAR: (0, 700),
    names.MASKED: (5, 600),
    names.NICK: (65, 600),
    names.SURNAME: (-35, 500),
    names.APART: (-145, 200),
    names.OTHER: (-320, 0),
}
"""Points and score of how two names go together where one is Chinese."""

_HAN_PLACES: dict[str, tuple[int, int, int, int]] = {
    "city": (15, 15, -150, -150),
    "district": (0, 0, -130, -130),
    "town": (15, 0, -10, -10),
    "road": (20, 30, -10, -40),
    "number": (20, -40, -60, -60),
    "compound": (65, 55, -50, -140),
    "building": (20, -60, -60, -60),
    "unit": (10, -110, -110, -110),
    "room": (10, -170, -170, -195),
}
"""Points of parts that are equal (≥ 950), near (≥ 750), half (≥ 400), apart. That most pairs that meet at all agree
in their door makes agreement cheap and contradiction dear."""

_HAN_WEIGHT = {
    "city": 1, "district": 1, "town": 0, "road": 1, "number": 2, "compound": 3, "building": 3, "unit": 1, "room": 4
}  # fmt: skip
_HAN_BASE = 60
_HAN_FULL = 18
"""Weight of what a Chinese card can have: its door, and name and phone with 3 each."""

_PHONES = {"equal": 50, "fits the mask": 60, "nearly equal": 35, "virtual": 0, "another": -110}


def compare(a: Card, b: Card, rules: Matching) -> Likeness:
    """Symmetric and without memory."""
    reasons: list[Reason] = []
    vetoes: list[str] = []
    by = _strong(a, b, vetoes)
    phone = _phone(a, b)
    relation = names.relation(a, b)
    if a.script == "latin" and b.script == "latin":
        points, present, address, exact = _latin(a, b, relation, vetoes, reasons)
    else:
        points, present, address, exact = _han(a, b, relation, vetoes, reasons)
    if phone:
        points += _PHONES[phone]
        present += 150
        reasons.append(Reason("phone", 1000 if phone == "equal" else 0 if phone == "another" else 700, phone))
    score = min(max(500 + points, 0), 1000)
    lacking = max(1000 - present - 300, 0)
    needed = rules.same + rules.sparse * lacking // 700
    same_address = address >= rules.address and not vetoes
    if vetoes:
        verdict = DIFFERENT
    elif score >= needed and same_address:
        verdict = SAME
    elif score >= needed - rules.same + rules.near and address >= rules.address // 2:
        verdict = NEAR
    else:
        verdict = DIFFERENT
    return Likeness(
        score,
        needed,
        verdict,
        bool(by),
        by,
        same_address,
        address,
        verdict == SAME and exact and _unasked(a, b, by, relation),
        tuple(vetoes),
        tuple(reasons),
    )
