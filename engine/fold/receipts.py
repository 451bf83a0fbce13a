"""Receipts: decisions as they are kept, in the companion stream `<subject>!` of what they speak of.

They change no state and move no clock: stamped max(previous, watermark + 1 µs), with versions and a hash chain of their own.
Delivery, audit and verify read them. The embedded tier writes them in the view transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from engine.append.heads import Head, rebuilt
from engine.fold.intents import INSERT, Intent, intents_of
from engine.fold.judge import Ruling
from engine.fold.step import Decided
from engine.policy.book import PolicyBook
from engine.store.database import Ownership, Store
from engine.store.record import companion, decode, encode, partition_of
from engine.store.recorder import Inserted
from schemas.envelope import Event

_MASK = (1 << 40) - 1
_encode = msgspec.json.Encoder().encode


class Pending(msgspec.Struct, gc=False):
    """Decisions of one step, waiting for the view transaction. `number` is the stream's."""

    number: int
    subject: str
    decided: Sequence[Decided | Ruling]


class Receipts:
    """Collects what is decided and writes it; `count` is what this process has written so far."""

    def __init__(self, store: Store, owned: list[Ownership], clock: int = 0, suppressed: str = "") -> None:
        self._store = store
        self._book = PolicyBook(store)
        self._owned = owned
        self._pending: list[list[Pending]] = [[] for _ in owned]
        self.suppressed = suppressed
        """Why notices are not to be sent, "" when they are: `history` for what happened long ago."""
        self.recordedtime = clock
        self.count = 0

    def add(self, partition: int, id_: int, subject: str, decided: Sequence[Decided]) -> None:
        self._pending[partition].append(Pending(id_ & _MASK, subject, decided))

    def judged(self, ruling: Ruling) -> None:
        """A decision of stage 2. Its subject need have no stream of its own."""
        subject = ruling.decision.subject
        self._pending[partition_of(subject, len(self._owned))].append(Pending(0, subject, (ruling,)))

    def write(self, cursor: sqlite3.Cursor) -> None:
        """Append all pending receipts and list who is to be told, inside the caller's transaction."""
        for partition, pending in enumerate(self._pending):
            if pending:
                self._write_partition(cursor, self._owned[partition], pending)

    def written(self) -> None:
        """The transaction stands: nothing is pending any more."""
        self.count += sum(len(p.decided) for pending in self._pending for p in pending)
        self._pending = [[] for _ in self._owned]

    def _write_partition(self, cursor: sqlite3.Cursor, own: Ownership, pending: list[Pending]) -> None:
        heads = self._heads(cursor, own.partition, pending)
        before = own.position
        rows: list[Inserted] = []
        intents: list[Intent] = []
        policy = self._book.get(own.policy)
        stream_time = max(own.streamtime, own.watermark + 1)
        for item in pending:
            key = companion(item.number, item.subject)
            head = heads.setdefault(key, Head(own.partition, item.number))
            for one in item.decided:
                source = f"/orderfold/{one.decision.fold}"
                identity = hash((source, one.id))
                data = _encode(one.decision.data)
                if head.holds(identity, hash(data)):
                    continue  # the first body stays; another under the same id is verify's to find
                own.position += 1
                head.version += 1
                event = Event(
                    one.decision.type,
                    item.subject + "!",
                    one.id,
                    source,
                    one.time,
                    None,
                    "",
                    stream_time,
                    stream_time,
                    head.version,
                    item.number,
                    authtype="system",
                    causationid=_cause(item.subject, one.decision.cause),
                    correlationid=one.decision.key,
                )
                record, head.hash = encode(event, data, own.policy, head.hash, self.recordedtime)
                own.hash = head.hash
                head.add(identity, hash(data))
                rows.append((own.position, key, head.version, one.decision.type, record))
                intents += intents_of(one, item.subject, own.partition, own.position, policy, self.suppressed)
        self._store.move(cursor, own, own.offset, before)
        self._store.insert(cursor, own.partition, rows)
        cursor.executemany(INSERT, intents)

    def _heads(self, cursor: sqlite3.Cursor, partition: int, pending: list[Pending]) -> dict[str, Head]:
        keys = sorted({companion(item.number, item.subject) for item in pending})
        found: dict[str, list[bytes]] = {}
        for key, state in self._store.recorders[partition].streams(cursor, keys):
            found.setdefault(key, []).append(state)
        return {
            key: rebuilt(partition, int(key[:12]), [decode(key, state) for state in states])
            for key, states in found.items()
        }


def _cause(subject: str, cause: int | str) -> str:
    """What caused a decision: an input of its own stream, or what stage 2 names itself."""
    return cause if isinstance(cause, str) else f"{subject}@{cause}"
