"""What stage 2 is told of a stream's work: an item is open there if and only if it was opened and not closed."""

from __future__ import annotations

from typing import Any

from projections.kernel import Context
from projections.row import Row
from projections.work import WorkFold, WorkState
from schemas.events.decisions import WorkOpened
from tests.orders import Stream
from tests.policies import GRACE, HOUR
from tests.working import diagnosing, pattern

SYNC = pattern("sync", states=("paid",), after=2 * HOUR)


def told(order: Stream) -> list[tuple[str, str, Any]]:
    """(opened | closed | …, key, data) of the facts about work since the last look."""
    facts = [
        (type_.split(".")[1], key, data) for type_, key, data in order.ctx.facts if type_.startswith("work.")
    ]
    order.ctx.facts.clear()
    return facts


def late(rules: Any = None) -> Stream:
    """An order with its diagnosis open, and nothing told of it looked at yet."""
    order = Stream(rules or diagnosing(SYNC))
    order.place(0)
    order.pay(10)
    order.pass_to(3 * HOUR)
    return order


def test_what_is_opened_and_closed_is_passed_on_in_its_step() -> None:
    order = late()
    ((what, key, data),) = told(order)
    assert (what, key, data.work, data.owner) == ("opened", order.row.subject, "diagnosis:sync", "ann")
    assert order.row.told == WorkState((("diagnosis:sync", 2),))

    order.tell("stock.locked", 3 * HOUR)
    assert [(what, data.work) for what, _, data in told(order)] == [("closed", "diagnosis:sync")]
    assert order.row.told == WorkState()


def test_what_people_say_of_it_is_passed_on() -> None:
    order = late()
    told(order)
    order.tell("work.taken", work="diagnosis:sync", by="ann")
    order.tell("work.assigned", work="diagnosis:sync", owner="bob", by="ann")
    order.tell("work.noted", work="diagnosis:sync", text="on it", by="bob")
    assert [what for what, _, _ in told(order)] == ["taken", "assigned", "noted"]


def test_done_closes_it_in_the_words_of_whoever_did_it() -> None:
    order = late()
    told(order)
    assert order.tell("work.done", work="diagnosis:sync", by="ann", note="sent by hand") == ["work.closed"]
    assert [(what, data.reason) for what, _, data in told(order)] == [("closed", "done by ann: sent by hand")]
    assert (order.open_work(), order.row.told) == ([], WorkState())

    assert order.tell("work.done", work="diagnosis:sync", by="ann") == [], "it is closed already"


def test_whoever_is_given_the_order_has_its_work_too() -> None:
    order = late()
    told(order)
    order.tell("order.assigned", owner="bob", group="night")
    ((what, _, data),) = told(order)
    assert (what, data.work, data.owner, data.group) == ("assigned", "diagnosis:sync", "bob", "night")


def test_a_refold_that_withdraws_is_told_though_no_fold_said_so() -> None:
    order = late()
    told(order)
    order.tell("stock.locked", HOUR, heard=3 * HOUR)
    assert order.folded_again == 1

    opens = [(what, data.work) for what, _, data in told(order)]
    assert opens[-1] == ("closed", "diagnosis:sync")
    assert (order.row.work, order.row.told) == ((), WorkState())


def test_a_refold_that_finds_more_tells_of_it() -> None:
    order = Stream(diagnosing())
    order.place(100)
    order.tell("stock.locked", 200)
    order.pass_to(300 + GRACE)
    assert order.open_work() == ["frozen"]
    told(order)
    order.pay(150)

    assert (order.row.work, order.row.told) == ((), WorkState())
    assert [(what, data.work) for what, _, data in told(order)][-1] == ("closed", "frozen")


def test_what_the_host_opens_itself_is_told_at_the_next_word_of_people() -> None:
    fold, ctx = WorkFold(), Context()
    order = late()
    row: Row = order.row
    item = row.work[0]
    ctx.row, ctx.policy = row, order.policy
    event = order.inputs[-1]
    state = fold.handlers["work.taken.v1"](WorkState(), event, ctx)

    assert state == WorkState(((item.work, item.cause),))
    assert ctx.facts[0] == (
        "work.opened.v1",
        row.subject,
        WorkOpened(item.work, item.kind, item.title, item.owner, item.group, item.guide),
    )


def test_refolds_are_compared_with_what_was_told_not_with_what_was_folded() -> None:
    fold, ctx = WorkFold(), Context()
    order = late()
    ctx.row, ctx.policy = order.row, order.policy
    fold.refolded(WorkState((("gone", 1), ("diagnosis:sync", 2))), WorkState(), ctx)
    assert [(type_, getattr(data, "work", "")) for type_, _, data in ctx.facts] == [
        ("work.closed.v1", "gone")
    ]
