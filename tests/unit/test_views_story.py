"""What an order's history, page, reasons and differences say, and that the steps they tell are those the host took."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import NotFound, UsageError
from engine.intake.importing import Import
from engine.policy.load import load_policy
from engine.settings import rules_of
from engine.simulate import simulate, write
from engine.store.database import HISTORY, Store
from engine.views.deadlines import report, running
from engine.views.diff import Change, diff, patch
from engine.views.history import history
from engine.views.order import page
from engine.views.queries import Reading, moment
from engine.views.steps import stream
from engine.views.why import why
from engine.workers.embedded import Engine
from tests.build import MINUTE, SECOND, START, event, paid, placed
from tests.worlds import JUDGES, POLICY

ORDER = "order/taobao:1"


def at(instant: int) -> object:
    return moment(START + instant)


def story() -> list[object]:
    """Placed; shipped unpaid at 1 min, so frozen at 3 min; a fee of long ago; freed at 10 min; paid an hour late."""
    keys = {"channel": "taobao"}
    customer = {"name": "Lin Yue", "phone": "13812345678"}
    return [
        placed(ORDER, 0, price=9_900, id="e1", customer=customer, channel="taobao"),
        event("fulfilment.dispatched", ORDER, MINUTE, {"waybill": "SF1", "parcel": "P1"}, id="e2", **keys),
        event(
            "payment.fee_charged",
            ORDER,
            SECOND,
            {"fee": "F1", "amount": 30, "currency": "CNY"},
            id="e3",
            arrived=5 * MINUTE,
            **keys,
        ),
        event("order.unfrozen", ORDER, 10 * MINUTE, {"reason": "goes out on account"}, id="e4", **keys),
        paid(ORDER, 65 * MINUTE, 9_900, number="PAY1", id="e5", **keys),
    ]


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    directory = str(tmp_path_factory.mktemp("story"))
    engine = Engine.open(directory, HISTORY, POLICY, partitions=2, wait_seconds=0)
    list(engine.ingest(story()))  # type: ignore[arg-type]
    engine.close()
    store = Store.open(directory)
    yield Reading(store)
    store.close()


def test_the_timeline_tells_what_came_what_was_decided_and_what_it_changed(reading: Reading) -> None:
    told = history(reading, ORDER)

    assert [(entry.kind, entry.type, entry.time) for entry in told.entries] == [
        ("event", "order.placed.v1", at(0)),
        ("event", "fulfilment.dispatched.v1", at(MINUTE)),
        ("decision", "order.doubted.v1", at(MINUTE)),
        ("decision", "order.frozen.v1", at(3 * MINUTE)),
        ("decision", "work.opened.v1", at(3 * MINUTE)),
        ("event", "payment.fee_charged.v1", at(SECOND)),
        ("event", "order.unfrozen.v1", at(10 * MINUTE)),
        ("decision", "work.closed.v1", at(10 * MINUTE)),
        ("event", "payment.received.v1", at(65 * MINUTE)),
    ]
    late = told.entries[5]
    assert (late.late, late.known, late.told) == (True, at(5 * MINUTE), "fee F1 · amount 0.30 CNY")
    frozen = told.entries[3]
    assert (frozen.reason, frozen.cause) == (
        "shipped while placed: payment is missing",
        "fulfilment.dispatched.v1 v2",
    )
    assert {(c.field, c.before, c.after) for c in frozen.changes} >= {
        ("frozen", False, True),
        ("in_doubt", True, False),
    }
    moved = {change.field: (change.before, change.after) for change in told.entries[6].changes}
    assert moved["state"] == ("placed", "shipped")
    # The pay clock stood still from the offending event on: one minute of its five is used.
    assert [(bar.stage, bar.outcome, bar.used_seconds, bar.target_seconds) for bar in told.stages] == [
        ("pay", "in time", 60, 300)
    ]


def test_personal_fields_are_nowhere_in_what_is_told(reading: Reading) -> None:
    shown = f"{history(reading, ORDER)} {page(reading, ORDER)} {why(reading, ORDER, 'state')}"

    assert "13812345678" not in shown
    assert "Lin Yue" not in shown
    assert page(reading, ORDER).customer == {"name": "L***", "phone": "138****5678"}


def test_why_names_the_event_the_fold_the_rule_and_the_value_before(reading: Reading) -> None:
    found = why(reading, ORDER, "frozen")

    assert found.value is False
    frozen, freed = found.set_by
    assert (frozen.what, frozen.before, frozen.after, frozen.known) == ("wake", False, True, at(3 * MINUTE))
    assert (frozen.event, frozen.version, frozen.type) == ("e2", 2, "fulfilment.dispatched.v1")
    assert frozen.fold == "lifecycle"
    assert frozen.rule.startswith("lifecycle.wake: The grace is over")
    assert frozen.reason == "shipped while placed: payment is missing"
    assert (freed.what, freed.event, freed.after, freed.reason) == (
        "event",
        "e4",
        False,
        "goes out on account",
    )


@pytest.mark.parametrize(
    ("field", "values", "fold"),
    [
        ("ledger.received", [9_900], "ledger"),
        ("received", [9_900], "ledger"),
        ("state", ["placed", "shipped"], "lifecycle"),
        ("owner", ["lin.yue", "xu.bo"], "routing"),
        ("health.score", [85, 60, 100], "order_health"),
        ("due", [moment(START + 5 * MINUTE), None], "sla"),
        ("parcels.P1.waybill", ["SF1"], "lifecycle"),
        ("work.frozen.kind", ["frozen", None], "lifecycle"),
        ("late", [1], "lifecycle"),
        ("holds", [], ""),
    ],
)
def test_every_value_has_its_steps(reading: Reading, field: str, values: list[object], fold: str) -> None:
    found = why(reading, ORDER, field)

    assert [setting.after for setting in found.set_by] == values
    assert {setting.fold for setting in found.set_by} <= {fold}


def test_a_value_no_order_has_is_refused_with_those_there_are(reading: Reading) -> None:
    with pytest.raises(UsageError, match=r"no value 'colour'.*state.*ledger.received"):
        why(reading, ORDER, "colour")
    with pytest.raises(NotFound):
        why(reading, "order/taobao:none", "state")


def test_a_difference_is_a_patch_between_versions(reading: Reading) -> None:
    found = diff(reading, ORDER, 4, 5)

    assert found.patch == [
        Change("replace", "/ledger/outstanding", 0, 9_900),
        Change("add", "/ledger/received", 9_900),
    ]
    # The state at version 2 is that before version 3: the timer between them belongs to it.
    assert [c for c in diff(reading, ORDER, 1, 2).patch if c.path == "/frozen"] == [
        Change("replace", "/frozen", True, False)
    ]
    assert diff(reading, ORDER, 5, 0).patch == []
    assert {change.op for change in diff(reading, ORDER, 0, 1).patch} == {"add"}


@pytest.mark.parametrize(("from_", "to"), [(2, 1), (0, 9), (6, 6)])
def test_versions_are_checked(reading: Reading, from_: int, to: int) -> None:
    with pytest.raises(UsageError, match="versions 1 to 5"):
        diff(reading, ORDER, from_, to)


def test_a_patch_escapes_its_pointers_and_replaces_lists_whole() -> None:
    before = {"a/b": 1, "t~": {"x": 1}, "l": [1], "same": 1}
    after = {"t~": {"x": 2}, "l": [1, 2], "same": 1, "new": {"y": 1}}

    assert patch(before, after) == [
        Change("remove", "/a~1b", was=1),
        Change("replace", "/t~0/x", 2, 1),
        Change("replace", "/l", [1, 2], [1]),
        Change("add", "/new", {"y": 1}),
    ]


def test_the_page_of_a_frozen_order_says_why_and_how_to_free_it(tmp_path: Path) -> None:
    engine = Engine.open(str(tmp_path), HISTORY, POLICY, partitions=2, wait_seconds=0)
    list(engine.ingest([*story()[:3], event("channel.heartbeat", "channel/taobao/2020-09-13", 8 * MINUTE)]))  # type: ignore[list-item]
    shown = page(Reading(engine.store), ORDER)
    engine.close()

    assert (shown.state, shown.frozen, shown.limbo, shown.owner, shown.assigned) == (
        "placed",
        True,
        False,
        "lin.yue",
        False,
    )
    offence = shown.offence
    assert offence is not None
    assert (offence.type, offence.event, offence.state, offence.person) == (
        "fulfilment.dispatched.v1",
        "e2",
        "placed",
        True,
    )
    assert offence.reason == "shipped while placed: payment is missing"
    assert offence.ways_out[0][0] == "paid.full"
    assert ["order.cancelled"] in offence.ways_out
    (clock,) = shown.clocks
    assert (clock.stage, clock.due, clock.used_seconds) == ("pay", None, 60)
    assert clock.text.startswith("1 min used of 5: 1 placed; paused 7 min (frozen)")
    assert [(task.kind, task.owner) for task in shown.work] == [("frozen", "lin.yue")]
    assert (shown.score, [(lost.cause, lost.points, lost.event) for lost in shown.lost]) == (
        60,
        [("frozen", 40, "e2")],
    )
    assert shown.money is not None
    assert (shown.money.receivable, shown.money.fees, shown.money.outstanding) == (9_900, 30, 9_900)
    assert shown.numbers == ["waybill:SF1"]
    assert shown.counts.late == 1


def test_a_number_in_limbo_has_a_page_and_a_history(tmp_path: Path) -> None:
    engine = Engine.open(str(tmp_path), HISTORY, POLICY, partitions=1, wait_seconds=0)
    list(engine.ingest([event("fulfilment.moved", "alias/waybill:SF7", 0, {"waybill": "SF7"})]))
    look = Reading(engine.store)
    shown, told = page(look, "alias/waybill:SF7"), history(look, "alias/waybill:SF7")
    asked = why(look, "alias/waybill:SF7", "limbo.waiting")
    engine.close()

    assert (shown.limbo, shown.waiting, shown.state, shown.since) == (True, 1, "", at(0))
    assert [entry.type for entry in told.entries] == ["fulfilment.moved.v1"]
    assert [setting.after for setting in asked.set_by] == [1]


def test_deadlines_are_listed_and_missed_ones_reported(tmp_path: Path) -> None:
    engine = Engine.open(str(tmp_path), HISTORY, POLICY, partitions=2, wait_seconds=0)
    late, soon = "order/taobao:1", "order/jd:2"
    list(
        engine.ingest(
            [
                placed(late, 0, channel="taobao"),
                placed(soon, 6 * MINUTE, channel="jd"),
                event("channel.heartbeat", "channel/jd/2020-09-13", 9 * MINUTE),
            ]
        )
    )
    look = Reading(engine.store)

    # `late` is 4 min past its 5; of `soon`'s 5 min 3 are used.
    assert [(c.order, c.stage, c.colour, c.left_seconds) for c in running(look)] == [
        (late, "pay", "red", -240),
        (soon, "pay", "yellow", 120),
    ]
    assert [c.order for c in running(look, colour="yellow")] == [soon]
    assert running(look, owner="nobody") == []
    (missed,) = report(look, "owner")
    assert (missed.name, missed.breaches, missed.orders, missed.open, missed.excused) == (
        "lin.yue",
        1,
        1,
        1,
        0,
    )
    assert (missed.late_median_seconds, missed.late_worst_seconds, missed.worst_order) == (240, 240, late)
    assert [one.name for one in report(look, "stage")] == ["pay"]
    assert report(look, "channel", since=START + 6 * MINUTE) == []
    with pytest.raises(UsageError):
        report(look, "month")

    # News that it was paid in time excuses the breach.
    list(engine.ingest([paid(late, 2 * MINUTE, arrived=10 * MINUTE, channel="taobao")]))
    (excused,) = report(Reading(engine.store), "owner")
    engine.close()
    assert (excused.breaches, excused.excused, excused.late_worst_seconds) == (0, 1, 0)


def test_the_steps_told_are_those_the_host_took(tmp_path: Path) -> None:
    """Every stream of a simulated night: the last step's row is the row kept, and its decisions are the receipts. What
    stage 2 decides of a channel or a node no step of its stream decided; of an order it decides nothing."""
    _, text = load_policy(POLICY, now=START)
    night = tmp_path / "night.jsonl"
    write(simulate(120, 11, "sales-night", START), night)
    engine = Engine.open(str(tmp_path / "store"), HISTORY, POLICY, partitions=4, wait_seconds=0)
    with Import([str(night)], "cloudevents", rules_of(text), now=START * 2, historical=True) as imported:
        list(engine.ingest(imported))
    look = Reading(engine.store)
    with engine.store.read() as cursor:
        subjects = [row[0] for row in cursor.execute("SELECT subject FROM rows")]
    assert len(subjects) >= 120
    for subject in subjects:
        decided: list[str] = []
        last = None
        for step in stream(look, subject).steps():
            decided += [one.id for one in step.decided]
            last = step.after
        kept = look.row(subject)
        assert last == kept, subject
        receipts = [record.event for record in engine.store.stream(subject, receipts=True)]
        own = [one.id for one in receipts if one.source not in JUDGES]
        assert decided == own, subject
        assert len(own) == len(receipts) or not subject.startswith("order/"), subject
    engine.close()
