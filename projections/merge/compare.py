"""Whether two cards are one customer's, and go to one door: compare(a, b, rules) → Likeness.

Every field that both cards have speaks for or against, in points; a field one of them lacks says nothing. Points are
logarithms of odds, 50 to the natural unit, as found on labelled sets, and not delicate. The sum, put at 500, is the
score. What no sum can express comes on top: two different whole names, two rooms or two cities veto, whatever the
phone says; and the fewer fields there are, the higher a score is needed.
"""

from __future__ import annotations

from rapidfuzz import distance

from projections.merge import han, latin, names
from projections.merge.card import Card
from projections.merge.likeness import DIFFERENT, NEAR, SAME, Likeness, Reason
from projections.policy import Matching

_EVEN = 500
"""The score of even odds."""
_ENOUGH = 700
"""Share of what could be compared, per mille, from which on nothing more is needed for want of fields."""

_PHONES: dict[str, tuple[int, int, int]] = {
    "equal": (50, 150, 1000),
    "fits the mask": (60, 60, 800),
    "nearly equal": (35, 60, 700),
    "virtual": (0, 0, 500),
    "another": (-150, -50, 0),
}
"""How two phones go together: points among Chinese cards, which meet by phone more often than not; among Western
ones; and the score."""
_PHONE_SHARE = 150


def compare(a: Card, b: Card, rules: Matching) -> Likeness:
    """Symmetric and without memory."""
    reasons: list[Reason] = []
    vetoes: list[str] = []
    by = _by(a, b, vetoes)
    relation = names.relation(a, b)
    phone = _phone(a, b)
    western = a.script == "latin" and b.script == "latin" and a.name_kind in _LATIN and b.name_kind in _LATIN
    if western:
        found = latin.weighed(a, b, phone == "equal", vetoes, reasons)
    else:
        found = han.weighed(a, b, relation, vetoes, reasons)
    points, present = found.points, found.present
    if phone:
        eastern_points, western_points, score = _PHONES[phone]
        points += western_points if western else eastern_points
        present += _PHONE_SHARE
        reasons.append(Reason("phone", score, phone))
    score = min(max(_EVEN + points, 0), 1000)
    needed = rules.same + rules.sparse * max(_ENOUGH - present, 0) // _ENOUGH
    there = found.address >= rules.address and not vetoes
    if there and score >= needed:
        verdict = SAME
    elif not vetoes and score >= needed - rules.same + rules.near and found.address >= rules.address // 2:
        verdict = NEAR
    else:
        verdict = DIFFERENT
    if not by and verdict == SAME:
        by = "name"
    return Likeness(
        score,
        needed,
        verdict,
        bool(by),
        by,
        there,
        found.address,
        verdict == SAME and found.exact and _unasked(a, b, by, relation),
        tuple(vetoes),
        tuple(reasons),
    )


_LATIN = ("latin", "single", "")


def _by(a: Card, b: Card, vetoes: list[str]) -> str:
    """The most trusted evidence both share; "" when there is none, or a more trusted one contradicts it."""
    if a.identity and b.identity:
        if a.identity == b.identity:
            return "identity"
        vetoes.append("identity")
        return ""
    if a.account and a.account == b.account:
        return "account"
    if a.device and a.device == b.device:
        return "device"
    if a.phone and a.phone == b.phone and not a.extension and not b.extension:
        return "phone"
    if a.email and a.email == b.email:
        return "email"
    return "openid" if a.openid and a.openid == b.openid else ""


def _unasked(a: Card, b: Card, by: str, relation: str) -> bool:
    """Whether the evidence is enough without a person: DOMAIN.md, "Identity and merge candidates"."""
    if by in ("account", "identity"):
        return True
    return by == "phone" and a.phone[0] == "+" and relation == names.EQUAL


def _phone(a: Card, b: Card) -> str:
    """How two phones go together, "" where one has none. A virtual number is another each time."""
    if not (a.phone or a.phone_shown) or not (b.phone or b.phone_shown):
        return ""
    if a.extension or b.extension:
        return "equal" if a.phone == b.phone and a.extension == b.extension else "virtual"
    if a.phone and b.phone:
        if a.phone == b.phone:
            return "equal"
        return "nearly equal" if distance.OSA.distance(a.phone, b.phone) == 1 else "another"
    x = a.phone_shown or a.phone.removeprefix("+86")
    y = b.phone_shown or b.phone.removeprefix("+86")
    fits = len(x) == len(y) and all(p == q or p == "*" or q == "*" for p, q in zip(x, y, strict=True))
    return "fits the mask" if fits else "another"
