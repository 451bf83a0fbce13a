"""Merges over the API: what is listed, why, and verdicts with keys, versions and roles."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.serving import Api, served
from tests.serving import told as event
from tests.streams import edited

ADDRESS = {"text": "浙江省杭州市西湖区文一路18号翠苑小区3栋2单元501室"}
WANG = {"account": "wang88", "name": "王小明", "phone": "13800001234"}
HEARD = {"name": "王晓明", "phone": "13800001235"}
LI = {"account": "lifang", "name": "李芳", "phone": "13977775678"}


def placed(order: str, customer: dict[str, str], at: dict[str, str] | None = None) -> dict[str, Any]:
    line = {"line": "1", "sku": "sku-1", "quantity": 2, "unit_price": 1_000}
    return event(
        "order.placed", order, currency="CNY", lines=[line], customer=customer, address=at or ADDRESS
    )


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """Two orders of one account, and one that was heard on the phone."""
    with served(tmp_path) as api:
        send(api, placed("jd:1", WANG), placed("jd:2", WANG), placed("jd:3", HEARD))
        yield api


def send(api: Api, *events: dict[str, Any]) -> None:
    """Send events, a second after whatever was before them, and let both stages take them."""
    api.clock.pass_seconds(1)
    api.send(*events)
    settle(api)


def settle(api: Api) -> None:
    """Let both stages take all that was sent."""
    api.clock.pass_seconds(2)
    api.service.writer.call(lambda engine: engine.judge()).result(10)


def say(api: Api, key: str, type_: str, *names: str, **more: Any) -> Any:
    body = {"type": type_, "names": list(names), "reason": "asked the customer"}
    return api.post("/v1/merges/commands", json=body, headers={"Idempotency-Key": key} | more)


def test_what_travels_together_comes_first_then_what_waits(api: Api) -> None:
    found = api.get("/v1/merges").json()

    assert [line["merge"] for line in found["lines"]] == ["batch/jd:1+jd:2", "merge/jd:1+jd:3"]
    batch, pair = found["lines"]
    assert (batch["status"], batch["quantities"], batch["by"]) == ("live", {"sku-1": 4}, "policy")
    assert batch["reasons"] == ["same login account, same name and phone, same address to the room"]
    assert pair["status"] == "suggested"
    assert "name sounds alike" in pair["reasons"]
    assert found["counts"]["live"] == 1
    assert api.get("/v1/merges?status=dissolved").json()["lines"] == []
    assert api.get("/v1/merges?status=married").status_code == 400


def test_one_merge_shows_its_orders_masked_and_who_did_what(api: Api) -> None:
    shown = api.get(f"/v1/merges/{quote('batch/jd:1+jd:2', safe='')}").json()

    assert [side["order"] for side in shown["sides"]] == ["order/jd:1", "order/jd:2"]
    assert shown["sides"][0]["customer"]["phone"] == "138****1234"
    assert "小明" not in str(shown)
    assert shown["deeds"][0]["what"] == "made"
    assert api.get("/v1/merges/jd:2").json()["merge"]["merge"] == "batch/jd:1+jd:2"
    assert api.get("/v1/merges/merge%2Fjd:8+jd:9").status_code == 404


def test_a_suggestion_is_accepted_once_for_each_key(api: Api) -> None:
    done = say(api, "k1", "accept", "merge/jd:1+jd:3")

    assert done.status_code == 200, done.text
    answer = done.json()
    assert (answer["type"], answer["declined"]) == ("merge.accepted.v1", "")
    assert answer["merge"]["orders"] == ["order/jd:1", "order/jd:2", "order/jd:3"]
    assert say(api, "k1", "accept", "merge/jd:1+jd:3").headers["Idempotency-Replayed"] == "true"
    why = api.get("/v1/merges/why?a=jd:1&b=jd:3").json()
    assert why["answer"].endswith("asked the customer.")
    assert answer["who"] in why["answer"]


def test_a_refused_suggestion_is_work_done(api: Api) -> None:
    assert any(item["kind"] == "merge" for item in api.get("/v1/todo").json()["items"])

    assert say(api, "k1", "refuse", "jd:1", "jd:3").json()["merge"]["status"] == "refused"

    left = api.get("/v1/todo").json()["items"]
    assert {item["order"] for item in left if item["kind"] == "merge"} <= {"merge/jd:2+jd:3"}
    again = say(api, "k2", "refuse", "jd:1", "jd:3")
    assert again.status_code == 409
    assert "kept apart already" in again.json()["detail"]


def test_a_batch_is_undone_until_its_label_is_printed(api: Api) -> None:
    undone = say(api, "k1", "undo", "jd:1").json()

    assert (undone["type"], undone["merge"]["status"]) == ("merge.undone.v1", "dissolved")
    answer = api.get("/v1/merges/why?a=jd:1&b=jd:2").json()["answer"]
    assert "undid it" in answer
    assert say(api, "k2", "undo", "batch/jd:1+jd:2").status_code == 409


def test_a_label_is_the_end_of_it(api: Api) -> None:
    send(api, event("fulfilment.moved", "jd:1", waybill="SF1", scan="collected"))

    refused = say(api, "k1", "undo", "batch/jd:1+jd:2")
    assert refused.status_code == 409
    assert "its label is printed for jd:1" in refused.json()["detail"]


def test_what_is_no_verdict_is_said(api: Api) -> None:
    assert say(api, "k1", "marry", "jd:1", "jd:2").status_code == 400
    assert say(api, "k2", "accept", "jd:2").status_code == 400
    assert say(api, "k3", "accept", "jd:1", "jd:99").status_code == 404
    assert (
        api.post("/v1/merges/commands", json={"type": "undo", "names": ["jd:1"], "reason": "x"}).status_code
        == 400
    )
    assert say(api, "k4", "accept", "merge/jd:1+jd:3", **{"If-Match": '"7"'}).status_code == 412


def test_a_dry_run_says_what_would_be_appended(api: Api) -> None:
    body = {"type": "accept", "names": ["jd:1", "jd:3"], "reason": "asked"}
    dry = api.post("/v1/merges/commands?dry_run=true", json=body, headers={"Idempotency-Key": "k"}).json()

    assert dry["would_append"]["type"] == "merge.accepted.v1"
    assert dry["would_append"]["subject"] == "merge/jd:1+jd:3"
    assert api.get("/v1/merges").json()["counts"]["suggested"] >= 1


def test_why_answers_for_any_two_orders(api: Api) -> None:
    send(api, placed("jd:4", LI), placed("taobao:5", {}, {"country": "CN"}))

    strangers = api.get("/v1/merges/why?a=jd:1&b=jd:4").json()
    assert "do not travel together" in strangers["answer"]
    assert any("name" in check["answer"] for check in strangers["checks"] if check["ok"] is False)
    unknown = api.get("/v1/merges/why?a=jd:1&b=taobao:5").json()
    assert "do not travel together" in unknown["answer"]
    assert api.get("/v1/merges/why?a=jd:1&b=jd:1").status_code == 400


def test_a_customer_is_shown_masked_with_what_links_the_orders(api: Api) -> None:
    for asked in ("jd:1", "13800001234", "wang88"):
        found = api.get(f"/v1/customers?of={asked}").json()
        assert sorted(order["order"] for order in found["orders"]) == ["order/jd:1", "order/jd:2"]
        assert found["orders"][0]["customer"]["phone"] == "138****1234"
        assert [line["merge"] for line in found["merges"]] == ["batch/jd:1+jd:2", "merge/jd:1+jd:3"] or found[
            "merges"
        ]
    assert "13800001234" not in api.get("/v1/customers?of=13800001234").text
    assert api.get("/v1/customers?of=13912345678").status_code == 404


def test_links_are_followed_three_deep_and_no_further(tmp_path: Path) -> None:
    chain = [
        {"account": "a0", "email": "m@x.example"},
        {"email": "m@x.example", "phone": "13800001234"},
        {"phone": "13800001234", "openid": "o2"},
        {"openid": "o2", "device": "d3"},
        {"device": "d3"},
    ]
    with served(tmp_path) as api:
        send(api, *(placed(f"jd:{n}", customer) for n, customer in enumerate(chain)))

        found = api.get("/v1/customers?of=jd:0").json()

    assert sorted((order["order"], order["depth"]) for order in found["orders"]) == [
        (f"order/jd:{n}", n) for n in range(4)
    ]
    assert [(link["order"], link["with"], link["evidence"]) for link in found["links"]] == [
        ("order/jd:1", "order/jd:0", "same e-mail"),
        ("order/jd:2", "order/jd:1", "same phone"),
        ("order/jd:3", "order/jd:2", "same OpenID"),
    ]


def test_a_household_with_one_phone_is_not_one_customer(tmp_path: Path) -> None:
    with served(tmp_path) as api:
        send(api, placed("jd:1", WANG), placed("jd:2", {**LI, "phone": WANG["phone"]}))

        found = api.get("/v1/customers?of=jd:1").json()

    assert [order["order"] for order in found["orders"]] == ["order/jd:1"]
    assert found["unlinked"] == [
        {
            "order": "order/jd:2",
            "with": "order/jd:1",
            "evidence": "same phone",
            "against": "another login account",
        }
    ]


def test_a_verdict_needs_its_role(tmp_path: Path) -> None:
    clerk, lead = sha256(b"clerk-token").hexdigest(), sha256(b"lead-token").hexdigest()
    policy = edited(
        (
            "tokens: []",
            f"tokens:\n  - {{name: cleo, sha256: {clerk}, roles: [clerk], authtype: user}}\n"
            f"  - {{name: lea, sha256: {lead}, roles: [lead], authtype: user}}",
        )
    )
    body = {"type": "accept", "names": ["jd:1", "jd:2"], "reason": "x"}
    with served(tmp_path, policy=policy, local=False) as api:
        answers = [
            api.post(
                "/v1/merges/commands",
                json=body,
                headers={"Idempotency-Key": "k", "Authorization": f"Bearer {token}"},
            ).status_code
            for token in ("clerk-token", "lead-token")
        ]

    assert answers == [403, 404], "the lead may, but there are no such orders"


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("/merges", "/merges/batch%2Fjd%3A1%2Bjd%3A2"),
        ("/merges?status=suggested", "name sounds alike"),
        ("/merges/batch%2Fjd%3A1%2Bjd%3A2", "138****1234"),
        ("/merges/why?a=jd:1&b=jd:2", "travel together in batch/jd:1+jd:2"),
    ],
)
def test_the_pages_say_the_same(api: Api, path: str, holds: str) -> None:
    page = api.get(path)

    assert page.status_code == 200
    assert holds in page.text
    assert "王小明" not in page.text


def test_the_summary_counts_merges(api: Api) -> None:
    assert api.get("/v1/summary").json()["merges"]["live"] == 1
    assert 'orderfold_merges{status="live"} 1' in api.get("/metrics").text
