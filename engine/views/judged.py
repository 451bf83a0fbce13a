"""The states of stage 2 as they are stored, typed by the folds that keep them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from projections.stages import STAGE_TWO

_DECODERS = {
    fold.name: {kind: msgspec.msgpack.Decoder(type_) for kind, type_ in fold.kinds.items()}
    for fold in STAGE_TWO
}


class Judged:
    """Reads (key, state) of a fold through `cursor`."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    @property
    def upto(self) -> int:
        """The stream time (µs) up to which stage 2 has judged."""
        row = self._cursor.execute("SELECT upto FROM judging").fetchone()
        return int(row[0]) if row else 0

    def one(self, fold: str, key: str) -> Any:
        """The state under a key, None where there is none."""
        row = self._cursor.execute("SELECT body FROM judged WHERE fold=? AND key=?", (fold, key)).fetchone()
        return _decode(fold, key, row[0]) if row else None

    def under(self, fold: str, prefix: str) -> Iterator[tuple[str, Any]]:
        """All keys that begin with `prefix`, sorted."""
        yield from self._read(
            "WHERE fold=? AND key >= ? AND key < ? ORDER BY key", (fold, prefix, prefix + "\U0010ffff")
        )

    def labelled(self, fold: str, label: str, limit: int = -1) -> Iterator[tuple[str, Any]]:
        """The keys that lists show under `label`, sorted; all of them with a limit below 0."""
        yield from self._read("WHERE fold=? AND label=? ORDER BY key LIMIT ?", (fold, label, limit))

    def counts(self, fold: str) -> dict[str, int]:
        """How many keys each label has."""
        return {
            row[0]: row[1]
            for row in self._cursor.execute(
                "SELECT label, count(*) FROM judged WHERE fold=? AND label <> '' GROUP BY label ORDER BY label",
                (fold,),
            )
        }

    def _read(self, where: str, values: tuple[object, ...]) -> Iterator[tuple[str, Any]]:
        rows = self._cursor.execute(f"SELECT fold, key, body FROM judged {where}", values).fetchall()
        for fold, key, body in rows:
            yield key, _decode(fold, key, body)


def _decode(fold: str, key: str, body: bytes) -> Any:
    return _DECODERS[fold][key.partition("/")[0]].decode(body)
