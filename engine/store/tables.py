"""The store's tables other than the logs themselves. All instants are µs UTC, all hashes raw bytes."""

from __future__ import annotations

FORMAT = 1
"""Raised when the tables change; an older release refuses a newer store."""

TABLES = (
    "CREATE TABLE IF NOT EXISTS store (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # Ownership: every append first moves this row from the state it expects, or learns that it is not the owner.
    "CREATE TABLE IF NOT EXISTS partitions ("
    "partition INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, offset INTEGER NOT NULL, position INTEGER NOT NULL, "
    "watermark INTEGER NOT NULL, streamtime INTEGER NOT NULL, streams INTEGER NOT NULL, inputs INTEGER NOT NULL, "
    "duplicates INTEGER NOT NULL, policy BLOB NOT NULL, hash BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS streams ("
    "subject TEXT PRIMARY KEY, partition INTEGER NOT NULL, number INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS aliases ("
    "alias TEXT NOT NULL, subject TEXT NOT NULL, PRIMARY KEY (alias, subject)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS dead_letters ("
    "id INTEGER PRIMARY KEY AUTOINCREMENT, origin TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, reason TEXT NOT NULL, "
    "detail TEXT NOT NULL, subject TEXT NOT NULL, type TEXT NOT NULL, event_id TEXT NOT NULL, "
    "source TEXT NOT NULL, raw BLOB NOT NULL, stored BLOB, status TEXT NOT NULL DEFAULT 'waiting')",
    "CREATE TABLE IF NOT EXISTS policies ("
    "hash BLOB PRIMARY KEY, text BLOB NOT NULL, compiled BLOB NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS commands ("
    "key TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, at INTEGER NOT NULL, status INTEGER NOT NULL, "
    "answer BLOB NOT NULL) WITHOUT ROWID",
    # Who is to be told of which decision: written with its receipt, kept when views are rebuilt, changed by nobody. `seq` is
    # what deliver counts its own position in; `position` is the receipt's.
    "CREATE TABLE IF NOT EXISTS intents ("
    "seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, partition INTEGER NOT NULL, "
    "position INTEGER NOT NULL, at INTEGER NOT NULL, subject TEXT NOT NULL, type TEXT NOT NULL, kind TEXT NOT NULL, "
    "recipient TEXT NOT NULL, via TEXT NOT NULL, status TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS intents_waiting ON intents (seq) WHERE status = 'waiting'",
    "CREATE INDEX IF NOT EXISTS intents_at ON intents (at)",
    "CREATE TABLE IF NOT EXISTS unknown_fields ("
    "type TEXT NOT NULL, path TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (type, path)) WITHOUT ROWID",
)
