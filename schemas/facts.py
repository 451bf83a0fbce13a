"""Facts: what stage 1 tells stage 2, beside the events a fold passes on as they are.

A fact is written in the view transaction of the step that made it and taken by stage 2 in canonical order (DESIGN.md,
"Fold"). Its data is one of the structs here or, under an event's own type, the event's data.
"""

from __future__ import annotations

import msgspec

from schemas.derived import Derived
from schemas.registry import TYPES


class Fact(msgspec.Struct, gc=False, array_like=True, frozen=True):
    """One fact, in the order of its first four fields. `key` names what it speaks of, e.g. `channel/jd`."""

    streamtime: int
    subject: str
    streamversion: int
    n: int
    type: str
    key: str
    data: msgspec.Raw

    @property
    def place(self) -> tuple[int, str, int, int]:
        """Where it stands in canonical order."""
        return self.streamtime, self.subject, self.streamversion, self.n


class MinuteSummed(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one partition counted under the fact's key in the minute that begins at `minute` (µs)."""

    minute: int
    cells: dict[str, int]


class Tallied(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An event that the diagnosis `rule` counts was told of the order the fact is about, now `count` times."""

    rule: str
    count: int


class MergeOffered(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An order that may travel with others. `lines` are (sku, quantity) of what is not cancelled, sorted; `identity`
    are (rank of trust, kind, value), the most trusted first; `keys` the blocking keys. `first` time, or again, because it
    is free once more or something of it changed."""

    placed: int
    channel: str
    currency: str
    lines: tuple[tuple[str, int], ...]
    categories: tuple[str, ...]
    derived: Derived
    identity: tuple[tuple[int, str, str], ...]
    keys: tuple[str, ...]
    first: bool


class MergeLeft(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An order that may no longer travel with others. `reason` is one of `projections.merge.offer.REASONS`, `detail` what
    people read of it; `waybills` are its parcels'."""

    reason: str
    detail: str
    waybills: tuple[str, ...] = ()


FACTS: dict[str, type[msgspec.Struct]] = {
    "merge.offered": MergeOffered,
    "merge.left": MergeLeft,
    "minute.summed": MinuteSummed,
    "diagnosis.tallied": Tallied,
}
"""The facts that are no events, by type."""


def data_type(type_: str) -> type[msgspec.Struct]:
    """The struct of a fact's data. KeyError for a type nobody emits."""
    return FACTS[type_] if type_ in FACTS else TYPES[type_].data
