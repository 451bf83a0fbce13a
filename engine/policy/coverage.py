"""Rules of which the first that matches holds: which of them can never match, and what none of them takes.

Each rule has a set of values per axis (empty: all). Values no rule names behave alike, so one of them stands
for the rest; every combination of what remains is tried."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

Rule = tuple[frozenset[str], ...]

COMBINATIONS_MAX = 200_000
"""Combinations tried at most; beyond, rules are compared in pairs only."""


def first_matches(
    rules: Sequence[Rule], axes: Sequence[Sequence[str]]
) -> tuple[set[int], tuple[str, ...] | None]:
    """(indices of the rules that are the first match of something, a combination no rule takes or None).

    `axes` are all values there are, per axis.
    """
    axes = [_representatives(values, [rule[n] for rule in rules]) for n, values in enumerate(axes)]
    if prod(len(values) for values in axes) * max(1, len(rules)) > COMBINATIONS_MAX:
        matched = {i for i, rule in enumerate(rules) if shadow_of(rules, i) is None}
        return matched, None
    matched = set()
    missed = None
    for combination in product(*axes):
        for i, rule in enumerate(rules):
            if all(not wanted or value in wanted for wanted, value in zip(rule, combination, strict=True)):
                matched.add(i)
                break
        else:
            missed = missed or combination
    return matched, missed


def shadow_of(rules: Sequence[Rule], index: int) -> int | None:
    """The first earlier rule that alone takes all this one would."""
    rule = rules[index]
    for earlier in range(index):
        if all(
            not wider or (narrower and narrower <= wider)
            for wider, narrower in zip(rules[earlier], rule, strict=True)
        ):
            return earlier
    return None


def _representatives(values: Sequence[str], wanted: Sequence[frozenset[str]]) -> list[str]:
    """The values some rule names, and one of those none does."""
    named = frozenset().union(*wanted) if wanted else frozenset()
    found = [value for value in values if value in named]
    rest = next((value for value in values if value not in named), None)
    return found if rest is None else [*found, rest]
