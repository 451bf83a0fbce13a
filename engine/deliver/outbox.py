"""Deliver's own tables: how far it has taken intents, what it made of them, what it sent and what came of it.

A file of their own (`deliver.db`) beside the store, not tables in it. The store has one writer, whose commits the intake waits
for; an attempt is begun and ended durably, twice a send, and must neither wait for a long flush nor make the intake wait. And
what was sent is no consequence of the log: a rebuild, a replay or a restored store must not forget it. What a message says is
decided before it is sent, so that a process killed between sending and noting it sends the same again, under the same key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec

from engine.errors import StoreError, StoreFull, StoreNewer
from engine.fold.intents import SUPPRESSED, WAITING

FILE = "deliver.db"
FORMAT = 1
SENT, FAILED = "sent", "failed"
ASKED = "asked"
"""The outcome of an attempt that is none: a person asked for what follows."""

_TABLES = (
    "CREATE TABLE IF NOT EXISTS deliver (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS intents (id TEXT PRIMARY KEY, partition INTEGER NOT NULL, position INTEGER NOT NULL, "
    "at INTEGER NOT NULL, subject TEXT NOT NULL, type TEXT NOT NULL, kind TEXT NOT NULL, recipient TEXT NOT NULL, "
    "via TEXT NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL DEFAULT '') WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS intents_new ON intents (at, id) WHERE status = 'waiting' AND message = ''",
    "CREATE INDEX IF NOT EXISTS intents_waiting ON intents (at) WHERE status = 'waiting'",
    "CREATE INDEX IF NOT EXISTS intents_of ON intents (message) WHERE message <> ''",
    "CREATE INDEX IF NOT EXISTS intents_at ON intents (at)",
    "CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, key TEXT NOT NULL, target TEXT NOT NULL, via TEXT NOT NULL, "
    "recipient TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL, title TEXT NOT NULL, "
    "body BLOB NOT NULL, status TEXT NOT NULL, tries INTEGER NOT NULL, next_at INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS messages_due ON messages (target, next_at, at, id) WHERE status = 'waiting'",
    "CREATE INDEX IF NOT EXISTS messages_at ON messages (at)",
    "CREATE TABLE IF NOT EXISTS attempts (n INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL, target TEXT NOT NULL, "
    "at INTEGER NOT NULL, outcome TEXT NOT NULL, status INTEGER NOT NULL, duration INTEGER NOT NULL, detail TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS attempts_target ON attempts (target, at)",
    "CREATE INDEX IF NOT EXISTS attempts_message ON attempts (message)",
    # Counters outlive the attempts they count.
    "CREATE TABLE IF NOT EXISTS totals (target TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL, "
    "PRIMARY KEY (target, outcome)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS targets (target TEXT PRIMARY KEY, paused_until INTEGER NOT NULL, "
    "disabled_at INTEGER NOT NULL, url TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID",
)


class Intent(msgspec.Struct, frozen=True):
    """An intent as it was taken from the store. Its `status` is waiting, sent, `failed: …` or `suppressed: …`; `message` is
    what it is part of, "" before."""

    id: str
    partition: int
    position: int
    at: int
    subject: str
    type: str
    kind: str
    recipient: str
    via: str
    status: str = WAITING
    message: str = ""


class Message(msgspec.Struct, frozen=True):
    """What is sent at once, for one intent or for `count` of them. `key` is the idempotency key it goes under, `target` what
    bounds and pauses count for; `at` the instant of its oldest intent. It goes out at `next_at`, after `tries` failures."""

    id: str
    key: str
    target: str
    via: str
    recipient: str
    kind: str
    at: int
    count: int
    title: str
    body: bytes
    status: str = WAITING
    tries: int = 0
    next_at: int = 0


class Attempt(msgspec.Struct, frozen=True):
    """One try: `outcome` is "" while it goes on; `status` the HTTP one, 0 for none; `duration` in µs."""

    n: int
    message: str
    target: str
    at: int
    outcome: str
    status: int
    duration: int
    detail: str


class Target(msgspec.Struct, frozen=True):
    """Where something is sent: paused until an instant, or disabled (since `disabled_at`, 0: it is not) under `url`."""

    target: str
    paused_until: int = 0
    disabled_at: int = 0
    url: str = ""
    reason: str = ""


def columns(struct: type[msgspec.Struct]) -> str:
    """The fields of a row, as SELECT names them."""
    return ", ".join(struct.__struct_fields__)


class Outbox:
    """One connection to the tables, for one thread. `write()` is one transaction."""

    def __init__(self, path: Path, readonly: bool = False) -> None:
        mode = "ro" if readonly else "rwc"
        try:
            self._connection = sqlite3.connect(
                f"file:{path}?mode={mode}",
                uri=True,
                timeout=30.0,
                isolation_level=None,
                check_same_thread=False,
            )
            self._connection.row_factory = sqlite3.Row
            if not readonly:
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error as error:
            raise StoreError(f"{path} cannot be opened: {error}.", "Give rights to it.") from error
        self.path = path

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The tables of the store in `directory`, made where there are none. StoreFull where they cannot be."""
        found = cls(directory / FILE)
        try:
            with found.write():
                for statement in _TABLES:
                    found.execute(statement)
                found.execute("INSERT OR IGNORE INTO deliver VALUES ('format', ?)", (str(FORMAT),))
            found._check()
        except BaseException:
            found.close()
            raise
        return found

    @classmethod
    def reading(cls, directory: Path) -> Self | None:
        """The tables for reading, None where nothing was ever delivered."""
        path = directory / FILE
        if not path.exists():
            return None
        found = cls(path, readonly=True)
        try:
            found._check()
        except sqlite3.OperationalError:  # whoever was making it has not come far enough
            found.close()
            return None
        except BaseException:
            found.close()
            raise
        return found

    def _check(self) -> None:
        if int(self.setting("format") or FORMAT) > FORMAT:
            raise StoreNewer(f"{self.path} was written by a later release.", "Use that one, or a newer one.")

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction, kept whole or not at all. StoreFull where it cannot be."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise StoreFull(
                f"{self.path} cannot be written: {error}.",
                "Make room or give rights: nothing is sent till then.",
            ) from error

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """A statement, within `write` or for reading."""
        return self._connection.execute(statement, values)

    def setting(self, key: str) -> str:
        row = self.execute("SELECT value FROM deliver WHERE key=?", (key,)).fetchone()
        return row[0] if row else ""

    def set(self, key: str, value: str) -> None:
        self.execute(
            "INSERT INTO deliver VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value=excluded.value",
            (key, value),
        )

    # Intents and messages

    def take(self, intents: Sequence[Intent]) -> None:
        """Keep intents; one that is known stays as it is."""
        marks = ",".join("?" * len(Intent.__struct_fields__))
        self._connection.executemany(
            f"INSERT OR IGNORE INTO intents ({columns(Intent)}) VALUES ({marks})",
            [msgspec.structs.astuple(intent) for intent in intents],
        )

    def intents(self, where: str, *values: Any) -> list[Intent]:
        """Intents by a condition, which may order and limit them."""
        return [
            Intent(*row) for row in self.execute(f"SELECT {columns(Intent)} FROM intents {where}", values)
        ]

    def messages(self, where: str, *values: Any) -> list[Message]:
        """Messages by a condition, which may order and limit them."""
        return [
            Message(*row) for row in self.execute(f"SELECT {columns(Message)} FROM messages {where}", values)
        ]

    def attempts(self, where: str, *values: Any) -> list[Attempt]:
        """Attempts by a condition, which may order and limit them."""
        return [
            Attempt(*row) for row in self.execute(f"SELECT {columns(Attempt)} FROM attempts {where}", values)
        ]

    def compose(self, message: Message, intents: Sequence[Intent]) -> None:
        """Keep a message, and that these intents are part of it."""
        marks = ",".join("?" * len(Message.__struct_fields__))
        self.execute(
            f"INSERT OR REPLACE INTO messages ({columns(Message)}) VALUES ({marks})",
            msgspec.structs.astuple(message),
        )
        self._connection.executemany(
            "UPDATE intents SET message=? WHERE id=?", [(message.id, intent.id) for intent in intents]
        )

    def suppress(self, ids: Sequence[str], why: str) -> None:
        """Say that intents are not sent, and why."""
        self._connection.executemany(
            "UPDATE intents SET status=? WHERE id=?", [(f"{SUPPRESSED}: {why}", id_) for id_ in ids]
        )

    def settle(self, message: str, status: str) -> None:
        """What became of a message, and so of its intents."""
        self.execute("UPDATE messages SET status=? WHERE id=?", (status, message))
        self.execute("UPDATE intents SET status=? WHERE message=?", (status, message))

    def again(self, message: str, at: int) -> None:
        """Send a message anew from `at` on, under the key it had."""
        self.settle(message, WAITING)
        self.execute("UPDATE messages SET tries=0, next_at=? WHERE id=?", (at, message))

    # Attempts

    def begin(self, message: Message, at: int) -> int:
        """An attempt begins; its number."""
        found = self.execute(
            "INSERT INTO attempts (message, target, at, outcome, status, duration, detail) VALUES (?,?,?,'',0,0,'')",
            (message.id, message.target, at),
        ).lastrowid
        assert found is not None, "an inserted row has a number"
        return found

    def end(self, n: int, target: str, outcome: str, status: int, duration: int, detail: str) -> None:
        """The attempt has ended."""
        self.execute(
            "UPDATE attempts SET outcome=?, status=?, duration=?, detail=? WHERE n=?",
            (outcome, status, duration, detail[:500], n),
        )
        self.execute(
            "INSERT INTO totals VALUES (?,?,1) ON CONFLICT (target, outcome) DO UPDATE SET count = count + 1",
            (target, outcome),
        )

    def asked(self, message: str, target: str, at: int, detail: str) -> None:
        """A person's doing, kept among the attempts; it is none itself."""
        self.execute(
            "INSERT INTO attempts (message, target, at, outcome, status, duration, detail) VALUES (?,?,?,?,0,0,?)",
            (message, target, at, ASKED, detail[:500]),
        )

    def target(self, name: str) -> Target:
        row = self.execute(f"SELECT {columns(Target)} FROM targets WHERE target=?", (name,)).fetchone()
        return Target(*row) if row else Target(name)

    def put_target(self, target: Target) -> None:
        self.execute("INSERT OR REPLACE INTO targets VALUES (?,?,?,?,?)", msgspec.structs.astuple(target))

    def prune(self, before: int) -> None:
        """Forget what ended before an instant."""
        self.execute("DELETE FROM intents WHERE at < ? AND status <> ?", (before, WAITING))
        self.execute(
            "DELETE FROM attempts WHERE at < ? AND message NOT IN (SELECT id FROM messages WHERE status = ?)",
            (before, WAITING),
        )
        self.execute("DELETE FROM messages WHERE at < ? AND status <> ?", (before, WAITING))
