"""Open work over HTTP: listed, explained, taken once per key by whoever may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import Api, placed, served, told
from tests.streams import edited
from tests.unit.test_api_pages import Parsed

FROZEN = "order/jd:1#frozen"
STUCK = "order/jd:2#diagnosis:stock_sync"


def world(api: Api) -> None:
    """An order frozen since a minute after it came, and one paid for 2 h and not locked."""
    api.send(placed("jd:1"), told("fulfilment.dispatched", "jd:1", waybill="SF1"))
    api.send(placed("jd:2"), told("payment.received", "jd:2", payment="p", amount=1_000, currency="CNY"))
    api.clock.pass_seconds(7_300)
    api.tick()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with served(tmp_path) as found:
        world(found)
        yield found


def command(api: Api, item: str, key: str, type_: str, **body: Any) -> httpx.Response:
    path = f"/v1/todo/{item.replace('/', '%2F').replace('#', '%23')}/commands"
    version = body.pop("version", 0)
    more = body.pop("headers", {})
    headers = {"Idempotency-Key": key, **more} | ({"If-Match": f'"{version}"'} if version else {})
    return api.post(path, json={"type": type_, **body}, headers=headers)


def test_every_item_says_what_whose_since_when_and_what_to_do(api: Api) -> None:
    found = api.get("/v1/todo").json()
    items = {item["id"]: item for item in found["items"]}

    stuck = items[STUCK]
    assert (stuck["kind"], stuck["owner"], stuck["group"], stuck["state"]) == (
        "diagnosis",
        "he.jun",
        "warehouse",
        "paid",
    )
    assert stuck["title"] == "Stock sync is late: paid for 2 h, no stock.locked, no stock.lock_failed"
    assert stuck["guide"].startswith("Check that the sync job")
    assert (stuck["holder"], stuck["role"]) == ("chen.hao", "supervisor")
    assert stuck["why"] == "opened just now; he.jun is off shift; tang.li is off shift"
    assert (stuck["since"][:19], stuck["next_to"]) == ("2020-09-13T14:26:40", "")
    assert items[FROZEN]["holder"]
    since = [datetime.fromisoformat(item["since"]) for item in found["items"]]
    assert since == sorted(since)
    assert found["total"] == sum(found["groups"].values()) == len(found["items"])


def test_one_item_by_its_id(api: Api) -> None:
    assert api.get("/v1/todo/order%2Fjd:1%23frozen").json()["work"] == "frozen"
    assert api.get("/v1/todo/jd:1%23nothing").status_code == 404


def test_an_item_is_taken_noted_assigned_and_done(api: Api) -> None:
    taken = command(api, STUCK, "k1", "take", note="on it").json()
    assert (taken["outcome"], taken["type"], taken["item"]["taken"]) == (
        "accepted",
        "work.taken.v1",
        taken["who"],
    )
    event = api.engine.store.stream("order/jd:2")[-1].event
    assert (event.data.by, event.data.note, event.source) == (
        taken["who"],
        "on it",
        f"/people/{taken['who']}",
    )
    assert [item["id"] for item in api.get("/v1/todo?mine=true").json()["items"]] == [STUCK]

    command(api, STUCK, "k2", "note", note="the job stands")
    given = command(api, STUCK, "k3", "assign", data={"owner": "tang.li"}).json()["item"]
    assert (given["holder"], [note["text"] for note in given["notes"]]) == (
        "tang.li",
        ["on it", "the job stands"],
    )
    done = command(api, STUCK, "k4", "done", note="restarted").json()
    assert done["item"] is None
    assert STUCK not in [item["id"] for item in api.get("/v1/todo").json()["items"]]


def test_sent_again_it_is_answered_as_before(api: Api) -> None:
    first = command(api, STUCK, "k1", "done", note="restarted")
    again = command(api, STUCK, "k1", "done", note="restarted")

    assert (first.status_code, again.content) == (200, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert command(api, STUCK, "k1", "done", note="else").status_code == 422
    assert command(api, STUCK, "k2", "done", note="restarted").status_code == 404


def test_what_somebody_has_is_not_taken_from_them(api: Api) -> None:
    command(api, STUCK, "k1", "take")
    answer = command(api, STUCK, "k2", "take")
    assert (answer.status_code, "already" in answer.json()["detail"]) == (409, True)


def test_only_at_the_version_that_was_seen(api: Api) -> None:
    answer = command(api, STUCK, "k1", "take", version=1)
    assert (answer.status_code, answer.json()["outcome"]) == (412, "refused")
    assert command(api, STUCK, "k2", "take", version=answer.json()["actual"]).status_code == 200


@pytest.mark.parametrize(
    ("type_", "body", "status"),
    [
        ("hold", {}, 400),
        ("work.opened", {}, 400),
        ("assign", {"data": {"owner": "nobody.known"}}, 409),
        ("assign", {}, 422),
        ("note", {}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(api: Api, type_: str, body: dict[str, Any], status: int) -> None:
    answer = command(api, STUCK, "k1", type_, **body)
    assert answer.status_code == status, answer.text


def test_who_did_it_is_never_taken_from_the_body(api: Api) -> None:
    command(api, STUCK, "k1", "take", data={"by": "chen.hao"})
    assert api.engine.store.stream("order/jd:2")[-1].event.data.by.startswith("local:")


def test_a_frozen_order_is_not_done_by_saying_so(api: Api) -> None:
    answer = command(api, FROZEN, "k1", "done", note="x")
    assert (answer.status_code, "unfreeze jd:1" in answer.json()["detail"]) == (409, True)
    assert command(api, FROZEN, "k2", "take").status_code == 200, (
        "an order in frost takes nothing, its work does"
    )


def test_a_dry_run_appends_nothing(api: Api) -> None:
    path = f"/v1/todo/{STUCK.replace('/', '%2F').replace('#', '%23')}/commands?dry_run=true"
    answer = api.post(path, json={"type": "take"}, headers={"Idempotency-Key": "k"})
    assert answer.json()["would_append"]["type"] == "work.taken.v1"
    assert len(api.engine.store.stream("order/jd:2")) == 2


def test_it_needs_the_role(tmp_path: Path) -> None:
    def token(name: str, role: str) -> str:
        return f"  - {{name: {name}, sha256: {sha256(name.encode()).hexdigest()}, roles: [{role}], authtype: user}}"

    text = edited(("tokens: []", f"tokens:\n{token('lin.yue', 'clerk')}\n{token('guest', 'viewer')}"))
    with served(tmp_path, policy=text) as found:
        world(found)
        guest, clerk = ({"Authorization": f"Bearer {name}"} for name in ("guest", "lin.yue"))
        assert command(found, STUCK, "k1", "take", headers=guest).status_code == 403
        assert command(found, STUCK, "k1", "take", headers=clerk).json()["item"]["taken"] == "lin.yue"
        assert found.get("/v1/todo", headers=guest).status_code == 200


def test_the_pages_show_the_list_and_each_item(api: Api) -> None:
    command(api, STUCK, "k1", "note", note="<b>no</b> answer")
    shown = Parsed(api.get("/todo").text)
    assert "Stock sync is late" in shown.text
    link = next(link for link in shown.links if "stock_sync" in link)
    answer = api.get(link)
    one = Parsed(answer.text)
    for words in ("paid since 2020-09-13T12:26:40", "he.jun", "Put before", "<b>no</b> answer", "What to do"):
        assert words in one.text
    assert "<b>no</b>" not in answer.text
    assert api.get("/todo/jd:9%23x").status_code == 404


def test_a_stock_service_that_refuses_many_orders_is_one_outage_with_a_guide(tmp_path: Path) -> None:
    """Paid and not locked because the service is down: consistency before availability, so people decide by hand."""
    with served(tmp_path) as found:
        for n in range(10):
            order = f"jd:{n}"
            found.send(
                placed(order), told("payment.received", order, payment=f"p{n}", amount=1_000, currency="CNY")
            )
        for attempt in range(3):
            for n in range(10):
                failed = told(
                    "stock.lock_failed", f"jd:{n}", f"f{attempt}-{n}", reason="stock service does not answer"
                )
                found.send(failed)
            found.clock.pass_seconds(60)
            found.tick()
        found.tick()
        items = found.get("/v1/todo").json()["items"]

    review = [item for item in items if item["kind"] == "manual_review"]
    assert len(review) == 10
    assert {item["group"] for item in review} == {"warehouse"}
    assert [item["told"] for item in review] == [""] * 10, "the outage is told, not each of them"
    (outage,) = [item for item in items if item["work"] == "outage:stock_refused"]
    assert outage["kind"] == "outage"
    assert outage["title"] == "The stock service refuses: 10 orders within 10 min"
    assert (outage["order"], outage["holder"], outage["told"]) == (
        "board/warehouse",
        "warehouse",
        "warehouse",
    )
    assert outage["guide"].startswith("Look whether the stock service runs")
