"""Stage 2: folds over all orders, fed with facts in canonical order, its states kept by (fold, key).

Before a fact with stream time s every timer due before s fires, in order (due, fold, key); then those due up to the
instant reached. What an earlier fold decides in a step the later ones hear in the same step. A fold that raises leaves
its states as they were before its turn; the key it was about is faulted, not the stage.
"""

from __future__ import annotations

import heapq
import sqlite3
import traceback
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Any

import msgspec

from engine.errors import StoreError
from engine.policy.book import PolicyBook
from engine.store.database import Store
from projections.kernel import NONE
from projections.keyed import KeyedDecision, KeyedFold, Told
from projections.policy import Policy
from projections.stages import STAGE_TWO
from schemas.events.common import Data
from schemas.facts import Fact, data_type

FETCH = 2_000
"""Facts whose keys are read together."""

CELLS_KEPT = 20_000
"""States in memory beyond which the oldest written ones are let go."""

STALE_KEPT = 10_000
"""Timers the heap may hold beyond twice those it held when it was last tidied."""

FAULTS = 100
"""More faulted keys than this stop the stage: then the code is bad, not the key."""

# Partitions tell their minutes in any order: a state's dictionaries are stored sorted.
_pack = msgspec.msgpack.Encoder(order="deterministic").encode


class Ruling(msgspec.Struct, gc=False):
    """A decision of stage 2 with its id and the instant it takes effect: of the fact, or when the timer was due."""

    id: str
    time: int
    decision: KeyedDecision


class Cell:
    """One key of one fold as it is in memory; `state` None where there is none."""

    __slots__ = ("dirty", "due", "state", "stored")

    def __init__(self, state: Any = None, due: int = NONE, stored: bool = False) -> None:
        self.state = state
        self.due = due
        self.stored = stored
        self.dirty = False


class FoldCells:
    """One fold, in its place in the order of folds, with its cells, its index and the keys that are faulted."""

    __slots__ = ("cells", "decoders", "dirty", "faults", "fold", "index", "number")

    def __init__(self, number: int, fold: KeyedFold) -> None:
        self.number = number
        self.fold = fold
        self.cells: dict[str, Cell] = {}
        self.dirty: dict[str, Cell] = {}
        self.index: Any = fold.new_index()
        self.decoders = {kind: msgspec.msgpack.Decoder(type_) for kind, type_ in fold.kinds.items()}
        self.faults: set[str] = set()

    def decode(self, key: str, body: bytes) -> Any:
        return self.decoders[key.partition("/")[0]].decode(body)


class Turn:
    """One fold's turn in a step: what `projections.keyed.KeyedContext` promises it."""

    __slots__ = ("_held", "_judge", "_undo", "cause", "decisions", "due", "index", "now", "policy")

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.policy: Policy
        self.now = 0
        self.cause = ""
        self.due = NONE
        self.decisions: list[KeyedDecision] = []

    def begin(self, held: FoldCells) -> None:
        self._held = held
        self.index = held.index
        self._undo: list[tuple[str, Any, int]] = []

    def get(self, key: str) -> Any:
        """The state under a key of this fold, None where there is none."""
        cell = self._held.cells.get(key)
        return cell.state if cell is not None else self._judge.read(self._held, [key])[key].state

    def put(self, key: str, state: msgspec.Struct, due: int = NONE) -> None:
        """Keep a state, to be woken at `due`."""
        if due and due <= self.now:
            due = self.now + self.policy.settle
        self._set(key, state, due)

    def drop(self, key: str) -> None:
        """Forget a key."""
        self._set(key, None, NONE)

    def decide(self, type: str, subject: str, key: str, data: Data) -> None:
        """Decide something about `subject`, effective now."""
        self.decisions.append(
            KeyedDecision(self._held.fold.name, type, subject, key, self.cause, self.due, data)
        )

    def _set(self, key: str, state: Any, due: int) -> None:
        held = self._held
        cell = held.cells.get(key)
        if cell is None:
            cell = self._judge.read(held, [key])[key]
        self._undo.append((key, cell.state, cell.due))
        self._judge.change(held, key, cell, state, due)

    def undo(self) -> None:
        """The fold raised: its keys are as they were before its turn."""
        for key, state, due in reversed(self._undo):
            self._judge.change(self._held, key, self._held.cells[key], state, due)


