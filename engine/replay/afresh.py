"""A fresh fold of a store's log into a scratch store, as far as its views stand: what rebuild and verify share."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from engine.fold.host import Host
from engine.fold.judge import Ruling
from engine.fold.receipts import Receipts
from engine.fold.step import Decided
from engine.policy.book import PolicyBook
from engine.store.database import Store
from engine.store.record import decode, partition_of
from schemas.envelope import Event

Progress = Callable[[int, int], None]
"""(records folded, records in all)."""

Seen = Callable[[int, str, Decided | Ruling], None]
"""(partition, subject, decision)."""

BATCH = 2_000


class Mark(msgspec.Struct, frozen=True):
    """How far a partition's views stand."""

    position: int
    watermark: int


class Collected(Receipts):
    """Receipts that are looked at and not written."""

    def __init__(self, store: Store, seen: Seen) -> None:
        super().__init__(store, store.ownership())
        self._seen = seen

    def add(self, partition: int, id_: int, subject: str, decided: Sequence[Decided]) -> None:
        for one in decided:
            self._seen(partition, subject, one)

    def judged(self, ruling: Ruling) -> None:
        subject = ruling.decision.subject
        self._seen(partition_of(subject, len(self._owned)), subject, ruling)

    def write(self, cursor: sqlite3.Cursor) -> None:
        pass


def marks(cursor: sqlite3.Cursor) -> list[Mark]:
    """How far each partition's views stand."""
    return [Mark(*row) for row in cursor.execute("SELECT position, watermark FROM folded ORDER BY partition")]


@contextmanager
def scratch_store(store: Store) -> Iterator[Store]:
    """An empty store beside the real one, gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="scratch-", dir=store.directory))
    scratch = Store.create(str(directory), store.partitions)
    try:
        yield scratch
    finally:
        scratch.close()
        shutil.rmtree(directory, ignore_errors=True)


def fold_afresh(
    store: Store,
    scratch: Store,
    upto: Sequence[Mark],
    decided: Seen,
    record: Callable[[int, int, str, bytes], None],
    progress: Progress,
) -> Host:
    """Fold every partition from its beginning to its mark, showing each record (partition, position, originator id, bytes)
    and each decision (partition, subject, decision) on the way; rows and the states of stage 2 end up in `scratch`."""
    host = Host(store, PolicyBook(store), store.ownership(), Collected(store, decided), views=scratch)
    total = sum(mark.position for mark in upto)
    done = 0
    for partition, mark in enumerate(upto):
        after = 0
        while after < mark.position:
            records = store.log(partition, after, min(BATCH, mark.position - after))
            if not records:
                break
            events: list[Event] = []
            for position, key, state in records:
                record(partition, position, key, state)
                if not key.endswith("!"):
                    events.append(decode(key, state).event)
            host.fold(partition, events)
            after = records[-1][0]
            done += len(records)
            if host.pending >= 20_000:
                host.flush()
            progress(done, total)
        host.adopt_in(partition, mark.watermark)
    host.flush()
    return host
