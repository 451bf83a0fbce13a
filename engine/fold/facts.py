"""Facts on their way from stage 1 to stage 2, and the minute each partition is counting.

A fact belongs to the view transaction of the step that made it. Those that stage 2 takes in the same transaction never
touch the disk; the others wait in the table `facts` until the lowest folded watermark has passed them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from heapq import merge
from operator import attrgetter

import msgspec

from engine.errors import StoreError
from engine.store.database import Store
from projections.kernel import Context
from schemas.facts import Fact, MinuteSummed

MINUTE = 60_000_000

EVENT, WAKE, RETARGET = 0, 10_000, 20_000
"""Where the facts of a step begin to count: an event comes before a timer due at its very stream time, that before a
publication's re-target."""

_PAGE = 5_000

_pack = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, str, msgspec.Raw]).decode
_decode_sums = msgspec.msgpack.Decoder(tuple[int, dict[str, dict[str, int]]]).decode


class Minute:
    """What one partition has counted in its present minute. Its clock never falls, so there is only ever one."""

    __slots__ = ("end", "sums")

    def __init__(self) -> None:
        self.end = 0
        self.sums: dict[str, dict[str, int]] = {}

    def pack(self) -> bytes:
        return _pack((self.end, self.sums))

    def unpack(self, blob: bytes) -> None:
        self.end, self.sums = _decode_sums(blob)


class Facts:
    """The facts of all partitions that stage 2 has not yet taken."""

    def __init__(self, views: Store, partitions: int) -> None:
        self._views = views
        self._new: list[Fact] = []
        self._waiting: list[Fact] = []
        self.minutes = [Minute() for _ in range(partitions)]
        self.written_to = [0] * partitions
        """The watermark each partition had in its last view transaction: no fact may come at or before it."""
        self._oldest = 0
        """The earliest fact in the table, 0 for none."""
        self._earliest = 0
        """The earliest fact not in the table, 0 for none."""

    def load(self, cursor: sqlite3.Cursor) -> None:
        """Which facts wait in the table; the minutes are read with the partitions' own rows."""
        self._oldest = cursor.execute("SELECT coalesce(min(streamtime), 0) FROM facts").fetchone()[0]

    def oldest(self) -> int:
        """The earliest instant a fact or an open minute waits to be passed, 0 for none."""
        instants = [minute.end for minute in self.minutes if minute.end]
        instants += [instant for instant in (self._oldest, self._earliest) if instant]
        return min(instants, default=0)

    def take(self, partition: int, subject: str, version: int, now: int, base: int, ctx: Context) -> None:
        """What the step at `now` told and counted; the context is empty again afterwards."""
        if ctx.facts:
            if now <= self.written_to[partition]:
                raise StoreError(
                    f"Partition {partition} is stopped: {subject} told a fact at {now}, at or before the watermark "
                    f"{self.written_to[partition]} it is folded to.",
                    "This is a bug of the engine. `orderfold projection rebuild` makes the views anew.",
                )
            for n, (type_, key, data) in enumerate(ctx.facts, base):
                self.tell(Fact(now, subject, version, n, type_, key, msgspec.Raw(_pack(data))))
            ctx.facts.clear()
        if ctx.counts:
            minute = self.minutes[partition]
            if now >= minute.end:
                self.close(partition)
                minute.end = now - now % MINUTE + MINUTE
            sums = minute.sums
            for key, cell, n in ctx.counts:
                cells = sums.get(key)
                if cells is None:
                    sums[key] = {cell: n}
                else:
                    cells[cell] = cells.get(cell, 0) + n
            ctx.counts.clear()

    def tell(self, fact: Fact) -> None:
        """A fact in the order of its partition's steps."""
        self._new.append(fact)
        if not 0 < self._earliest <= fact.streamtime:
            self._earliest = fact.streamtime

    def reached(self, partition: int, instant: int) -> None:
        """Nothing more comes at or before `instant`: a minute that has ended by then is told."""
        minute = self.minutes[partition]
        if minute.end and minute.end <= instant:
            self.close(partition)

    def close(self, partition: int) -> None:
        """The partition's clock has passed its minute: its sums become facts, one a key."""
        minute = self.minutes[partition]
        end, sums = minute.end, minute.sums
        for key in sums:
            cells = dict(sorted(sums[key].items()))
            summed = msgspec.Raw(_pack(MinuteSummed(end - MINUTE, cells)))
            self.tell(Fact(end, f"~{key}", partition, 0, "minute.summed", key, summed))
        minute.end, minute.sums = 0, {}

    def ready(self, upto: int) -> Iterator[Fact]:
        """All facts with stream time ≤ `upto`, in canonical order; `write` then forgets them."""
        self._new.sort(key=attrgetter("place"))
        ready = [fact for fact in self._new if fact.streamtime <= upto]
        self._waiting = self._new[len(ready) :]
        if not 0 < self._oldest <= upto:
            return iter(ready)
        return merge(ready, self._stored(upto), key=attrgetter("place"))

    def _stored(self, upto: int) -> Iterator[Fact]:
        after: tuple[int, str, int, int] = (0, "", 0, 0)
        while True:
            with self._views.read() as cursor:
                page = cursor.execute(
                    "SELECT streamtime, subject, streamversion, n, body FROM facts "
                    "WHERE (streamtime, subject, streamversion, n) > (?,?,?,?) AND streamtime <= ? "
                    "ORDER BY streamtime, subject, streamversion, n LIMIT ?",
                    (*after, upto, _PAGE),
                ).fetchall()
            for row in page:
                type_, key, data = _decode(row[4])
                yield Fact(row[0], row[1], row[2], row[3], type_, key, data.copy())
            if len(page) < _PAGE:
                return
            after = tuple(page[-1])[:4]

    def write(self, cursor: sqlite3.Cursor, taken: int) -> None:
        """Inside the view transaction: keep what waits, forget what stage 2 has taken (up to stream time `taken`)."""
        if 0 < self._oldest <= taken:
            cursor.execute("DELETE FROM facts WHERE streamtime <= ?", (taken,))
        cursor.executemany(
            "INSERT INTO facts (streamtime, subject, streamversion, n, body) VALUES (?,?,?,?,?)",
            [
                (f.streamtime, f.subject, f.streamversion, f.n, _pack((f.type, f.key, f.data)))
                for f in self._waiting
            ],
        )
        self._new, self._waiting, self._earliest = [], [], 0
        self.load(cursor)
