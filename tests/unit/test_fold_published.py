"""The fold host and its surroundings: published policies, crashes, what a store's clock allows, views ahead of a log."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.append.appender import Appender
from engine.errors import Refused, ViewsAhead
from engine.fold.host import Host
from engine.policy.load import load_policy
from engine.store.database import HISTORY, LIVE, Store
from engine.views.policies import effects
from engine.views.queries import Reading
from engine.workers.embedded import Engine
from tests.build import HOUR, MINUTE, SECOND, START
from tests.hosted import LOCKED, ONE, TWO, begun, decisions, opened, receipt, row_of, submit, told
from tests.streams import edited
from tests.worlds import POLICY, Outcome


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = opened(tmp_path / "store")
    yield engine
    engine.store.close()


def outcome(engine: Engine) -> Outcome:
    engine.flush()
    return Outcome(engine.store)


# Publications

ACCEPT = "accept: {from: paid, to: accepted, within: 30m}"
SHORTER = edited((ACCEPT, ACCEPT.replace("30m", "15m"))).encode()
SHORTEST = edited((ACCEPT, ACCEPT.replace("30m", "5m"))).encode()


def accept_clock(engine: Engine, subject: str = ONE) -> Any:
    sla = row_of(engine, subject).sla
    assert sla is not None
    return next(clock for clock in sla.clocks if clock.stage == "accept")


def test_open_orders_are_retargeted_and_keep_the_time_used(engine: Engine) -> None:
    submit(
        engine,
        *begun(ONE),
        *begun(TWO),
        *begun("order/taobao:3"),
        told("order.cancelled", "order/taobao:3", 2 * SECOND, reason="x"),
    )
    engine.advance(START + 10 * MINUTE)
    book = engine.book
    foreseen = effects(Reading(engine.store), load_policy(SHORTER, now=engine.now)[0])
    assert (foreseen.open, foreseen.touched, foreseen.passed) == (2, 2, 0)

    engine.publish(SHORTER, "winter", "user", "chen.hao")

    now = engine.host.partitions[0].streamtime
    clock = accept_clock(engine)
    assert (clock.used, clock.target, clock.since) == (now - START - SECOND, 15 * MINUTE, now)
    assert clock.due_at == START + SECOND + 15 * MINUTE
    for own in engine.appender.owned:
        published = engine.store.stream(f"policy/{own.partition}")
        assert [record.event.data.policy for record in published] == [
            known.hex() for known, _ in book.known()
        ]
        assert published[1].event.authid == "chen.hao"
    engine.advance(START + 16 * MINUTE)
    breaches = [r for r in engine.store.stream(ONE, receipts=True) if r.event.type == "sla.breached.v1"]
    assert [breach.event.time for breach in breaches] == [START + SECOND + 15 * MINUTE]
    with pytest.raises(Refused, match="already in force"):
        engine.publish(SHORTER, "again", "user", "chen.hao")


def test_deadlines_over_at_once_are_foreseen_and_come_true(engine: Engine) -> None:
    submit(engine, *begun(ONE), *begun(TWO, 7 * MINUTE))
    engine.advance(START + 10 * MINUTE)
    foreseen = effects(Reading(engine.store), load_policy(SHORTEST, now=engine.now)[0])
    assert (foreseen.open, foreseen.touched, foreseen.passed, foreseen.examples) == (2, 2, 1, [ONE])

    engine.publish(SHORTEST, "winter", "user", "chen.hao")
    engine.advance(START + 11 * MINUTE)

    assert receipt(engine, "sla.breached")["reason"] == "re-targeted"
    assert "sla.breached" not in decisions(engine, TWO)


CROWD = 1_200
"""More open orders than are written between two flushes of a publication."""


def in_crowd(directory: Path) -> Engine:
    return Engine.open(str(directory), HISTORY, POLICY, partitions=1, rows_bytes=1, wait_seconds=0)


def gather(directory: Path) -> None:
    engine = in_crowd(directory)
    list(engine.ingest([each for n in range(CROWD) for each in begun(f"order/taobao:{n}")], batch_size=CROWD))
    engine.advance(START + 10 * MINUTE)
    engine.close()


class _Killed(BaseException):
    """The process is gone: nothing after it is carried out."""


def test_a_publication_cut_short_goes_on_where_it_was(tmp_path: Path) -> None:
    gather(tmp_path / "before")
    shutil.copytree(tmp_path / "before", tmp_path / "whole")
    whole = in_crowd(tmp_path / "whole")
    whole.publish(SHORTER, "winter", "user", "chen.hao")
    whole.advance(START + HOUR)
    expected = outcome(whole)
    whole.store.close()

    cursors = []
    for last in range(5):
        directory = tmp_path / f"killed-{last}"
        shutil.copytree(tmp_path / "before", directory)
        engine = in_crowd(directory)
        with pytest.MonkeyPatch.context() as patch:
            kill_after(patch, last)
            try:
                engine.publish(SHORTER, "winter", "user", "chen.hao")
            except _Killed:
                cursors.append(stored_cursor(engine.store) & 0xFFFFFF)
            else:
                cursors.append(-1)
            engine.store.close()

        again = in_crowd(directory)
        assert again.policy.hash == engine.policy.hash
        again.advance(START + HOUR)
        assert outcome(again).differs(expected) == []
        again.store.close()
    # Killed before anything was written, after the flush before, after two parts, at the end; then not at all.
    assert cursors[:2] == [0, 0]
    assert 0 < cursors[2] < cursors[3] <= CROWD + 2
    assert cursors[-1] == -1


def kill_after(patch: pytest.MonkeyPatch, flushes: int) -> None:
    """The process ends instead of the next flush but so many."""
    flush = Host.flush
    left = flushes

    def counted(host: Host) -> None:
        nonlocal left
        if left <= 0:
            raise _Killed
        left -= 1
        flush(host)

    patch.setattr(Host, "flush", counted)


def stored_cursor(store: Store) -> int:
    with store.read() as cursor:
        return int(cursor.execute("SELECT retarget FROM folded").fetchone()[0])


# History and live


def test_a_store_of_history_begins_at_the_earliest_instant_and_stands_at_its_last(engine: Engine) -> None:
    (first,) = engine.store.stream("policy/0")
    assert first.event.time == first.event.streamtime == 1_451_606_400_000_000  # 2016-01-01T00:00:00Z
    assert engine.now == first.event.streamtime

    list(engine.ingest(begun(ONE)))

    assert engine.now == engine.stands_at == START + SECOND


def test_its_clock_is_moved_forward_only(engine: Engine) -> None:
    list(engine.ingest(begun(ONE)))
    assert engine.advance(START + HOUR) == START + HOUR == engine.now
    with pytest.raises(Refused, match="does not go back to 2020-09-13T12:26:40Z"):
        engine.advance(START)
    engine.tick()
    assert engine.now == START + HOUR


def test_advanced_to_now_it_is_live(tmp_path: Path) -> None:
    clock = START + 24 * HOUR
    engine = Engine.open(str(tmp_path), HISTORY, POLICY, partitions=2, wait_seconds=0, clock=lambda: clock)
    list(engine.ingest(begun(ONE)))

    assert engine.advance(None) == clock
    assert (engine.kind, engine.now, engine.store.setting("kind")) == (LIVE, clock, LIVE)
    clock += HOUR
    assert engine.now == clock
    with pytest.raises(Refused, match=r"its clock is the wall's"):
        engine.advance(clock)
    engine.close()
    with pytest.raises(Refused, match="history cannot be sent into it"):
        opened(tmp_path)


def test_live_events_are_not_for_a_store_of_history(engine: Engine) -> None:
    list(engine.ingest(begun(ONE)))
    engine.close()

    with pytest.raises(
        Refused, match=r"stands at 2020-09-13T12:26:41Z\. `orderfold clock advance now` makes it live"
    ):
        Engine.open(str(engine.store.directory), LIVE, POLICY, wait_seconds=0)
    either = Engine.open(str(engine.store.directory), "", POLICY, wait_seconds=0)
    assert either.kind == HISTORY
    either.close()


def test_a_live_store_begins_now(tmp_path: Path) -> None:
    engine = Engine.open(str(tmp_path), LIVE, POLICY, partitions=2, wait_seconds=0, clock=lambda: START)
    (first,) = engine.store.stream("policy/1")
    assert first.event.streamtime == START
    engine.close()


# Views ahead of their store


LOG = ("events_00", "partitions", "tracking")


def log_rows(path: Path) -> list[list[Any]]:
    with sqlite3.connect(path) as base:
        return [base.execute(f"SELECT * FROM {table}").fetchall() for table in LOG]


def put_back(path: Path, kept: Sequence[Sequence[Any]]) -> None:
    """An older copy of the log; the views stay."""
    with sqlite3.connect(path) as base:
        for table, rows in zip(LOG, kept, strict=True):
            base.execute(f"DELETE FROM {table}")
            base.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)
    base.close()


@pytest.mark.parametrize("grown", [False, True])
def test_views_ahead_of_a_restored_log_are_refused(tmp_path: Path, grown: bool) -> None:
    engine = opened(tmp_path, partitions=1)
    submit(engine, *begun(ONE))
    engine.close()
    older = log_rows(engine.store.path)
    engine = opened(tmp_path, partitions=1)
    submit(engine, told(LOCKED, ONE, MINUTE))
    engine.close()
    position = engine.appender.owned[0].position
    put_back(engine.store.path, older)
    if grown:
        store = Store.open(str(tmp_path))
        other = [told("order.note_added", ONE, 2 * MINUTE + n, text=str(n)) for n in range(position)]
        Appender(store, store.take_partitions()).append(other, START)
        store.close()

    why = "where the log holds another record" if grown else "which the log does not have"
    with pytest.raises(
        ViewsAhead, match=rf"partition 0 stand at position {position}, {why}.*projection rebuild"
    ):
        opened(tmp_path, partitions=1)
