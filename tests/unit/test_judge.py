"""Stage 2 by itself: order of timers, decisions handed on, undo, faults, what is read and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import msgspec
import pytest

from engine.errors import StoreError
from engine.fold import judge as judging
from projections.keyed import Handler, KeyedContext, KeyedFold, Told
from projections.policy import Policy
from schemas.events.decisions import WorkClosed, WorkOpened
from schemas.events.people import WorkDone
from tests.judging import Bench
from tests.policies import SETTLE
from tests.policies import policy as house_policy

SECOND = 1_000_000
START = 1_000 * SECOND
POLICY = house_policy()


class Count(msgspec.Struct, frozen=True, array_like=True):
    """How often a key was heard of, and woken."""

    heard: int = 0
    woken: int = 0


class Counting(KeyedFold):
    """Counts by key; opens work at each fact; wakes ten seconds later; raises where told to."""

    name = "counting"
    version = 1
    kinds: ClassVar = {"node": Count, "board": Count}

    def reads(self, fact: Told, policy: Policy) -> Iterable[str]:
        return (fact.key,)

    def _heard(self, fact: Told, ctx: KeyedContext) -> None:
        state: Count = ctx.get(fact.key) or Count()
        ctx.put(fact.key, Count(state.heard + 1, state.woken), ctx.now + 10 * SECOND)
        ctx.decide("work.opened.v1", fact.key, "w", WorkOpened("w", "k", "t", "", ""))
        if fact.data.work == "raise":
            raise ValueError("told to")
        if fact.data.work == "drop":
            ctx.drop(fact.key)

    def wake(self, key: str, state: Any, ctx: KeyedContext) -> None:
        ctx.put(key, Count(state.heard, state.woken + 1))
        ctx.decide("work.closed.v1", key, "w", WorkClosed("w", "woken"))
        if state.heard == 7:
            raise ValueError("seven")

    def published(self, old: Policy | None, ctx: KeyedContext) -> None:
        ctx.put("board/b", Count(), ctx.now + SECOND)

    def new_index(self) -> dict[str, int]:
        return {}

    def reindex(self, index: dict[str, int], key: str, state: Any | None) -> None:
        if state is None:
            index.pop(key, None)
        else:
            index[key] = state.heard

    def label(self, key: str, state: Any) -> str:
        return "busy" if state.heard > 1 else ""

    handlers: ClassVar[dict[str, Handler]] = {"work.done.v1": _heard}


class Listening(KeyedFold):
    """Keeps the types of the decisions it hears, with when."""

    name = "listening"
    version = 1
    kinds: ClassVar = {"node": Count, "board": Count}
    heard: ClassVar[list[tuple[str, str, int]]] = []

    def _heard(self, fact: Told, ctx: KeyedContext) -> None:
        self.heard.append((fact.type, fact.key, ctx.now))
        ctx.put(fact.key, Count(1))

    handlers: ClassVar[dict[str, Handler]] = {"work.opened.v1": _heard, "work.closed.v1": _heard}


@pytest.fixture
def bench() -> Iterator[Bench]:
    Listening.heard.clear()
    bench = Bench(Counting(), Listening(), policy=POLICY, at=START)
    yield bench
    bench.close()


def _tell(bench: Bench, key: str, at: int, work: str = "w") -> list[str]:
    return [d.type for d in bench.tell("work.done.v1", key, WorkDone(work), at=START + at * SECOND)]


def test_a_timer_due_before_a_fact_fires_before_it_and_one_due_at_it_after(bench: Bench) -> None:
    bench.pass_to(START + SECOND)
    _tell(bench, "node/a", 5)

    before = _tell(bench, "node/b", 15)
    after = bench.pass_to(START + 15 * SECOND)
    late = _tell(bench, "node/c", 16)

    assert before == ["work.opened.v1"]
    assert [(d.type, d.subject, d.due) for d in after] == [("work.closed.v1", "node/a", START + 15 * SECOND)]
    assert late == ["work.opened.v1"]


def test_timers_fire_in_order_of_due_then_fold_then_key(bench: Bench) -> None:
    bench.pass_to(START + 2 * SECOND)
    for key in ("node/z", "node/a", "node/m"):
        _tell(bench, key, 5)

    fired = bench.pass_to(START + 100 * SECOND)

    assert [d.subject for d in fired] == ["node/a", "node/m", "node/z"]


def test_later_folds_hear_decisions_in_the_same_step(bench: Bench) -> None:
    _tell(bench, "node/a", 5)

    assert Listening.heard[-1] == ("work.opened.v1", "node/a", START + 5 * SECOND)
    assert bench.state("node/a", fold=1) == Count(1)


def test_a_due_already_past_waits_for_settle(bench: Bench) -> None:
    class Late(Counting):
        name = "late"

        def _late(self, fact: Told, ctx: KeyedContext) -> None:
            ctx.put(fact.key, Count(), ctx.now - SECOND)

        handlers: ClassVar[dict[str, Handler]] = {"work.done.v1": _late}

    late = Bench(Late(), policy=POLICY, at=START)
    late.tell("work.done.v1", "node/a", WorkDone("w"), at=START + 5 * SECOND)

    assert late.judge.folds[0].cells["node/a"].due == START + 5 * SECOND + SETTLE
    late.close()


def test_a_fold_that_raises_leaves_its_states_and_index_and_faults_the_key_alone(bench: Bench) -> None:
    _tell(bench, "node/a", 5)
    index = dict(bench.judge.folds[0].index)

    with pytest.raises(AssertionError, match="told to"):
        _tell(bench, "node/a", 6, "raise")

    assert bench.state("node/a") == Count(1)
    assert bench.judge.folds[0].index == index
    assert bench.judge.folds[0].faults == {"node/a"}
    assert [d.type for d in bench.decisions].count("work.opened.v1") == 1
    with bench.judge._views.write() as cursor:
        cursor.execute("DELETE FROM judge_faults")
    assert _tell(bench, "node/a", 7) == []
    assert _tell(bench, "node/b", 7) == ["work.opened.v1"]


def test_a_timer_that_raises_stops(bench: Bench) -> None:
    for _ in range(7):
        _tell(bench, "node/a", 5)

    with pytest.raises(AssertionError, match="seven"):
        bench.pass_to(START + 60 * SECOND)

    assert bench.state("node/a") == Count(7)


def test_too_many_faults_stop_the_stage(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "FAULTS", 0)

    with pytest.raises(StoreError, match="told to"):
        _tell(bench, "node/a", 5, "raise")


def test_a_new_process_knows_what_was_written(bench: Bench) -> None:
    _tell(bench, "node/a", 5)
    _tell(bench, "node/a", 6)
    _tell(bench, "node/b", 6, "drop")

    bench.reload()

    assert bench.judge.folds[0].index == {"board/b": 0, "node/a": 2}
    assert [d.subject for d in bench.pass_to(START + 100 * SECOND) if d.type == "work.closed.v1"] == [
        "node/a"
    ]
    with bench.judge._views.read() as cursor:
        labels = cursor.execute("SELECT key, label FROM judged WHERE fold='counting' ORDER BY key").fetchall()
    assert [tuple(row) for row in labels] == [("board/b", ""), ("node/a", "busy")]


def test_states_beyond_what_memory_keeps_are_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "CELLS_KEPT", 4)
    for n in range(40):
        _tell(bench, f"node/{n:02d}", 5)
    assert len(bench.judge.folds[0].cells) <= 4

    _tell(bench, "node/00", 6)

    assert bench.state("node/00") == Count(2)
    assert len([d for d in bench.pass_to(START + 60 * SECOND) if d.type == "work.closed.v1"]) == 40


def test_ids_tell_apart_steps_and_repeat_when_judged_again(bench: Bench) -> None:
    def ids() -> list[str]:
        one = Bench(Counting(), policy=POLICY, at=START)
        found = []
        for at in (5, 6):
            fact = one.fact("work.done.v1", "node/a", WorkDone("w"), at=START + at * SECOND)
            found += [ruling.id for ruling in one.judge.run([fact], fact.streamtime)]
        one.close()
        return found

    assert ids() == ids()
    assert len(set(ids())) == len(ids())


def test_timers_put_off_again_and_again_leave_few_behind_and_still_fire_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "STALE_KEPT", 2)
    for at in range(5, 9):
        for n in range(10):
            _tell(bench, f"node/{n}", at)
    assert len(bench.judge._heap) <= 2 * 11 + 2

    fired = bench.pass_to(START + 60 * SECOND)

    assert [d.subject for d in fired if d.type == "work.closed.v1"] == [f"node/{n}" for n in range(10)]
