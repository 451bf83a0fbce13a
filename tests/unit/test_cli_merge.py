"""`orderfold merge` and `orderfold customer`: lists that read well, answers for any two orders, verdicts that stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from schemas.envelope import rfc3339
from tests.build import MINUTE, START

ADDRESS = {"text": "浙江省杭州市西湖区文一路18号翠苑小区3栋2单元501室"}
WANG = {"account": "wang88", "name": "王小明", "phone": "13800001234"}
HEARD = {"name": "王晓明", "phone": "13800001235"}
LI = {"account": "lifang", "name": "李芳", "phone": "13977775678"}


def event(minute: int, type_: str, order: str, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{order} {type_}",
        "source": f"/channels/{order.partition(':')[0]}/shop-1",
        "type": f"{type_}.v1",
        "subject": f"order/{order}",
        "time": rfc3339(START + minute * MINUTE),
        "data": data,
    }


def placed(minute: int, order: str, customer: dict[str, str], category: str = "general") -> dict[str, Any]:
    line = {"line": "1", "sku": "sku-1", "quantity": 1, "unit_price": 1_000, "category": category}
    return event(
        minute, "order.placed", order, currency="CNY", lines=[line], customer=customer, address=ADDRESS
    )


NIGHT = [
    placed(0, "jd:1001", WANG),
    placed(3, "taobao:2002", {"name": "王小明", "phone": "13800001234"}),
    placed(5, "jd:3003", HEARD),
    placed(6, "jd:4004", LI),
    placed(7, "jd:5005", WANG, "fresh"),
    placed(8, "jd:6006", WANG),
    event(9, "order.cancelled", "jd:6006"),
]

Orderfold = Callable[..., Any]


class Result:
    def __init__(self, found: Any) -> None:
        self.code, self.out, self.err = found.exit_code, found.stdout, found.stderr
        self.flat = " ".join(self.out.split())

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def orderfold(tmp_path: Path) -> Orderfold:
    """The command line over a store of that night, as of ten minutes."""

    def run(*args: str) -> Result:
        found = CliRunner().invoke(app, [*args, "--store", str(tmp_path / "store")])
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return Result(found)

    lines = tmp_path / "night.jsonl"
    lines.write_text("".join(json.dumps(one) + "\n" for one in NIGHT))
    assert run("ingest", str(lines), "--historical").code == 0
    assert run("clock", "advance", rfc3339(START + 10 * MINUTE), "--reason", "night").code == 0
    return run


def test_the_list_says_what_travels_together_and_what_waits(orderfold: Orderfold) -> None:
    found = orderfold("merge", "list")

    assert "Travel together 1 merge" in found.flat
    assert "● live jd:1001 + taobao:2002" in found.flat
    assert "same name and phone, same address to the room" in found.flat
    assert "2 pieces: 2 × sku-1" in found.flat
    assert "by the policy" in found.flat
    assert "Wait for yes or no" in found.flat
    assert "an answer is wanted within 23 h 55" in found.flat
    assert "13800001234" not in found.out
    listed = [json.loads(line) for line in orderfold("merge", "list", "--json").out.splitlines()]
    assert [line["status"] for line in listed] == ["live", "suggested"]


def test_every_line_of_the_list_answers_why(orderfold: Orderfold) -> None:
    for line in orderfold("merge", "list", "--json").out.splitlines():
        orders = json.loads(line)["orders"]
        found = orderfold("merge", "why", *orders[:2], "--json").data
        assert found["answer"].startswith(
            " and ".join(order.removeprefix("order/") for order in sorted(orders[:2]))
        )
        assert "travel together in" in found["answer"] or "were suggested" in found["answer"]


@pytest.mark.parametrize(
    ("a", "b", "answer"),
    [
        ("1001", "2002", "travel together in batch/jd:1001+taobao:2002~2 (live), by the policy since"),
        ("1001", "4004", "do not travel together: they differ in name"),
        ("1001", "5005", "do not travel together: fresh and general goods do not travel together"),
        ("1001", "6006", "travelled together in batch/jd:1001+taobao:2002 until"),
    ],
)
def test_why_answers_for_any_two_orders(orderfold: Orderfold, a: str, b: str, answer: str) -> None:
    if b == "6006":
        # It had joined the batch; its cancelling dissolved that, and the two that are left found together again.
        dissolved = orderfold("merge", "list", "--status", "dissolved")
        assert "jd:6006: it was cancelled" in dissolved.flat
    else:
        assert answer in orderfold("merge", "why", a, b).flat


def test_a_verdict_is_kept_with_who_and_why(orderfold: Orderfold) -> None:
    pair = json.loads(orderfold("merge", "list", "--status", "suggested", "--json").out.splitlines()[0])

    done = orderfold("merge", "accept", pair["merge"], "--reason", "same voice on the phone")

    assert done.code == 0, done.err
    assert "is live" in done.err
    shown = orderfold("merge", "show", "3003").flat
    assert "joined jd:3003 by local:" in shown
    assert "same voice on the phone" in shown
    assert orderfold("merge", "accept", pair["merge"], "--reason", "again").code == 5


def test_a_refusal_and_an_undo(orderfold: Orderfold) -> None:
    pair = json.loads(orderfold("merge", "list", "--status", "suggested", "--json").out.splitlines()[0])
    assert orderfold("merge", "refuse", *pair["orders"], "--reason", "two flats").code == 0
    assert "keeps" in orderfold("merge", "why", *pair["orders"]).flat

    assert orderfold("merge", "undo", "1001", "--reason", "wants two parcels").code == 0
    assert "undid it" in orderfold("merge", "why", "1001", "2002").flat
    assert orderfold("merge", "undo", "1001", "--reason", "again").code == 5


def test_a_verdict_needs_a_reason_and_can_be_tried(orderfold: Orderfold) -> None:
    assert orderfold("merge", "undo", "1001").code == 2

    dry = orderfold("merge", "undo", "1001", "--reason", "x", "--dry-run")
    assert dry.data["type"] == "merge.undone.v1"
    assert "● live" in orderfold("merge", "list").flat


def test_a_merge_shows_its_orders_and_what_was_done(orderfold: Orderfold) -> None:
    found = orderfold("merge", "show", "1001").flat

    assert "name 王**, phone 138****1234" in found
    assert "made jd:1001, taobao:2002 by the policy" in found
    assert orderfold("merge", "show", "4004").code == 4


def test_a_customer_by_phone_or_order(orderfold: Orderfold) -> None:
    by_phone, by_order = (
        orderfold("customer", "show", "13800001234"),
        orderfold("customer", "show", "jd:1001"),
    )

    assert "phone 138****1234 4 orders" in by_phone.flat
    assert "same phone as jd:1001" in by_order.flat or "same login account as jd:1001" in by_order.flat
    assert "小明" not in by_phone.out + by_order.out
    assert orderfold("customer", "show", "13911112222").code == 4


def test_the_summary_names_them(orderfold: Orderfold) -> None:
    assert "merges 1 dissolved" in orderfold("summary").flat
