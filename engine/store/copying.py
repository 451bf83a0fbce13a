"""`store copy`: all that came in, into a new store, in the order of the log and with the stamps it has.

The new store may have another number of partitions, and `derived` filled where an earlier release derived nothing. Receipts
are not copied but follow again from folding, so that what is filled in is judged too; what only this log knows (commands
refused) comes along, and so do dead letters, numbers of orders, policies, settings, and what became of notices. Nothing
is sent again.

A record's hash covers its stream alone, so a stream nothing was filled in has the same hashes as before; the heads
of the old partitions are kept in the setting `copied_from`.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from heapq import merge
from pathlib import Path

import msgspec

from engine.errors import Refused, StoreError, StoreFull
from engine.fold.host import Host
from engine.fold.receipts import Receipts
from engine.policy.book import PolicyBook
from engine.store.database import Ownership, Store, store_directory
from engine.store.record import (
    GENESIS,
    companion,
    decode,
    encode,
    originator,
    partition_of,
    split_originator,
)
from engine.store.recorder import Inserted
from schemas.derived import Derived
from schemas.envelope import Event, rfc3339

Fill = Callable[[Event], Derived | None]
"""What to derive of an event that has nothing derived; None for nothing."""

Progress = Callable[[str, int, int], None]
"""(`copy` or `fold`, records done, records in all)."""

BATCH = 2_000
COMMIT = 20_000
FLUSH = 20_000

_MADE_ANEW = frozenset(
    (
        "store",
        "partitions",
        "streams",
        "intents",
        "tracking",
        "rows",
        "folded",
        "facts",
        "judged",
        "judge_faults",
        "judging",
    )
)
"""Tables that are not copied row by row, beside the logs."""

_NOT_SETTINGS = frozenset(("format", "partitions", "views"))


class Copied(msgspec.Struct):
    """What was copied. `derived` counts the events that had nothing derived and have now."""

    partitions: int
    records: int = 0
    streams: int = 0
    derived: int = 0


_Line = tuple[int, bool, int, int, str, str, bytes]
"""(stream time, no publication, partition, position, originator id, type, record): the order of the whole log."""


def copy_store(
    source: Store,
    target: str,
    partitions: int,
    fill: Fill | None,
    now: int,
    reason: str,
    progress: Progress,
) -> Copied:
    """Copy `source` into a new store at the URL `target`, with so many partitions (0: as many as it has). `now` (µs) is
    when its receipts are recorded.

    What a writer adds meanwhile is not in the copy. Refused where there is something at the target already. StoreFull where
    it cannot be written: nothing is left then."""
    directory = store_directory(target).absolute()
    if directory.exists():
        raise Refused(
            f"There is something at {directory} already.", "Name a place where there is nothing yet."
        )
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    except OSError as error:
        raise StoreFull(f"{directory} cannot be made: {error.strerror}.", "Choose another place.") from error
    try:
        fresh = Store.create(str(making), partitions or source.partitions)
        try:
            with source.read() as log:
                copying = _Copying(source, fresh, log, fill, reason)
                copied = copying.run(progress)
            _fold(fresh, copying.owned, now, progress)
            with source.read() as log, fresh.write() as cursor:
                _keep_intents(log, cursor)
        finally:
            fresh.close()
        making.chmod(0o755)
        os.rename(making, directory)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return copied


class _Copying:
    """The log, the directory and the tables beside them."""

    def __init__(
        self, source: Store, fresh: Store, log: sqlite3.Cursor, fill: Fill | None, reason: str
    ) -> None:
        self._source = source
        self._fresh = fresh
        self._log = log
        self._fill = fill
        self._reason = reason
        self.owned = fresh.take_partitions()
        columns = ", ".join(Ownership.__struct_fields__)
        rows = log.execute(f"SELECT {columns} FROM partitions ORDER BY partition")
        self._old = [Ownership(*row) for row in rows.fetchall()]
        self._before = [(own.offset, own.position) for own in self.owned]
        self._streams: dict[str, tuple[int, int]] = {}
        self._heads: dict[str, bytes] = {}
        self._receipts: dict[str, int] = {}
        self._rows: list[list[Inserted]] = [[] for _ in self.owned]
        self._new: list[tuple[str, int, int]] = []
        self._pending = 0
        self._copied = Copied(len(self.owned))

    def run(self, progress: Progress) -> Copied:
        with self._fresh.write() as cursor:
            self._tables(cursor)
            self._settings(cursor)
        total = sum(own.position for own in self._old)
        lines = merge(*(self._lines(own.partition) for own in self._old))
        for done, (_, _, _, _, key, type_, record) in enumerate(lines, 1):
            self._take(key, type_, record)
            if self._pending >= COMMIT:
                self._commit()
                progress("copy", done, total)
        self.owned[0].duplicates += sum(own.duplicates for own in self._old)
        watermark = max(own.watermark for own in self._old)
        for own in self.owned:
            own.watermark = watermark
        self._commit()
        return self._copied

    def _lines(self, partition: int) -> Iterator[_Line]:
        """What is copied of one partition's log: inputs, and receipts that follow from nothing else. Publications
        stand in every partition alike; those of the first one are copied."""
        recorder, after = self._source.recorders[partition], 0
        while rows := recorder.read(self._log, after, BATCH):
            for position, key, type_, record in rows:
                if key.endswith("!"):
                    wanted = type_ == "command.refused.v1"
                else:
                    wanted = type_ != "policy.published.v1" or partition == 0
                if wanted:
                    time = int.from_bytes(record[10:18], "little")
                    yield time, type_ != "policy.published.v1", partition, position, key, type_, record
            after = rows[-1][0]

    def _take(self, key: str, type_: str, record: bytes) -> None:
        subject = split_originator(key)[1]
        if type_ == "policy.published.v1":
            for own in self.owned:
                own.policy = bytes.fromhex(decode(key, record).event.data.policy)
                self._write(own.partition, f"policy/{own.partition}", key, type_, record)
        elif subject.endswith("!"):
            if subject[:-1] not in self._streams:
                raise StoreError(
                    f"{subject} speaks of a stream that is not in the log.", "`orderfold doctor` says more."
                )
            partition, number = self._streams[subject[:-1]]
            # The receipts before it are not copied: its version is another.
            version = self._receipts[subject] = self._receipts.get(subject, 0) + 1
            record = record[:26] + version.to_bytes(4, "little") + record[30:]
            self._insert(partition, companion(number, subject[:-1]), type_, record)
        else:
            self._write(-1, subject, key, type_, record)

    def _write(self, partition: int, subject: str, key: str, type_: str, record: bytes) -> None:
        """An input of the log into its stream; `partition` -1 is the one its key asks for."""
        place = self._streams.get(subject)
        if place is None:
            if partition < 0:
                wanted = decode(key, record).event.partitionkey or subject
                partition = partition_of(wanted, len(self.owned))
            self.owned[partition].streams += 1
            place = self._streams[subject] = (partition, self.owned[partition].streams)
            self._new.append((subject, *place))
            self._copied.streams += 1
        own = self.owned[place[0]]
        own.offset += 1
        own.inputs += 1
        own.streamtime = max(own.streamtime, int.from_bytes(record[10:18], "little"))
        if self._fill is not None and type_ == "order.placed.v1":
            record = self._filled(key, record)
        self._insert(place[0], originator(place[1], subject), type_, record)

    def _filled(self, key: str, record: bytes) -> bytes:
        found = decode(key, record)
        if self._fill is None or found.event.derived is not None:
            return record
        derived = self._fill(found.event)
        if derived is None:
            return record
        self._copied.derived += 1
        event = msgspec.structs.replace(found.event, derived=derived)
        return encode(event, found.data, found.policy, GENESIS, found.recordedtime)[0]

    def _insert(self, partition: int, key: str, type_: str, record: bytes) -> None:
        """The record at the end of its partition, chained to the one before it in its stream."""
        own = self.owned[partition]
        body = record[:-32]
        digest = sha256(self._heads.get(key, GENESIS) + body).digest()
        self._heads[key] = own.hash = digest
        own.position += 1
        version = int.from_bytes(record[26:30], "little")
        self._rows[partition].append((own.position, key, version, type_, body + digest))
        self._pending += 1
        self._copied.records += 1

    def _commit(self) -> None:
        with self._fresh.write() as cursor:
            for own, (offset, position), rows in zip(self.owned, self._before, self._rows, strict=True):
                self._fresh.move(cursor, own, offset, position)
                self._fresh.insert(cursor, own.partition, rows)
            cursor.executemany("INSERT INTO streams (subject, partition, number) VALUES (?,?,?)", self._new)
        self._before = [(own.offset, own.position) for own in self.owned]
        self._rows = [[] for _ in self.owned]
        self._new = []
        self._pending = 0

    def _settings(self, cursor: sqlite3.Cursor) -> None:
        for key, value in self._log.execute("SELECT key, value FROM store").fetchall():
            if key not in _NOT_SETTINGS:
                Store.set_setting(cursor, key, value)
        heads = {
            "reason": self._reason,
            "directory": str(self._source.directory.absolute()),
            "stood_at": rfc3339(max(max(own.streamtime, own.watermark) for own in self._old)),
            "heads": [[own.partition, own.position, own.hash.hex()] for own in self._old],
        }
        Store.set_setting(cursor, "copied_from", msgspec.json.encode(heads).decode())

    def _tables(self, cursor: sqlite3.Cursor) -> None:
        """Every other table as it is, with the indexes it has."""
        found = self._log.execute(
            "SELECT name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC"
        ).fetchall()
        there = {row[0] for row in cursor.execute("SELECT name FROM sqlite_master")}
        for name, table, sql in found:
            if table in _MADE_ANEW or table.startswith(("events_", "sqlite_")):
                continue
            if name not in there:
                cursor.execute(sql)
            if name == table:
                self._rows_of(cursor, table)

    def _rows_of(self, cursor: sqlite3.Cursor, table: str) -> None:
        rows = self._log.execute(f"SELECT * FROM {table}")
        marks = ",".join("?" * len(rows.description))
        while part := rows.fetchmany(BATCH):
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", [tuple(row) for row in part])
        if table == "dead_letters":
            # Those that diverge are known by the partition that held the other one; started again, an import finds them.
            count = len(self.owned)
            for id_, origin, subject in cursor.execute(
                "SELECT id, origin, subject FROM dead_letters WHERE reason = 'divergent'"
            ).fetchall():
                tail = origin.partition(":")[2]
                cursor.execute(
                    "UPDATE OR IGNORE dead_letters SET origin=? WHERE id=?",
                    (f"{partition_of(subject, count)}:{tail}", id_),
                )


def _fold(fresh: Store, owned: list[Ownership], now: int, progress: Progress) -> None:
    """Make the views, and with them the receipts. Nobody is told of them: they were told before."""
    host = Host(fresh, PolicyBook(fresh), owned, Receipts(fresh, owned, now, suppressed="copied"))
    total = sum(own.position for own in owned)
    done = 0
    for own in owned:
        partition = host.partitions[own.partition]
        while records := fresh.log(own.partition, partition.position, BATCH):
            inputs = [decode(key, record).event for _, key, record in records if not key.endswith("!")]
            host.fold(own.partition, inputs)
            partition.position, partition.hash = records[-1][0], records[-1][2][-32:]
            done += len(records)
            if host.pending >= FLUSH:
                host.flush()
            progress("fold", min(done, total), total)
        host.adopt_in(own.partition, own.watermark)
    host.flush()


def _keep_intents(log: sqlite3.Cursor, cursor: sqlite3.Cursor) -> None:
    """What the old store wants told, in its order and as far as it got, with the places its receipts have now; after them
    what only the new one decides, which nobody is told of."""
    names = "id, partition, position, at, subject, type, kind, recipient, via, status"
    if not log.execute("SELECT 1 FROM sqlite_master WHERE name = 'intents'").fetchone():
        return  # a store of a release that had none: all are new, and suppressed
    anew = {row[0]: tuple(row) for row in cursor.execute(f"SELECT {names} FROM intents ORDER BY seq")}
    cursor.execute("DELETE FROM intents")
    kept = []
    for seq, id_, status in log.execute("SELECT seq, id, status FROM intents ORDER BY seq"):
        found = anew.pop(id_, None)
        if found is not None:
            kept.append((seq, *found[:-1], status))
    cursor.executemany(f"INSERT INTO intents (seq, {names}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", kept)
    cursor.executemany(f"INSERT INTO intents ({names}) VALUES (?,?,?,?,?,?,?,?,?,?)", list(anew.values()))
