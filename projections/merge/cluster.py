"""Groups of cards, joined one at a time and guarded: plain closure over good pairs explodes.

A card joins the group it likes best, if its mean score against up to SAMPLE of its members passes. Two groups it
would both join become one only if their members pass against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

SAMPLE = 10
"""Members of a group that are asked: the first and the latest, enough to tell, few enough to bear."""

Score = Callable[[int, int], int]
"""The score of two cards by their numbers, 0 for what a veto keeps apart."""


class Clusters:
    """Cards by number, each in one group. `level` is the mean score needed to join."""

    def __init__(self, level: int, score: Score) -> None:
        self._level = level
        self._score = score
        self._group: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}

    def add(self, card: int, alike: Iterable[int]) -> None:
        """Put a card where it belongs; `alike` are the known cards taken for the same as it."""
        group_of, members = self._group, self._members
        liked = sorted(
            ((self._mean([card], members[group]), -group) for group in {group_of[other] for other in alike}),
            reverse=True,
        )
        passed = [-group for mean, group in liked if mean >= self._level]
        if not passed:
            group_of[card] = card
            members[card] = [card]
            return
        home = passed[0]
        for other in passed[1:]:
            if self._mean(members[home], members[other]) >= self._level:
                for one in members[other]:
                    group_of[one] = home
                members[home] += members.pop(other)
        group_of[card] = home
        members[home].append(card)

    def groups(self) -> list[list[int]]:
        """All groups, in order of their first member."""
        return sorted(sorted(group) for group in self._members.values())

    def _mean(self, cards: list[int], others: list[int]) -> int:
        ours, theirs = _sampled(cards), _sampled(others)
        return sum(self._score(one, other) for one in ours for other in theirs) // (len(ours) * len(theirs))


def _sampled(cards: list[int]) -> list[int]:
    return cards if len(cards) <= SAMPLE else cards[: SAMPLE // 2] + cards[-SAMPLE // 2 :]
