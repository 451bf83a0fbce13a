"""The embedded engine: one process holds the writer's lock and calls append and fold in turn on batches.

A store is of history or live, and keeps which (DESIGN.md, "Time"). In a live store the clock is the wall's; a store of
history stands at the last stream time of what was imported, and only imports and `clock advance` move it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Self

import msgspec

from engine.append.appender import NO_LIMITS, STALE, Appended, Appender, Limits, Outcome
from engine.errors import Refused
from engine.fold.host import Host
from engine.fold.receipts import Receipts
from engine.fold.step import Decided, decision_id
from engine.intake.model import DeadLetter, Incoming
from engine.policy.book import PolicyBook
from engine.policy.load import load_policy
from engine.store.database import DEFAULT_PARTITIONS, HISTORY, LIVE, Store
from engine.store.lock import Holder, this_process
from engine.store.record import GENESIS
from engine.views.queries import wall_clock
from engine.views.tables import row_id
from projections.kernel import Decision
from projections.policy import Policy
from schemas.envelope import Event, micros, rfc3339
from schemas.events.decisions import CommandRefused
from schemas.events.system import PolicyPublished

FLUSH_EVENTS = 20_000
FLUSH_IDLE_MICROS = 50_000
FLUSH_LATEST_MICROS = 500_000
WATERMARK_EVERY_MICROS = 250_000


class Engine:
    """`Engine.open(…)`, then `submit`, `tick`, `advance`, `publish` from one thread, then `close`."""

    def __init__(
        self, store: Store, clock: Callable[[], int], rows_bytes: int, heads_bytes: int, limits: Limits
    ) -> None:
        self.store = store
        self.book = PolicyBook(store)
        self.clock = clock
        self.kind = store.setting("kind")
        self.appender = Appender(store, store.take_partitions(), limits, heads_bytes)
        self.receipts = Receipts(
            store, self.appender.owned, suppressed="history" if self.kind == HISTORY else ""
        )
        self._rows_bytes = rows_bytes
        self.host = self._new_host()
        self._sound = True
        self.oldest_unwritten = 0
        """Since when (µs) something folded waits for its views, 0 when all is written."""

    @classmethod
    def open(
        cls,
        url: str,
        kind: str,
        policy_text: bytes,
        *,
        holder: Holder | None = None,
        clock: Callable[[], int] = wall_clock,
        partitions: int = DEFAULT_PARTITIONS,
        wait_seconds: float = 30.0,
        rows_bytes: int = 128 * 2**20,
        heads_bytes: int = 64 * 2**20,
        limits: Limits = NO_LIMITS,
    ) -> Self:
        """Take the store for writing, making it as `kind` (history | live, "" for whichever it is) where there is none,
        and fold what its views lack. `policy_text` becomes the first policy of a new store.

        Raises Busy when another process holds the lock for longer than `wait_seconds`, Refused when the store is of the
        other kind, PolicyError when the text does not pass its check."""
        store = Store.create(url, partitions)
        try:
            store.lock.take(holder or this_process("orderfold"), wait_seconds)
            present = store.setting("kind")
            if not present:
                with store.write() as cursor:
                    store.set_setting(cursor, "kind", kind or LIVE)
            elif kind and kind != present:
                raise _wrong_kind(store, present, kind)
            engine = cls(store, clock, rows_bytes, heads_bytes, limits)
            engine._start(policy_text)
        except BaseException:
            store.close()
            raise
        return engine

    def _new_host(self) -> Host:
        return Host(self.store, self.book, self.appender.owned, self.receipts, rows_bytes=self._rows_bytes)

    def _start(self, policy_text: bytes) -> None:
        if self.appender.owned[0].policy == GENESIS:
            self._publish(policy_text, "first policy of the store", "system", "orderfold")
        self.host.catch_up()
        for own in self.appender.owned:
            self.host.adopt_in(own.partition, own.watermark)
        self.flush()
        # What lives as long as the process is not worth walking again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)

    @property
    def now(self) -> int:
        """The store's present: the wall clock of a live store, the last stream time of one of history."""
        if self.kind == LIVE:
            return max(self.clock(), self.stands_at)
        return self.stands_at

    @property
    def stands_at(self) -> int:
        """The latest stream time or watermark of any partition."""
        return max(max(own.streamtime, own.watermark) for own in self.appender.owned)

    @property
    def policy(self) -> Policy:
        """The policy in force (all partitions carry the same one between publications)."""
        return self.book.get(self.appender.owned[0].policy)

    # Events

    def submit(self, batch: Sequence[Incoming | DeadLetter]) -> list[Outcome]:
        """Append and fold a batch. When this returns, what it accepts is durable and folded; views follow by `flush`.

        Raises StoreFull or StoreError. Nothing of the batch is acknowledged then; sent again, what was kept all the same
        (a fold stopped its partition after the append) is a duplicate."""
        now = self.now
        # What is received is appended up to now; of an import, up to just before what this batch begins with.
        promise = now
        if self.kind == HISTORY:
            arrived = [item.arrived for item in batch if isinstance(item, Incoming)] or [0]
            promise = arrived[0] - 1
            now = max(now, arrived[-1])
        appended = self._append(batch, now, promise)
        for item, outcome in zip(batch, appended.outcomes, strict=True):
            if outcome.status == STALE and isinstance(item, Incoming):
                self._refuse(item.event, outcome, now)
        if self.host.pending >= FLUSH_EVENTS:
            self.flush()
        elif (
            self.kind == LIVE
        ):  # an import's readers look at its end; 500 ms of one is only a few thousand events
            if not self.oldest_unwritten:
                self.oldest_unwritten = self.clock()
            elif self.clock() - self.oldest_unwritten >= FLUSH_LATEST_MICROS:
                self.flush()
        return appended.outcomes

    def ingest(
        self, items: Iterable[Incoming | DeadLetter], batch_size: int = 2_000
    ) -> Iterable[tuple[list[Incoming | DeadLetter], list[Outcome]]]:
        """Submit a whole import batch by batch, yielding each with its outcomes; at the end the clock of a store of
        history stands at the last stream time and the views are written."""
        batch: list[Incoming | DeadLetter] = []
        for item in items:
            batch.append(item)
            if len(batch) >= batch_size:
                yield batch, self.submit(batch)
                batch = []
        if batch:
            yield batch, self.submit(batch)
        if self.kind == HISTORY:
            self._move_watermark(self.stands_at)
        self.flush()

    def _append(self, batch: Sequence[Incoming | DeadLetter], now: int, promise: int = 0) -> Appended:
        """Append and fold; the watermark rises to `promise` with it, if any timer waits for that."""
        self.receipts.recordedtime = now
        if not self.level:
            self._reset()
        watermark = promise if self._worth_promising(promise) else 0
        try:
            appended = self.appender.append(batch, now, watermark)
            for partition, events in enumerate(appended.events):
                self.host.fold(partition, events)
        except BaseException:
            self._reset()
            raise
        for own in self.appender.owned:
            self.host.reached(own.partition, own)
        if watermark:
            self.host.adopt(watermark)
        return appended

    @property
    def level(self) -> bool:
        """Whether all that is appended is folded. It is not after a failure that could not be put right at once: then
        nothing more is appended before it is."""
        return self._sound and all(
            p.position == own.position
            for p, own in zip(self.host.partitions, self.appender.owned, strict=True)
        )

    def _reset(self) -> None:
        """A transaction or a fold failed: memory is not what the disk holds. Read ownership and views again."""
        self._sound = False
        self.appender.reset()
        self.receipts = Receipts(self.store, self.appender.owned, suppressed=self.receipts.suppressed)
        self.host = self._new_host()
        self.oldest_unwritten = self.clock()
        self._sound = True
        self.host.catch_up()

    def _refuse(self, event: Event, outcome: Outcome, now: int) -> None:
        """A command came too late: kept as a receipt with what the stream's version is now."""
        data = CommandRefused(event.id, outcome.detail, event.expectedversion, outcome.version)
        decision = Decision("append", "command.refused.v1", event.id, outcome.version, 0, data)
        found = Decided(decision_id(event.subject, decision, 0), now, decision)
        with self.store.read() as cursor:
            partition, number = self.store.find(cursor, [event.subject])[event.subject]
        self.receipts.add(partition, row_id(partition, number), event.subject, [found])

    # Time

    def _worth_promising(self, to: int) -> bool:
        """Whether anything waits for a watermark at `to`; in a live store it moves four times a second at the most."""
        due = self.host.awaited()
        least = WATERMARK_EVERY_MICROS if self.kind == LIVE else 1
        return 0 < due <= to and to - self.appender.owned[0].watermark >= least

    def tick(self) -> None:
        """Let time pass in a live store: fire what is due, write what has waited long enough. Call it when idle."""
        if not self.level:
            self._reset()
        now = self.now
        if self.kind == LIVE and self._worth_promising(now):
            self._move_watermark(now)
            self.oldest_unwritten = self.oldest_unwritten or now
        if self.oldest_unwritten and self.clock() - self.oldest_unwritten >= FLUSH_IDLE_MICROS:
            self.flush()

    def judge(self) -> None:
        """Let stage 2 take what was folded so far: the watermark rises to where the store stands. For whoever has just
        commanded something and looks."""
        self._move_watermark(self.now if self.kind == LIVE else self.stands_at)
        self.flush()

    def advance(self, to: int | None) -> int:
        """Move the clock of a store of history to the instant `to`, or with None to now, which makes it live.

        Returns where the store then stands. Refused when it already stands later, or is live."""
        if self.kind == LIVE:
            raise Refused(
                "The store is live: its clock is the wall's.", "Only a store of history is advanced."
            )
        target = self.clock() if to is None else to
        if target < self.stands_at:
            raise Refused(
                f"The store stands at {rfc3339(self.stands_at)}; its clock does not go back to {rfc3339(target)}.",
                "Earlier history goes into a store of its own, with --store.",
            )
        self._move_watermark(target)
        self.flush()
        if to is None:
            with self.store.write() as cursor:
                self.store.set_setting(cursor, "kind", LIVE)
            self.kind = LIVE
            self.receipts.suppressed = ""
        return target

    def _move_watermark(self, to: int) -> None:
        """Promise that nothing comes at or before `to`, and fire what waits for that."""
        if to <= self.appender.owned[0].watermark:
            return
        with self.store.write() as cursor:
            self.appender.advance(cursor, to)
        self.host.adopt(to)

    def flush(self) -> None:
        """Write the views, receipts and positions of everything folded so far."""
        self.receipts.recordedtime = self.now
        try:
            self.host.flush()
        except BaseException:
            self._reset()
            raise
        self.oldest_unwritten = 0

    # Policy

    def publish(self, text: bytes, reason: str, authtype: str, authid: str) -> Policy:
        """Check a policy and put it in force in every partition; open orders are re-targeted before this returns.

        Raises PolicyError with every finding; Refused when it is the one in force."""
        policy = self._publish(text, reason, authtype, authid)
        self.flush()
        return policy

    def _publish(self, text: bytes, reason: str, authtype: str, authid: str) -> Policy:
        first = self.appender.owned[0].policy == GENESIS
        hash_ = sha256(text).digest()
        if hash_ == self.appender.owned[0].policy:
            raise Refused(f"Policy {hash_.hex()[:12]} is already in force.", "Change streams.yaml first.")
        # Past whatever is stored: an event of the same stream time would be under one policy or the other by chance.
        now = max(self.clock() if self.kind == LIVE else 0, self.stands_at + 1)
        policy, written = load_policy(text, now=max(now, self.clock()))
        if self.kind == HISTORY and first:
            now = micros(written.intake.earliest)
        with self.store.write() as cursor:
            self.book.keep(cursor, text, policy, now)
        raw = msgspec.json.encode(PolicyPublished(policy.hash, reason))
        count = sum(1 for _ in self.book.known())
        batch = [
            Incoming(
                Event(
                    "policy.published.v1",
                    f"policy/{partition}",
                    sha256(f"{policy.hash}|{now}|{count}".encode()).hexdigest()[:32],
                    "/orderfold/policy",
                    now,
                    PolicyPublished(policy.hash, reason),
                    authtype=authtype,
                    authid=authid,
                    historical=self.kind == HISTORY,
                ),
                raw,
                now if self.kind == HISTORY else 0,
            )
            for partition in range(self.store.partitions)
        ]
        self._append(batch, now)
        return policy

    def close(self) -> None:
        """Write what is left and let the store go."""
        try:
            self.flush()
        finally:
            self.store.close()


def _wrong_kind(store: Store, present: str, wanted: str) -> Refused:
    stands = max(max(own.streamtime, own.watermark) for own in store.ownership())
    if present == HISTORY:
        return Refused(
            f"The store at {store.directory} is one of history and stands at {rfc3339(stands)}.",
            "`orderfold clock advance now` makes it live; or ingest with --historical.",
        )
    return Refused(
        f"The store at {store.directory} is live; history cannot be sent into it.",
        "Ingest history into a store of its own, with --store.",
    )
