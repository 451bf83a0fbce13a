"""The appender: a batch in, one transaction, an outcome for each.

In the order of the batch each event is resolved (an alias to its orders), compared with what its stream holds,
stamped, encoded and chained; what an order's event binds is followed at once by what waited for it. Then ownership,
records, directory, aliases and dead letters are written together: all of the batch is durable, or nothing is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from engine.append.aliases import Aliases, alias_subject, named
from engine.append.heads import OTHER, SAME, Head, Heads, rebuilt
from engine.intake.model import DeadLetter, Incoming
from engine.store.database import Ownership, Store
from engine.store.record import Record, decode, encode, originator, partition_of, split_originator
from engine.store.recorder import Inserted
from schemas.data import decode_data
from schemas.envelope import Event

ACCEPTED, DUPLICATE, DIVERGENT, REFUSED, DEAD, STALE = (
    "accepted",
    "duplicate",
    "divergent",
    "refused",
    "dead",
    "stale",
)


class Outcome(msgspec.Struct, gc=False):
    """What became of one thing handed in. `version` and `position` are those of the event kept (of the first order's,
    for an event that came by an alias); `detail` says why it was not."""

    status: str
    subject: str = ""
    partition: int = 0
    version: int = 0
    position: int = 0
    detail: str = ""


class Appended(msgspec.Struct):
    """Outcomes in the order handed in, and the stamped events of each partition in log order."""

    outcomes: list[Outcome]
    events: list[list[Event]]


class Limits(msgspec.Struct, frozen=True):
    """`new_streams_per_minute` per source, 0 for no limit."""

    new_streams_per_minute: int = 0


NO_LIMITS = Limits()


class Appender:
    """The one writer of all partitions of an embedded store. Not safe for use from two threads."""

    def __init__(
        self,
        store: Store,
        owned: list[Ownership],
        limits: Limits = NO_LIMITS,
        heads_bytes: int = 64 * 2**20,
    ) -> None:
        self.store = store
        self.owned = owned
        self.limits = limits
        self._heads = Heads(heads_bytes)
        self._aliases = Aliases()
        self._minute = 0
        self._new_streams: dict[str, int] = {}

    # One batch

    def append(self, batch: Sequence[Incoming | DeadLetter], now: int, watermark: int = 0) -> Appended:
        """Stamp and store a batch; `now` (µs) is receivedtime for live events and recordedtime for all. In the same
        transaction every partition's watermark rises to `watermark` (0: none does).

        Raises StoreFull or StoreError with nothing kept; the caches are dropped, the same batch may be tried again."""
        self._start(now)
        try:
            numbers = self._prefetch(batch)
            outcomes = [self._take(item, now, named_) for item, named_ in zip(batch, numbers, strict=True)]
            self._commit(now, watermark)
        except BaseException:
            self.reset()
            raise
        self._heads.trim(sum(map(len, self._events)))
        self._aliases.trim()
        return Appended(outcomes, self._events)

    def reset(self) -> None:
        """Forget everything cached and read ownership again: after a failed transaction memory is ahead of the disk."""
        self._heads.clear()
        self._aliases.clear()
        epochs = [own.epoch for own in self.owned]
        self.owned = self.store.ownership()
        for own, epoch in zip(self.owned, epochs, strict=True):
            own.epoch = epoch

    def advance(self, cursor: sqlite3.Cursor, watermark: int) -> None:
        """Move every partition's watermark, empty ones too. Only for instants up to which all received is appended."""
        cursor.execute("UPDATE partitions SET watermark=? WHERE watermark < ?", (watermark, watermark))
        for own in self.owned:
            own.watermark = max(own.watermark, watermark)

    def _start(self, now: int) -> None:
        self._now = now
        self._before = [(own.offset, own.position) for own in self.owned]
        self._rows: list[list[Inserted]] = [[] for _ in self.owned]
        self._events: list[list[Event]] = [[] for _ in self.owned]
        self._new: list[tuple[str, int, int]] = []
        self._bound: list[tuple[str, str]] = []
        self._letters: list[tuple[DeadLetter, bytes | None]] = []
        self._fields: dict[tuple[str, str], int] = {}
        self._waiting: dict[str, list[tuple[Event, bytes]]] = {}

    def _prefetch(self, batch: Sequence[Incoming | DeadLetter]) -> list[Sequence[str]]:
        """Read, in few statements, the heads, aliases and alias streams this batch will touch. Returns the numbers each
        of the batch names."""
        subjects: set[str] = set()
        numbers: set[str] = set()
        each: list[Sequence[str]] = []
        heads, aliases = self._heads, self._aliases
        known = heads.get
        for item in batch:
            if isinstance(item, DeadLetter):
                each.append(())
                continue
            event = item.event
            subject = event.subject
            if known(subject) is None:
                subjects.add(subject)
            if subject.startswith("alias/"):
                numbers.add(subject[6:])
            found = named(event.type, event.data)
            if found:
                numbers.update(found)
            each.append(found)
        with self.store.read() as cursor:
            unknown = [number for number in numbers if number not in aliases]
            if unknown:
                aliases.load(cursor, unknown)
            for number in numbers:
                for subject in (*aliases[number], alias_subject(number)):
                    if known(subject) is None:
                        subjects.add(subject)
            if subjects:
                self._load_heads(cursor, list(subjects))
        return each

    def _load_heads(self, cursor: sqlite3.Cursor, subjects: list[str]) -> None:
        found = self.store.find(cursor, subjects)
        streams: dict[int, list[str]] = {}
        for subject, (partition, number) in found.items():
            streams.setdefault(partition, []).append(originator(number, subject))
        for partition, keys in streams.items():
            records: dict[str, list[Record]] = {key: [] for key in keys}
            for key, state in self.store.recorders[partition].streams(cursor, keys):
                records[key].append(decode(key, state))
            for key, stream in records.items():
                number, subject = split_originator(key)
                self._heads.put(subject, rebuilt(partition, number, stream))

    # One thing

    def _take(self, item: Incoming | DeadLetter, now: int, numbers: Sequence[str]) -> Outcome:
        if isinstance(item, DeadLetter):
            self._letters.append((item, None))
            return Outcome(DEAD, item.subject, detail=f"{item.reason}: {item.detail}")
        event = item.event
        received = item.arrived or now
        event.receivedtime = received
        if event.timemissing:
            event.time = received
        if event.subject.startswith("alias/"):
            outcome = self._by_alias(event, item.raw, received, numbers)
        else:
            outcome = self._one(event, item.raw, received, numbers)
        if item.unknown and outcome.status == ACCEPTED:  # an import that is started again counts them once
            for path in item.unknown:
                key = (event.type, path)
                self._fields[key] = self._fields.get(key, 0) + 1
        return outcome

    def _by_alias(self, event: Event, raw: bytes, received: int, numbers: Sequence[str]) -> Outcome:
        """An event that names only an alias: to every order bound, or into the alias's own stream to wait."""
        alias = event.subject
        orders = self._aliases[alias[6:]]
        shared = (
            len(orders) > 1 and event.type.startswith("payment.") and not getattr(event.data, "shares", None)
        )
        if not orders or shared:
            # Money on a number of several orders without its shares is nobody's to divide: it waits for a person.
            outcome = self._one(event, raw, received, numbers)
            if outcome.status == ACCEPTED:
                self._waiting.setdefault(alias, []).append((event, raw))
            return outcome
        outcomes = [
            self._one(replace(event, subject=order, via=alias), raw, received, numbers) for order in orders
        ]
        return outcomes[0]

    def _one(self, event: Event, raw: bytes, received: int, numbers: Sequence[str]) -> Outcome:
        subject = event.subject
        head = self._heads.get(subject)
        if head is None:
            head = self._open(event, subject)
            if head is None:
                return Outcome(REFUSED, subject, detail=self._limit_detail(event.source))
        own = self.owned[head.partition]
        own.offset += 1
        identity = hash((event.source, event.id))
        content = hash(raw)
        held = head.holds(identity, content) if head.ids else 0
        if held:
            return self._again(event, raw, head, own, held)
        if event.expectedversion and event.expectedversion != head.version:
            return Outcome(
                STALE,
                subject,
                head.partition,
                head.version,
                detail=f"{subject} is at version {head.version}, the command expected {event.expectedversion}",
            )
        position = self._write(event, raw, head, own, received)
        head.add(identity, content)
        if event.type == "policy.published.v1":
            own.policy = bytes.fromhex(event.data.policy)
        if numbers and subject.startswith("order/"):
            self._bind(event, numbers, received)
        return Outcome(ACCEPTED, subject, own.partition, event.streamversion, position)

    def _open(self, event: Event, subject: str) -> Head | None:
        """A new stream: the next number of its partition. None when its source has opened too many this minute."""
        limit = self.limits.new_streams_per_minute
        if limit and not event.historical and not event.source.startswith("/orderfold/"):
            minute = self._now // 60_000_000
            if minute != self._minute:
                self._minute, self._new_streams = minute, {}
            opened = self._new_streams.get(event.source, 0)
            if opened >= limit:
                return None
            self._new_streams[event.source] = opened + 1
        own = self.owned[partition_of(event.partitionkey or subject, self.store.partitions)]
        if subject.startswith("policy/"):
            own = self.owned[int(subject[7:])]
        own.streams += 1
        head = Head(own.partition, own.streams)
        self._heads.put(subject, head)
        self._new.append((subject, own.partition, own.streams))
        return head

    def _limit_detail(self, source: str) -> str:
        limit = self.limits.new_streams_per_minute
        return f"{source} has opened {limit} new streams this minute; send again later or raise intake.new_streams_per_minute"

    def _again(self, event: Event, raw: bytes, head: Head, own: Ownership, held: int) -> Outcome:
        """Same source and id: a duplicate, unless its parsed data differ from those kept: then divergent."""
        own.duplicates += 1
        if held != SAME:
            stored = self._stored_data(event, head)
            if stored is not None and _parsed(stored) != _parsed(raw):
                letter = DeadLetter(
                    f"{own.partition}:{event.subject}:{event.source}:{event.id}",
                    DIVERGENT,
                    f"{event.subject} already holds {event.id} of {event.source} with other data; both are kept here. "
                    "Send the change as an event of its own, under an id of its own.",
                    raw,
                    event.subject,
                    event.type,
                    event.id,
                    event.source,
                )
                self._letters.append((letter, stored))
                return Outcome(DIVERGENT, event.subject, own.partition, detail=letter.detail)
        return Outcome(DUPLICATE, event.subject, own.partition)

    def _stored_data(self, event: Event, head: Head) -> bytes | None:
        """The data bytes kept under the event's (source, id): of this batch, else of the stream."""
        key = originator(head.number, event.subject)
        batch = [decode(key, row[4]) for row in self._rows[head.partition] if row[1] == key]
        for record in (*self.store.stream(event.subject), *batch):
            if record.event.id == event.id and record.event.source == event.source:
                return record.data
        return None

    def _write(self, event: Event, raw: bytes, head: Head, own: Ownership, received: int) -> int:
        """Stamp, encode and chain; returns the position. Stream time never falls and stays past the watermark."""
        stream_time = own.watermark + 1
        if own.streamtime > stream_time:
            stream_time = own.streamtime
        if received > stream_time:
            stream_time = received
        own.streamtime = stream_time
        own.position += 1
        own.inputs += 1
        head.version += 1
        event.receivedtime = received
        event.streamtime = stream_time
        event.streamversion = head.version
        event.number = head.number
        record, head.hash = encode(event, raw, own.policy, head.hash, self._now)
        own.hash = head.hash
        self._rows[own.partition].append(
            (own.position, originator(head.number, event.subject), head.version, event.type, record)
        )
        self._events[own.partition].append(event)
        return own.position

    # Aliases

    def _bind(self, event: Event, numbers: Sequence[str], received: int) -> None:
        """The order's event names its numbers: remember them, and let what waited under them follow."""
        for number in numbers:
            orders = self._aliases.get(number)
            if orders is None:
                self._learn(number)
                orders = self._aliases[number]
            if event.subject in orders:
                continue
            self._aliases.bind(number, event.subject)
            self._bound.append((number, event.subject))
            alias = alias_subject(number)
            if self._heads.get(alias) is not None:
                self._follow(alias, number, event, received)

    def _learn(self, number: str) -> None:
        """A number first named by an event that itself waited: nothing of the batch could tell it beforehand."""
        with self.store.read() as cursor:
            self._aliases.load(cursor, [number])
            self._load_heads(cursor, [alias_subject(number)])

    def _follow(self, alias: str, number: str, event: Event, received: int) -> None:
        waiting = self._waiting.get(alias, [])
        in_batch = {(waited.source, waited.id) for waited, _ in waiting}
        stored = [
            (record.event, record.data)
            for record in self.store.stream(alias)
            if record.event.type != "alias.bound.v1"
            and (record.event.source, record.event.id) not in in_batch
        ]
        kind, _, value = number.partition(":")
        raw = msgspec.json.encode({"kind": kind, "number": value, "order": event.subject})
        bound = Event(
            "alias.bound.v1",
            alias,
            sha256(f"{alias}|{event.subject}".encode()).hexdigest()[:32],
            "/orderfold/append",
            received,
            decode_data("alias.bound.v1", raw),
            causationid=event.id,
        )
        self._one(bound, raw, received, ())
        alone = len(self._aliases[number]) == 1
        for waited, data in (*stored, *waiting):
            money = waited.type.startswith("payment.")
            if alone or not money or getattr(waited.data, "shares", None):
                followed = replace(waited, subject=event.subject, via=alias, partitionkey="")
                self._one(followed, data, received, named(waited.type, waited.data))

    # The transaction

    def _commit(self, now: int, watermark: int) -> None:
        with self.store.write() as cursor:
            if watermark:
                self.advance(cursor, watermark)
            for own, (offset, position) in zip(self.owned, self._before, strict=True):
                if own.offset != offset or own.position != position:
                    self.store.move(cursor, own, offset, position)
                    self.store.insert(cursor, own.partition, self._rows[own.partition])
            if self._new:
                cursor.executemany(
                    "INSERT INTO streams (subject, partition, number) VALUES (?,?,?)", self._new
                )
            if self._bound:
                cursor.executemany("INSERT OR IGNORE INTO aliases (alias, subject) VALUES (?,?)", self._bound)
            if self._letters:
                cursor.executemany(
                    "INSERT OR IGNORE INTO dead_letters (origin, at, reason, detail, subject, type, event_id, source, "
                    "raw, stored) VALUES (?,?,?,?,?,?,?,?,?,?)",
                    [_letter_row(letter, stored, now) for letter, stored in self._letters],
                )
            if self._fields:
                cursor.executemany(
                    "INSERT INTO unknown_fields VALUES (?,?,?) ON CONFLICT (type, path) DO UPDATE SET count = count + excluded.count",
                    [(type_, path, count) for (type_, path), count in self._fields.items()],
                )


def _letter_row(letter: DeadLetter, stored: bytes | None, now: int) -> tuple[object, ...]:
    # The bytes are part of the origin: line 17 of another file of the same name is another letter.
    origin = f"{letter.origin}#{sha256(letter.raw).hexdigest()[:16]}"
    return (
        origin,
        now,
        letter.reason,
        letter.detail,
        letter.subject,
        letter.type,
        letter.id,
        letter.source,
        letter.raw,
        stored,
    )


def _parsed(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return raw


__all__ = [
    "ACCEPTED",
    "DEAD",
    "DIVERGENT",
    "DUPLICATE",
    "OTHER",
    "REFUSED",
    "STALE",
    "Appended",
    "Appender",
    "Limits",
    "Outcome",
]
