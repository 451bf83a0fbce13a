"""`orderfold todo`: what, whose, since when, what to do and why; taken, assigned, noted and done from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.store.database import HISTORY
from engine.workers.embedded import Engine
from tests.build import HOUR, MINUTE, SECOND, event, paid, placed
from tests.unit.test_cli import orderfold
from tests.worlds import POLICY

STUCK, FROZEN = "order/taobao:880002", "order/taobao:880001"
SYNC = f"{STUCK}#diagnosis:stock_sync"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A frozen order, and one paid but not locked for hours."""
    engine = Engine.open(str(tmp_path / "store"), HISTORY, POLICY, partitions=2, wait_seconds=0)
    world = [
        placed(FROZEN, 0, id="p1", channel="taobao"),
        event("fulfilment.dispatched", FROZEN, SECOND, {"waybill": "SF1"}, channel="taobao"),
        placed(STUCK, MINUTE, id="p2", channel="taobao"),
        paid(STUCK, MINUTE + SECOND, channel="taobao"),
        event("channel.heartbeat", "channel/taobao/2020-09-13", 3 * HOUR),
    ]
    list(engine.ingest(world))
    engine.close()
    return tmp_path / "store"


def test_the_list_says_what_whose_since_when_and_what_to_do(store: Path) -> None:
    shown = orderfold("todo", store=store)

    assert shown.code == 0
    for words in (
        "warehouse · he.jun",
        "Stock sync is late: paid for 2 h, no stock.locked, no stock.lock_failed",
        "taobao:880002#diagnosis:stock_sync in paid",
        "Check that the sync job of the channel runs",
        "frozen: shipped while placed",
        "with chen.hao as supervisor",
        "off shift",
    ):
        assert words in shown.out, words


def test_one_item_says_why_it_is_there_and_whom_it_went_to(store: Path) -> None:
    shown = orderfold("todo", "show", SYNC, "--json", store=store).data

    assert shown["because"][0] == "paid since 2020-09-13T12:27:41Z (event 2)"
    assert shown["event"].startswith("payment.received.v1 payment.received@")
    assert len(shown["handed"]) == 1
    told = orderfold("todo", "show", "880002#diagnosis:stock_sync", store=store).out
    for words in ("since", "whose", "with", "to do", "why", "told", "paid since"):
        assert words in told


def test_a_missed_deadline_and_a_freeze_say_their_reasons(store: Path) -> None:
    late = orderfold("todo", "show", f"{STUCK}#sla:accept", "--json", store=store).data
    assert late["because"][0].startswith("2 h 58 used of 30 min")
    frozen = orderfold("todo", "show", f"{FROZEN}#frozen", "--json", store=store).data
    assert frozen["because"][0].startswith("fulfilment.dispatched.v1 met the order in placed")
    assert frozen["because"][1].startswith("ways out: paid.full")


def test_lists_are_narrowed(store: Path) -> None:
    def ids(*options: str) -> list[str]:
        return [item["id"] for item in orderfold("todo", "--json", *options, store=store).lines]

    assert SYNC in ids()
    assert ids("--kind", "frozen") == [f"{FROZEN}#frozen"]
    assert SYNC in ids("--group", "warehouse")
    assert f"{FROZEN}#frozen" not in ids("--owner", "he.jun")
    assert ids("--mine") == []


def test_take_note_assign_done(store: Path) -> None:
    taken = orderfold("todo", "take", SYNC, "--note", "looking", "--json", store=store)
    assert taken.code == 0
    assert taken.data["item"]["taken"] == taken.data["who"]
    assert [item["id"] for item in orderfold("todo", "--mine", "--json", store=store).lines] == [SYNC]
    assert orderfold("todo", "take", SYNC, store=store).code == 5, "whoever has it has it"

    noted = orderfold("todo", "note", SYNC, "--note", "the job had stopped", store=store)
    assert (noted.code, "2 notes" in noted.err) == (0, True)
    given = orderfold(
        "todo", "assign", SYNC, "--owner", "tang.li", "--reason", "knows it", "--json", store=store
    )
    item = given.data["item"]
    assert (item["owner"], item["holder"], item["taken"]) == ("tang.li", "tang.li", "")
    assert [note["text"] for note in item["notes"]] == ["looking", "the job had stopped", "knows it"]

    done = orderfold("todo", "done", SYNC, "--note", "restarted", "--json", store=store)
    assert (done.code, done.data["item"]) == (0, None)
    assert SYNC not in [item["id"] for item in orderfold("todo", "--json", store=store).lines]
    assert orderfold("todo", "done", SYNC, "--note", "again", store=store).code == 4
    history = orderfold("order", "history", "880002", store=store).out
    assert "restarted" in history


def test_the_order_alone_names_its_only_item(store: Path) -> None:
    assert orderfold("todo", "show", "880001", "--json", store=store).data["item"]["id"] == f"{FROZEN}#frozen"
    several = orderfold("todo", "take", "880002", store=store)
    assert several.code == 2
    assert "taobao:880002#diagnosis:stock_sync, taobao:880002#sla:accept" in " ".join(several.err.split())
    other = orderfold("todo", "take", "880001#nothing", store=store)
    assert (other.code, "Open of 880001: taobao:880001#frozen" in other.err) == (4, True)
    assert orderfold("todo", "take", "990099", store=store).code == 4


def test_a_frozen_order_is_not_done_by_saying_so(store: Path) -> None:
    refused = orderfold("todo", "done", f"{FROZEN}#frozen", "--note", "x", store=store)
    assert refused.code == 5
    assert "orderfold order unfreeze taobao:880001" in refused.err


def test_a_dry_run_writes_nothing(store: Path) -> None:
    shown = orderfold("todo", "take", SYNC, "--dry-run", store=store)
    assert (shown.data["type"], shown.data["subject"]) == ("work.taken.v1", STUCK)
    assert orderfold("todo", "--mine", "--json", store=store).lines == []


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("note", SYNC), 2),
        (("done", SYNC), 2),
        (("assign", SYNC, "--reason", "x"), 2),
        (("assign", SYNC, "--owner", "tang.li"), 2),
        (("assign", SYNC, "--owner", "nobody.known", "--reason", "x"), 5),
        (("assign", SYNC, "--owner", "he.jun", "--reason", "x"), 5),
    ],
)
def test_what_is_left_out_or_makes_no_sense_is_said(store: Path, args: tuple[str, ...], code: int) -> None:
    assert orderfold("todo", *args, store=store).code == code
