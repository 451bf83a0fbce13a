"""Stage 2 gives one answer: for any number of partitions, any batch, any order in which partitions come forward, ties in time,
late or early flushes, crashes before one, empty and stalled partitions (DESIGN.md, "Fold")."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.append.appender import Appender
from engine.fold.host import Host
from engine.fold.judge import Ruling
from engine.fold.receipts import Receipts
from engine.fold.step import Decided
from engine.intake.model import Incoming
from engine.policy.book import PolicyBook
from engine.store.database import Ownership, Store
from engine.store.record import decode
from engine.workers.embedded import Engine
from projections.keyed import Handler, KeyedContext, KeyedFold, Told
from projections.policy import Policy
from projections.stages import STAGE_TWO
from schemas.envelope import Event
from schemas.events.decisions import WorkClosed
from schemas.facts import FACTS, MinuteSummed
from schemas.registry import TYPES
from tests.worlds import _open, worlds

MINUTE = 60_000_000
FEW = settings(max_examples=30, deadline=None)


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """A digest that depends on the order of all that was heard, and on every instant."""

    digest: int = 0
    heard: int = 0


class Summed(msgspec.Struct, frozen=True, array_like=True):
    """One minute, of all partitions."""

    cells: dict[str, int]


class TallyFold(KeyedFold):
    """Hears every fact there is, decides now and then, and wakes a while after each."""

    name = "tally"
    version = 1
    kinds: ClassVar = {"all": Tally, "one": Tally, "sum": Summed}

    def _hear(self, fact: Told, ctx: KeyedContext) -> None:
        for key in ("all/all", f"one/{fact.key}"):
            state: Tally = ctx.get(key) or Tally()
            text = f"{state.digest}|{fact.type}|{fact.subject}|{fact.streamversion}|{ctx.now}|{fact.data!r}"
            digest = int.from_bytes(text.encode(), "big") % 1_000_003
            ctx.put(key, Tally(digest, state.heard + 1), ctx.now + digest % 7 * MINUTE)
            if digest % 5 == 0:
                ctx.decide("work.closed.v1", "board/tally/2020-01-01", key, WorkClosed(key, str(digest)))

    def _sum(self, fact: Told, ctx: KeyedContext) -> None:
        """Partitions' sums of one minute are added; what follows of them waits for the minute to be passed."""
        minute: MinuteSummed = fact.data
        key = f"sum/{fact.key}/{minute.minute}"
        state: Summed = ctx.get(key) or Summed({})
        cells = dict(state.cells)
        for cell, n in minute.cells.items():
            cells[cell] = cells.get(cell, 0) + n
        ctx.put(key, Summed(dict(sorted(cells.items()))), ctx.now)

    def wake(self, key: str, state: Any, ctx: KeyedContext) -> None:
        if isinstance(state, Summed):
            ctx.decide("work.closed.v1", "board/tally/2020-01-01", key, WorkClosed(key, str(state.cells)))
            ctx.drop(key)
            return
        digest = (state.digest * 31 + ctx.now) % 1_000_003
        ctx.put(key, Tally(digest, state.heard), ctx.now + 40 * MINUTE if digest % 3 == 0 else 0)
        ctx.decide("work.closed.v1", "board/tally/2020-01-01", key, WorkClosed(key, f"woken {digest}"))

    def published(self, old: Policy | None, ctx: KeyedContext) -> None:
        ctx.put("all/board", Tally(1 if old is None else 2), ctx.now + MINUTE)

    handlers: ClassVar[dict[str, Handler]] = {
        **dict.fromkeys([*FACTS, *(name for name, spec in TYPES.items() if spec.person)], _hear),
        "work.opened.v1": _hear,
        "minute.summed": _sum,
    }


FOLDS = (*STAGE_TWO, TallyFold())


class Kept(Receipts):
    """Receipts by id, whatever crashes: the first body stays."""

    def __init__(self, store: Store, kept: dict[str, tuple[Any, ...]]) -> None:
        super().__init__(store, store.ownership())
        self._kept = kept

    def add(self, partition: int, id_: int, subject: str, decided: Sequence[Decided]) -> None:
        for one in decided:
            self._keep(subject, one)

    def judged(self, ruling: Ruling) -> None:
        self._keep(ruling.decision.subject, ruling)

    def _keep(self, subject: str, one: Decided | Ruling) -> None:
        body = (one.decision.type, subject, one.time, msgspec.json.encode(one.decision.data))
        assert self._kept.setdefault(one.id, body) == body, "a decision has one body"

    def write(self, cursor: object) -> None:
        pass


