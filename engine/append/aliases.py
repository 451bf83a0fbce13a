"""Which orders a number means, as far as append remembers; the table `aliases` is the truth."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from schemas.registry import TYPES

_LIMIT = 100_000


def alias_subject(number: str) -> str:
    """`waybill:SF123` → the stream in which its events wait."""
    return f"alias/{number}"


_NAMING = {name: spec.aliases for name, spec in TYPES.items() if spec.aliases}


def named(type_: str, data: Any) -> Sequence[str]:
    """The numbers an event's data names, as `kind:value`."""
    fields = _NAMING.get(type_)
    if fields is None:
        return ()
    return [f"{kind}:{value}" for field, kind in fields if (value := getattr(data, field))]


class Aliases:
    """number (`kind:value`) → the orders bound to it, () for none. Ask `load` for those not in here first."""

    def __init__(self) -> None:
        self._orders: dict[str, tuple[str, ...]] = {}

    def load(self, cursor: sqlite3.Cursor, numbers: Sequence[str]) -> None:
        for number in numbers:
            self._orders[number] = ()
        for start in range(0, len(numbers), 500):
            part = numbers[start : start + 500]
            marks = ",".join("?" * len(part))
            for number, subject in cursor.execute(
                f"SELECT alias, subject FROM aliases WHERE alias IN ({marks}) ORDER BY alias, subject", part
            ):
                self._orders[number] += (subject,)

    def bind(self, number: str, subject: str) -> None:
        self._orders[number] = tuple(sorted((*self[number], subject)))

    def trim(self) -> None:
        if len(self._orders) > _LIMIT:
            for number in list(self._orders)[: len(self._orders) // 2]:
                del self._orders[number]

    def clear(self) -> None:
        self._orders.clear()

    def get(self, number: str) -> tuple[str, ...] | None:
        """The orders, or None where nobody has looked yet."""
        return self._orders.get(number)

    def __contains__(self, number: str) -> bool:
        return number in self._orders

    def __getitem__(self, number: str) -> tuple[str, ...]:
        return self._orders.get(number, ())
