"""What the views tell over HTTP: lists, one order, history, work, the summary; and how long to wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Api, paid, placed, served, told


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with served(tmp_path) as found:
        yield found


def test_orders_are_listed_page_by_page(api: Api) -> None:
    api.send(*(placed(f"jd:{n}") for n in range(5)), paid("jd:3"))

    first = api.get("/v1/orders?state=placed&limit=3&wait=views")
    following = first.links["next"]["url"]
    second = api.get(following)

    found = [line["order"] for page in (first, second) for line in page.json()["orders"]]
    assert sorted(found) == ["order/jd:0", "order/jd:1", "order/jd:2", "order/jd:4"]
    assert "state=placed" in following
    assert "limit=3" in following
    assert "wait" not in following
    assert "next" not in second.links


def test_lists_are_narrowed(api: Api) -> None:
    shipped_unpaid = told("fulfilment.dispatched", "jd:1", waybill="SF1")
    api.send(placed("jd:1"), shipped_unpaid, placed("jd:2"), paid("jd:3"), paid("jd:4"), placed("jd:4"))
    api.command("jd:2", "k", "hold", reason="awaiting_customer")

    def listed(query: str) -> list[str]:
        return [line["order"] for line in api.get(f"/v1/orders?wait=views&{query}").json()["orders"]]

    assert listed("in_doubt=true") == ["order/jd:1"]
    assert listed("held=1") == ["order/jd:2"]
    assert listed("limbo=true") == ["order/jd:3"]
    assert listed("state=paid") == ["order/jd:4"]
    assert listed("channel=taobao") == []
    api.clock.pass_seconds(121)
    api.tick()
    assert listed("frozen=true") == ["order/jd:1"]
    assert listed("in_doubt=true") == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "colour=mauve", "after=nonsense", "frozen=perhaps"]
)
def test_what_a_list_cannot_be_narrowed_to_is_said(api: Api, query: str) -> None:
    assert api.get(f"/v1/orders?{query}").status_code == 400


def test_one_order_is_shown_under_any_of_its_numbers(api: Api) -> None:
    api.send(placed(customer={"name": "Zhang Wei", "phone": "13800138000"}), paid())

    for number in ("jd:1", "order%2Fjd%3A1", "pay-jd:1", "payment:pay-jd:1"):
        answer = api.get(f"/v1/orders/{number}?wait=views")
        assert (answer.status_code, answer.json()["order"]) == (200, "order/jd:1")
        assert answer.headers["etag"] == '"2"'
    assert "13800138000" not in answer.text
    assert "Zhang Wei" not in answer.text
    assert api.get("/v1/orders/jd:2").status_code == 404


def test_numbers_may_hold_a_slash(api: Api) -> None:
    api.send(placed("jd:SO/2020/1"))

    for path in (
        "/v1/orders/jd:SO%2F2020%2F1",
        "/v1/orders/jd:SO%2F2020%2F1/history",
        "/v1/orders/jd:SO%252F2020%252F1",
    ):
        assert api.get(f"{path}?wait=views").json()["order"] == "order/jd:SO/2020/1"
    assert api.command("jd:SO%2f2020%2f1", "k", "note", reason="x").status_code == 200


def test_history_tells_facts_and_decisions(api: Api) -> None:
    api.send(placed(), told("fulfilment.dispatched", waybill="SF1"))

    entries = api.get("/v1/orders/jd:1/history?wait=views").json()["entries"]

    assert [entry["type"] for entry in entries] == [
        "order.placed.v1",
        "fulfilment.dispatched.v1",
        "order.doubted.v1",
    ]


def test_work_is_listed_by_whose_it_is(api: Api) -> None:
    api.send(placed(), told("fulfilment.dispatched", waybill="SF1"))
    api.clock.pass_seconds(121)
    api.tick()

    found = api.get("/v1/todo?kind=frozen").json()

    assert [(item["order"], item["group"]) for item in found["items"]] == [("order/jd:1", "service")]
    assert api.get("/v1/todo?kind=frozen&group=warehouse").json()["total"] == 0


def test_a_reader_waits_for_a_position_it_was_given(api: Api) -> None:
    position = api.post("/v1/events", json=[placed(), paid()]).json()["position"]

    assert api.get(f"/v1/orders/jd:1?wait={position}").json()["state"] == "paid"
    assert api.get("/v1/orders?wait=0:999999").status_code == 400
    assert api.get("/v1/orders?wait=99:1").status_code == 400
    assert api.get("/v1/orders?wait=here").status_code == 400


def test_the_summary_counts_everything(api: Api) -> None:
    api.send(placed("jd:1", price=500), paid("jd:1", amount=500), placed("jd:2", price=700))
    api.post("/v1/events", json=placed("jd:1", price=500))
    api.post("/v1/events", json={})
    api.tick()

    found = api.get("/v1/summary").json()

    assert (found["events"], found["orders"], found["duplicates"], found["dead"]) == (3, 2, 1, 1)
    assert found["by_state"] == {"paid": 1, "placed": 1}
    assert found["money"]["CNY"]["receivable"] == 1_200
    assert found["money"]["CNY"]["received"] == 500


# Health and metrics


def test_health_and_readiness(api: Api) -> None:
    assert api.get("/healthz").json() == {"status": "ok", "checks": {"writer": ""}}
    assert api.get("/readyz").json() == {"status": "ok", "checks": {"writer": "", "store": "", "views": ""}}


def test_views_far_behind_are_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.engine, "tick", lambda: None)
    api.engine.oldest_unwritten = api.clock() - 6_000_000

    assert api.get("/readyz").json()["checks"]["views"] == "6.0 s behind the log"


def test_a_writer_that_died_is_told(api: Api) -> None:
    api.service.writer.stop()

    assert api.get("/healthz").status_code == 503
    assert api.get("/readyz").status_code == 503
    assert api.post("/v1/events", json=placed()).status_code == 503
    assert api.get("/v1/orders").status_code == 200


def test_metrics_count_what_came_and_never_name_an_order(api: Api) -> None:
    api.send(placed("jd:secret-number"), paid("jd:secret-number"))
    api.post("/v1/events", json=placed("jd:secret-number"))
    api.post("/v1/events", json={"source": "/channels/jd/shop-1"})
    api.tick()

    answer = api.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    for line in (
        'orderfold_events_ingested_total{source="/channels/jd/shop-1",type="order.placed.v1"} 1.0',
        'orderfold_events_duplicate_total{source="/channels/jd/shop-1"} 1.0',
        'orderfold_intake_rejected_total{reason="bad-attribute",source="/channels/jd/shop-1"} 1.0',
        'orderfold_orders_in_state{state="paid"} 1.0',
        'orderfold_dlq_messages{source="/channels/jd/shop-1"} 1.0',
        'orderfold_build_info{version="1.2.3"} 1.0',
        "orderfold_intake_ack_duration_seconds_count 3.0",
    ):
        assert line in lines
    assert "secret-number" not in answer.text
