"""The desk: what is open, who has it, and when it goes to somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from projections.desk import DeskFold, Item
from projections.policy import Desk, Policy
from schemas.events.decisions import SlaEscalated, WorkClosed, WorkOpened
from schemas.events.people import WorkAssigned, WorkDone, WorkNoted, WorkTaken
from schemas.facts import Tallied
from tests.judging import Bench
from tests.orders import T0
from tests.policies import HOUR, MINUTE, SETTLE
from tests.working import LADDER, diagnosing, hours, pattern, person, staffed

ORDER = "order/shop:1"
DAY = hours("day", (0, 8), (24, 32))
CREW = staffed(
    person("ann", "day", backup="bob", supervisor="eve"),
    person("bob", "day", supervisor="eve"),
    person("cat"),
    person("eve"),
    calendars=(DAY,),
)


class Table:
    """A desk of its own, told facts of one order unless another subject is named; times are µs after T0."""

    def __init__(self, rules: Policy) -> None:
        self.bench = Bench(DeskFold(), policy=rules, at=T0 - HOUR)

    def tell(self, type_: str, data: Any, at: int, key: str = ORDER, subject: str = "") -> list[Any]:
        return self.bench.tell(type_, key, data, at=T0 + at, subject=subject or key)

    def open(self, at: int = 0, work: str = "stuck", kind: str = "stuck", **more: Any) -> list[Any]:
        owner, group = more.get("owner", "ann"), more.get("group", "sales")
        opened = WorkOpened(work, kind, f"it is {work}", owner, group, "look")
        return self.tell("work.opened.v1", opened, at, more.get("key", ORDER))

    def pass_to(self, at: int) -> list[tuple[str, int, str]]:
        """(to, rung, reason) of the escalations until then."""
        made: list[Any] = self.bench.pass_to(T0 + at)
        return [(d.data.to, d.data.step, d.data.reason) for d in made if d.type == "work.escalated.v1"]

    def item(self, work: str = "stuck", subject: str = ORDER) -> Item | None:
        found: Item | None = self.bench.state(f"item/{subject}#{work}")
        return found

    def there(self, work: str = "stuck") -> Item:
        found = self.item(work)
        assert found is not None
        return found


@pytest.fixture
def desk() -> Iterator[Table]:
    table = Table(CREW)
    yield table
    table.bench.close()


def test_an_opened_item_is_its_owners_and_they_are_told(desk: Table) -> None:
    assert desk.open() == []
    item = desk.there()
    assert (item.holder, item.role, item.since, item.guide) == ("ann", "owner", T0, "look")

    assert desk.pass_to(SETTLE) == [("ann", 0, "opened just now")]
    made: Any = desk.bench.decisions[0]
    assert len(desk.bench.decisions) == 1
    assert (made.subject, made.key) == ("board/sales/2020-09-13", f"{ORDER}#stuck:0")
    assert (made.data.via, made.data.orders, made.data.item) == (["wecom"], [ORDER], f"{ORDER}#stuck")


def test_what_is_closed_before_it_settles_is_told_to_nobody(desk: Table) -> None:
    desk.open()
    desk.tell("work.closed.v1", WorkClosed("stuck", "over"), 1)
    assert (desk.item(), desk.pass_to(50 * HOUR)) == (None, [])


def test_it_climbs_its_ladder(desk: Table) -> None:
    desk.open()
    assert desk.pass_to(50 * HOUR) == [
        ("ann", 0, "opened just now"),
        ("bob", 1, "open for 1 h"),
        ("eve", 2, "open for 4 h"),
    ]
    item = desk.there()
    assert (item.holder, item.role, item.told, item.due) == ("eve", "supervisor", "eve", 0)


def test_off_shift_it_goes_to_whoever_stands_in_and_says_why(desk: Table) -> None:
    desk.open(9 * HOUR)
    item = desk.there()
    assert (item.holder, item.role) == ("eve", "supervisor")
    assert desk.pass_to(9 * HOUR + SETTLE) == [
        ("eve", 0, "opened just now; ann is off shift; bob is off shift")
    ]


def test_who_was_told_already_is_not_told_again_before_the_last_rung(desk: Table) -> None:
    desk.open(9 * HOUR)
    assert [(to, rung) for to, rung, _ in desk.pass_to(50 * HOUR)] == [("eve", 0), ("eve", 2)]


def test_what_is_taken_goes_to_nobody_before_the_supervisor(desk: Table) -> None:
    desk.open()
    desk.pass_to(MINUTE)
    desk.tell("work.taken.v1", WorkTaken("stuck", "calling", "cat"), 2 * MINUTE)
    item = desk.there()
    assert (item.taken, item.holder, item.role) == ("cat", "cat", "taken")
    assert [(note.who, note.text) for note in item.notes] == [("cat", "calling")]

    assert desk.pass_to(4 * HOUR) == [("sales", 2, "open for 4 h; taken by cat 3 h 58 ago")]
    assert desk.there().holder == "cat"


def test_an_assigned_item_is_told_to_its_new_owner(desk: Table) -> None:
    desk.open()
    desk.pass_to(2 * HOUR)
    desk.tell("work.assigned.v1", WorkAssigned("stuck", "cat", "knows them", None, "eve"), 3 * HOUR)
    item = desk.there()
    assert (item.owner, item.group, item.holder, item.reason) == ("cat", "sales", "cat", "assigned by eve")
    assert [to for to, _, _ in desk.pass_to(3 * HOUR + SETTLE)] == ["cat"]


def test_notes_are_kept_with_who_and_when(desk: Table) -> None:
    desk.open()
    desk.tell("work.noted.v1", WorkNoted("stuck", "no answer", "ann"), MINUTE)
    desk.tell("work.noted.v1", WorkNoted("stuck", "found it", "bob"), HOUR)
    assert [(n.at - T0, n.who, n.text) for n in desk.there().notes] == [
        (MINUTE, "ann", "no answer"),
        (HOUR, "bob", "found it"),
    ]


def test_opened_again_while_open_it_stays_with_whoever_has_it(desk: Table) -> None:
    desk.open()
    desk.tell("work.taken.v1", WorkTaken("stuck", None, "cat"), MINUTE)
    desk.open(HOUR)
    assert (desk.there().taken, desk.there().since) == ("cat", T0)


def test_what_nobody_opened_is_not_there(desk: Table) -> None:
    for type_, data in (
        ("work.closed.v1", WorkClosed("x", "")),
        ("work.taken.v1", WorkTaken("x")),
        ("work.assigned.v1", WorkAssigned("x", "ann")),
        ("work.noted.v1", WorkNoted("x", "y")),
        ("work.done.v1", WorkDone("x")),
        ("sla.escalated.v1", SlaEscalated("pay", 0, "ann", [], "")),
    ):
        assert desk.tell(type_, data, 1) == []
    assert desk.pass_to(50 * HOUR) == []


def test_an_item_of_a_day_is_the_same_on_the_next(desk: Table) -> None:
    desk.open(key="channel/shop/2020-09-13", work="silent")
    assert desk.item("silent", "channel/shop") is not None
    made = desk.tell(
        "work.done.v1",
        WorkDone("silent", "they called", "ann"),
        24 * HOUR,
        "channel/shop",
        "channel/shop/2020-09-14",
    )
    assert [(d.type, d.subject, d.data.reason) for d in made if d.type == "work.closed.v1"] == [
        ("work.closed.v1", "channel/shop/2020-09-14", "done by ann: they called")
    ]
    assert desk.item("silent", "channel/shop") is None


def test_the_deadlines_own_ladder_says_who_has_it(desk: Table) -> None:
    desk.open(work="sla:pay", kind="sla")
    desk.tell("sla.escalated.v1", SlaEscalated("pay", 1, "eve", ["wecom"], "pay is overdue"), HOUR)
    item = desk.there("sla:pay")
    assert (item.holder, item.role, item.reason, item.told_at) == (
        "eve",
        "supervisor",
        "pay is overdue",
        T0 + HOUR,
    )
    assert desk.pass_to(50 * HOUR) == []


def test_another_ladder_holds_for_what_is_still_to_be_told(desk: Table) -> None:
    desk.open()
    desk.pass_to(HOUR)
    desk.bench.publish(
        replace(CREW, desk=Desk({"": (LADDER[0], LADDER[1], replace(LADDER[2], after=2 * HOUR))})),
        T0 + HOUR + 1,
    )
    assert desk.pass_to(2 * HOUR) == [("eve", 2, "open for 2 h")]


def test_a_new_process_goes_on_as_before(desk: Table) -> None:
    desk.open()
    desk.pass_to(MINUTE)
    desk.bench.reload()
    assert desk.pass_to(50 * HOUR) == [("bob", 1, "open for 1 h"), ("eve", 2, "open for 4 h")]


# Digests


def test_a_group_is_told_what_it_has_to_do_when_its_hour_comes() -> None:
    desk = Table(replace(CREW, desk=Desk({}, "day", ("mail",))))
    desk.open()
    desk.open(HOUR, "frozen", "frozen", key="order/shop:2", owner="")
    desk.tell("work.taken.v1", WorkTaken("stuck", None, "cat"), 2 * HOUR)
    desk.open(HOUR, "limbo", "limbo", key="order/shop:3", group="else")
    made: list[Any] = desk.bench.pass_to(T0 + 24 * HOUR)

    assert [(d.type, d.subject, d.data.to, d.data.via) for d in made] == [
        ("work.digested.v1", "board/else/2020-09-14", "else", ["mail"]),
        ("work.digested.v1", "board/sales/2020-09-14", "sales", ["mail"]),
    ]
    sales = made[1].data
    assert (sales.count, sales.untaken, sales.oldest) == (2, 1, T0)
    assert (sales.kinds, sales.orders) == ({"frozen": 1, "stuck": 1}, [ORDER, "order/shop:2"])
    desk.bench.close()


def test_a_group_with_nothing_to_do_is_left_alone() -> None:
    desk = Table(replace(CREW, desk=Desk({}, "day", ("mail",))))
    desk.open()
    desk.tell("work.closed.v1", WorkClosed("stuck", "over"), 1)
    assert desk.bench.pass_to(T0 + 48 * HOUR) == []
    desk.bench.close()


# Outages

REFUSED = pattern("refused", count={"stock.lock_failed.v1": 3}, group="sales", orders=3, window=10 * MINUTE)


def troubled() -> Table:
    rules = diagnosing(REFUSED)
    return Table(replace(CREW, diagnosis=rules.diagnosis))


def fail(desk: Table, order: int, at: int) -> list[Any]:
    return desk.tell("diagnosis.tallied", Tallied("refused", 1), at, "outage/refused", f"order/shop:{order}")


def test_many_orders_with_one_trouble_are_one_outage() -> None:
    desk = troubled()
    assert fail(desk, 1, 0) == fail(desk, 1, MINUTE) == fail(desk, 2, 2 * MINUTE) == []
    (opened,) = fail(desk, 3, 3 * MINUTE)

    assert (opened.type, opened.subject, opened.data.work) == (
        "work.opened.v1",
        "board/sales/2020-09-13",
        "outage:refused",
    )
    assert (opened.data.kind, opened.data.title, opened.data.guide) == (
        "outage",
        "it is refused: 3 orders within 10 min",
        "mend refused",
    )
    (told,) = fail(desk, 4, 4 * MINUTE)
    assert (told.type, told.data.to, told.data.via) == ("work.escalated.v1", "sales", ["wecom"])
    assert fail(desk, 5, 5 * MINUTE) == [], "it is said once"
    desk.bench.close()


def test_single_cases_are_not_handed_on_while_it_lasts() -> None:
    desk = troubled()
    for order in (1, 2, 3):
        fail(desk, order, 0)
    desk.open(1, "diagnosis:refused", "manual_review")
    assert [to for to, _, _ in desk.pass_to(9 * MINUTE)] == ["sales"]

    made: list[Any] = desk.bench.pass_to(T0 + 30 * MINUTE)
    assert [(d.type, d.key) for d in made] == [
        ("work.closed.v1", "outage:refused"),
        ("work.escalated.v1", f"{ORDER}#diagnosis:refused:0"),
    ]
    assert made[0].data.reason == "no further order since 10 min"
    assert (desk.item("outage:refused", "board/sales"), desk.bench.state("outage/refused")) == (None, None)
    desk.bench.close()


def test_few_or_slow_ones_are_none() -> None:
    desk = troubled()
    for n in range(10):
        assert fail(desk, n, n * 6 * MINUTE) == []
    desk.bench.close()
