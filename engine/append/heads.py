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

ID_BYTES = _PAIR.size

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
        wanted = identity.to_bytes(8, "little", signed=True)
        at = ids.find(wanted)
        while at >= 0:
            if at & 15 == 0:
                return SAME if _PAIR.unpack_from(ids, at)[1] == content else OTHER
            at = ids.find(wanted, at + 1)
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
    """Recent heads by subject, bounded in bytes. There are two generations: what is used is in the young one; when that
    has half the bound, it becomes the old one, and what nobody has used since the last time is forgotten."""

    def __init__(self, limit_bytes: int = 64 * 2**20) -> None:
        self._young: dict[str, Head] = {}
        self._old: dict[str, Head] = {}
        self._bytes = 0
        self._half = limit_bytes // 2

    def get(self, subject: str) -> Head | None:
        """The head of a stream; None where it is not in here, which says nothing of the store."""
        head = self._young.get(subject)
        if head is None and self._old and (head := self._old.pop(subject, None)) is not None:
            self.put(subject, head)
        return head

    def put(self, subject: str, head: Head) -> None:
        self._young[subject] = head
        self._bytes += HEAD_BYTES + len(head.ids)

    def trim(self, added: int) -> None:
        """Keep to the bound, `added` ids later; called between batches, never within one."""
        self._bytes += ID_BYTES * added
        if self._bytes > self._half:
            self._old, self._young = self._young, {}
            self._bytes = 0

    def clear(self) -> None:
        self._young.clear()
        self._old.clear()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)
