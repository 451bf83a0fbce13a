"""What comparing two cards says: a score, what was needed, and why."""

from __future__ import annotations

import msgspec

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


class Weighed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Name and address of two cards, weighed: `points` for (or against), `present` the share of what could have been
    compared that was (per mille), `address` 0–1000, `exact` whether nothing of the door is left open."""

    points: int
    present: int
    address: int
    exact: bool


def words_of(score: int) -> str:
    """A score of two texts in words."""
    if score >= 1000:
        return "equal"
    if score >= 950:
        return "sounds alike"
    if score >= 750:
        return "nearly equal"
    return "similar" if score >= 400 else "another"
