"""The floor: the least any program must do that decodes events, keeps them durably, and knows where each order stands.

Envelope and data are decoded and validated by the same decoders; the very records the engine stores are inserted through the
same recorder (its table, its pragmas, synchronous=FULL), under (text id, version) keys, 2,000 to a transaction; the fold is
one dictionary of version and state by stream. It stamps nothing, chains nothing, binds no alias, knows no deadline.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.measure import Cost, measured, settle_collector
from engine.store.database import Store
from engine.store.record import decode, originator
from engine.store.recorder import Datastore, Inserted, PartitionRecorder
from schemas.data import decoder_of
from schemas.envelope import CloudEvent

BATCH = 2_000

_envelope = msgspec.json.Decoder(CloudEvent).decode


def floor(lines: Path, reference: Path, work: Path) -> Cost:
    """Run over `lines` (JSON lines in order of arrival). `reference` is a store the engine made of them, for its records;
    `work` an empty folder for the floor's own database."""
    records = _records(lines, reference)
    datastore = Datastore(f"file:{work / 'floor.db'}")
    recorder = PartitionRecorder(datastore, events_table_name="events")
    with datastore.transaction(commit=True) as cursor:
        for statement in recorder.create_table_statements:
            cursor.execute(statement)
    settle_collector()

    cost = Cost()
    states: dict[str, tuple[int, int, str]] = {}
    position = 0
    with measured(cost):
        for batch in _batches(lines):
            rows: list[Inserted] = []
            for line in batch:
                record = records[cost.events]
                cost.events += 1
                try:
                    sent = _envelope(line)
                    strict = decoder_of(sent.type)
                    if strict is not None:
                        strict(bytes(sent.data))
                except (msgspec.DecodeError, UnicodeDecodeError):
                    pass  # the engine keeps some of these (unknown fields): their record counts all the same
                if record is None:
                    continue
                subject = sent.subject or ""
                number, version, _ = states.get(subject) or (len(states) + 1, 0, "")
                states[subject] = (number, version + 1, sent.type)
                position += 1
                rows.append((position, originator(number, subject), version + 1, sent.type, record))
            with datastore.transaction(commit=True) as cursor:
                recorder.insert_at(cursor.sqlite_cursor, rows)
    datastore.close()
    cost.counts = {"records": position, "streams": len(states)}
    return cost


def _batches(lines: Path) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    with lines.open("rb") as file:
        for line in file:
            batch.append(line)
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _records(lines: Path, reference: Path) -> list[bytes | None]:
    """For each line the record the engine keeps of it; None for a duplicate and for what it refuses."""
    kept: dict[tuple[str, str], bytes] = {}
    store = Store.open(str(reference))
    for partition in range(store.partitions):
        after = 0
        while read := store.log(partition, after, BATCH):
            for position, key, state in read:
                after = position
                if not key.endswith("!"):
                    event = decode(key, state).event
                    kept.setdefault((event.source, event.id), state)
    store.close()
    found: list[bytes | None] = []
    with lines.open("rb") as file:
        for line in file:
            try:
                sent = _envelope(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                found.append(None)
            else:
                found.append(kept.pop((sent.source, sent.id), None))
    return found