class Judge:
    """All folds of stage 2 over one set of views."""

    def __init__(self, views: Store, book: PolicyBook, folds: Sequence[KeyedFold] = STAGE_TWO) -> None:
        self._views = views
        self._book = book
        self.folds = [FoldCells(number, fold) for number, fold in enumerate(folds)]
        self.upto = 0
        """The stream time up to which every fact is taken and every timer fired."""
        self.policy: Policy | None = None
        self._heap: list[tuple[int, int, str]] = []
        self._timers = 0
        """How long the heap was when it was last rid of stale timers."""
        self._turn = Turn(self)
        self._rulings: list[Ruling] = []
        self._faulted: list[tuple[str, str, int, str]] = []

    # Loading and writing

    def load(self, cursor: sqlite3.Cursor) -> None:
        """Where the stage stands: its timers, indexes and faults."""
        row = cursor.execute("SELECT upto, policy FROM judging").fetchone()
        if row is None:
            return
        self.upto = row[0]
        self.policy = self._book.get(row[1]) if row[1] else None
        for held in self.folds:
            fold = held.fold
            indexed = type(fold).reindex is not KeyedFold.reindex
            for key, due, body in cursor.execute(
                f"SELECT key, due, {'body' if indexed else 'NULL'} FROM judged WHERE fold=? {'' if indexed else 'AND due > 0'}",
                (fold.name,),
            ):
                if due:
                    heapq.heappush(self._heap, (due, held.number, key))
                if indexed:
                    fold.reindex(held.index, key, held.decode(key, body))
            held.faults = {
                found[0]
                for found in cursor.execute("SELECT key FROM judge_faults WHERE fold=?", (fold.name,))
            }

    def write(self, cursor: sqlite3.Cursor) -> None:
        """Inside the view transaction: every changed state, and how far the stage has come."""
        for held in self.folds:
            if not held.dirty:
                continue
            fold = held.fold
            gone = [
                (fold.name, key) for key, cell in held.dirty.items() if cell.state is None and cell.stored
            ]
            cursor.executemany("DELETE FROM judged WHERE fold=? AND key=?", gone)
            cursor.executemany(
                "INSERT INTO judged (fold, key, due, label, body) VALUES (?,?,?,?,?) ON CONFLICT (fold, key) "
                "DO UPDATE SET due=excluded.due, label=excluded.label, body=excluded.body",
                [
                    (fold.name, key, cell.due, fold.label(key, cell.state), _pack(cell.state))
                    for key, cell in held.dirty.items()
                    if cell.state is not None
                ],
            )
        cursor.executemany("INSERT OR REPLACE INTO judge_faults VALUES (?,?,?,?)", self._faulted)
        cursor.execute(
            "INSERT OR REPLACE INTO judging (id, upto, policy) VALUES (1,?,?)",
            (self.upto, bytes.fromhex(self.policy.hash) if self.policy else b""),
        )

    def written(self) -> None:
        """The transaction stands."""
        self._faulted = []
        if len(self._heap) > 2 * self._timers + STALE_KEPT:
            self._forget_stale()
        for held in self.folds:
            for cell in held.dirty.values():
                cell.dirty = False
                cell.stored = cell.state is not None
            held.dirty = {}
            if len(held.cells) > CELLS_KEPT:
                for key in list(islice(held.cells, len(held.cells) - CELLS_KEPT * 3 // 4)):
                    del held.cells[key]

    def _forget_stale(self) -> None:
        """Drop the timers whose keys have got another since: each put of another due leaves one behind."""
        live = []
        for timer in set(self._heap):
            cell = self.folds[timer[1]].cells.get(timer[2])
            if cell is None or cell.due == timer[0]:
                live.append(timer)
        heapq.heapify(live)
        self._heap, self._timers = live, len(live)

    # Judging

    def next_due(self) -> int:
        """The earliest instant a timer waits for (it may turn out stale), 0 for none."""
        return self._heap[0][0] if self._heap else 0

    def run(self, facts: Iterable[Fact], upto: int) -> list[Ruling]:
        """Take facts in canonical order, fire what is due up to `upto`; returns what is decided.

        StoreError when so many keys fault that the code must be bad."""
        self._rulings = []
        waiting = iter(facts)
        while batch := list(islice(waiting, FETCH)):
            for fact, told in self._told(batch):
                if self._heap and self._heap[0][0] < fact.streamtime:
                    self._fire(fact.streamtime - 1)
                self._take(fact, told)
        self._fire(upto)
        self.upto = max(self.upto, upto)
        return self._rulings

    def _told(self, batch: list[Fact]) -> Iterator[tuple[Fact, Told]]:
        """The facts with their data, after the keys they will need have been read."""
        told = [
            Told(
                fact.type,
                fact.key,
                fact.subject,
                fact.streamversion,
                fact.streamtime,
                msgspec.msgpack.decode(fact.data, type=data_type(fact.type)),
            )
            for fact in batch
        ]
        policy = self.policy
        if policy is not None:
            for held in self.folds:
                fold = held.fold
                wanted: dict[str, None] = {}
                for one in told:
                    if one.type in fold.handlers:
                        wanted.update(dict.fromkeys(fold.reads(one, policy)))
                missing = [key for key in wanted if key not in held.cells]
                if missing:
                    self.read(held, missing)
        return zip(batch, told, strict=True)

    def _take(self, fact: Fact, told: Told) -> None:
        turn = self._turn
        turn.now = fact.streamtime
        turn.due = NONE
        turn.cause = f"{fact.subject or fact.key}@{fact.streamversion}"
        turn.decisions = []
        old = self.policy
        published = fact.type == "policy.published.v1"
        if published:
            self.policy = self._book.get(bytes.fromhex(told.data.policy))
        if self.policy is None:
            return  # nothing is judged before the first policy
        turn.policy = self.policy
        decisions = turn.decisions
        for held in self.folds:
            earlier = list(decisions) if decisions else ()
            handler = held.fold.handlers.get(told.type)
            if handler is None and not earlier and not published:
                continue
            turn.begin(held)
            made = len(decisions)
            try:
                if published:
                    held.fold.published(old, turn)
                if handler is not None and told.key not in held.faults:
                    handler(held.fold, told, turn)
                self._hand_on(held, earlier, told.subject, told.streamversion, turn)
            except Exception:
                del decisions[made:]
                turn.undo()
                self._fault(held, told.key, turn.now)
        if decisions:
            self._settle(decisions, turn.now, f"{turn.cause}.{fact.n}@{fact.streamtime}")

    def _hand_on(
        self, held: FoldCells, earlier: Iterable[KeyedDecision], subject: str, version: int, turn: Turn
    ) -> None:
        for decision in earlier:
            handler = held.fold.handlers.get(decision.type)
            if handler is not None and decision.subject not in held.faults:
                heard = Told(decision.type, decision.subject, subject, version, turn.now, decision.data)
                handler(held.fold, heard, turn)

    def _fire(self, upto: int) -> None:
        """Fire every timer due up to and with `upto`."""
        heap = self._heap
        turn = self._turn
        while heap and heap[0][0] <= upto:
            due, number, key = heapq.heappop(heap)
            held = self.folds[number]
            cell = held.cells.get(key)
            if cell is None:
                cell = self._warm(held, key, upto)
            if cell.due != due or key in held.faults:
                continue
            assert self.policy is not None, "timers are set under a policy"
            turn.policy = self.policy
            turn.now = turn.due = due
            turn.cause = key
            turn.decisions = []
            turn.begin(held)
            try:
                self.change(held, key, cell, cell.state, NONE)
                held.fold.wake(key, cell.state, turn)
                if 0 < cell.due <= due:
                    raise ValueError(f"wake at {due} left the earlier due {cell.due}")
            except Exception:
                turn.undo()
                self._fault(held, key, due)
                continue
            if not turn.decisions:
                continue
            for later in self.folds[number + 1 :]:
                earlier = list(turn.decisions)
                made = len(earlier)
                turn.begin(later)
                try:
                    self._hand_on(later, earlier, key, 0, turn)
                except Exception:
                    del turn.decisions[made:]
                    turn.undo()
                    self._fault(later, key, due)
            self._settle(turn.decisions, due, key)

    def _settle(self, decisions: list[KeyedDecision], now: int, step: str) -> None:
        """Give ids: hash(fold, type, subject, key, cause, due, ordinal)."""
        seen: dict[tuple[str, str, str, str], int] = {}
        for decision in decisions:
            identity = (decision.fold, decision.type, decision.subject, decision.key)
            ordinal = seen.get(identity, 0)
            seen[identity] = ordinal + 1
            text = "|".join((*identity, step, str(decision.due), str(ordinal)))
            id_ = sha256(text.encode()).hexdigest()[:32]
            self._rulings.append(Ruling(id_, now, decision))

    def _fault(self, held: FoldCells, key: str, at: int) -> None:
        held.faults.add(key)
        text = traceback.format_exc(limit=-8)[-4_000:]
        self._faulted.append((held.fold.name, key, at, text))
        if len(held.faults) > FAULTS:
            raise StoreError(
                f"Stage 2 is stopped: {len(held.faults)} keys faulted in {held.fold.name}.\n{text}",
                "The fold is broken; go back to the release before.",
            )

    # States

    def read(self, held: FoldCells, keys: Sequence[str]) -> dict[str, Cell]:
        """Bring keys into memory, in few readings; those that are not stored are empty."""
        cells: dict[str, Cell] = {}
        with self._views.read() as cursor:
            for start in range(0, len(keys), 500):
                part = keys[start : start + 500]
                for key, due, body in cursor.execute(
                    f"SELECT key, due, body FROM judged WHERE fold=? AND key IN ({','.join('?' * len(part))})",
                    (held.fold.name, *part),
                ):
                    cells[key] = Cell(held.decode(key, body), due, True)
        for key in keys:
            held.cells[key] = cells.setdefault(key, Cell())
        return cells

    def _warm(self, held: FoldCells, key: str, upto: int) -> Cell:
        """Read the key of a due timer together with those of timers soon after it."""
        ahead = {key: None}
        for due, number, soon in islice(self._heap, 500):
            if number == held.number and due <= upto and soon not in held.cells:
                ahead[soon] = None
        return self.read(held, list(ahead))[key]

    def change(self, held: FoldCells, key: str, cell: Cell, state: Any, due: int) -> None:
        """A key gets another state and timer; its index follows."""
        if state is not cell.state:
            cell.state = state
            held.fold.reindex(held.index, key, state)
        if due != cell.due:
            cell.due = due
            if due:
                heapq.heappush(self._heap, (due, held.number, key))
        if not cell.dirty:
            cell.dirty = True
            held.dirty[key] = cell
