"""The writer's thread: groups, turns, back-pressure, failures, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Signal
from typing import Any

import pytest

from engine.append.appender import ACCEPTED, Outcome
from engine.errors import Busy, Overloaded, StoreFull
from engine.workers.writer import Writer

SOON = 10


class Host:
    def awaited(self) -> int:
        return 0


class FakeEngine:
    """Notes what it is told; an item is what happens: "full" and "bug" raise."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.flushes = 0
        self.ticks = 0
        self.closed = False
        self.oldest_unwritten = 0
        self.host = Host()
        self.ticked = Signal()
        self.tick_fails: Exception | None = None

    def clock(self) -> int:
        return 0

    def submit(self, items: list[str]) -> list[Outcome]:
        if "full" in items:
            raise StoreFull("The disk is full.", "Make room.")
        if "bug" in items:
            raise ValueError("a bug")
        self.groups.append(list(items))
        return [Outcome(ACCEPTED, item) for item in items]

    def flush(self) -> None:
        self.flushes += 1

    def tick(self) -> None:
        self.ticks += 1
        self.ticked.set()
        if self.tick_fails is not None:
            raise self.tick_fails

    def close(self) -> None:
        self.closed = True


@contextmanager
def writing(engine: FakeEngine, **more: Any) -> Iterator[Writer]:
    writer = Writer(engine, **more)  # type: ignore[arg-type]
    yield writer
    writer.stop()


def test_what_waits_together_is_committed_together_and_answered_in_order() -> None:
    engine = FakeEngine()
    with writing(engine) as writer:
        answers = [writer.submit([f"a{n}", f"b{n}"]) for n in range(3)]  # type: ignore[list-item]
        writer.start()

        assert [[o.subject for o in answer.result(SOON)] for answer in answers] == [
            ["a0", "b0"],
            ["a1", "b1"],
            ["a2", "b2"],
        ]
    assert engine.groups == [["a0", "b0", "a1", "b1", "a2", "b2"]]


def test_a_group_holds_no_more_events_than_it_may_but_never_divides_a_request() -> None:
    engine = FakeEngine()
    with writing(engine, group_events=4) as writer:
        answers = [writer.submit([str(n)] * size) for n, size in enumerate((3, 2, 2, 6))]  # type: ignore[list-item]
        writer.start()
        for answer in answers:
            answer.result(SOON)

    assert [len(group) for group in engine.groups] == [3, 4, 6]


def test_a_lone_sender_does_not_wait_for_company() -> None:
    engine = FakeEngine()
    with writing(engine, group_seconds=3600.0) as writer:
        writer.start()

        for n in range(3):
            assert writer.submit([str(n)]).result(SOON)[0].status == ACCEPTED  # type: ignore[list-item]


def test_calls_have_their_turn_between_commits() -> None:
    engine = FakeEngine()
    with writing(engine) as writer:
        first = writer.submit(["a"])  # type: ignore[list-item]
        seen = writer.call(lambda engine: len(engine.groups))  # type: ignore[attr-defined]
        second = writer.submit(["b"])  # type: ignore[list-item]
        writer.start()

        assert seen.result(SOON) == 1
        first.result(SOON)
        second.result(SOON)
    assert engine.groups == [["a"], ["b"]]


def test_what_a_call_raises_is_its_callers_and_the_thread_goes_on() -> None:
    engine = FakeEngine()
    with writing(engine) as writer:
        writer.start()

        with pytest.raises(ZeroDivisionError):
            writer.call(lambda engine: 1 // 0).result(SOON)
        assert writer.submit(["a"]).result(SOON)[0].status == ACCEPTED  # type: ignore[list-item]


def test_a_full_store_fails_the_group_and_the_next_works_again() -> None:
    engine = FakeEngine()
    with writing(engine) as writer:
        both = [writer.submit(["a"]), writer.submit(["full"])]  # type: ignore[list-item]
        writer.start()

        for answer in both:
            with pytest.raises(StoreFull):
                answer.result(SOON)
        assert writer.trouble == "The disk is full."
        assert writer.submit(["a"]).result(SOON)[0].status == ACCEPTED  # type: ignore[list-item]
        assert writer.trouble == ""
        assert writer.waiting == 0


def test_a_bug_met_by_one_request_fails_only_that_one() -> None:
    engine = FakeEngine()
    with writing(engine) as writer:
        good, bad, also_good = (writer.submit([item]) for item in ("a", "bug", "b"))  # type: ignore[list-item]
        writer.start()

        assert good.result(SOON)[0].status == ACCEPTED
        assert also_good.result(SOON)[0].status == ACCEPTED
        with pytest.raises(ValueError, match="a bug"):
            bad.result(SOON)


def test_more_than_may_wait_is_turned_away() -> None:
    engine = FakeEngine()
    with writing(engine, waiting_max=3) as writer:
        large = writer.submit(["a"] * 5)  # type: ignore[list-item]
        with pytest.raises(Overloaded, match="5 events wait to be written, at most 3 may"):
            writer.submit(["b"])  # type: ignore[list-item]
        writer.start()

        assert len(large.result(SOON)) == 5
        assert writer.submit(["b"]).result(SOON)[0].status == ACCEPTED  # type: ignore[list-item]


def test_views_are_written_once_for_all_of_a_group_that_wait_for_them() -> None:
    engine = FakeEngine()
    with writing(engine) as writer:
        answers = [writer.submit([str(n)], written=n > 0) for n in range(3)]  # type: ignore[list-item]
        writer.start()
        for answer in answers:
            answer.result(SOON)

    assert engine.flushes == 1


def test_time_passes_with_no_traffic_and_a_failed_tick_is_told() -> None:
    engine = FakeEngine()
    engine.tick_fails = StoreFull("The disk is full.")
    with writing(engine) as writer:
        writer.start()

        assert engine.ticked.wait(SOON)
        assert writer.submit(["a"]).result(SOON)[0].status == ACCEPTED  # type: ignore[list-item]
        assert writer.alive


def test_stopping_commits_what_waits_closes_the_engine_and_takes_nothing_more() -> None:
    engine = FakeEngine()
    writer = Writer(engine)  # type: ignore[arg-type]
    waiting = writer.submit(["a"])  # type: ignore[list-item]
    writer.start()
    writer.stop()

    assert waiting.result(0)[0].status == ACCEPTED
    assert engine.closed
    assert not writer.alive
    with pytest.raises(Busy):
        writer.submit(["b"])  # type: ignore[list-item]
    with pytest.raises(Busy):
        writer.call(lambda engine: None)


def test_one_never_started_closes_the_engine_too() -> None:
    engine = FakeEngine()

    Writer(engine).stop()  # type: ignore[arg-type]

    assert engine.closed


def test_every_commit_is_told_of() -> None:
    engine = FakeEngine()
    seen: list[int] = []
    with writing(engine, observe=lambda events, seconds: seen.append(events)) as writer:
        writer.start()
        writer.submit(["a", "b"]).result(SOON)  # type: ignore[list-item]

    assert seen == [2]
