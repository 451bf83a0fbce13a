"""The library's SQLite recorder, one events table per partition, with positions given by the appender.

The library takes SQLite's rowid for the position, and SQLite gives the rowid of a deleted tail again: position 10
could become another event. Here the ownership row counts positions and every insert names its own; the plain
`insert_events` of the library counts on from the highest, which is all that its own tools need.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import (
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteProcessRecorder,
)

Inserted = tuple[int, str, int, str, bytes]
"""(position, originator id, version, topic, record)."""

_PRAGMAS = (
    # Before the first table is made, or without effect. A commit writes few bytes to many pages: half the pages, half the calls.
    "PRAGMA page_size=8192",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-24576",
    "PRAGMA wal_autocheckpoint=16000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA foreign_keys=OFF",
)


class _Pool(SQLiteConnectionPool):
    """Connections that commit to the disk (FULL: WAL + NORMAL loses acknowledged events on power loss)."""

    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        for pragma in _PRAGMAS:
            connection._sqlite_conn.execute(pragma)
        return connection


class Datastore(SQLiteDatastore):
    """The library's datastore with text ids and durable connections."""

    def __init__(self, db_name: str, lock_timeout: int = 30) -> None:
        super().__init__(db_name, lock_timeout=lock_timeout, originator_id_type="text")
        self.pool = _Pool(db_name=db_name, lock_timeout=lock_timeout)


class PartitionRecorder(SQLiteProcessRecorder):
    """One partition's log. `insert_at` and `read` are what the engine uses; the rest is the library's contract."""

    def __init__(self, datastore: SQLiteDatastore, *, events_table_name: str = "stored_events") -> None:
        super().__init__(datastore, events_table_name=events_table_name)
        table = self.events_table_name
        self._insert_at = (
            f"INSERT INTO {table}(rowid, originator_id, originator_version, topic, state) VALUES (?,?,?,?,?)"
        )
        self._read = (
            f"SELECT rowid, originator_id, topic, state FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?"
        )
        self._at = f"SELECT originator_id, state FROM {table} WHERE rowid = ?"
        self._streams = (
            f"SELECT originator_id, state FROM {table} WHERE originator_id IN (%s) "
            "ORDER BY originator_id, originator_version"
        )

    def insert_at(self, cursor: sqlite3.Cursor, rows: Iterable[Inserted]) -> None:
        """Rows at their positions, inside the caller's transaction."""
        cursor.executemany(self._insert_at, rows)

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        c.execute(self.select_max_notification_id_statement)
        position = (c.fetchone()[0] or 0) + 1
        rows = [
            (
                position + i,
                s.originator_id.hex if isinstance(s.originator_id, UUID) else s.originator_id,
                s.originator_version,
                s.topic,
                s.state,
            )
            for i, s in enumerate(stored_events)
        ]
        c.executemany(self._insert_at, rows)
        tracking = kwargs.get("tracking")
        if tracking is not None:
            self._insert_tracking(c, tracking)
        return [row[0] for row in rows]

    def read(self, cursor: sqlite3.Cursor, after: int, limit: int) -> list[tuple[int, str, str, bytes]]:
        """(position, originator id, topic, record) in log order, positions > `after`."""
        return [tuple(row) for row in cursor.execute(self._read, (after, limit))]

    def at(self, cursor: sqlite3.Cursor, position: int) -> tuple[str, bytes] | None:
        """(originator id, record) at a position, or None where there is nothing."""
        row = cursor.execute(self._at, (position,)).fetchone()
        return None if row is None else (row[0], row[1])

    def streams(self, cursor: sqlite3.Cursor, originator_ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """(originator id, record) of whole streams, version by version, in as few statements as may be."""
        for start in range(0, len(originator_ids), 500):
            part = originator_ids[start : start + 500]
            for row in cursor.execute(self._streams % ",".join("?" * len(part)), part):
                yield row[0], row[1]
