"""The fold host's steps: faulted keys, late facts, corrections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StoreError
from engine.fold import host as hosting
from engine.fold import stream as streaming
from engine.fold.step import pipeline_of
from engine.intake.model import Incoming
from engine.workers.embedded import Engine
from schemas.envelope import Event
from tests.build import HOUR, MINUTE, SECOND, START, paid, placed
from tests.hosted import (
    ACCEPTED,
    LOCKED,
    ONE,
    PICKED,
    TWO,
    UNDIAGNOSED,
    Wrong,
    begun,
    break_fold,
    decisions,
    opened,
    receipt,
    row_of,
    submit,
    told,
)
from tests.worlds import Outcome


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = opened(tmp_path / "store", policy=UNDIAGNOSED)
    yield engine
    engine.store.close()


def state_of(engine: Engine, subject: str = ONE) -> str:
    order = row_of(engine, subject).lifecycle
    assert order is not None
    return order.state


# Faulted keys


def of_one(event: Event, ctx: Any) -> bool:
    return event.subject == ONE


def two_orders() -> list[Incoming]:
    steps = [(LOCKED, MINUTE), (ACCEPTED, 2 * MINUTE)]
    return [
        *(each for order in (ONE, TWO) for each in begun(order)),
        *(told(step, order, at) for step, at in steps for order in (ONE, TWO)),
    ]


def test_a_fold_that_raises_faults_its_key_and_no_other(engine: Engine) -> None:
    with pytest.MonkeyPatch.context() as patch:
        break_fold(patch, "stock.locked.v1", of_one)
        submit(engine, *two_orders())
        submit(engine, told(PICKED, ONE, 3 * MINUTE), told(PICKED, TWO, 3 * MINUTE))
        engine.advance(START + 24 * HOUR)

    row = row_of(engine)
    assert row.fault is not None
    assert (row.fault.fold, row.fault.version, row.fault.waiting) == ("lifecycle", 3, 2)
    assert row.fault.at == START + MINUTE
    assert "ZeroDivisionError: the fold is broken" in row.fault.traceback
    assert "in raising" in row.fault.traceback
    assert (state_of(engine), row.version) == ("paid", 5)
    assert (state_of(engine, TWO), row_of(engine, TWO).fault) == ("picking", None)
    # Its timers stand still: paid and not accepted for a day, and nothing said.
    assert decisions(engine, ONE) == []
    assert "sla.breached" in decisions(engine, TWO)


def test_a_fault_is_known_after_the_process_ends(engine: Engine) -> None:
    with pytest.MonkeyPatch.context() as patch:
        break_fold(patch, "stock.locked.v1", of_one)
        submit(engine, *two_orders())
        engine.flush()
    engine.store.close()

    again = opened(engine.store.directory)
    submit(again, told(PICKED, ONE, 3 * MINUTE))

    fault = row_of(again).fault
    assert fault is not None
    assert fault.waiting == 2
    again.store.close()


def test_a_wake_that_raises_faults_its_key(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    sla = next(fold for field, fold in pipeline_of(ONE) if field == "sla")

    def wake(state: Any, now: int, ctx: Any) -> Any:
        raise ZeroDivisionError("the fold is broken")

    monkeypatch.setattr(type(sla), "wake", lambda self, state, now, ctx: wake(state, now, ctx))
    submit(engine, placed(ONE, channel="taobao"))
    engine.advance(START + HOUR)

    fault = row_of(engine).fault
    assert fault is not None
    assert (fault.fold, fault.at) == ("sla", START + 4 * MINUTE)
    assert decisions(engine) == []


# What raises: a plain step; a step within a refold, when earlier folds have decided already; a fold after one that decided.
BREAKS: dict[str, tuple[str, Wrong, str]] = {
    "step": ("stock.locked.v1", lambda event, ctx: event.subject == ONE, "lifecycle"),
    "refold": ("stock.locked.v1", lambda event, ctx: ctx.refolding, "lifecycle"),
    "later fold": ("fulfilment.accepted.v1", lambda event, ctx: event.subject == ONE, "sla"),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_retried_after_the_fold_is_mended_it_is_as_if_it_never_broke(tmp_path: Path, broken: str) -> None:
    def live_through(engine: Engine) -> None:
        submit(engine, placed(ONE, channel="taobao"), told(LOCKED, ONE, MINUTE), *begun(TWO, 2 * MINUTE))
        engine.advance(START + 10 * MINUTE)
        # A refund of what was never paid: its own step opens work, and it occurred before what stood.
        refund = {"refund": "r1", "amount": 5, "currency": "CNY"}
        submit(engine, told("payment.refunded", ONE, 3 * MINUTE, 11 * MINUTE, **refund))
        submit(engine, paid(ONE, 30 * SECOND, 1_005, arrived=12 * MINUTE, channel="taobao"))
        submit(engine, told(ACCEPTED, ONE, 13 * MINUTE), told(ACCEPTED, TWO, 13 * MINUTE))
        engine.advance(START + 14 * HOUR)

    sound = opened(tmp_path / "sound")
    live_through(sound)
    engine = opened(tmp_path / "store")
    with pytest.MonkeyPatch.context() as patch:
        break_fold(patch, *BREAKS[broken])
        live_through(engine)
        assert row_of(engine).fault is not None
        assert not engine.host.retry(ONE)
    engine.flush()

    assert engine.host.retry(ONE)

    # Stage 2 had judged that time without the order when its facts came: it goes on from there and takes nothing back.
    for one in (sound, engine):
        one.flush()
    assert Outcome(engine.store, stage_two=False).differs(Outcome(sound.store, stage_two=False)) == []
    assert not engine.host.retry(ONE), "there is nothing left to retry"
    assert not engine.host.retry("order/taobao:unheard-of")
    for one in (sound, engine):
        one.store.close()


def test_a_retry_in_vain_leaves_the_row_as_it_was(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    break_fold(monkeypatch, "stock.locked.v1", of_one)
    submit(engine, *two_orders())
    before = row_of(engine)
    fault = before.fault

    assert not engine.host.retry(ONE)

    row = row_of(engine)
    assert fault is not None
    assert row.fault is not None
    assert (row.version, row.fault.waiting, state_of(engine)) == (before.version, fault.waiting, "paid")


def test_what_is_due_at_the_present_instant_waits_for_what_may_still_come_at_it(tmp_path: Path) -> None:
    engine = opened(tmp_path, partitions=1, policy=UNDIAGNOSED)
    with pytest.MonkeyPatch.context() as patch:
        break_fold(patch, "order.assigned.v1", of_one)
        submit(engine, placed(ONE, channel="taobao"), told("order.assigned", ONE, SECOND, owner="he.jun"))
        submit(engine, told("order.note_added", TWO, 5 * MINUTE, text="x"))

    assert engine.host.retry(ONE)
    submit(engine, paid(ONE, 5 * MINUTE, channel="taobao"))

    assert decisions(engine) == ["sla.warned"]
    engine.close()


def many(count: int, first: int = 0) -> list[Incoming]:
    orders = [f"order/taobao:{n}" for n in range(first, first + count)]
    return [placed(order, channel="taobao") for order in orders]


def test_a_hundred_keys_may_fault(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    break_fold(monkeypatch, "order.placed.v1", lambda event, ctx: True)
    for first in (0, 50):
        submit(engine, *many(50, first))

    assert row_of(engine, "order/taobao:99").fault is not None


def test_more_stop_the_partition_and_nothing_is_lost(tmp_path: Path) -> None:
    engine = opened(tmp_path, partitions=1)
    with pytest.MonkeyPatch.context() as patch:
        break_fold(patch, "order.placed.v1", lambda event, ctx: True)
        with pytest.raises(
            StoreError, match=r"(?s)101 of 150 keys faulted in lifecycle.*ZeroDivisionError.*go back"
        ):
            engine.submit(many(150))
        with pytest.raises(StoreError, match="Partition 0 is stopped"):
            engine.submit(many(1, 1_000))

    submit(engine, placed("order/taobao:1001", channel="taobao"))

    with engine.store.read() as cursor:
        assert (
            cursor.execute("SELECT count(*) FROM streams WHERE subject LIKE 'order/%'").fetchone()[0] == 151
        )
    assert {state_of(engine, f"order/taobao:{n}") for n in range(150)} == {"placed"}
    engine.close()


def test_of_very_many_one_in_a_hundred_may_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosting, "FAULT_KEYS", 2)
    break_fold(monkeypatch, "order.placed.v1", lambda event, ctx: event.subject.endswith(":7"))
    engine = opened(tmp_path, partitions=1)
    orders = [f"order/taobao:{n}:{n % 100}" for n in range(400)]

    submit(engine, *(placed(order, channel="taobao") for order in orders))

    with engine.store.read() as cursor:
        engine.flush()
        assert cursor.execute("SELECT count(*) FROM rows WHERE fault > 0").fetchone()[0] == 4
    engine.close()


# Late facts


def test_a_breach_is_excused_once_and_both_stay_in_the_history(engine: Engine) -> None:
    submit(engine, placed(ONE, channel="taobao"))
    engine.advance(START + 10 * MINUTE)
    assert row_of(engine).sla.breached == 1  # type: ignore[union-attr]

    submit(engine, paid(ONE, 2 * MINUTE, arrived=11 * MINUTE, channel="taobao"))
    submit(engine, told(LOCKED, ONE, 3 * MINUTE, 12 * MINUTE))
    submit(engine, told("payment.fee_charged", ONE, MINUTE, 13 * MINUTE, fee="f", amount=1, currency="CNY"))

    made = Counter(decisions(engine))
    assert (made["sla.breached"], made["sla.excused"]) == (1, 1)
    row = row_of(engine)
    assert (row.excused, row.sla.breached, row.work) == (1, 0, ())  # type: ignore[union-attr]
    excuse = receipt(engine, "sla.excused")
    assert excuse == {"stage": "pay", "reason": "pay was reached in time, before its breach was decided"}


def test_a_payment_in_time_but_after_the_deadline_excuses_nothing(engine: Engine) -> None:
    submit(engine, placed(ONE, channel="taobao"))
    engine.advance(START + 10 * MINUTE)
    submit(engine, paid(ONE, 6 * MINUTE, arrived=11 * MINUTE, channel="taobao"))

    assert "sla.excused" not in decisions(engine)
    assert row_of(engine).excused == 0


def test_a_warning_that_no_longer_follows_is_withdrawn(engine: Engine) -> None:
    submit(engine, placed(ONE, channel="taobao"))
    engine.advance(START + 4 * MINUTE + 30 * SECOND)
    submit(engine, paid(ONE, 2 * MINUTE, arrived=5 * MINUTE, channel="taobao"))

    assert decisions(engine)[:2] == ["sla.warned", "decision.withdrawn"]
    withdrawn = receipt(engine, "decision.withdrawn")
    assert withdrawn["decision_type"] == "sla.warned.v1"
    assert withdrawn["decision"] == engine.store.stream(ONE, receipts=True)[0].event.id


def test_an_earlier_fact_thaws_what_it_makes_legal(engine: Engine) -> None:
    submit(engine, placed(ONE, channel="taobao"), told(LOCKED, ONE, MINUTE))
    engine.advance(START + 4 * MINUTE - 1)
    assert row_of(engine).lifecycle.frozen  # type: ignore[union-attr]

    submit(engine, paid(ONE, 30 * SECOND, arrived=4 * MINUTE - 1, channel="taobao"))

    made = Counter(decisions(engine))
    assert made == dict.fromkeys(
        (
            "order.doubted",
            "order.frozen",
            "work.opened",
            "order.thawed",
            "order.doubt_cleared",
            "work.closed",
        ),
        1,
    )
    assert state_of(engine) == "locked"


def test_within_the_grace_it_only_clears_the_doubt(engine: Engine) -> None:
    submit(engine, placed(ONE, channel="taobao"), told(LOCKED, ONE, MINUTE))
    submit(engine, paid(ONE, 30 * SECOND, arrived=2 * MINUTE, channel="taobao"))

    assert decisions(engine) == ["order.doubted", "order.doubt_cleared"]
    assert (state_of(engine), row_of(engine).lifecycle.offence) == ("locked", None)  # type: ignore[union-attr]


def test_goods_that_left_unpaid_are_a_persons_to_judge(engine: Engine) -> None:
    submit(engine, placed(ONE, channel="taobao"), told("fulfilment.dispatched", ONE, MINUTE, waybill="SF1"))
    engine.advance(START + 4 * MINUTE - 1)
    way = [(LOCKED, 20), (ACCEPTED, 30), (PICKED, 40), ("fulfilment.packed", 50)]
    submit(
        engine,
        paid(ONE, 10 * SECOND, arrived=5 * MINUTE, channel="taobao"),
        *(told(step, ONE, at * SECOND, 5 * MINUTE) for step, at in way),
    )

    order = row_of(engine).lifecycle
    assert order is not None
    assert order.offence is not None
    assert (order.state, order.frozen, order.offence.state) == ("packed", True, "placed")
    assert "order.thawed" not in decisions(engine)


def test_of_two_facts_under_one_number_the_one_stored_first_holds(engine: Engine) -> None:
    submit(engine, placed(ONE, channel="taobao"))
    submit(engine, paid(ONE, MINUTE, 600, "P1", channel="taobao"))
    # The other account of it speaks of an earlier instant: in a refold it comes first.
    submit(engine, paid(ONE, 30 * SECOND, 1_000, "P1", id="poll", arrived=2 * MINUTE, channel="taobao"))
    assert [work.work for work in row_of(engine).work] == ["conflict:payment:P1"]
    submit(engine, told(LOCKED, ONE, 3 * MINUTE))
    submit(engine, paid(ONE, 2 * MINUTE, 400, "P2", arrived=4 * MINUTE, channel="taobao"))

    row = row_of(engine)
    assert row.ledger is not None
    assert (row.ledger.received, row.conflicts, state_of(engine)) == (1_000, 1, "locked")
    made = Counter(decisions(engine))
    assert (made["order.doubt_cleared"], made["work.opened"], made["work.closed"]) == (1, 1, 0)
    assert [work.work for work in row.work] == ["conflict:payment:P1"]


# Corrections


def about(wrong: Incoming, at: int, what: str, **data: Any) -> Incoming:
    """A person's word about an event: it is wrong."""
    data |= {"source": wrong.event.source, "id": wrong.event.id, "reason": "as the bank says"}
    return told(what, wrong.event.subject, at, **data)


