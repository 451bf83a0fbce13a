"""One embedded store: a directory with one SQLite database and the writer's lock.

Writers go through `write()`, one transaction each; readers through `read()`, and never need the lock. Nothing here
knows what an event means.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import msgspec
from eventsourcing.persistence import PersistenceError, Tracking
from eventsourcing.sqlite import SQLiteCursor

from engine.errors import NotFound, OrderfoldError, StoreError, StoreFull, StoreNewer, UsageError
from engine.store.lock import WriterLock
from engine.store.record import (
    GENESIS,
    Record,
    companion,
    decode,
    originator,
    partition_of,
    split_originator,
    stands_alone,
)
from engine.store.recorder import Datastore, Inserted, PartitionRecorder
from engine.store.tables import FORMAT, TABLES

DEFAULT_PARTITIONS = 16
DEFAULT_URL = "./.orderfold/"

HISTORY, LIVE = "history", "live"


class Ownership(msgspec.Struct):
    """A partition's row, as its owner holds it. `offset` counts what upstream handed over, `position` the log,
    `streams` the numbers given out, `inputs` the events kept that are not receipts; `hash` is the last record's."""

    partition: int
    epoch: int = 0
    offset: int = 0
    position: int = 0
    watermark: int = 0
    streamtime: int = 0
    streams: int = 0
    inputs: int = 0
    duplicates: int = 0
    policy: bytes = GENESIS
    hash: bytes = GENESIS


_COLUMNS = ", ".join(Ownership.__struct_fields__)
_CAS = (
    "UPDATE partitions SET offset=?, position=?, watermark=?, streamtime=?, streams=?, inputs=?, duplicates=?, "
    "policy=?, hash=? WHERE partition=? AND epoch=? AND offset=? AND position=?"
)


def store_directory(url: str) -> Path:
    """`--store URL` → the directory of an embedded store."""
    parts = urlsplit(url)
    if parts.scheme in ("", "file", "sqlite"):
        path = parts.path if parts.scheme else url
        return Path(path[1:] if path.startswith("//") else path)
    raise UsageError(
        f"The store URL {url!r} names {parts.scheme!r}; this release keeps stores in SQLite.",
        "Give a directory, as --store ./.orderfold/",
    )


