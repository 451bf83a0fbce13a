"""What append remembers of recent streams: version, hash and the ids they hold.

A head is a cache: a miss is rebuilt from the stream itself. Ids are kept as pairs of 64-bit hashes of (source, id) and
of the data bytes, 16 bytes an event; Python's own string hash serves, since heads never leave the process.
"""

from __future__ import annotations

import struct

import msgspec

from engine.store.record import GENESIS, Record

_PAIR = struct.Struct("<qq")
HEAD_BYTES = 320
"""Measured size of a head without its ids."""

NEW, SAME, OTHER = 0, 1, 2


class Head(msgspec.Struct, gc=False):
    """`number` in the partition's directory; `version` and `hash` of the last record; `ids` as packed pairs."""

    partition: int
    number: int
    version: int = 0
    hash: bytes = GENESIS
    ids: bytes = b""

    def holds(self, identity: int, content: int) -> int:
        """NEW; SAME id with the same bytes; OTHER: same id, other bytes (parse both before judging)."""
        ids = self.ids
        at = ids.find(identity.to_bytes(8, "little", signed=True))
        while at >= 0:
            if at & 15 == 0:
                return SAME if _PAIR.unpack_from(ids, at)[1] == content else OTHER
            at = ids.find(identity.to_bytes(8, "little", signed=True), at + 1)
        return NEW

    def add(self, identity: int, content: int) -> None:
        self.ids += _PAIR.pack(identity, content)


def rebuilt(partition: int, number: int, records: list[Record]) -> Head:
    """A head out of its stream's records, in order of version."""
    head = Head(partition, number)
    for record in records:
        head.version = record.event.streamversion
        head.hash = record.hash
        head.add(hash((record.event.source, record.event.id)), hash(record.data))
    return head


class Heads:
    """Recent heads by subject, bounded in bytes; the least recently used go first."""

    def __init__(self, limit_bytes: int = 64 * 2**20) -> None:
        self._heads: dict[str, Head] = {}
        self._limit_bytes = limit_bytes

    def get(self, subject: str) -> Head | None:
        head = self._heads.pop(subject, None)
        if head is not None:
            self._heads[subject] = head
        return head

    def peek(self, subject: str) -> Head | None:
        """The same without counting as a use: `_prefetch` has just asked."""
        return self._heads.get(subject)

    def put(self, subject: str, head: Head) -> None:
        self._heads[subject] = head

    def trim(self) -> None:
        """Drop the oldest until the bound holds; called between batches, never within one."""
        size = (
            sum(HEAD_BYTES + len(head.ids) for head in self._heads.values())
            if len(self) * 400 > self._limit_bytes
            else 0
        )
        for subject in list(self._heads) if size > self._limit_bytes else ():
            if size <= self._limit_bytes * 3 // 4:
                break
            size -= HEAD_BYTES + len(self._heads.pop(subject).ids)

    def clear(self) -> None:
        self._heads.clear()

    def __contains__(self, subject: str) -> bool:
        return subject in self._heads

    def __len__(self) -> int:
        return len(self._heads)
