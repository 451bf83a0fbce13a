"""The fold host of an embedded store: stage 1 over all partitions and stage 2 over their facts, in one process.

Events come in log order. Before an event with stream time s, every timer of its partition due before s fires, in order
(due, subject, fold); when a watermark is adopted, those due up to it. Rows live in a cache; `flush` lets stage 2 take the
facts up to the lowest watermark adopted, and writes what changed, the facts that wait, the receipts of what was decided,
and the position, in one transaction.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from functools import partial

import msgspec

from engine.errors import StoreError, ViewsAhead
from engine.fold.facts import EVENT, RETARGET, WAKE, Facts
from engine.fold.judge import Judge
from engine.fold.receipts import Receipts
from engine.fold.refold import Timeline
from engine.fold.step import (
    Decided,
    FoldFault,
    Pipeline,
    due_of,
    new_row,
    pipeline_of,
    step_retarget,
    step_wake,
)
from engine.fold.stream import corrected, retrace, take
from engine.policy.book import PolicyBook
from engine.store.database import Ownership, Store
from engine.store.record import decode
from engine.views.tables import (
    check_versions,
    columns,
    decode_row,
    row_id,
    statements,
    upsert,
    versions,
)
from projections.flow import FAULT, unfolded
from projections.kernel import Context
from projections.keyed import KeyedFold
from projections.policy import Policy
from projections.row import Fault, Row
from projections.stages import STAGE_TWO
from schemas.envelope import Event
from schemas.facts import Fact

ROW_BYTES = 8_000
"""Measured size of one row with its states as objects, as decoded (most of it is short strings)."""

ADOPT_STEP = 3_600_000_000
"""A watermark far ahead is adopted an hour at a time, so that what fires can be written in between."""

FAULT_KEYS, FAULT_SHARE = 100, 0.01
"""More keys faulted in one batch than both stop the partition: then the code is bad, not the key."""


class Entry:
    """A cached row: its view id, the due instant last put on the heap, and whether it differs from the disk."""

    __slots__ = ("dirty", "due", "id", "pipeline", "row")

    def __init__(self, id_: int, row: Row, pipeline: Pipeline, due: int) -> None:
        self.id = id_
        self.row = row
        self.pipeline = pipeline
        self.due = due
        self.dirty = False


class Partition:
    """How far one partition is folded, its timers, and the policies that were in force in it."""

    __slots__ = ("hash", "heap", "policies", "position", "published", "retarget", "streamtime", "watermark")

    def __init__(self) -> None:
        self.position = 0
        self.hash = bytes(32)
        self.watermark = 0
        self.streamtime = 0
        self.retarget = 0
        self.heap: list[tuple[int, str, int]] = []
        self.published: list[tuple[int, bytes]] = []
        self.policies: Timeline | None = None


class Host:
    """Folds every partition of `store`. `views` is where rows are kept: the store itself, or a scratch store for a rebuild
    or a verification; `receipts` takes what is decided; `folds` are those of stage 2."""

    def __init__(
        self,
        store: Store,
        book: PolicyBook,
        owned: list[Ownership],
        receipts: Receipts,
        *,
        views: Store | None = None,
        rows_bytes: int = 128 * 2**20,
        folds: Sequence[KeyedFold] = STAGE_TWO,
    ) -> None:
        self.store = store
        self.views = views or store
        self.pending = 0
        """Events folded since the last flush."""
        self._book = book
        self._owned = owned
        self._receipts = receipts
        self._limit = max(1_000, rows_bytes // ROW_BYTES)
        self._rows: dict[str, Entry] = {}
        self._dirty: list[Entry] = []
        self._ctx = Context()
        self._faults = 0
        self._folded = 0
        self._upsert = upsert()
        self.facts = Facts(self.views, store.partitions)
        self.judge = Judge(self.views, book, folds)
        self.partitions = [Partition() for _ in range(store.partitions)]
        self._load()

    # Opening

    def _load(self) -> None:
        with self.views.write() as cursor:
            for statement in statements():
                cursor.execute(statement)
        made_by = self.views.setting("views")
        if made_by:
            check_versions(made_by)
        else:
            with self.views.write() as cursor:
                self.views.set_setting(cursor, "views", msgspec.json.encode(versions()).decode())
        with self.views.read() as cursor:
            for row in cursor.execute(
                "SELECT partition, position, hash, watermark, streamtime, policies, retarget, minute FROM folded"
            ):
                p = self.partitions[row[0]]
                self.facts.minutes[row[0]].unpack(row[7])
                self.facts.written_to[row[0]] = row[3]
                p.position, p.hash, p.watermark, p.streamtime = row[1], row[2], row[3], row[4]
                p.published = msgspec.msgpack.decode(row[5], type=list[tuple[int, bytes]])
                p.retarget = row[6]
            for index, p in enumerate(self.partitions):
                if p.position:
                    self._check_belongs(index, p)
                if p.published:
                    p.policies = Timeline([(since, self._book.get(hash_)) for since, hash_ in p.published])
            for due, subject, id_ in cursor.execute("SELECT due, subject, id FROM rows WHERE due > 0"):
                heapq.heappush(self.partitions[id_ >> 40].heap, (due, subject, id_))
            self.facts.load(cursor)
            self.judge.load(cursor)

    def _check_belongs(self, index: int, p: Partition) -> None:
        """A view position is (position, hash there): views of another log, or newer than their store, stop here."""
        with self.store.read() as cursor:
            found = self.store.recorders[index].at(cursor, p.position)
        if found is None or found[1][-32:] != p.hash:
            raise ViewsAhead(
                f"The views of partition {index} stand at position {p.position}, "
                + (
                    "which the log does not have." if found is None else "where the log holds another record."
                ),
                "The store was restored from an older copy? `orderfold projection rebuild` makes them anew.",
            )

    def catch_up(self, limit: int = 2_000) -> int:
        """Fold what the log holds beyond the views; returns how many records were read."""
        read = 0
        for index, p in enumerate(self.partitions):
            while records := self.store.log(index, p.position, limit):
                events = []
                for _, key, state in records:
                    if not key.endswith("!"):
                        events.append(decode(key, state).event)
                self.fold(index, events)
                position, _, state = records[-1]
                p.position, p.hash = position, state[-32:]
                read += len(records)
                if self.pending >= 20_000:
                    self.flush()
        return read

    # Folding

    def fold(self, partition: int, events: Sequence[Event]) -> None:
        """Fold a partition's events, in log order. The caller moves the position (`reached`)."""
        if not events:
            return
        p = self.partitions[partition]
        self._fetch(partition, events)
        self._faults = 0
        self._folded = len(events)
        heap = p.heap
        rows = self._rows
        ctx = self._ctx
        for event in events:
            now = event.streamtime
            if heap and heap[0][0] < now:
                self._fire(partition, p, now - 1)
            p.streamtime = now
            subject = event.subject
            entry = rows.get(subject)
            if entry is None:
                if event.type == "policy.published.v1":
                    self._publish(partition, p, event)
                    self._fetch(
                        partition, events
                    )  # publishing writes, and what is written may leave the cache
                    continue
                pipeline = pipeline_of(subject)
                if not pipeline:
                    continue
                entry = Entry(row_id(partition, event.number), new_row(subject, pipeline), pipeline, 0)
                rows[subject] = entry
            self._step(partition, p, entry, event, now, ctx)
        self.pending += len(events)

    def reached(self, partition: int, own: Ownership) -> None:
        """All up to the partition's position is folded."""
        p = self.partitions[partition]
        p.position, p.hash = own.position, own.hash

    def adopt(self, watermark: int) -> None:
        """Nothing will come any more at or before `watermark`: fire what is due up to it, in every partition."""
        for index in range(len(self.partitions)):
            self.adopt_in(index, watermark)

    def adopt_in(self, partition: int, watermark: int) -> None:
        """The same for one partition."""
        p = self.partitions[partition]
        while p.heap and p.heap[0][0] <= watermark:
            self._fire(partition, p, min(watermark, p.heap[0][0] + ADOPT_STEP))
            if len(self._dirty) > self._limit // 2:
                self.flush()
        self.facts.reached(partition, watermark)
        p.watermark = max(p.watermark, watermark)

    def awaited(self) -> int:
        """The earliest instant a timer of either stage, a fact or an open minute waits for a watermark to pass (a timer may
        turn out stale), 0 for none."""
        instants = [p.heap[0][0] for p in self.partitions if p.heap]
        instants += [instant for instant in (self.facts.oldest(), self.judge.next_due()) if instant]
        return min(instants, default=0)

    def _step(self, partition: int, p: Partition, entry: Entry, event: Event, now: int, ctx: Context) -> None:
        row = entry.row
        if event.streamversion <= row.version:
            return  # folded before a crash, written by a flush within the batch
        if not entry.dirty:
            entry.dirty = True
            self._dirty.append(entry)
        if row.fault is not None:
            row.fault = msgspec.structs.replace(row.fault, waiting=row.fault.waiting + 1)
            row.version = event.streamversion
            return
        assert p.policies is not None, "every partition begins with policy.published"
        try:
            entry.row, decided = take(
                row, entry.pipeline, event, p.policies, ctx, partial(self._inputs, row.subject)
            )
        except FoldFault as fault:
            row.version = event.streamversion
            self._fault(partition, p, entry, fault, now)
            return
        if ctx.facts or ctx.counts:
            self.facts.take(partition, row.subject, event.streamversion, now, EVENT, ctx)
        if decided:
            self._receipts.add(partition, entry.id, row.subject, decided)
        due = due_of(entry.row, entry.pipeline)
        if due != entry.due:
            entry.due = due
            if due:
                heapq.heappush(p.heap, (due, row.subject, entry.id))

    def _inputs(self, subject: str) -> list[Event]:
        return [record.event for record in self.store.stream(subject)]

    def _fire(self, partition: int, p: Partition, upto: int) -> None:
        """Fire every timer due up to and with `upto`, in order (due, subject, fold)."""
        heap = p.heap
        ctx = self._ctx
        assert p.policies is not None
        while heap and heap[0][0] <= upto:
            if heap[0][1] not in self._rows:
                self._warm(heap, upto)
            due, subject, id_ = heapq.heappop(heap)
            entry = self._rows[subject]
            if entry.due != due or entry.row.fault is not None:
                continue
            if not entry.dirty:
                entry.dirty = True
                self._dirty.append(entry)
            try:
                decided = step_wake(entry.row, entry.pipeline, due, p.policies.last, ctx)
            except FoldFault as fault:
                self._fault(partition, p, entry, fault, due)
                continue
            entry.row.streamtime = max(entry.row.streamtime, due)
            if ctx.facts or ctx.counts:
                self.facts.take(partition, subject, entry.row.version, due, WAKE, ctx)
            if decided:
                self._receipts.add(partition, entry.id, subject, decided)
            entry.due = due_of(entry.row, entry.pipeline)
            if entry.due:
                heapq.heappush(heap, (entry.due, subject, id_))

    def _fault(self, partition: int, p: Partition, entry: Entry, fault: FoldFault, at: int) -> None:
        """The key is faulted, not the partition, unless so many are that the code must be bad."""
        self._ctx.facts.clear()
        self._ctx.counts.clear()
        row = entry.row
        row.fault = Fault(fault.fold, row.version, at, fault.text[-4_000:], 0)
        entry.due = 0
        if p.policies is not None and p.policies.last.flow is not None:
            self._ctx.counts.append((*unfolded(row.channel, f"{FAULT}{fault.fold}"), 1))
            self.facts.take(partition, row.subject, row.version, at, EVENT, self._ctx)
        self._faults += 1
        if self._faults > FAULT_KEYS and self._faults > FAULT_SHARE * self._folded:
            raise StoreError(
                f"Partition {partition} is stopped: {self._faults} of {self._folded} keys faulted in {fault.fold}.\n{fault.text}",
                "The fold is broken; go back to the release before.",
            )

    def retry(self, subject: str) -> bool:
        """Fold a faulted key again from its beginning, in log order; True when it folds now, with what it decides anew."""
        with self.store.read() as cursor:
            found = self.store.find(cursor, [subject]).get(subject)
        if found is None:
            return False
        partition, number = found
        p = self.partitions[partition]
        if subject not in self._rows:
            self._read([row_id(partition, number)])
        entry = self._rows.get(subject)
        if entry is None or entry.row.fault is None or p.policies is None:
            return False
        if not entry.dirty:
            entry.dirty = True
            self._dirty.append(entry)
        until, inclusive = max(p.watermark, p.streamtime), p.watermark >= p.streamtime
        row = entry.row
        decided: list[Decided] = []
        try:
            for step in retrace(subject, entry.pipeline, self._inputs(subject), p.policies, until, inclusive):
                decided += step.decided
                row = step.row
        except FoldFault as fault:
            entry.row.fault = msgspec.structs.replace(
                entry.row.fault, fold=fault.fold, at=p.streamtime, traceback=fault.text[-4_000:]
            )
            return False
        corrected(entry.row, row, entry.pipeline, self._ctx)
        self.facts.take(partition, subject, row.version, until + 1, EVENT, self._ctx)
        entry.row = row
        # Not those the row holds for standing: what was decided in the very step that raised was never written.
        written = {record.event.id for record in self.store.stream(subject, receipts=True)}
        self._receipts.add(partition, entry.id, subject, [one for one in decided if one.id not in written])
        entry.due = due_of(entry.row, entry.pipeline)
        if entry.due:
            heapq.heappush(p.heap, (entry.due, subject, entry.id))
        return True

    # Policy

    def _publish(self, partition: int, p: Partition, event: Event) -> None:
        """From here the partition follows the policy; all its open states are re-targeted before its next event."""
        hash_ = bytes.fromhex(event.data.policy)
        new = self._book.get(hash_)
        old = p.policies.last if p.policies else None
        if old is not None and old.hash != new.hash:
            self.flush()
            while entries := self._open_after(partition, p.retarget):
                for entry in entries:
                    self._retarget(partition, p, entry, old, new, event.streamtime)
                    p.retarget = entry.id
                if len(self._dirty) >= self._limit // 2:
                    self.flush()  # with the cursor: a crash resumes behind it
            p.retarget = 0
        p.published.append((event.streamtime, hash_))
        if partition == 0:
            data = msgspec.Raw(msgspec.msgpack.encode(event.data))
            # Without a subject it comes before all other facts of its instant: they are judged by it.
            self.facts.tell(
                Fact(event.streamtime, "", event.streamversion, 0, event.type, event.subject, data)
            )
        if p.policies is None:
            p.policies = Timeline([(event.streamtime, new)])
        else:
            p.policies.add(event.streamtime, new)

    def _retarget(
        self, partition: int, p: Partition, entry: Entry, old: Policy, new: Policy, now: int
    ) -> None:
        if entry.row.fault is not None:
            return
        if not entry.dirty:
            entry.dirty = True
            self._dirty.append(entry)
        try:
            decided = step_retarget(entry.row, entry.pipeline, old, new, now, self._ctx)
        except FoldFault as fault:
            self._fault(partition, p, entry, fault, now)
            return
        self.facts.take(partition, entry.row.subject, entry.row.version, now, RETARGET, self._ctx)
        if decided:
            self._receipts.add(partition, entry.id, entry.row.subject, decided)
        due = due_of(entry.row, entry.pipeline)
        if due != entry.due:
            entry.due = due
            if due:
                heapq.heappush(p.heap, (due, entry.row.subject, entry.id))

    # The cache

    def _fetch(self, partition: int, events: Sequence[Event]) -> None:
        """Bring the rows these events will touch into the cache, in one reading."""
        rows = self._rows
        missing: dict[int, str] = {}
        for event in events:
            subject = event.subject
            entry = rows.pop(subject, None)
            if entry is not None:
                rows[subject] = entry
            elif event.streamversion > 1:
                missing[row_id(partition, event.number)] = subject
        if missing:
            self._read(list(missing))

    def _read(self, ids: Sequence[int]) -> None:
        with self.views.read() as cursor:
            for start in range(0, len(ids), 500):
                part = ids[start : start + 500]
                for id_, due, blob in cursor.execute(
                    f"SELECT id, due, row FROM rows WHERE id IN ({','.join('?' * len(part))})", part
                ):
                    row = decode_row(blob)
                    if row.subject not in self._rows:
                        self._rows[row.subject] = Entry(id_, row, pipeline_of(row.subject), due)

    def _warm(self, heap: list[tuple[int, str, int]], upto: int) -> None:
        """Bring the rows of the next timers into the cache, many in one reading."""
        ahead: list[tuple[int, str, int]] = []
        while heap and heap[0][0] <= upto and len(ahead) < 500:
            ahead.append(heapq.heappop(heap))
        for timer in ahead:
            heapq.heappush(heap, timer)
        self._read([id_ for _, subject, id_ in ahead if subject not in self._rows])

    def _open_after(self, partition: int, after: int) -> list[Entry]:
        """The next rows of the partition in order of their ids, from the disk or, where newer, the cache."""
        low = max(after, partition << 40)
        with self.views.read() as cursor:
            found = cursor.execute(
                "SELECT id, subject FROM rows WHERE id > ? AND id < ? AND open > 0 ORDER BY id LIMIT 500",
                (low, (partition + 1) << 40),
            ).fetchall()
        missing = [id_ for id_, subject in found if subject not in self._rows]
        if missing:
            self._read(missing)
        return [self._rows[subject] for _, subject in found]

    def entry(self, subject: str) -> Entry | None:
        """A cached row, for the API's `?wait=` and for tests."""
        return self._rows.get(subject)

    # Writing

    def _policy_of(self, entry: Entry) -> Policy:
        policies = self.partitions[entry.id >> 40].policies
        assert policies is not None, "a row was folded under some policy"
        return policies.last

    def flush(self) -> None:
        """Let stage 2 judge what is ripe; write changed rows, facts, receipts and positions in one transaction."""
        ripe = min(p.watermark for p in self.partitions)
        for ruling in self.judge.run(self.facts.ready(ripe), ripe):
            self._receipts.judged(ruling)
        with self.views.write() as cursor:
            if self._dirty:
                cursor.executemany(
                    self._upsert,
                    [
                        columns(entry.id, entry.row, entry.due, self._policy_of(entry))
                        for entry in self._dirty
                    ],
                )
            caught_up = [
                p.position == own.position for p, own in zip(self.partitions, self._owned, strict=True)
            ]
            self.facts.write(cursor, ripe)
            self.judge.write(cursor)
            self._receipts.write(cursor)
            for p, own, level in zip(self.partitions, self._owned, caught_up, strict=True):
                if level:  # what was just appended are receipts: nothing in it is left to fold
                    p.position, p.hash = own.position, own.hash
            cursor.executemany(
                "INSERT OR REPLACE INTO folded VALUES (?,?,?,?,?,?,?,?)",
                [
                    (
                        i,
                        p.position,
                        p.hash,
                        p.watermark,
                        p.streamtime,
                        msgspec.msgpack.encode(p.published),
                        p.retarget,
                        self.facts.minutes[i].pack(),
                    )
                    for i, p in enumerate(self.partitions)
                ],
            )
        for entry in self._dirty:
            entry.dirty = False
        self._dirty = []
        self.pending = 0
        self.facts.written_to = [p.watermark for p in self.partitions]
        self.judge.written()
        self._receipts.written()
        if len(self._rows) > self._limit:
            for subject in list(self._rows)[: len(self._rows) - self._limit * 3 // 4]:
                del self._rows[subject]