class Store:
    """`Store.open(url)` for an existing store, `Store.create(url)` to make it where there is none."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "orderfold.db"
        self.lock = WriterLock(directory)
        self._datastore = Datastore(f"file:{self.path}")
        self.partitions = 0
        self.recorders: list[PartitionRecorder] = []

    @classmethod
    def create(cls, url: str, partitions: int = DEFAULT_PARTITIONS) -> Self:
        """Open the store, making it first where there is none. `partitions` is fixed from then on."""
        directory = store_directory(url)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFull(
                f"{directory} cannot be made: {error.strerror}.", "Choose another --store."
            ) from error
        store = cls(directory)
        with store.write() as cursor:
            for statement in TABLES:
                cursor.execute(statement)
            cursor.execute("INSERT OR IGNORE INTO store VALUES ('format', ?)", (str(FORMAT),))
            cursor.execute("INSERT OR IGNORE INTO store VALUES ('partitions', ?)", (str(partitions),))
            count = int(cursor.execute("SELECT value FROM store WHERE key='partitions'").fetchone()[0])
            for partition in range(count):
                recorder = PartitionRecorder(store._datastore, events_table_name=f"events_{partition:02d}")
                for statement in recorder.create_table_statements:
                    cursor.execute(statement)
                row = msgspec.structs.astuple(Ownership(partition))
                cursor.execute(
                    f"INSERT OR IGNORE INTO partitions ({_COLUMNS}) VALUES ({','.join('?' * len(row))})", row
                )
        store._attach()
        return store

    @classmethod
    def open(cls, url: str) -> Self:
        """Open an existing store for reading (writing needs the lock as well). NotFound where there is none."""
        directory = store_directory(url)
        if not (directory / "orderfold.db").exists():
            raise _no_store(directory)
        store = cls(directory)
        try:
            store._attach()
        except BaseException:
            store.close()
            raise
        return store

    def _attach(self) -> None:
        try:
            with self._datastore.transaction(commit=False) as wrapped:
                cursor = wrapped.sqlite_cursor
                tables = {row[0] for row in cursor.execute("SELECT name FROM sqlite_master")}
                found = (
                    {row[0]: row[1] for row in cursor.execute("SELECT key, value FROM store")}
                    if "store" in tables
                    else {}
                )
        except (sqlite3.DatabaseError, PersistenceError) as error:
            raise _unusable(self.path, error) from error
        if not tables:  # whoever was making it ended before anything was in it
            raise _no_store(self.directory)
        if not found:
            raise StoreError(
                f"{self.path} is not a store: it holds other tables.", "Name another with --store."
            )
        if int(found.get("format", FORMAT)) > FORMAT:
            raise StoreNewer(
                f"{self.path} has format {found['format']}; this release reads up to {FORMAT}.",
                "Use the release that wrote it, or a newer one.",
            )
        self.partitions = int(found["partitions"])
        self.recorders = [
            PartitionRecorder(self._datastore, events_table_name=f"events_{partition:02d}")
            for partition in range(self.partitions)
        ]

    def close(self) -> None:
        self._datastore.close()
        self.lock.release()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Cursor]:
        """One transaction. Disk full, read-only and locked become StoreFull; nothing of it is then kept."""
        try:
            with self._datastore.transaction(commit=True) as cursor:
                yield cursor.sqlite_cursor
        except OrderfoldError:
            raise
        except (sqlite3.OperationalError, PersistenceError, OSError) as error:
            raise StoreFull(
                f"{self.path} cannot be written: {error}.", "Make room or give rights, then send again."
            ) from error

    @contextmanager
    def read(self) -> Iterator[sqlite3.Cursor]:
        """One consistent reading. StoreError where the database does not answer."""
        try:
            with self._datastore.transaction(commit=False) as cursor:
                yield cursor.sqlite_cursor
        except (sqlite3.DatabaseError, PersistenceError) as error:
            raise StoreError(
                f"{self.path} cannot be read: {error}.", "`orderfold doctor` looks for the cause."
            ) from error

    # Settings and ownership

    def settings(self) -> list[tuple[str, str]]:
        with self.read() as cursor:
            return [(row[0], row[1]) for row in cursor.execute("SELECT key, value FROM store")]

    def setting(self, key: str) -> str:
        """A value of the store table, "" where unset: `kind` is history or live, `partitions`, `format` …"""
        with self.read() as cursor:
            row = cursor.execute("SELECT value FROM store WHERE key=?", (key,)).fetchone()
        return row[0] if row else ""

    @staticmethod
    def set_setting(cursor: sqlite3.Cursor, key: str, value: str) -> None:
        cursor.execute(
            "INSERT INTO store VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value=excluded.value",
            (key, value),
        )

    def ownership(self) -> list[Ownership]:
        """Every partition's row, in order."""
        with self.read() as cursor:
            rows = cursor.execute(f"SELECT {_COLUMNS} FROM partitions ORDER BY partition").fetchall()
        return [Ownership(*row) for row in rows]

    def take_partitions(self) -> list[Ownership]:
        """Raise every epoch: whoever held a partition before can no longer write it."""
        with self.write() as cursor:
            cursor.execute("UPDATE partitions SET epoch = epoch + 1")
        return self.ownership()

    def move(self, cursor: sqlite3.Cursor, own: Ownership, offset: int, position: int) -> None:
        """Compare-and-set the partition's row from (epoch, `offset`, `position`) to `own`, and the library's
        tracking row with it. StoreError when another owner was there: nothing of the transaction is kept."""
        cursor.execute(
            _CAS,
            (
                own.offset,
                own.position,
                own.watermark,
                own.streamtime,
                own.streams,
                own.inputs,
                own.duplicates,
                own.policy,
                own.hash,
                own.partition,
                own.epoch,
                offset,
                position,
            ),
        )
        if cursor.rowcount != 1:
            raise StoreError(
                f"Partition {own.partition} has another owner or is out of sequence (epoch {own.epoch}, "
                f"offset {offset}, position {position}).",
                "Read again from the store.",
            )
        if own.position > position:
            tracking = Tracking(f"orderfold/{own.partition:02d}", own.position)
            self.recorders[own.partition]._insert_tracking(SQLiteCursor(cursor), tracking)

    def insert(self, cursor: sqlite3.Cursor, partition: int, rows: Sequence[Inserted]) -> None:
        self.recorders[partition].insert_at(cursor, rows)

    # Streams

    def find(self, cursor: sqlite3.Cursor, subjects: Sequence[str]) -> dict[str, tuple[int, int]]:
        """subject → (partition, number) of those the directory knows."""
        found = {}
        for start in range(0, len(subjects), 500):
            part = subjects[start : start + 500]
            for row in cursor.execute(
                f"SELECT subject, partition, number FROM streams WHERE subject IN ({','.join('?' * len(part))})",
                part,
            ):
                found[row[0]] = (row[1], row[2])
        return found

    def stream(self, subject: str, *, receipts: bool = False) -> list[Record]:
        """Every record of a stream in order of version; with `receipts`, of its companion stream instead."""
        with self.read() as cursor:
            partition, number = self.find(cursor, [subject]).get(subject, (0, 0))
            if receipts and stands_alone(subject):
                partition = partition_of(subject, self.partitions)
            key = companion(number, subject) if receipts else originator(number, subject)
            return [decode(key, state) for _, state in self.recorders[partition].streams(cursor, [key])]

    def log(self, partition: int, after: int, limit: int) -> list[tuple[int, str, bytes]]:
        """(position, originator id, record) of a partition in log order, receipts included."""
        with self.read() as cursor:
            return [
                (p, key, state) for p, key, _, state in self.recorders[partition].read(cursor, after, limit)
            ]

    def bound(self, alias: str) -> list[str]:
        """The orders a number (`waybill:SF123`) is known to mean."""
        with self.read() as cursor:
            return [row[0] for row in cursor.execute("SELECT subject FROM aliases WHERE alias=?", (alias,))]

    def size_bytes(self) -> int:
        return sum(os.path.getsize(p) for p in self.directory.glob("orderfold.db*"))


_NO_ACCESS = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
)


def _unusable(path: Path, error: Exception) -> StoreError:
    """Why a database cannot be opened: it may be sound, and only its place be wrong. The library wraps some errors."""
    cause = error if isinstance(error, sqlite3.Error) else error.__cause__
    if getattr(cause, "sqlite_errorcode", 0) & 0xFF in _NO_ACCESS:
        return StoreError(
            f"{path} cannot be opened: {error}.",
            f"Even reading needs to write beside it: give rights to {path.parent} and room, or copy the store elsewhere.",
        )
    return StoreError(f"{path} is not a store: {error}.", "Name another with --store.")


def _no_store(directory: Path) -> NotFound:
    return NotFound(
        f"There is no store at {directory}.",
        "Make one with `orderfold ingest FILE --historical` or `orderfold up`, or name another with --store.",
    )


__all__ = ["HISTORY", "LIVE", "Ownership", "Store", "originator", "split_originator", "store_directory"]