def test_a_correction_holds_instead_from_then_on(engine: Engine) -> None:
    wrong = paid(ONE, SECOND, 500, channel="taobao")
    submit(engine, placed(ONE, channel="taobao"), wrong, told(LOCKED, ONE, MINUTE))
    assert row_of(engine).lifecycle.in_doubt  # type: ignore[union-attr]
    true = {"payment": f"pay-{ONE}", "amount": 1_000, "currency": "CNY"}

    submit(engine, about(wrong, 2 * MINUTE, "event.corrected", data=true))

    assert (state_of(engine), row_of(engine).ledger.received) == ("locked", 1_000)  # type: ignore[union-attr]
    assert decisions(engine) == ["order.doubted", "order.doubt_cleared"]
    # A later refold keeps to it, and the log still holds what was said.
    submit(engine, told("payment.fee_charged", ONE, 0, 3 * MINUTE, fee="f", amount=1, currency="CNY"))
    submit(engine, told("order.held", ONE, 90 * SECOND, 4 * MINUTE, handle="h", reason="other"))
    assert (state_of(engine), row_of(engine).ledger.received) == ("locked", 1_000)  # type: ignore[union-attr]
    assert b"500" in engine.store.stream(ONE)[1].data


def test_a_skipped_event_is_folded_no_longer(engine: Engine) -> None:
    wrong = told("order.cancelled", ONE, MINUTE, reason="typed into the wrong order")
    submit(engine, *begun(ONE), wrong, told(LOCKED, ONE, 2 * MINUTE))
    assert (state_of(engine), row_of(engine).lifecycle.in_doubt) == ("cancelled", True)  # type: ignore[union-attr]

    submit(engine, about(wrong, 3 * MINUTE, "event.skipped"))

    assert (state_of(engine), row_of(engine).lifecycle.offence) == ("locked", None)  # type: ignore[union-attr]
    assert decisions(engine)[:2] == ["order.doubted", "order.doubt_cleared"]
    assert len(engine.store.stream(ONE)) == 5


def test_too_long_a_stream_is_not_folded_again_but_told_of(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "INPUT_LIMIT", 3)
    notes = [told("order.note_added", ONE, n * SECOND, text=str(n)) for n in (2, 3)]
    submit(engine, placed(ONE, channel="taobao"), *notes, told(LOCKED, ONE, MINUTE))
    submit(engine, paid(ONE, 30 * SECOND, arrived=2 * MINUTE, channel="taobao"))

    assert row_of(engine).lifecycle.in_doubt  # type: ignore[union-attr]
    (work,) = row_of(engine).work
    assert (work.work, work.kind) == ("refold_limit", "refold_limit")
    assert work.title == "payment.received.v1 asks for a refold of more than 3 events"
    assert decisions(engine) == ["order.doubted", "work.opened"]