class Driver:
    """Brings partitions forward one by one, by hand."""

    def __init__(self, directory: Path, world: Sequence[Incoming], partitions: int) -> None:
        engine = _open(directory, partitions, 128 * 2**20)
        engine.close()
        self.store = Store.open(str(directory))
        with self.store.write() as cursor:  # folded here from the beginning
            for table in ("rows", "folded", "facts", "judged", "judging"):
                cursor.execute(f"DELETE FROM {table}")
        Appender(self.store, self.store.ownership()).append(copy.deepcopy(list(world)), 0)
        self.log: list[list[tuple[int, Event, bytes]]] = [
            [
                (position, decode(key, state).event, state[-32:])
                for position, key, state in self.store.log(partition, 0, -1)
                if not key.endswith("!")
            ]
            for partition in range(partitions)
        ]
        self.end = max(own.streamtime for own in self.store.ownership())
        self.kept: dict[str, tuple[Any, ...]] = {}
        self.begin()

    def begin(self) -> None:
        """A new process."""
        self.host = Host(
            self.store,
            PolicyBook(self.store),
            self.store.ownership(),
            Kept(self.store, self.kept),
            folds=FOLDS,
        )

    def fold(self, partition: int, most: int) -> None:
        at = self.host.partitions[partition].position
        events = [entry for entry in self.log[partition] if entry[0] > at][:most]
        if events:
            self.host.fold(partition, [event for _, event, _ in events])
            position, _, digest = events[-1]
            self.host.reached(partition, Ownership(partition, position=position, hash=digest))

    def promise(self, partition: int, lag: int) -> None:
        """Adopt a watermark as far as the partition's next event allows, less `lag`."""
        at = self.host.partitions[partition].position
        ahead = [event.streamtime for position, event, _ in self.log[partition] if position > at]
        self.host.adopt_in(partition, (ahead[0] - 1 if ahead else self.end) - lag)

    def finish(self) -> tuple[object, ...]:
        for partition in range(len(self.log)):
            self.fold(partition, 10**9)
            self.host.adopt_in(partition, self.end)
        self.host.flush()
        with self.store.read() as cursor:
            judged = {(row["fold"], row["key"]): tuple(row) for row in cursor.execute("SELECT * FROM judged")}
            rows = {row["subject"]: row["row"] for row in cursor.execute("SELECT subject, row FROM rows")}
            left = cursor.execute("SELECT count(*) FROM facts").fetchone()[0]
            broken = cursor.execute("SELECT fold, key, traceback FROM judge_faults").fetchall()
        assert not broken, "\n".join("\n".join(row) for row in broken)
        assert left == 0
        self.store.close()
        return judged, rows, self.kept


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["fold", "fold", "fold", "promise", "promise", "flush", "crash"]),
        st.integers(0, 15),
        st.integers(1, 20),
    ),
    max_size=60,
)


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _fresh(directory: Path, name: str) -> Path:
    shutil.rmtree(directory / name, ignore_errors=True)
    return directory / name


@FEW
@given(world=worlds(), acts=ACTS, partitions=st.sampled_from([1, 2, 4, 16]), stalled=st.integers(0, 15))
def test_any_schedule_gives_one_answer(
    directory: Path, world: list[Incoming], acts: list[tuple[str, int, int]], partitions: int, stalled: int
) -> None:
    whole = Driver(_fresh(directory, "a"), world, 1).finish()
    driver = Driver(_fresh(directory, "b"), world, partitions)

    for act, number, size in acts:
        partition = number % partitions
        if partition == stalled and size < 18:
            continue
        if act == "fold":
            driver.fold(partition, size)
        elif act == "promise":
            driver.promise(partition, 0 if size < 15 else size * MINUTE)
        elif act == "flush":
            driver.host.flush()
        else:
            driver.begin()

    judged, _, decisions = driver.finish()
    assert judged == whole[0]
    assert decisions == whole[2]
    assert any(fold == "tally" for fold, _ in judged)


@FEW
@given(world=worlds(), batch=st.integers(1, 50))
def test_the_engine_judges_as_a_fold_from_the_beginning_does(
    directory: Path, world: list[Incoming], batch: int
) -> None:
    whole = Driver(_fresh(directory, "a"), world, 4).finish()
    engine: Engine = _open(_fresh(directory, "b"), 4, 128 * 2**20)
    for start in range(0, len(world), batch):
        engine.submit(copy.deepcopy(world[start : start + batch]))
    list(engine.ingest([]))
    with engine.store.read() as cursor:
        judged = {(row["fold"], row["key"]): tuple(row) for row in cursor.execute("SELECT * FROM judged")}
    engine.close()

    assert judged == {place: row for place, row in whole[0].items() if place[0] != "tally"}  # type: ignore[attr-defined]
