"""Policies by hash, as the store keeps them: the text, and what it compiled to when it was published.

The compiled form is kept because folds must answer the same for ever, while calendars depend on time-zone tables that change.
"""

from __future__ import annotations

import sqlite3

import msgspec

from engine.errors import NotFound
from engine.store.database import Store
from projections.policy import Policy

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Policy)


class PolicyBook:
    """`get(hash)` → the compiled policy; hashes are 32 raw bytes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._policies: dict[bytes, Policy] = {}

    def get(self, hash_: bytes) -> Policy:
        """NotFound when the store does not hold the text."""
        policy = self._policies.get(hash_)
        if policy is None:
            with self._store.read() as cursor:
                row = cursor.execute("SELECT compiled FROM policies WHERE hash=?", (hash_,)).fetchone()
            if row is None:
                raise NotFound(
                    f"The store has no policy {hash_.hex()[:12]}.",
                    "`orderfold policy list` names those it has.",
                )
            policy = self._policies[hash_] = _decoder.decode(row[0])
        return policy

    def text(self, hash_: bytes) -> bytes:
        """The published text, byte for byte."""
        with self._store.read() as cursor:
            row = cursor.execute("SELECT text FROM policies WHERE hash=?", (hash_,)).fetchone()
        if row is None:
            raise NotFound(
                f"The store has no policy {hash_.hex()[:12]}.", "`orderfold policy list` names those it has."
            )
        return bytes(row[0])

    def known(self) -> list[tuple[bytes, int]]:
        """(hash, when first kept), oldest first."""
        with self._store.read() as cursor:
            return [
                (row[0], row[1]) for row in cursor.execute("SELECT hash, at FROM policies ORDER BY at, hash")
            ]

    @staticmethod
    def keep(cursor: sqlite3.Cursor, text: bytes, policy: Policy, at: int) -> None:
        """Keep a text and its compiled form under its hash; a hash kept before keeps its first form."""
        cursor.execute(
            "INSERT OR IGNORE INTO policies VALUES (?,?,?,?)",
            (bytes.fromhex(policy.hash), text, _encode(policy), at),
        )
